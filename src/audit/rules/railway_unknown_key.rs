//! Keys of Railway's files that Railway does not know.

use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::findings::Severity;
use crate::project::document::Node;
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
        service(&document, "", &file, &mut defects);
        if let Some(environments) = document.get("environments") {
            for environment in environments.entries() {
                let prefix = format!("environments.{}.", environment.key);
                service(&environment.node, &prefix, &file, &mut defects);
            }
        }
    }
    defects
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

fn service(node: &Node, prefix: &str, file: &str, defects: &mut Vec<Defect>) {
    let mut look = |node: &Node, prefix: &str, known: &[&str]| {
        for entry in node.entries() {
            if known.contains(&entry.key.as_str()) {
                continue;
            }
            let name = format!("{prefix}{}", entry.key);
            let like = likely(&entry.key, known);
            let message = format!("`{name}` is no key of Railway and has no effect{like}");
            defects.push(Defect::new(file, entry, message).about(name));
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
fn likely(key: &str, known: &[&str]) -> String {
    let lower = key.to_ascii_lowercase().replace(['_', '-'], "");
    let start = |text: &str| text.get(..6).map(str::to_owned);
    let is_exact = |one: &&&str| one.to_ascii_lowercase() == format!("{lower}type");
    let near = |one: &&&str| {
        let one = one.to_ascii_lowercase();
        one == lower || start(&one).is_some() && start(&one) == start(&lower)
    };
    let meant = known
        .iter()
        .find(is_exact)
        .or_else(|| known.iter().find(near));
    meant.map_or_else(String::new, |one| format!("; it knows `{one}`"))
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
