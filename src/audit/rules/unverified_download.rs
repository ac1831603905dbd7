//! Programs from the network that run unseen.

use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::findings::Severity;

pub(super) const RULE: Rule = Rule {
    id: "unverified-download",
    title: "A script from the network runs as it comes",
    severity: Severity::Medium,
    // Many vendors tell people to install in this way.
    confidence: Confidence::Low,
    category: Category::Scripts,
    what: "A script gives what curl or wget fetches to a shell: through a pipe, or `bash <(curl ...)`.",
    why: "Whoever controls the address, or the way to it, runs commands with the rights and the secrets of whoever deploys.",
    mend: "Fetch a version by its number, compare its hash, then run it; or use a package.",
    references: &[],
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let mut defects = Vec::new();
    for script in facts.scripts() {
        for (line, text) in script.lines.iter().filter(|(_, text)| runs(text)) {
            let message = "what is fetched runs without being looked at";
            defects.push(Defect::new(&script.path, *line, message).about(text.trim()));
        }
    }
    defects
}

fn runs(line: &str) -> bool {
    let line = line.trim();
    if ["echo ", "printf ", "log ", "info "]
        .iter()
        .any(|word| line.starts_with(word))
    {
        return false;
    }
    let fetches = |text: &str| {
        let first = text.trim_start().trim_start_matches("sudo ");
        first.starts_with("curl ") || first.starts_with("wget ")
    };
    if let Some((before, after)) = line.split_once("<(") {
        let shell = before.split_whitespace().next();
        return matches!(shell, Some("bash" | "sh" | "zsh" | "source" | ".")) && fetches(after);
    }
    let mut parts = line.split('|');
    let first = parts.next().unwrap_or_default();
    let first = first.rsplit(['&', ';']).next().unwrap_or_default();
    fetches(first)
        && parts.any(|part| {
            let mut words = part
                .split_whitespace()
                .filter(|word| *word != "sudo" && *word != "-E");
            matches!(words.next(), Some("bash" | "sh" | "zsh"))
        })
}

#[cfg(test)]
mod tests {
    use super::super::testing::found;
    use super::*;

    #[test]
    fn through_a_pipe_or_a_file() {
        let text = "bash <(curl -fsSL cli.example)\ncurl -sSL https://x | sudo -E bash -\ncurl https://x | jq .\necho 'curl https://x | sh'\ncurl -o a https://x\ndiff <(curl https://a) b\n";
        let all = found(&RULE, &[("setup.sh", text)]);
        assert_eq!(all.len(), 2, "{all:?}");
        assert!(
            all[0].starts_with("setup.sh:1 ") && all[1].starts_with("setup.sh:2 "),
            "{all:?}"
        );
    }
}
