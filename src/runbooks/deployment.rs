//! How something new gets to the users.

use std::fmt::Write as _;

use super::known::{Known, Tool};
use super::page::{cell, code};
use super::{Runbook, Section};
use crate::project::model::Task;

pub(super) const RUNBOOK: Runbook = Runbook {
    name: "deployment",
    title: "Deployment",
    purpose: "How a commit gets to the users, and how one knows that it works there.",
    sections,
};

fn sections(known: &Known<'_>) -> Vec<Section> {
    vec![
        Section::new("What is deployed where", places(known)),
        Section::new("Before", before(known)),
        Section::new("Deploy", deploy(known)),
        Section::new("Does it work?", works(known)),
        Section::new(
            "Where it does not",
            "Take it back first and look for the cause afterwards: [rollback](rollback.md).",
        ),
    ]
}

pub(super) fn places(known: &Known<'_>) -> String {
    let places = known.places();
    if places.is_empty() {
        return "Nothing in the repository says where it runs. `ci-tool config sketch` prints a `deploy:` for `.github/ci-tool.yml` to begin with.".to_owned();
    }
    let mut out = String::from("| what | where | said by |\n|---|---|---|\n");
    for place in &places {
        let host = place
            .host
            .map_or("commands of this repository", |host| host.title);
        let _ = writeln!(
            out,
            "| {} | {host} | {} |",
            cell(&place.name),
            cell(&place.source)
        );
    }
    let environments: Vec<String> = known
        .environments()
        .iter()
        .map(|(name, one)| match &one.branch {
            Some(branch) => format!("{} (from {})", code(name), code(branch)),
            None => code(name),
        })
        .collect();
    if !environments.is_empty() {
        let _ = write!(out, "\nEnvironments: {}.", environments.join(", "));
    }
    out
}

fn before(known: &Known<'_>) -> String {
    let mut out = String::new();
    if let Some(path) = known.workflow(Task::Test) {
        let _ = writeln!(
            out,
            "- [ ] The workflow {} is green for this commit.",
            code(path)
        );
    } else {
        out.push_str("- [ ] Nothing tests this repository by itself: run the tests.\n");
    }
    if known.deploys() {
        let to = known.production();
        let _ = writeln!(
            out,
            "- [ ] `ci-tool deploy {to} --dry-run` says that nothing is in the way."
        );
        let _ = writeln!(
            out,
            "- [ ] `ci-tool secrets check {to}` says that every variable is set."
        );
    }
    for one in known.migrations() {
        let what = match one.tool {
            Tool::Alembic => "`alembic history -r current:head` tells",
            Tool::Django => "`python manage.py showmigrations --plan` tells",
            Tool::Prisma => "`npx prisma migrate status` tells",
            Tool::Other => "look at",
        };
        let _ = writeln!(
            out,
            "- [ ] {what} the migrations that come with it, in {} ({}). One that drops or renames something breaks the release that runs now: split it, so that both releases work with it.",
            code(one.folder),
            code(one.component),
        );
    }
    out.push_str("- [ ] Somebody is there for the next hour who can take it back.\n");
    out
}

fn deploy(known: &Known<'_>) -> String {
    let mut out = String::new();
    if known.deploys() {
        out.push_str("All services go together: where one of them fails, all get their old release back.\n\n```sh\n");
        for (name, _) in known.environments() {
            let _ = writeln!(out, "ci-tool deploy {name}");
        }
        out.push_str("```\n\nAn interrupted one is ended by `--resume` or `--rollback unfinished`; `--status` tells how the last one ended.\n");
    } else {
        let hosts: Vec<_> = known.places();
        for place in &hosts {
            if let Some(host) = place.host {
                let _ = writeln!(
                    out,
                    "- {}, {}: {}",
                    code(&place.name),
                    host.title,
                    host.deploy
                );
            }
        }
        if hosts.len() > 1 {
            out.push_str("\nThese are several steps: where the second fails, the first is live already and has to be taken back by hand. `ci-tool deploy` does them together.\n");
        }
    }
    if let Some(path) = known.workflow(Task::Deploy) {
        let _ = writeln!(out, "\nThe workflow {} does it by itself.", code(path));
    }
    out
}

pub(super) fn works(known: &Known<'_>) -> String {
    let addresses = known.addresses();
    if addresses.is_empty() {
        return "No address is known that says whether it works. Name one for each service under `deploy.environments` in `.github/ci-tool.yml`: `ci-tool deploy` asks it, and this page will name it.".to_owned();
    }
    let mut out = String::from("```sh\n");
    for (_, _, url) in addresses {
        // An address of the configuration is a word of the shell here.
        let _ = writeln!(
            out,
            "ci-tool verify '{}' --within 120",
            url.replace('\'', "%27")
        );
    }
    out.push_str("```");
    out
}
