//! Scripts that wait a fixed time for a deployment.

use crate::audit::fix::{Choice, Fix, Text};
use crate::audit::shell::{Command, Shell};
use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::findings::Severity;

pub(super) const RULE: Rule = Rule {
    id: "sleep-after-deploy",
    title: "A fixed wait stands for a deployment that is done",
    severity: Severity::Medium,
    confidence: Confidence::High,
    category: Category::Scripts,
    what: "A script starts a deployment and then sleeps for a fixed time, outside of a loop that would ask for its state.",
    why: "A deployment that takes longer, or fails, is taken for done, and what follows runs against the old version or none.",
    mend: "Ask for the deployment's state, or for the health address, in a loop with a time limit.",
    references: &["https://docs.railway.com/reference/deployments"],
    check,
};

/// Commands that return before what they start is live, with the flag that makes them so
/// where they wait otherwise.
const DEPLOYS: [(&[&str], Option<&str>); 8] = [
    (&["railway", "up"], None),
    (&["railway", "redeploy"], None),
    (&["render", "deploys", "create"], None),
    (&["vercel", "deploy"], Some("--no-wait")),
    (&["vercel", "--prod"], Some("--no-wait")),
    (&["fly", "deploy"], Some("--detach")),
    (&["flyctl", "deploy"], Some("--detach")),
    (&["gcloud", "run", "deploy"], Some("--async")),
];

/// So many lines later a wait is about something else.
const NEAR: usize = 20;

/// Shorter waits, in seconds, are pauses between questions.
const SHORT: u32 = 10;

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let mut defects = Vec::new();
    for script in facts.scripts() {
        look(facts, &script.path, &[&script.shell], &mut defects);
    }
    // The steps of a job run one after the other.
    for steps in facts
        .steps()
        .chunk_by(|one, next| (&one.path, &one.job) == (&next.path, &next.job))
    {
        let shells: Vec<&Shell> = steps.iter().map(|step| &step.shell).collect();
        look(facts, &steps[0].path, &shells, &mut defects);
    }
    defects
}

fn look(facts: &Facts<'_>, path: &str, shells: &[&Shell], defects: &mut Vec<Defect>) {
    let commands: Vec<&Command> = shells.iter().flat_map(|shell| &shell.commands).collect();
    let mut deploy: Option<(&Command, String)> = None;
    for (at, command) in commands.iter().enumerate() {
        if let Some(words) = starts(command) {
            deploy = Some((command, words));
        } else if command.has("--wait") || command.runs(&["kubectl", "rollout", "status"]) {
            deploy = None;
        }
        let Some((from, words)) = &deploy else {
            continue;
        };
        let near = command.place.line.saturating_sub(from.place.line) <= NEAR;
        let apart = command.function != from.function;
        // Where nothing follows, nothing runs against what is not there yet.
        let ends = || {
            commands[at + 1..]
                .iter()
                .all(|later| later.is_message() || later.runs(&["exit"]))
        };
        if let Some(seconds) = seconds(command)
            && command.loops == 0
            && near
            && !apart
            && seconds >= SHORT
            && !ends()
        {
            let message = format!("`sleep {seconds}` stands for the end of `{words}`");
            let fix = fix(facts, path, command);
            let defect = Defect::new(path, command.place, message).with(path, from.place);
            defects.push(defect.mended_by(fix));
            deploy = None;
        }
    }
}

/// A loop with a time limit that asks the health address. The spans of a step are not
/// those of its file.
fn fix(facts: &Facts<'_>, path: &str, command: &Command) -> Option<Fix> {
    command.place.column?;
    let title = "wait until the health address answers";
    let Some(address) = facts.answer("health-url") else {
        let choice = Choice {
            name: "health-url",
            question: "which address answers once the deployment is live?",
            candidates: vec!["https://api.example.com/health".to_owned()],
        };
        return Some(Fix::asks(title, choice));
    };
    let is_plain = |c: char| c.is_ascii_alphanumeric() || ":/.-_~?=&%$@{}".contains(c);
    if !address.chars().all(is_plain) {
        return None;
    }
    let text = Text::of(facts.tree, path)?;
    let wait = format!(
        "timeout 300 sh -c 'until curl -fsS --max-time 10 -o /dev/null \"{address}\"; do sleep 5; done'"
    );
    Some(Fix::behaviour(
        title,
        [text.replace(command.span.clone(), wait)],
    ))
}

/// The words of a command that returns before its deployment is live.
fn starts(command: &Command) -> Option<String> {
    let (words, _) = DEPLOYS
        .iter()
        .find(|(words, flag)| command.runs(words) && flag.is_none_or(|flag| command.has(flag)))?;
    Some(words.join(" "))
}

/// How long a command sleeps.
fn seconds(command: &Command) -> Option<u32> {
    match command.program() {
        [name, time] if name.text == "sleep" => time.text.trim_end_matches('s').parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::found;
    use super::*;

    #[test]
    fn a_fixed_wait_and_a_loop() {
        let fixed =
            "#!/bin/bash\nset -e\nrailway up --detach\necho waiting\nsleep 10\ncurl -f $URL\n";
        assert_eq!(found(&RULE, &[("deploy.sh", fixed)]), ["deploy.sh:5 "]);
        for near in [
            "railway up --detach\nfor i in 1 2 3; do\n  curl -f $URL && break\n  sleep 10\ndone\n",
            "railway up\nuntil curl -f $URL; do sleep 10; done\n",
            "docker compose up -d\nsleep 10\n",
            "echo 'railway up'\nsleep 10\n",
            "echo 'railway up'\nsleep 10\ncurl x\n",
            "f() {\n  railway up\n}\nsleep 10\ncurl x\n",
            "cat <<EOF\nrailway up\nEOF\nsleep 10\ncurl x\n",
            "railway up\nsleep 1\ncurl x\n",
            "railway up\nsleep 10\necho done\n",
            "vercel --prod\nsleep 10\ncurl x\n",
        ] {
            assert!(found(&RULE, &[("deploy.sh", near)]).is_empty(), "{near}");
        }
    }

    #[test]
    fn a_wait_between_the_steps_of_a_job() {
        let workflow = "on: push\njobs:\n  deploy:\n    runs-on: ubuntu-latest\n    steps:\n      - run: railway up --detach\n      - run: |\n          echo wait\n          sleep 60\n          curl -f $URL\n  other:\n    runs-on: ubuntu-latest\n    steps:\n      - run: sleep 60\n      - run: curl x\n";
        let path = ".github/workflows/deploy.yml";
        assert_eq!(
            found(&RULE, &[(path, workflow)]),
            [".github/workflows/deploy.yml:9 "]
        );
        let apart = workflow.replace("railway up", "npm ci");
        assert!(found(&RULE, &[(path, &apart)]).is_empty());
    }
}
