//! Keys and files of secrets that are committed.

use crate::audit::{Category, Confidence, Defect, Facts, Rule, secrets};
use crate::findings::Severity;
use crate::project::path;

pub(super) const RULE: Rule = Rule {
    id: "secret-in-repository",
    title: "A key, or a file of secrets, is in the repository",
    severity: Severity::High,
    confidence: Confidence::High,
    category: Category::Data,
    what: "A private key in PEM form, a file of variables (`.env`, `.env.production`) with a value that looks like a key that a machine made, and the temporary keys that Clerk writes for development; not below folders of tests and examples.",
    why: "Whoever can read the repository has the secret, and its history keeps it after it is taken out.",
    mend: "Make a new one, take the file out of git (`git rm --cached`), and name it in .gitignore; the old one is known.",
    references: &[
        "https://docs.github.com/code-security/secret-scanning/introduction/about-secret-scanning",
    ],
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let mut defects = Vec::new();
    for file in facts.tree.files() {
        let name = path::name(file);
        let is_key = name.ends_with(".pem") || name.ends_with(".key") || name.starts_with("id_");
        let is_env = is_environment(name);
        let is_clerk = name == "keyless.json" && file.contains(".clerk/");
        if !(is_key || is_env || is_clerk) || is_test(file) {
            continue;
        }
        let Some(text) = facts.tree.text(file) else {
            continue;
        };
        let begins =
            |line: &str| line.starts_with("-----BEGIN ") && line.contains("PRIVATE KEY-----");
        let found = (1..).zip(text.lines()).find_map(|(at, line)| {
            if is_key && begins(line) {
                return Some((
                    at,
                    "a private key is in the repository".to_owned(),
                    String::new(),
                ));
            }
            let (name, value) = match is_clerk {
                true => line.split_once("\"secretKey\":")?,
                false => line.trim_start_matches("export ").split_once('=')?,
            };
            let value = value.trim().trim_matches([',', '"', '\'']);
            let name = if is_clerk { "secretKey" } else { name.trim() };
            let is_secret = is_clerk && value.starts_with("sk_")
                || is_env && secrets::is_name(name) && secrets::is_random(value);
            is_secret.then(|| {
                (
                    at,
                    format!("the value of `{name}` is in the repository"),
                    name.to_owned(),
                )
            })
        });
        if let Some((line, message, about)) = found {
            defects.push(Defect::new(file, line, message).about(about));
        }
    }
    defects
}

/// `.env` and its kin, but no example of one.
fn is_environment(name: &str) -> bool {
    let Some(rest) = name.strip_prefix(".env") else {
        return name == "production.env" || name == "prod.env";
    };
    let examples = [
        "example", "sample", "template", "dist", "test", "e2e", "ci", "defaults", "schema",
    ];
    (rest.is_empty() || rest.starts_with('.')) && !examples.iter().any(|word| rest.contains(word))
}

fn is_test(file: &str) -> bool {
    let words = [
        "test",
        "example",
        "fixture",
        "sample",
        "mock",
        "demo",
        "dummy",
        "snakeoil",
        "localhost",
        "dev",
        "docs",
    ];
    let lower = file.to_ascii_lowercase();
    words.iter().any(|word| lower.contains(word))
}

#[cfg(test)]
mod tests {
    use super::super::testing::found;
    use super::*;

    #[test]
    fn what_is_secret_and_what_is_not() {
        let key = "-----BEGIN RSA PRIVATE KEY-----\nx\n";
        let env = "# x\nDEBUG=1\nAPI_TOKEN=9f8a7b6c5d4e3f2a1b0c9d8e\n";
        let clerk = "{\n  \"publishableKey\": \"pk_x\",\n  \"secretKey\": \"sk_x\"\n}\n";
        assert_eq!(
            found(
                &RULE,
                &[
                    ("deploy/server.pem", key),
                    (".env.production", env),
                    ("web/.clerk/.tmp/keyless.json", clerk),
                ]
            ),
            [
                ".env.production:3 API_TOKEN",
                "deploy/server.pem:1 ",
                "web/.clerk/.tmp/keyless.json:3 secretKey"
            ]
        );
        assert!(
            found(
                &RULE,
                &[
                    ("tests/server.pem", key),
                    (".env.example", env),
                    ("a/.env", "API_TOKEN=changeme\nPASSWORD=postgres\n"),
                    ("cert.pem", "-----BEGIN CERTIFICATE-----\nx\n"),
                    ("keyless.json", clerk),
                ]
            )
            .is_empty()
        );
    }
}
