//! Keys of Railway's files that Railway does not know.

use crate::audit::fix::{Change, Fix, Text};
use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::findings::Severity;
use crate::project::document::{Entry, Node};
use crate::project::path;

pub(super) const RULE: Rule = Rule {
    id: "railway-unknown-key",
    title: "Railway ignores a key that it does not know",
    severity: Severity::Medium,
    confidence: Confidence::High,
    category: Category::Platforms,
    what: "The keys of railway.json and railway.toml are held against those that Railway documents and that its API takes.",
    why: "Railway passes over an unknown key without a word, so that a health check, a Dockerfile or a variable that seems to be configured is not.",
    mend: "Use the key that Railway knows; variables belong in the service's settings.",
    references: &["https://docs.railway.com/config-as-code/reference"],
    check,
};

const TOP: [&str; 4] = ["$schema", "build", "deploy", "environments"];

const BUILD: [&str; 10] = [
    "builder",
    "buildCommand",
    "buildEnvironment",
    "dockerfilePath",
    "nixpacksConfigPath",
    "nixpacksPlan",
    "nixpacksVersion",
    "railpackConfigPath",
    "railpackVersion",
    "watchPatterns",
];

const DEPLOY: [&str; 20] = [
    "cronSchedule",
    "deploymentOverlapSeconds",
    "drainingSeconds",
    "healthcheckPath",
    "healthcheckTimeout",
    "ipv6EgressEnabled",
    "limitOverride",
    "multiRegionConfig",
    "numReplicas",
    "overlapSeconds",
    "preDeployCommand",
    "region",
    "registryCredentials",
    "requiredMountPath",
    "restartPolicyMaxRetries",
    "restartPolicyType",
    "runtime",
    "sleepApplication",
    "startCommand",
    "useLegacyStacker",
];

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let mut defects = Vec::new();
    for (file, document) in files(facts) {
        service(&document, "", &file, facts, &mut defects);
        if let Some(environments) = document.get("environments") {
            for environment in environments.entries() {
                let prefix = format!("environments.{}.", environment.key);
                service(&environment.node, &prefix, &file, facts, &mut defects);
            }
        }
    }
    defects
}

/// Puts a key into `deploy` of one of Railway's files; the value is written as JSON, which is
/// TOML too where it is a text or a number.
pub(super) fn with_deploy_key(
    facts: &Facts<'_>,
    file: &str,
    deploy: &Node,
    key: &str,
    value: &str,
) -> Option<Change> {
    let text = Text::of(facts.tree, file)?;
    let entries = deploy.entries();
    if file.ends_with(".json") {
        return text.with_entry(entries.last()?, key, value);
    }
    // Behind the first of its own keys, before any table below it.
    let first = entries.iter().find(|one| one.node.entries().is_empty())?;
    let indent = text.indent(first.line)?;
    text.after_line(first.line, &format!("{indent}{key} = {value}"))
}

/// Railway's files, read.
pub(super) fn files(facts: &Facts<'_>) -> Vec<(String, std::sync::Arc<Node>)> {
    let json = facts.tree.named("railway.json");
    let json = json.filter_map(|file| Some((file.to_owned(), facts.tree.json(file)?)));
    let toml = facts.tree.named("railway.toml");
    let toml = toml.filter_map(|file| Some((file.to_owned(), facts.tree.toml(file)?)));
    json.chain(toml)
        .filter(|(file, _)| !path::is_sample(file))
        .collect()
}

fn service(node: &Node, prefix: &str, file: &str, facts: &Facts<'_>, defects: &mut Vec<Defect>) {
    let mut look = |node: &Node, prefix: &str, known: &[&str]| {
        for entry in node.entries() {
            if known.contains(&entry.key.as_str()) {
                continue;
            }
            let name = format!("{prefix}{}", entry.key);
            let like = likely(&entry.key, known);
            let knows = like.map_or_else(String::new, |like| format!("; it knows `{like}`"));
            let message = format!("`{name}` is no key of Railway and has no effect{knows}");
            let fix = fix(facts, file, node, entry, like);
            let defect = Defect::new(file, entry, message).about(name);
            defects.push(defect.mended_by(fix));
        }
    };
    look(node, prefix, &TOP);
    if let Some(build) = node.get("build") {
        look(build, &format!("{prefix}build."), &BUILD);
    }
    if let Some(deploy) = node.get("deploy") {
        look(deploy, &format!("{prefix}deploy."), &DEPLOY);
    }
}

/// The key that was probably meant.
fn likely<'k>(key: &str, known: &[&'k str]) -> Option<&'k str> {
    let lower = key.to_ascii_lowercase().replace(['_', '-'], "");
    let start = |text: &str| text.get(..6).map(str::to_owned);
    let is_exact = |one: &&&str| one.to_ascii_lowercase() == format!("{lower}type");
    let near = |one: &&&str| {
        let one = one.to_ascii_lowercase();
        one == lower || start(&one).is_some() && start(&one) == start(&lower)
    };
    let meant = known.iter().find(is_exact);
    meant.or_else(|| known.iter().find(near)).copied()
}

/// The key that Railway knows, with the value that was meant; or no key where nothing is
/// lost with it.
fn fix(
    facts: &Facts<'_>,
    file: &str,
    around: &Node,
    entry: &Entry,
    like: Option<&str>,
) -> Option<Fix> {
    let text = Text::of(facts.tree, file)?;
    let is_json = file.ends_with(".json");
    let free = like.filter(|like| around.get(like).is_none());
    if let Some(like) = free {
        let key = if is_json {
            format!("\"{like}\"")
        } else {
            like.to_owned()
        };
        if entry.node.entries().is_empty() && entry.node.items().is_empty() {
            let change = text.replace(entry.span.clone(), key);
            return Some(Fix::behaviour(format!("call it `{like}`"), [change]));
        }
        // `healthchecks.http.path` is what people write for it.
        let path = entry
            .node
            .at(&["http", "path"])
            .or_else(|| entry.node.get("path"));
        if like == "healthcheckPath" && is_json {
            let value = serde_json::to_string(path?.str()?).ok()?;
            let span = entry.span.start..entry.node.span.end;
            let change = text.replace(span, format!("{key}: {value}"));
            return Some(Fix::behaviour(format!("call it `{like}`"), [change]));
        }
        return None;
    }
    let is_plain = entry.node.entries().is_empty() && entry.node.items().is_empty();
    let change = match (is_plain, is_json) {
        (true, true) => text.without_entry(entry)?,
        // A key of TOML is on a line of its own, unless its table is written in one.
        (true, false)
            if text.str()[text.line(entry.line)?]
                .trim_start()
                .starts_with(&entry.key) =>
        {
            text.without_lines(entry.line, entry.line)?
        }
        _ => return None,
    };
    Some(Fix::safe(format!("take `{}` out", entry.key), [change]))
}

#[cfg(test)]
mod tests {
    use super::super::testing::found;
    use super::*;

    #[test]
    fn unknown_keys_are_found_where_they_are() {
        let json = "{\n  \"build\": {\n    \"dockerfile\": \"Dockerfile\"\n  },\n  \"deploy\": {\n    \"healthchecks\": {\"http\": {}},\n    \"startCommand\": \"x\"\n  }\n}\n";
        let toml = "[build]\nbuilder = \"DOCKERFILE\"\n\n[env]\nA = \"b\"\n\n[environments.staging.deploy]\nreplicas = 2\n";
        assert_eq!(
            found(&RULE, &[("railway.json", json), ("api/railway.toml", toml)]),
            [
                "api/railway.toml:4 env",
                "api/railway.toml:8 environments.staging.deploy.replicas",
                "railway.json:3 build.dockerfile",
                "railway.json:6 deploy.healthchecks",
            ]
        );
    }

    #[test]
    fn what_railway_knows_is_fine() {
        let json = r#"{"$schema": "x", "build": {"builder": "DOCKERFILE", "dockerfilePath": "a", "watchPatterns": []},
            "deploy": {"healthcheckPath": "/", "multiRegionConfig": {"x": {"numReplicas": 1}}, "preDeployCommand": ["a"]},
            "environments": {"staging": {"deploy": {"startCommand": "x"}}}}"#;
        assert!(found(&RULE, &[("railway.json", json)]).is_empty());
        // A broken file is no key.
        assert!(found(&RULE, &[("railway.json", "{")]).is_empty());
    }
}
