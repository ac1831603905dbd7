//! Scripts that wait a fixed time for a deployment.

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

/// Commands that return before what they start is live.
const DEPLOYS: [&str; 3] = ["railway up", "railway redeploy", "render deploys create"];

/// Commands that wait, unless they are told not to.
const WAIT: [(&str, &str); 4] = [
    ("vercel deploy", "--no-wait"),
    ("vercel --prod", "--no-wait"),
    ("fly deploy", "--detach"),
    ("flyctl deploy", "--detach"),
];

/// So many lines later a wait is about something else.
const NEAR: usize = 20;

/// Shorter waits, in seconds, are pauses between questions.
const SHORT: u32 = 10;

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let mut defects = Vec::new();
    for script in facts.scripts() {
        let mut deploy: Option<(usize, &str)> = None;
        let mut depth = 0_usize;
        for (at, (line, text)) in script.lines.iter().enumerate() {
            let text = text.trim();
            // Where nothing follows, nothing runs against what is not there yet.
            let ends = script.lines[at + 1..].iter().all(|(_, later)| {
                let later = later.trim();
                ["echo ", "printf ", "exit"]
                    .iter()
                    .any(|word| later.starts_with(word))
            });
            let plain = DEPLOYS.iter().find(|command| starts(text, command));
            let told = WAIT
                .iter()
                .find(|(command, flag)| starts(text, command) && text.contains(flag));
            if let Some(command) = plain.or(told.map(|(command, _)| command)) {
                deploy = Some((*line, command));
            }
            if text.contains("--wait") || text.contains("rollout status") {
                deploy = None;
            }
            let words: Vec<&str> = text
                .split([' ', ';'])
                .filter(|word| !word.is_empty())
                .collect();
            depth += usize::from(matches!(words.first(), Some(&("while" | "until" | "for"))));
            if let (["sleep", seconds, ..], Some((from, command))) = (words.as_slice(), deploy)
                && depth == 0
                && !ends
                && line - from <= NEAR
                && seconds
                    .trim_end_matches('s')
                    .parse::<u32>()
                    .is_ok_and(|seconds| seconds >= SHORT)
            {
                let message = format!("`sleep {seconds}` stands for the end of `{command}`");
                defects.push(Defect::new(&script.path, *line, message).with(&script.path, from));
                deploy = None;
            }
            depth -= usize::from(words.contains(&"done")).min(depth);
        }
    }
    defects
}

/// Whether a line runs a command, perhaps as a condition.
fn starts(line: &str, command: &str) -> bool {
    let line = line.trim_start_matches("if ").trim_start_matches("! ");
    let line = line.trim_start_matches("npx ");
    line.strip_prefix(command)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', ';', '|', '&']))
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
            "railway up\nsleep 1\ncurl x\n",
            "railway up\nsleep 10\necho done\n",
            "vercel --prod\nsleep 10\ncurl x\n",
        ] {
            assert!(found(&RULE, &[("deploy.sh", near)]).is_empty(), "{near}");
        }
    }
}
