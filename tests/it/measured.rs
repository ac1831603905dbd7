//! What a probe learns of jobs (how long they take, which variables they need, whether a
//! cache pays) goes into the workflows, and stays there without a probe.

use std::path::Path;

use serde_json::Value;

use crate::common::{command, finish, git, write};

const FILE: &str = ".github/ci-tool.measured.toml";

fn project() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("temporary folder");
    let there = folder.path();
    write(
        there,
        "package.json",
        r#"{"name": "shop", "version": "1.0.0", "scripts": {"test": "node --test", "build": "node build.js"}}"#,
    );
    write(
        there,
        "package-lock.json",
        r#"{"name": "shop", "version": "1.0.0", "lockfileVersion": 3, "requires": true, "packages": {"": {"name": "shop", "version": "1.0.0"}}}"#,
    );
    // Each is asked for only once the one before it is there.
    write(
        there,
        "settings.js",
        "for (const name of ['SHOP_SIGNING_KEY', 'SHOP_API_URL']) {\n  if (!process.env[name]) throw new Error(`environment variable ${name} is required`);\n}\nnew URL(process.env.SHOP_API_URL);\n",
    );
    write(there, "build.js", "require('./settings.js');\n");
    write(
        there,
        "shop.test.js",
        "const test = require('node:test');\nrequire('./settings.js');\ntest('adds', () => {});\n",
    );
    // The one that is here: another one would have to be fetched.
    let node = finish(std::process::Command::new("node").arg("--version"));
    let version = node.stdout.trim().trim_start_matches('v').to_owned();
    let major = version.split('.').next().unwrap_or_default().to_owned();
    write(there, ".nvmrc", format!("{major}\n"));
    git(there, &["init", "--quiet", "--initial-branch", "main"]);
    commit(there);
    folder
}

fn commit(folder: &Path) {
    git(folder, &["add", "--all"]);
    git(folder, &["commit", "--quiet", "--message", "shop"]);
}

fn tool(folder: &Path, arguments: &[&str], code: i32) -> crate::common::Run {
    let mut run = command();
    for (name, value) in std::env::vars() {
        if name.starts_with("NPM_CONFIG_") || name == "HOME" {
            run.env(name, value);
        }
    }
    let run = finish(run.args(arguments).current_dir(folder));
    assert_eq!(
        run.code, code,
        "{arguments:?}: {}{}",
        run.stdout, run.stderr
    );
    run
}

/// The workflow that proves the project.
fn workflow(folder: &Path) -> String {
    let read =
        |name: &str| std::fs::read_to_string(folder.join(format!(".github/workflows/{name}.yml")));
    read("backend-ci")
        .or_else(|_| read("frontend-ci"))
        .expect("a workflow")
}

const GENERATE: [&str; 3] = ["generate", "--only", "backend-ci,frontend-ci"];

fn generate(folder: &Path, more: &[&str], code: i32) -> crate::common::Run {
    tool(folder, &[&GENERATE, more].concat(), code)
}

#[test]
fn what_a_probe_learns_goes_into_the_workflows() {
    let folder = project();
    let there = folder.path();
    let run = generate(there, &["--probe", "--format", "json"], 0);
    let json: Value = serde_json::from_str(&run.stdout).expect("JSON");
    let job = &json["probe"]["jobs"][0];
    let steps = job["steps"].as_array().expect("steps");
    assert_eq!(steps.len(), 2, "{job:#}");
    for step in steps {
        assert_eq!(step["verdict"]["is"], "green", "{step:#}");
    }
    let names: Vec<&String> = job["learned"]
        .as_object()
        .expect("learned")
        .keys()
        .collect();
    assert_eq!(names, ["SHOP_API_URL", "SHOP_SIGNING_KEY"]);
    let measured = std::fs::read_to_string(there.join(FILE)).expect("written");
    assert!(measured.contains("timeout-minutes = 10\n"), "{measured}");
    assert!(measured.contains("cache = false\n"), "{measured}");
    assert!(measured.contains("env.SHOP_SIGNING_KEY = "), "{measured}");
    let first = workflow(there);
    for text in [
        "SHOP_API_URL: ",
        "SHOP_SIGNING_KEY: ",
        "timeout-minutes: 10\n",
    ] {
        assert!(first.contains(text), "{text}: {first}");
    }
    assert!(!first.contains("cache: npm"), "{first}");
    commit(there);

    // Without a probe it stays; a second one learns nothing and changes nothing.
    generate(there, &["--check"], 0);
    let run = generate(there, &["--probe", "--format", "json"], 0);
    let json: Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert!(
        json["probe"]["jobs"][0].get("learned").is_none(),
        "{}",
        run.stdout
    );
    assert_eq!(workflow(there), first);
    let text = std::fs::read_to_string(there.join(FILE)).expect("there");
    assert_eq!(text, measured);

    // A job that is gone is nobody's mistake in the configuration.
    let gone = "\n[jobs.gone]\ncomponent = \"gone\"\nseconds = 1\ntimeout-minutes = 10\n";
    write(there, FILE, format!("{measured}{gone}"));
    let run = tool(there, &["generate", "--dry-run", "--format", "json"], 0);
    assert!(!run.stdout.contains("unused_rules"), "{}", run.stdout);
    write(there, FILE, &measured);

    // What somebody has chosen goes before what was measured.
    write(
        there,
        ".github/ci-tool.yml",
        "generate:\n  timeout-minutes: 25\ndetect:\n  components:\n    .:\n      env:\n        SHOP_API_URL: https://shop.example.com\n",
    );
    generate(there, &[], 0);
    let chosen = workflow(there);
    assert!(
        chosen.contains("SHOP_API_URL: https://shop.example.com\n"),
        "{chosen}"
    );
    assert!(chosen.contains("SHOP_SIGNING_KEY: "), "{chosen}");
    assert!(
        chosen.contains("timeout-minutes: 25\n") && !chosen.contains("timeout-minutes: 10\n"),
        "{chosen}"
    );
    write(
        there,
        ".github/ci-tool.yml",
        "generate:\n  jobs:\n    \"*\":\n      timeout-minutes: 7\n",
    );
    generate(there, &[], 0);
    assert!(!workflow(there).contains("timeout-minutes: 10\n"));

    write(there, FILE, measured.replace("seconds", "minutes"));
    let run = generate(there, &[], 2);
    assert!(
        run.stderr.contains(".github/ci-tool.measured.toml:7"),
        "{}",
        run.stderr
    );
}

/// What stays red with a value is not taken for helped.
#[test]
fn a_variable_that_does_not_help_is_not_given() {
    let folder = project();
    let there = folder.path();
    write(
        there,
        "settings.js",
        "if (process.env.SHOP_SIGNING_KEY !== 'the real one') throw new Error('SHOP_SIGNING_KEY is required');\n",
    );
    commit(there);
    generate(there, &["--probe", "--keep", "said"], 0);
    let said = std::fs::read_dir(there.join("said")).expect("kept");
    let mut said: Vec<String> = said
        .map(|entry| std::fs::read_to_string(entry.expect("there").path()).expect("text"))
        .collect();
    said.sort();
    assert_eq!(said.len(), 2);
    assert!(said[0].starts_with("$ npm run build\n"), "{}", said[0]);
    assert!(
        said[0].contains("SHOP_SIGNING_KEY is required"),
        "{}",
        said[0]
    );
    let measured = std::fs::read_to_string(there.join(FILE)).expect("written");
    assert!(!measured.contains("env."), "{measured}");
    assert!(!workflow(there).contains("SHOP_SIGNING_KEY"));
}
