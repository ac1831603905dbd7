//! Secrets that stand in scripts.

use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::audit::{Place, secrets};
use crate::findings::Severity;
use crate::project::path;

pub(super) const RULE: Rule = Rule {
    id: "secret-in-script",
    title: "A script holds a secret",
    severity: Severity::High,
    confidence: Confidence::High,
    category: Category::Data,
    what: "A script sets a variable that is named as a secret, itself or at a hosting platform, to a value that looks like a key that a machine made.",
    why: "Whoever can read the repository has the secret, and its history keeps it after it is taken out.",
    mend: "Make a new one, set it where it is needed, and take it out of the script; the old one is known.",
    references: &[
        "https://docs.github.com/code-security/secret-scanning/introduction/about-secret-scanning",
    ],
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let mut defects = Vec::new();
    let is_test = |file: &str| {
        file.split('/')
            .any(|part| matches!(part, "test" | "tests" | "e2e" | "testdata" | "__tests__"))
            || path::is_sample(file)
    };
    for script in facts.scripts().iter().filter(|one| !is_test(&one.path)) {
        let mut tell = |name: &str, value: &str, place: Place| {
            if secrets::is_name(name) && secrets::is_random(value) {
                let message = format!("the value of `{name}` is in this file");
                defects.push(Defect::new(&script.path, place, message).about(name));
            }
        };
        for one in script
            .shell
            .assignments
            .iter()
            .filter(|one| one.value.is_literal)
        {
            tell(&one.name, &one.value.text, one.value.place);
        }
        for command in &script.shell.commands {
            for word in command.words.iter().filter(|word| word.is_literal) {
                if let Some((name, value)) = word.text.split_once('=') {
                    tell(name, value.trim_matches(['"', '\'']), word.place);
                }
            }
        }
    }
    defects
}

#[cfg(test)]
mod tests {
    use super::super::testing::found;
    use super::*;

    #[test]
    fn keys_and_places_of_keys() {
        let text = "export OPENAI_API_KEY=\"9f8a7b6c5d4e3f2a1b0c9d8e\"\nrailway variables --set \"NEXTAUTH_SECRET=k3Jd82hHs92kdLs0aPq7zX\"\nAPI_KEY=your-key-goes-here-1234567\nTOKEN=$(openssl rand -hex 32)\nSESSION_TOKEN=\nCOMMIT=9f8a7b6c5d4e3f2a1b0c9d8e\n";
        assert_eq!(
            found(&RULE, &[("set.sh", text)]),
            ["set.sh:1 OPENAI_API_KEY", "set.sh:2 NEXTAUTH_SECRET"]
        );
        assert!(found(&RULE, &[("tests/set.sh", text)]).is_empty());
    }
}
