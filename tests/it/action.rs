//! `scan`, `audit` and `gate` as the container action runs them.

use std::path::Path;

use crate::common::{Run, command, finish, root, write};

/// A repository in which the audit finds a script that goes on after a failure's sign,
/// below a folder whose name is markup.
fn repository() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("temporary folder");
    write(
        folder.path(),
        "app/Dockerfile",
        "FROM python:3.12-slim\nCOPY . .\nCMD [\"python\", \"-m\", \"app\"]\n",
    );
    write(folder.path(), "app/requirements.txt", "fastapi==0.115.0\n");
    write(
        folder.path(),
        ".github/workflows/x.yml",
        "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - uses: a/b@main\n      - uses: ./no|<b>pe*`\n",
    );
    folder
}

struct Acted {
    run: Run,
    outputs: String,
    summary: String,
}

impl Acted {
    fn output(&self, name: &str) -> &str {
        let start = format!("{name}<<ci-tool-end\n");
        let at = self.outputs.find(&start).map(|at| at + start.len());
        let rest = &self.outputs[at.unwrap_or_else(|| panic!("no {name}: {}", self.outputs))..];
        rest.split("\nci-tool-end").next().unwrap_or_default()
    }

    fn annotations(&self) -> Vec<&str> {
        let lines = self.run.stdout.lines();
        lines
            .filter(|line| line.starts_with("::error ") || line.starts_with("::warning "))
            .collect()
    }
}

fn act(folder: &Path, inputs: &[(&str, &str)]) -> Acted {
    act_with(folder, inputs, &[])
}

fn act_with(folder: &Path, inputs: &[(&str, &str)], variables: &[(&str, &str)]) -> Acted {
    let out = tempfile::tempdir().expect("temporary folder");
    let (outputs, summary) = (out.path().join("outputs"), out.path().join("summary"));
    let mut command = command();
    command
        .arg("action")
        .current_dir(folder)
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_OUTPUT", &outputs)
        .env("GITHUB_STEP_SUMMARY", &summary)
        .env("GITHUB_SERVER_URL", "https://github.com")
        .env("GITHUB_REPOSITORY", "a/b")
        .env("GITHUB_SHA", "0123")
        .env("CI_TOOL_CACHE", out.path());
    for (name, value) in inputs {
        command.env(format!("INPUT_{}", name.to_uppercase()), value);
    }
    command.envs(variables.iter().copied());
    let run = finish(&mut command);
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    Acted {
        run,
        outputs: read(&outputs),
        summary: read(&summary),
    }
}

#[test]
fn a_verdict_is_told_where_a_pull_request_shows_it() {
    let folder = repository();
    let acted = act(folder.path(), &[("command", "audit")]);
    assert_eq!(
        acted.run.code, 1,
        "{}{}",
        acted.run.stdout, acted.run.stderr
    );
    assert_eq!(acted.output("result"), "no");
    let counts: serde_json::Value = serde_json::from_str(acted.output("counts")).expect("JSON");
    let total: u64 = ["critical", "high", "medium", "low", "note"]
        .map(|word| counts[word].as_u64().expect("a number"))
        .iter()
        .sum();
    assert_eq!(acted.output("findings"), total.to_string());
    assert!(counts["high"].as_u64() > Some(0), "{counts}");
    assert_eq!(acted.output("new"), "");

    let annotations = acted.annotations();
    let missing = annotations
        .iter()
        .find(|line| line.contains("local-action-missing"))
        .unwrap_or_else(|| panic!("{annotations:?}"));
    assert!(
        missing.starts_with("::error file=.github/workflows/x.yml,line=7,title="),
        "{missing}"
    );
    assert!(
        acted.summary.starts_with("## Findings: ") && acted.summary.contains("may not pass"),
        "{}",
        acted.summary
    );
    assert!(
        acted.summary.contains(
            "[.github/workflows/x.yml:7](https://github.com/a/b/blob/0123/.github/workflows/x.yml#L7)"
        ),
        "{}",
        acted.summary
    );
    // Nothing of the repository is markup, and no row has a column more.
    assert!(!acted.summary.contains("<b>"), "{}", acted.summary);
    let rows = acted.summary.lines().filter(|line| line.starts_with("| "));
    for row in rows {
        let bars = row.replace("\\|", "").matches('|').count();
        assert_eq!(bars, 6, "{row}");
    }
}

#[test]
fn inputs_are_the_flags_of_the_same_name() {
    let folder = repository();
    let all = [
        ("command", "scan"),
        ("scanner", "audit"),
        ("fail-on", "never"),
        ("only-fixable", "false"),
        ("offline", "true"),
        ("sarif", "out/findings.sarif"),
        ("skip", ""),
    ];
    let acted = act(folder.path(), &all);
    assert_eq!(
        acted.run.code, 0,
        "{}{}",
        acted.run.stdout, acted.run.stderr
    );
    assert_eq!(acted.output("sarif"), "[\"out/findings.sarif\"]");
    assert!(acted.summary.contains("they may pass"), "{}", acted.summary);
    assert!(acted.summary.contains("| audit |"), "{}", acted.summary);
    assert_eq!(acted.annotations().len(), 0, "{}", acted.run.stdout);

    // What one step wrote the next one judges, against itself: nothing is new.
    let acted = act(
        folder.path(),
        &[
            ("command", "gate"),
            ("files", "out/findings.sarif\n"),
            ("baseline", "out/findings.sarif"),
            ("only-new", "true"),
        ],
    );
    assert_eq!(
        acted.run.code, 0,
        "{}{}",
        acted.run.stdout, acted.run.stderr
    );
    assert_eq!(acted.output("new"), "0");
    assert_eq!(acted.output("fixed"), "0");

    // In a container paths of the runner's machine are others: `${{ github.workspace }}`.
    let report = "{\"version\": \"2.1.0\", \"runs\": []}";
    write(folder.path(), "out/none.sarif", report);
    let acted = act_with(
        folder.path(),
        &[
            ("command", "gate"),
            ("files", "/srv/runner/b/b/out/none.sarif"),
            ("baseline", "/srv/runner/b/b/out/findings.sarif"),
            ("sarif", "/srv/runner/b/b/out/again.sarif"),
            (
                "report",
                "junit=/srv/runner/b/b/out/junit.xml\ncsv=out/all.csv",
            ),
        ],
        &[
            ("GITHUB_WORKSPACE", "/github/workspace"),
            ("RUNNER_WORKSPACE", "/srv/runner/b"),
        ],
    );
    assert_eq!(
        acted.run.code, 0,
        "{}{}",
        acted.run.stdout, acted.run.stderr
    );
    // Later steps of the job find them.
    assert_eq!(acted.output("sarif"), "[\"out/again.sarif\"]");
    assert_eq!(
        acted.output("reports"),
        "[\"out/junit.xml\",\"out/all.csv\"]"
    );
    for file in ["out/again.sarif", "out/junit.xml", "out/all.csv"] {
        assert!(folder.path().join(file).is_file(), "{file}");
    }
    // All that was there is gone, which is not nothing.
    assert_eq!(acted.output("new"), "0");
    assert!(
        acted
            .output("fixed")
            .parse::<usize>()
            .is_ok_and(|gone| gone > 0)
    );
}

#[test]
fn a_part_of_the_repository_keeps_its_paths() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let part = repository();
    let to = folder.path().join("part");
    assert!(
        std::process::Command::new("cp")
            .arg("-r")
            .arg(part.path())
            .arg(&to)
            .status()
            .expect("cp")
            .success()
    );
    let acted = act(folder.path(), &[("command", "audit"), ("path", "./part/")]);
    assert!(
        acted
            .annotations()
            .iter()
            .all(|line| line.contains("file=part/")),
        "{:?}",
        acted.annotations()
    );
    assert!(!acted.annotations().is_empty());
}

#[test]
fn a_wrong_input_is_told_by_its_name() {
    let folder = repository();
    for (inputs, expected) in [
        (vec![("command", "scan"), ("fail-on", "severe")], "fail-on"),
        (vec![("command", "scan"), ("scanner", "-x")], "-x"),
        (vec![("command", "scan"), ("offline", "perhaps")], "offline"),
        (vec![("command", "gate")], "`files`"),
        (
            vec![("command", "gate"), ("files", "none.sarif")],
            "none.sarif",
        ),
        (vec![("command", "audit"), ("only-new", "true")], "baseline"),
    ] {
        let acted = act(folder.path(), &inputs);
        assert!(
            matches!(acted.run.code, 2 | 3),
            "{inputs:?}: {}",
            acted.run.stdout
        );
        assert_eq!(acted.output("result"), "failed");
        assert!(
            acted.run.stderr.contains(expected),
            "{inputs:?}: {}",
            acted.run.stderr
        );
    }
}

#[test]
fn deployments_and_checks_are_told_in_the_summary() {
    use crate::common::platform::Local;
    let local = Local::start();
    local.configure(0, false);
    let commit = local.commit("first");
    let machine = local.machine();
    let deploy = |more: &[(&str, &str)]| {
        let inputs = [
            &[("command", "deploy"), ("environment", "production")],
            more,
        ]
        .concat();
        let variables = [
            ("CI_TOOL_LOCAL", machine.as_str()),
            ("GITHUB_SHA", commit.as_str()),
        ];
        act_with(&local.repository(), &inputs, &variables)
    };
    let acted = deploy(&[]);
    assert_eq!(
        acted.run.code, 0,
        "{}{}",
        acted.run.stdout, acted.run.stderr
    );
    assert_eq!(acted.output("changed"), "true");
    assert!(acted.summary.contains("flowchart LR"), "{}", acted.summary);
    // The step that follows finds nothing to take back.
    let acted = deploy(&[("rollback", "unfinished")]);
    assert_eq!(acted.run.code, 0, "{}", acted.run.stderr);
    assert_eq!(local.commit_of("api"), commit);

    let url = format!("http://127.0.0.1:{}/api/health", local.port);
    let verify = [
        ("command", "verify"),
        ("urls", url.as_str()),
        ("json", "status=ok"),
        ("commit", commit.as_str()),
        ("within", "0"),
    ];
    let acted = act(&local.repository(), &verify);
    assert_eq!(
        acted.run.code, 0,
        "{}{}",
        acted.run.stdout, acted.run.stderr
    );
    local.behave(&[("api", &commit, "public")]);
    let acted = act(&local.repository(), &verify);
    assert_eq!(acted.run.code, 1, "{}", acted.run.stderr);
    assert!(
        acted.run.stdout.contains("::error::http"),
        "{}",
        acted.run.stdout
    );
    assert!(acted.summary.contains("**not well**"), "{}", acted.summary);
    let acted = act(&local.repository(), &[("command", "deploy")]);
    assert_eq!(acted.run.code, 2);
    assert!(
        acted.run.stderr.contains("`environment`"),
        "{}",
        acted.run.stderr
    );
}

#[test]
fn scanning_is_what_the_action_does_unasked() {
    let action = std::fs::read_to_string(root().join("action.yml")).expect("read");
    assert!(action.contains("default: scan\n"), "{action}");
    let folder = repository();
    let acted = act(folder.path(), &[("scanner", "audit")]);
    assert_eq!(acted.run.code, 1, "{}", acted.run.stderr);
    assert!(acted.run.stdout.contains("audit"), "{}", acted.run.stdout);
}
