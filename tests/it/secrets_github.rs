//! `ci-tool secrets github` against a GitHub whose answers have the form of its own examples.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use crate::common::github::CANARY;
use crate::common::rest::{Answer, Answers, Description, Question, Rest, refuse};
use crate::common::{Run, command, finish, write};

/// A GitHub with secrets by the end of their address.
struct Secrets {
    names: BTreeMap<&'static str, Vec<&'static str>>,
    forbidden: Vec<&'static str>,
    description: Description,
}

impl Answers for Secrets {
    fn answer(&mut self, question: &Question<'_>) -> Answer {
        if question.token != format!("Bearer {CANARY}") {
            return refuse(401, "Bad credentials");
        }
        let (path, query) = question.target.split_once('?').unwrap_or_default();
        let Some(of) = path.strip_prefix("/repos/acme/shop/") else {
            return refuse(404, "Not Found");
        };
        if self.forbidden.contains(&of) {
            return refuse(403, "Resource not accessible by personal access token");
        }
        let Some(names) = self.names.get(of) else {
            return refuse(404, "Not Found");
        };
        // Two a page.
        let page = query
            .split("&page=")
            .nth(1)
            .and_then(|page| page.parse().ok());
        let page: usize = page.expect("a page");
        let example = self.description.example("actions-secret-paginated")["secrets"][0].clone();
        let shown = names.iter().skip((page - 1) * 2).take(2).map(|name| {
            let mut secret = example.clone();
            secret["name"] = (*name).into();
            secret
        });
        let shown: Vec<Value> = shown.collect();
        (
            200,
            Vec::new(),
            json!({"total_count": names.len(), "secrets": shown}),
        )
    }
}

const WORKFLOW: &str = r#"on:
  push:
env:
  TOP: ${{ secrets.EVERYWHERE }}
jobs:
  test:
    runs-on: ubuntu-24.04
    steps:
      - run: make test
        env:
          TOKEN: ${{ github.token }}${{ secrets.GITHUB_TOKEN }}
          KEY: ${{ secrets.Test_Key }}
  mirror:
    runs-on: ubuntu-24.04
    environment: mirror
    steps:
      - run: make mirror
        env:
          GITLAB_TOKEN: ${{ secrets.GITLAB_TOKEN }}
          OTHER: ${{ secrets['NOBODY_HAS'] }}
  deploy:
    runs-on: ubuntu-24.04
    environment:
      name: ${{ github.ref_name }}
    steps:
      - run: make deploy
        env:
          KEY: ${{ secrets.DEPLOY_KEY || secrets.OF_ALL }}
"#;

/// What it is handed, its callers use.
const CALLED: &str = "on:\n  workflow_call:\n    secrets:\n      HANDED:\n        required: true\njobs:\n  a:\n    runs-on: ubuntu-24.04\n    environment: production\n    steps:\n      - run: x\n        env:\n          A: ${{ secrets.HANDED }}\n          B: ${{ secrets.DEPLOY_KEY }}\n";

fn ask(github: &Rest<Secrets>, arguments: &[&str]) -> Run {
    let folder = tempfile::tempdir().expect("temporary folder");
    write(folder.path(), ".github/workflows/ci.yml", WORKFLOW);
    write(folder.path(), ".github/workflows/called.yaml", CALLED);
    secrets(&github.url, folder.path(), "github", arguments)
}

/// A command about the secrets of `acme/shop`, which tells no token.
fn secrets(url: &str, folder: &Path, what: &str, arguments: &[&str]) -> Run {
    let run = finish(
        command()
            .current_dir(folder)
            .env("GITHUB_API_URL", url)
            .env("GITHUB_REPOSITORY", "acme/shop")
            .env("GITHUB_TOKEN", CANARY)
            .args(["secrets", what])
            .args(arguments),
    );
    assert!(!run.stdout.contains(CANARY) && !run.stderr.contains(CANARY));
    run
}

#[test]
fn secrets_of_workflows_are_held_against_those_of_github() {
    let github = Rest::start(Secrets {
        names: BTreeMap::from([
            ("actions/secrets", vec!["EVERYWHERE", "OLD", "TEST_KEY"]),
            ("actions/organization-secrets", vec!["OF_ALL"]),
            (
                "environments/mirror/secrets",
                vec!["GITLAB_TOKEN", "DEPLOY_KEY"],
            ),
            ("environments/production/secrets", vec![]),
        ]),
        forbidden: Vec::new(),
        description: Description::read(),
    });
    let run = ask(&github, &["--format", "json"]);
    assert_eq!(run.code, 1, "{}{}", run.stdout, run.stderr);
    let told: Value = serde_json::from_str(&run.stdout).expect("JSON");
    // One environment has the key; the job of another one does not get it there.
    assert_eq!(
        told["missing"],
        json!([
            {"name": "DEPLOY_KEY", "place": ".github/workflows/called.yaml:14", "environment": "production"},
            {"name": "NOBODY_HAS", "place": ".github/workflows/ci.yml:20", "environment": "mirror"},
        ])
    );
    assert_eq!(told["unused"], json!(["OLD"]), "{told}");
    assert_eq!(told["organizationKnown"], true);
    let run = ask(&github, &[]);
    assert_eq!(run.code, 1);
    for line in [
        "acme/shop: 2 missing",
        "  MISSING  NOBODY_HAS  used at .github/workflows/ci.yml:20 (environment mirror)",
        "  unused   OLD  no workflow uses it",
    ] {
        assert!(run.stdout.contains(line), "{line}\n{}", run.stdout);
    }
    {
        let mut state = github.lock();
        state
            .names
            .insert("environments/production/secrets", vec!["DEPLOY_KEY"]);
        state.names.insert(
            "environments/mirror/secrets",
            vec!["GITLAB_TOKEN", "NOBODY_HAS"],
        );
        state.forbidden = vec!["actions/organization-secrets"];
    }
    let run = ask(&github, &[]);
    assert_eq!(run.code, 1, "{}", run.stdout);
    assert!(run.stdout.contains("MISSING  OF_ALL"), "{}", run.stdout);
    assert!(run.stdout.contains("may be there"), "{}", run.stdout);
    github.lock().forbidden.clear();
    let run = ask(&github, &[]);
    assert_eq!(run.code, 0, "{}", run.stdout);
    // The token of a job may not know them: that is no answer.
    github.lock().forbidden = vec!["actions/secrets"];
    let run = ask(&github, &[]);
    assert_eq!(run.code, 3, "{}", run.stdout);
    assert!(
        run.stderr.contains("that of a job never has it"),
        "{}",
        run.stderr
    );
    github.follows_the_description();
}

/// A GitHub that keeps what it is sent, sealed.
struct Sealed {
    public: String,
    /// The address and the value.
    put: Vec<(String, String)>,
    description: Description,
}

impl Answers for Sealed {
    fn answer(&mut self, question: &Question<'_>) -> Answer {
        let Some(of) = question.target.strip_prefix("/repos/acme/shop/") else {
            return refuse(404, "Not Found");
        };
        let is_there = of.starts_with("actions/secrets/")
            || of.starts_with("environments/production/secrets/");
        match (question.method, is_there) {
            (_, false) => refuse(404, "Not Found"),
            ("GET", _) if of.ends_with("/public-key") => {
                let mut key = self.description.example("actions-public-key");
                key["key"] = (&*self.public).into();
                (200, Vec::new(), key)
            }
            ("PUT", _) => {
                let sent = question.json();
                let key = self.description.example("actions-public-key");
                if sent["key_id"] != key["key_id"] {
                    return refuse(422, "Bad request - key_id does not match");
                }
                let value = sent["encrypted_value"].as_str().expect("a text");
                self.put.push((of.to_owned(), value.to_owned()));
                (201, Vec::new(), json!({}))
            }
            _ => refuse(405, "Method Not Allowed"),
        }
    }
}

/// What libsodium makes of it.
fn sodium(script: &str, arguments: &[&str]) -> String {
    let done = std::process::Command::new(crate::common::peers().join("py/bin/python"))
        .args([
            "-c",
            &format!("import sys\nfrom base64 import *\nfrom nacl.public import *\n{script}"),
        ])
        .args(arguments)
        .output()
        .expect("python starts");
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    String::from_utf8_lossy(&done.stdout).trim().to_owned()
}

#[test]
fn a_secret_is_sealed_for_github_alone() {
    let private = sodium(
        "print(b64encode(bytes(PrivateKey.generate())).decode())",
        &[],
    );
    let open = |sealed: &str| {
        sodium(
            "box = SealedBox(PrivateKey(b64decode(sys.argv[1])))\nprint(box.decrypt(b64decode(sys.argv[2])).decode())",
            &[&private, sealed],
        )
    };
    let public = sodium(
        "print(b64encode(bytes(PrivateKey(b64decode(sys.argv[1])).public_key)).decode())",
        &[&private],
    );
    let github = Rest::start(Sealed {
        public,
        put: Vec::new(),
        description: Description::read(),
    });
    let folder = tempfile::tempdir().expect("temporary folder");
    write(folder.path(), "value", "pass word \u{fc}\n");
    write(folder.path(), "large", "x".repeat(49_153));
    let set = |arguments: &[&str]| {
        let run = secrets(&github.url, folder.path(), "set-github", arguments);
        let told = format!("{}{}", run.stdout, run.stderr);
        assert!(!told.contains("pass word"), "{told}");
        run
    };
    let run = set(&["API_KEY", "--from", "value"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(run.stdout, "API_KEY is set for acme/shop\n");
    let run = set(&["SESSION", "--environment", "production", "--generate"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    {
        let state = github.lock();
        let [(first, key), (second, session)] = &state.put[..] else {
            panic!("two secrets: {:?}", state.put)
        };
        assert_eq!(first, "actions/secrets/API_KEY");
        assert_eq!(open(key), "pass word \u{fc}");
        assert_eq!(second, "environments/production/secrets/SESSION");
        assert_eq!(open(session).len(), 43, "32 bytes in base64");
    }
    for (arguments, code, word) in [
        (
            &["API_KEY", "--from", "value", "--dry-run"][..],
            0,
            "would be set",
        ),
        (&["GITHUB_KEY", "--from", "value"][..], 2, "for itself"),
        (&["not a name", "--from", "value"][..], 2, "no name"),
        (&["API_KEY", "--from", "large"][..], 2, "49152 bytes"),
        (&["API_KEY"][..], 2, "--generate"),
        (
            &["API_KEY", "--environment", "nowhere", "--from", "value"][..],
            3,
            "has to be there",
        ),
    ] {
        let run = set(arguments);
        let told = format!("{}{}", run.stdout, run.stderr);
        assert!(
            run.code == code && told.contains(word),
            "{arguments:?}: {} {told}",
            run.code
        );
    }
    // Without a token nobody is asked, and no value is read.
    let run = finish(
        command()
            .current_dir(folder.path())
            .env("GITHUB_API_URL", "http://127.0.0.1:1")
            .env("GITHUB_REPOSITORY", "acme/shop")
            .args(["secrets", "set-github", "API_KEY", "--from", "nowhere"]),
    );
    assert_eq!(run.code, 3, "{}", run.stderr);
    assert!(run.stderr.contains("there is no token"), "{}", run.stderr);
    assert_eq!(github.lock().put.len(), 2, "nothing else was set");
    github.follows_the_description();
}
