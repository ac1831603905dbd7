//! What one does when something is broken.

use std::fmt::Write as _;

use super::deployment::{places, works};
use super::known::Known;
use super::page::{cell, code};
use super::{Runbook, Section};

pub(super) const RUNBOOK: Runbook = Runbook {
    name: "incident",
    title: "Incident",
    purpose: "What one does when users cannot do what they came for.",
    sections,
};

fn sections(known: &Known<'_>) -> Vec<Section> {
    vec![
        Section::new("Who", who(known)),
        Section::new(
            "First",
            "1. Say that you look at it, where everybody sees it, with the time.\n2. Was there a deployment in the last hour? [Take it back](rollback.md), then look for the cause.\n3. Is a secret or somebody's data out? [Rotate the secret](secret-rotation.md) first, and keep all logs.\n4. Write down what you see and do, with times. Change one thing at a time.",
        ),
        Section::new("What runs where", places(known)),
        Section::new("Is it well?", works(known)),
        Section::new("What it says", logs(known)),
        Section::new("What it needs", needs(known)),
        Section::new(
            "Afterwards",
            "Within a week, without blame: what happened, since when, who was hit, what helped, and which one change keeps it from coming back. That change gets a ticket and a name.",
        ),
    ]
}

fn who(known: &Known<'_>) -> String {
    let contacts = &known.config.docs.contacts;
    if contacts.is_empty() {
        return "Nobody is named. Write `docs.contacts` in `.github/ci-tool.yml`, or edit this section.".to_owned();
    }
    let mut out = String::from("| for | whom |\n|---|---|\n");
    for (role, whom) in contacts {
        let _ = writeln!(out, "| {} | {} |", cell(role), cell(whom));
    }
    out
}

fn logs(known: &Known<'_>) -> String {
    let mut out = String::new();
    for place in known.places() {
        if let Some(host) = place.host {
            let _ = writeln!(
                out,
                "- {}, {}: {}",
                code(&place.name),
                host.title,
                host.logs
            );
        }
    }
    for compose in &known.project.compose {
        if let Some(service) = compose.services.iter().find(|one| one.build.is_some()) {
            let _ = writeln!(
                out,
                "- on a machine with {}: `docker compose -f {} logs --tail 200 {}`",
                code(&compose.path),
                word(&compose.path),
                word(&service.name)
            );
        }
    }
    if out.is_empty() {
        out.push_str("Nothing in the repository says where its logs are: write it down here.");
    }
    out
}

/// A word of a command in a code span.
fn word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    text.chars().filter(|c| is_plain(*c)).collect()
}

fn needs(known: &Known<'_>) -> String {
    let stores = known.stores();
    if stores.is_empty() {
        return "No database or queue is known that it needs.".to_owned();
    }
    let mut out = String::new();
    for store in stores {
        let how = match store.name.as_str() {
            "postgres" => {
                "`psql \"$DATABASE_URL\" -c 'select 1'` answers; connections: `select count(*), state from pg_stat_activity group by state`"
            }
            "mysql" | "mariadb" => "`mysqladmin ping` answers; connections: `show processlist`",
            "redis" | "valkey" => {
                "`redis-cli -u \"$REDIS_URL\" ping` answers; memory: `info memory`"
            }
            "mongodb" | "mongo" => {
                "`mongosh \"$MONGODB_URI\" --eval 'db.runCommand({ping: 1})'` answers"
            }
            "rabbitmq" => "`rabbitmq-diagnostics -q ping` answers",
            _ => "ask it as its own manual says",
        };
        let _ = writeln!(
            out,
            "- {} of {}: {how}",
            code(&store.name),
            code(&store.component)
        );
    }
    out
}
