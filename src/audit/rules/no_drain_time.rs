//! Services that are killed as soon as they are asked to stop.

use super::railway_unknown_key::{files, with_deploy_key};
use crate::audit::fix::Fix;
use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::findings::Severity;
use crate::project::document::Node;

pub(super) const RULE: Rule = Rule {
    id: "no-drain-time",
    title: "Railway kills the old deployment at once",
    severity: Severity::Low,
    // The service's settings may say it.
    confidence: Confidence::Low,
    category: Category::Platforms,
    what: "A `deploy` section of Railway without `drainingSeconds`, and no `RAILWAY_DEPLOYMENT_DRAINING_SECONDS` in the file.",
    why: "The time between SIGTERM and SIGKILL is 0 seconds by default: requests that are being answered are cut off with every deployment, however well the program handles SIGTERM.",
    mend: "`drainingSeconds`: a little more than the longest request takes.",
    references: &["https://docs.railway.com/reference/deployments"],
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let mut defects = Vec::new();
    for (file, document) in files(facts) {
        let Some(deploy) = document.entry("deploy") else {
            continue;
        };
        let text = facts.tree.text(&file).unwrap_or_default();
        let is_cron = deploy.node.get("cronSchedule").is_some();
        let is_set = deploy.node.get("drainingSeconds").is_some()
            || text.contains("RAILWAY_DEPLOYMENT_DRAINING_SECONDS");
        if !is_set && !is_cron && !deploy.node.entries().is_empty() {
            let message = "no `drainingSeconds`: what is being answered is cut off at once";
            let fix = fix(facts, &file, &deploy.node);
            defects.push(Defect::new(&file, deploy, message).mended_by(fix));
        }
    }
    defects
}

fn fix(facts: &Facts<'_>, file: &str, deploy: &Node) -> Option<Fix> {
    let change = with_deploy_key(facts, file, deploy, "drainingSeconds", "30")?;
    Some(Fix::behaviour("give it 30 seconds", [change]))
}

#[cfg(test)]
mod tests {
    use super::super::testing::found;
    use super::*;

    #[test]
    fn with_and_without() {
        let json = "{\n  \"deploy\": {\n    \"startCommand\": \"x\"\n  }\n}\n";
        assert_eq!(found(&RULE, &[("railway.json", json)]), ["railway.json:2 "]);
        for near in [
            json.replace("\"x\"", "\"x\", \"drainingSeconds\": 30"),
            json.replace("startCommand", "cronSchedule"),
            "{\"build\": {}}".to_owned(),
        ] {
            assert!(
                found(&RULE, &[("railway.json", &near)]).is_empty(),
                "{near}"
            );
        }
    }
}
