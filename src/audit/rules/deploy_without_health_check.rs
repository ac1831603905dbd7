//! Deployments that nobody looks at afterwards.

use crate::audit::deploys::platform;
use crate::audit::evidence::Practice;
use crate::audit::shell::Command;
use crate::audit::steps::Step;
use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::findings::Severity;
use crate::project::document::Node;

pub(super) const RULE: Rule = Rule {
    id: "deploy-without-health-check",
    title: "Nothing asks whether a deployment works",
    severity: Severity::Low,
    // The platform's own settings are not in the repository.
    confidence: Confidence::Low,
    category: Category::Pipelines,
    what: "A job of a workflow deploys to a hosting platform, no platform file names a health check, and neither the rest of the job nor a job that needs it asks the application anything.",
    why: "A version that builds and does not work is told as deployed.",
    mend: "Ask the health route in a loop with a limit after the deployment, and fail where it does not answer.",
    references: &["https://docs.railway.com/reference/healthchecks"],
    check,
};

/// Platforms that wait for the new version themselves.
const WAITING: [&str; 3] = ["Fly", "Cloud Run", "App Engine"];

/// Words of commands and actions that ask something.
const ASKS: [&str; 12] = [
    "curl",
    "wget",
    "health",
    "smoke",
    "newman",
    "k6",
    "playwright",
    "cypress",
    "lighthouse",
    "wait-on",
    "status",
    "verify",
];

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let mut defects = Vec::new();
    let jobs = facts
        .steps()
        .chunk_by(|one, next| (&one.path, &one.job) == (&next.path, &next.job));
    for steps in jobs {
        let Some((at, command, to)) = last_deploy(steps) else {
            continue;
        };
        if facts.evidence().shows(Practice::HealthGate) {
            return Vec::new();
        }
        let here = &steps[at];
        let after = here.shell.commands.iter();
        let after = after.filter(|one| one.span.start > command.span.start);
        let is_asked = after.into_iter().any(asks)
            || facts
                .tree
                .yaml(&here.path)
                .and_then(|document| Some(asks_later(document.get("jobs")?, here)))
                .unwrap_or(true);
        if !is_asked {
            let message = format!(
                "nothing looks at what the job `{}` deploys to {to}",
                here.job
            );
            defects.push(Defect::new(&here.path, command, message).about(&here.job));
        }
    }
    defects
}

fn last_deploy(steps: &[Step]) -> Option<(usize, &Command, &'static str)> {
    steps.iter().enumerate().rev().find_map(|(at, step)| {
        let mut commands = step.shell.commands.iter().rev();
        let (command, to) = commands.find_map(|one| Some((one, platform(one)?)))?;
        (!WAITING.contains(&to)).then_some((at, command, to))
    })
}

fn asks(command: &Command) -> bool {
    !command.is_message() && command.words.iter().any(|word| has(&word.text))
}

fn has(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    ASKS.iter().any(|word| lower.contains(word))
}

/// Whether a later step of the job, or a job that needs it, asks.
fn asks_later(jobs: &Node, here: &Step) -> bool {
    let step_asks = |step: &Node| {
        ["run", "uses", "name"]
            .iter()
            .filter_map(|key| step.get(key)?.str())
            .any(has)
    };
    jobs.entries().iter().any(|job| {
        let steps = job.node.get("steps").map_or(&[][..], Node::items);
        if job.key == here.job {
            let later = steps.get(here.index + 1..).unwrap_or_default();
            return later.iter().any(step_asks);
        }
        let Some(needs) = job.node.get("needs") else {
            return false;
        };
        let is_next = needs.str() == Some(here.job.as_str())
            || needs
                .items()
                .iter()
                .any(|one| one.str() == Some(here.job.as_str()));
        // A workflow of its own may ask, and is not read here.
        is_next && (job.node.get("uses").is_some() || steps.iter().any(step_asks))
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::found;
    use super::*;

    #[test]
    fn asked_or_not() {
        let text = "on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n      - run: curl -O tool\n      - run: railway up\n";
        let path = ".github/workflows/d.yml";
        assert_eq!(
            found(&RULE, &[(path, text)]),
            [".github/workflows/d.yml:7 a"]
        );
        for near in [
            format!("{text}      - run: curl -f https://x/health\n"),
            format!("{text}      - uses: jtalk/url-health-check-action@v4\n"),
            format!(
                "{text}  b:\n    needs: [a]\n    runs-on: x\n    steps:\n      - run: npx playwright test\n"
            ),
            format!("{text}  b:\n    needs: a\n    uses: ./.github/workflows/smoke.yml\n"),
            text.replace("railway up", "fly deploy"),
            text.replace("railway up", "vercel deploy --prod --skip-domain"),
            text.replace("railway up", "echo railway up"),
        ] {
            assert!(found(&RULE, &[(path, &near)]).is_empty(), "{near}");
        }
        let apart = format!("{text}  b:\n    runs-on: x\n    steps:\n      - run: curl x\n");
        assert_eq!(found(&RULE, &[(path, &apart)]).len(), 1);
        let gate = (
            "railway.json",
            "{\"deploy\": {\"healthcheckPath\": \"/health\"}}",
        );
        assert!(found(&RULE, &[(path, text), gate]).is_empty());
    }
}
