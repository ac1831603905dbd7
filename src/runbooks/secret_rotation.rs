//! How a secret is replaced.

use std::fmt::Write as _;

use super::known::Known;
use super::page::{cell, code};
use super::{Runbook, Section};

pub(super) const RUNBOOK: Runbook = Runbook {
    name: "secret-rotation",
    title: "Secret rotation",
    purpose: "How a secret is replaced: every year, when somebody leaves, and at once when it is out.",
    sections,
};

fn sections(known: &Known<'_>) -> Vec<Section> {
    vec![
        Section::new("Which secrets there are", which(known)),
        Section::new("Where they are set", places(known)),
        Section::new("Replace one", replace(known)),
        Section::new(
            "When one is out",
            "1. Make it worthless now, where it was issued, even if something stands still: everything else can wait.\n2. Replace it as above.\n3. Look who used it since: the issuer's log, the database's, the application's.\n4. Taking it out of the history of git helps nobody who has a copy; do it afterwards, if at all.\n5. Whose data was within its reach? The law may give you 72 hours to tell them.",
        ),
    ]
}

fn which(known: &Known<'_>) -> String {
    let secrets = known.secrets();
    if secrets.is_empty() {
        return "No variable is known whose name says that it is secret.".to_owned();
    }
    let mut out = String::from("| variable | read by | first read at |\n|---|---|---|\n");
    for (name, readers) in secrets {
        let who: Vec<String> = readers.iter().map(|(who, _)| cell(who)).collect();
        let place = readers.first().map_or_else(String::new, |(_, place)| {
            cell(&format!("{}:{}", place.path, place.line))
        });
        let _ = writeln!(out, "| {} | {} | {place} |", cell(name), who.join(", "));
    }
    out
}

fn places(known: &Known<'_>) -> String {
    let mut out = String::new();
    for place in known.places() {
        if let Some(host) = place.host {
            let _ = writeln!(
                out,
                "- {}, {}: {}",
                code(&place.name),
                host.title,
                host.set_secret
            );
        }
    }
    let tokens: Vec<String> = known
        .config
        .deploy
        .services
        .values()
        .flat_map(|service| service.token.iter().chain(&service.variables))
        .map(|name| code(name))
        .collect();
    if !tokens.is_empty() {
        let _ = writeln!(out, "- for deployments: {}", tokens.join(", "));
    }
    out.push_str("- GitHub: `gh secret set NAME --env ENVIRONMENT`, which asks for the value\n");
    out
}

fn replace(known: &Known<'_>) -> String {
    let to = known.production();
    let mut out = String::from(
        "1. Make the new value beside the old one, where it is issued; of a value that only has to be random: `openssl rand -base64 32`.\n2. Set it everywhere above. Not as an argument of a command, not in a chat, not in a file of the repository.\n",
    );
    if known.deploys() {
        let _ = writeln!(
            out,
            "3. `ci-tool deploy {to}`: an application reads its variables when it starts."
        );
    } else {
        out.push_str("3. Deploy: an application reads its variables when it starts.\n");
    }
    out.push_str("4. Look whether it works, then make the old value worthless where it was issued.\n5. A key that signs sessions ends them all: say so beforehand.\n");
    out
}
