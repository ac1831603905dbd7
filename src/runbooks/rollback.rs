//! How the users get back what worked.

use std::fmt::Write as _;

use super::deployment::works;
use super::known::{Known, Tool};
use super::page::code;
use super::{Runbook, Section};

pub(super) const RUNBOOK: Runbook = Runbook {
    name: "rollback",
    title: "Rollback",
    purpose: "How the users get back what worked. No cause has to be known for it.",
    sections,
};

fn sections(known: &Known<'_>) -> Vec<Section> {
    let mut all = vec![
        Section::new(
            "When",
            "- An address below does not answer, or answers with errors, since a deployment.\n- Errors or waiting times rise after a deployment, and nobody knows why within ten minutes.\n- A person with the right to deploy says so.",
        ),
        Section::new("Take it back", back(known)),
    ];
    let database = database(known);
    if !database.is_empty() {
        all.push(Section::new("The database", database));
    }
    all.push(Section::new("Does the old one work?", works(known)));
    all.push(Section::new(
        "Afterwards",
        "- [ ] Tell everybody who waits: what was taken back, since when it works again.\n- [ ] Keep the bad release's logs and its commit.\n- [ ] Revert the commit or mend it before the next deployment: the branch still has it.",
    ));
    all
}

fn back(known: &Known<'_>) -> String {
    let mut out = String::new();
    if known.deploys() {
        let to = known.production();
        let _ = write!(
            out,
            "```sh\nci-tool deploy {to} --rollback unfinished   # one that was interrupted\nci-tool deploy {to} --rollback last         # the last one, though it ended well\n```\n\nAll services go back together, and what could not be taken back is named.\n"
        );
    }
    let places = known.places();
    let by_hand: Vec<_> = places
        .iter()
        .filter_map(|place| Some((place, place.host?)))
        .collect();
    if by_hand.is_empty() {
        if !known.deploys() {
            out.push_str("Nothing in the repository says where it runs, and so not how it is taken back: write it down here.\n");
        }
        return out;
    }
    if known.deploys() {
        out.push_str("\nWhere that is not to be had, by hand and in this order:\n");
    }
    out.push('\n');
    // What needs others goes back first.
    for (at, (place, host)) in by_hand.iter().rev().enumerate() {
        let _ = writeln!(
            out,
            "{}. {}, {}: {}. {}",
            at + 1,
            code(&place.name),
            host.title,
            host.roll_back,
            host.stays
        );
    }
    out
}

fn database(known: &Known<'_>) -> String {
    let migrations = known.migrations();
    if migrations.is_empty() {
        return String::new();
    }
    let mut out = String::from(
        "A rollback leaves the schema as it is. That is right where the old release works with the new schema, and it mostly does where nothing was dropped or renamed. Change the schema back only where it does not, after a backup, and only while nothing has been written that has no place in the old one.\n",
    );
    for one in migrations {
        let how = match one.tool {
            Tool::Alembic => {
                "`alembic downgrade -1` for each revision that came with the release; read its `downgrade()` first"
            }
            Tool::Django => {
                "`python manage.py migrate APP NAME` with the last migration of the old release"
            }
            Tool::Prisma => {
                "Prisma has no way back: write a migration that undoes it, and `npx prisma migrate deploy`"
            }
            Tool::Other => "as its tool says",
        };
        let _ = writeln!(
            out,
            "\n- {}, in {}: {how}.",
            code(one.component),
            code(one.folder)
        );
    }
    out
}
