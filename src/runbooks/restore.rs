//! How lost data comes back.

use std::fmt::Write as _;

use super::known::{Known, Tool};
use super::page::code;
use super::{Runbook, Section};
use crate::project::model::Task;

pub(super) const RUNBOOK: Runbook = Runbook {
    name: "restore",
    title: "Restore",
    purpose: "How lost data comes back. A backup that nobody has restored is a hope.",
    sections,
};

fn sections(known: &Known<'_>) -> Vec<Section> {
    vec![
        Section::new("What holds data", data(known)),
        Section::new("Where the backups are", backups(known)),
        Section::new("Restore", restore(known)),
        Section::new("Is it whole?", whole(known)),
        Section::new(
            "Every three months",
            "- [ ] Restore the newest backup into an empty database, as above, and write down how long it took.\n- [ ] Compare it with what a person may lose: how old was the backup, how long did it take?",
        ),
    ]
}

fn data(known: &Known<'_>) -> String {
    let stores = known.stores();
    let mut out = String::new();
    for store in &stores {
        let place = store.evidence.as_ref().map_or_else(String::new, |one| {
            format!(", as {} says", code(&format!("{}:{}", one.path, one.line)))
        });
        let _ = writeln!(
            out,
            "- {} of {}{place}",
            code(&store.name),
            code(&store.component)
        );
    }
    if stores.is_empty() {
        out.push_str("No database is known here.\n");
    }
    out.push_str("- Files that users send are data too: if they are on a disk of a container, they end with it.\n");
    out
}

fn backups(known: &Known<'_>) -> String {
    match known.workflow(Task::BackUp) {
        Some(path) => format!(
            "The workflow {} makes them; its runs hold or name what it made.",
            code(path)
        ),
        None => "Nothing in the repository makes backups. The host may: look there, and write down here where they are, how old the newest is, and for how long they are kept. `ci-tool generate --only database-backup` writes a workflow that makes them.".to_owned(),
    }
}

fn restore(known: &Known<'_>) -> String {
    let mut out = String::from(
        "1. Stop what writes: every hour of writing after the loss makes it harder to join both.\n2. Keep what is there now, however broken: a dump, or a copy of the volume.\n3. Restore into a new, empty database beside the old one, never over it.\n4. Look whether it is whole (below), then let the application use it.\n",
    );
    for store in known.stores() {
        let how = match store.name.as_str() {
            "postgres" => {
                "createdb restored\npg_restore --no-owner --exit-on-error --jobs 4 --dbname restored BACKUP\n# a plain dump: psql --set ON_ERROR_STOP=1 --dbname restored --file BACKUP"
            }
            "mysql" | "mariadb" => "mysqladmin create restored\nmysql restored < BACKUP",
            "mongodb" | "mongo" => {
                "mongorestore --archive=BACKUP --gzip --nsFrom 'APP.*' --nsTo 'restored.*'"
            }
            _ => continue,
        };
        let _ = write!(out, "\n{}:\n\n```sh\n{how}\n```\n", code(&store.name));
    }
    out
}

fn whole(known: &Known<'_>) -> String {
    let mut out = String::new();
    for one in known.migrations() {
        let how = match one.tool {
            Tool::Alembic => {
                "`alembic current` names the same revision as `alembic heads`, or one that the release on its way migrates from"
            }
            Tool::Django => "`python manage.py migrate --check` finds nothing to do",
            Tool::Prisma => "`npx prisma migrate status` finds nothing to do",
            Tool::Other => "its schema is that of the release",
        };
        let _ = writeln!(out, "- [ ] In {}: {how}.", code(one.folder));
    }
    out.push_str("- [ ] The newest rows are as old as the backup, and the largest tables have about as many rows as before.\n- [ ] Somebody has logged in and seen what they expect.\n");
    out
}
