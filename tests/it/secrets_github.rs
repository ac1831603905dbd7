//! `ci-tool secrets github` against a GitHub whose answers have the form of its own examples.

use std::collections::BTreeMap;

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
    let run = finish(
        command()
            .current_dir(folder.path())
            .env("GITHUB_API_URL", &github.url)
            .env("GITHUB_REPOSITORY", "acme/shop")
            .env("GITHUB_TOKEN", CANARY)
            .args(["secrets", "github"])
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
