//! The command line: exit codes, forms of the answer, the configuration, the
//! container action.

use crate::common::{ci_tool, command, finish, root, sample, write};

#[test]
fn wrong_usage_exits_with_2_and_says_what_is_right() {
    let folder = tempfile::tempdir().expect("temporary folder");
    for arguments in [
        &["generat"][..],
        &["generate", "--nope"],
        &["detect", "--format", "xml"],
        &["generate", "--check", "--dry-run"],
        &["generate", "--only", "frontent-ci"],
        &["detect", "nowhere"],
        &["config", "check", "nowhere"],
        &["detect", "--config", "nowhere.yml"],
    ] {
        let run = ci_tool(folder.path(), arguments);
        assert_eq!(run.code, 2, "{arguments:?}: {}{}", run.stdout, run.stderr);
        assert!(
            run.stderr.starts_with("error:"),
            "{arguments:?}: {}",
            run.stderr
        );
        assert!(run.stdout.is_empty(), "{arguments:?}: {}", run.stdout);
    }
    let run = ci_tool(
        folder.path(),
        &["generate", "--only", "deploy", "frontend-ci"],
    );
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("separated by commas"), "{}", run.stderr);
    let run = ci_tool(folder.path(), &["generate", "--only", "frontent-ci"]);
    assert!(run.stderr.contains("frontend-ci"), "{}", run.stderr);
}

#[test]
fn a_wrong_configuration_is_shown_at_its_place() {
    let folder = sample("docs-only");
    write(
        folder.path(),
        ".github/ci-tool.yml",
        "generate:\n  runer: big\n",
    );
    for arguments in [&["generate"][..], &["detect"], &["config", "check"]] {
        let run = ci_tool(folder.path(), arguments);
        assert_eq!(run.code, 2, "{arguments:?}: {}", run.stderr);
        for word in [
            ".github/ci-tool.yml:2:3",
            "runer: big",
            "did you mean `runner`?",
            "hint:",
        ] {
            assert!(run.stderr.contains(word), "{word}: {}", run.stderr);
        }
    }
    assert!(!folder.path().join(".github/workflows").exists());
}

#[test]
fn the_configuration_decides_and_flags_decide_more() {
    let folder = sample("go-service");
    write(
        folder.path(),
        ".github/ci-tool.yml",
        "generate:\n  runner: self-hosted-big\n  timeout-minutes: 7\n  default-branch: trunk\n  exclude: [security-scan]\n\
         detect:\n  components:\n    .:\n      name: shop\n      version: '1.23'\n      skip-steps: [lint]\n      env:\n        MODE: 'a: b'\n",
    );
    let run = ci_tool(folder.path(), &["generate"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let text = std::fs::read_to_string(folder.path().join(".github/workflows/backend-ci.yml"))
        .expect("generated");
    for line in [
        "runs-on: self-hosted-big",
        "timeout-minutes: 7",
        "      - trunk",
        "  shop:",
        "go-version: \"1.23\"",
        "MODE: \"a: b\"",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    assert!(!text.contains("go vet"));
    assert!(
        !folder
            .path()
            .join(".github/workflows/security-scan.yml")
            .exists()
    );
    let run = ci_tool(folder.path(), &["generate", "--only", "security-scan"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(
        folder
            .path()
            .join(".github/workflows/security-scan.yml")
            .exists()
    );
}

#[test]
fn a_correction_of_a_component_that_is_not_there_is_an_error() {
    let folder = sample("go-service");
    write(
        folder.path(),
        ".github/ci-tool.yml",
        "detect:\n  components:\n    api:\n      name: x\n",
    );
    let run = ci_tool(folder.path(), &["detect"]);
    assert_eq!(run.code, 2);
    assert!(
        run.stderr.contains("`api`") && run.stderr.contains("hint: components were found at: ."),
        "{}",
        run.stderr
    );
}

#[test]
fn an_ignored_folder_is_no_part_of_the_project() {
    let folder = sample("fastapi-nextjs");
    write(
        folder.path(),
        ".github/ci-tool.yml",
        "detect:\n  ignore: [frontend]\n",
    );
    let run = ci_tool(folder.path(), &["detect"]);
    assert!(
        run.stdout.contains("backend") && !run.stdout.contains("next"),
        "{}",
        run.stdout
    );
}

#[test]
fn results_go_to_stdout_and_colours_only_where_they_are_wanted() {
    let folder = sample("go-service");
    let plain = ci_tool(folder.path(), &["generate", "--dry-run"]);
    assert!(!plain.stdout.contains('\u{1b}'));
    let forced = ci_tool(
        folder.path(),
        &["generate", "--dry-run", "--color", "always"],
    );
    assert!(forced.stdout.contains("\u{1b}["));
    let unwanted = finish(
        command()
            .args(["generate", "--dry-run"])
            .env("CLICOLOR_FORCE", "1")
            .env("NO_COLOR", "1")
            .current_dir(folder.path()),
    );
    assert!(!unwanted.stdout.contains('\u{1b}'));
    let json = ci_tool(
        folder.path(),
        &["generate", "--dry-run", "--format", "json"],
    );
    let value: serde_json::Value =
        serde_json::from_str(&json.stdout).expect("only JSON on standard output");
    assert_eq!(value["files"][0]["status"], "create");
    assert!(
        value["files"][0]["diff"]
            .as_str()
            .is_some_and(|diff| diff.starts_with("--- /dev/null"))
    );
    let log = ci_tool(
        folder.path(),
        &["-v", "--log-format", "json", "generate", "--dry-run"],
    );
    let first = log.stderr.lines().next().expect("a line of log");
    serde_json::from_str::<serde_json::Value>(first).expect("one JSON object a line");
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let folder = sample("fastapi-nextjs");
    let line = format!(
        "{} generate --dry-run | head -n 1",
        env!("CARGO_BIN_EXE_ci-tool")
    );
    let run = finish(
        std::process::Command::new("bash")
            .args(["-c", &format!("set -o pipefail; {line}")])
            .current_dir(folder.path()),
    );
    assert_eq!(
        (run.code, run.stdout.lines().count()),
        (0, 1),
        "{}",
        run.stderr
    );
}

#[test]
fn the_container_action_takes_inputs_and_gives_outputs() {
    let folder = sample("go-service");
    let (outputs, summary) = (folder.path().join("outputs"), folder.path().join("summary"));
    let act = |inputs: &[(&str, &str)]| {
        let mut command = command();
        command
            .arg("action")
            .current_dir(folder.path())
            .env("GITHUB_ACTIONS", "true")
            .env("GITHUB_OUTPUT", &outputs)
            .env("GITHUB_STEP_SUMMARY", &summary);
        for (name, value) in inputs {
            command.env(format!("INPUT_{name}"), value);
        }
        let run = finish(&mut command);
        let text = std::fs::read_to_string(&outputs).unwrap_or_default();
        let _ = std::fs::remove_file(&outputs);
        (run, text)
    };
    // The runner sets every input; those not given are empty.
    let (run, text) = act(&[
        ("COMMAND", "generate"),
        ("CHECK", "true"),
        ("DRY-RUN", "false"),
        ("ONLY", ""),
        ("FORMAT", ""),
    ]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(
        text.contains("result<<") && text.contains("\nno\n"),
        "{text}"
    );
    assert!(
        run.stdout
            .contains("::error file=.github/workflows/backend-ci.yml,line=1::"),
        "{}",
        run.stdout
    );
    let (run, text) = act(&[
        ("COMMAND", "generate"),
        ("ONLY", "backend-ci, security-scan"),
    ]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(
        text.contains(
            "[\".github/workflows/backend-ci.yml\",\".github/workflows/security-scan.yml\",\".github/ci-tool.lock\"]"
        ),
        "{text}"
    );
    assert!(
        text.contains("changed<<") && text.contains("\ntrue\n"),
        "{text}"
    );
    assert!(
        std::fs::read_to_string(&summary)
            .expect("written")
            .contains("## Workflows")
    );
    // The image does not know the commit that names it: what it generates is pinned to the
    // one at which it is used.
    let at = "89abcdef0123456789abcdef0123456789abcdef";
    let pinned = sample("docs-only");
    let run = finish(
        command()
            .env_remove("CI_TOOL_ACTION")
            .env("GITHUB_ACTION_REPOSITORY", "intowork/ci-action")
            .env("GITHUB_ACTION_REF", at)
            .env("INPUT_COMMAND", "generate")
            .env("INPUT_ONLY", "security-scan")
            .arg("action")
            .current_dir(pinned.path()),
    );
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    let scan = std::fs::read_to_string(pinned.path().join(".github/workflows/security-scan.yml"))
        .expect("written");
    let uses = format!(
        "uses: intowork/ci-action@{at} # v{}",
        env!("CARGO_PKG_VERSION")
    );
    assert!(scan.contains(&uses), "{scan}");
    let (run, _) = act(&[("COMMAND", "detonate")]);
    assert_eq!(run.code, 2, "{}", run.stderr);
    assert!(
        run.stderr.contains(
            "known are scan, audit, gate, upload, generate, debt, detect, sync, deploy and verify"
        ),
        "{}",
        run.stderr
    );
    let (run, text) = act(&[("COMMAND", "generate"), ("CHECK", "perhaps")]);
    assert_eq!(run.code, 2);
    assert!(
        text.contains("failed") && run.stdout.contains("::error::"),
        "{text}{}",
        run.stdout
    );
}

/// What the runner would take for commands: it ignores leading blanks, knows the
/// old form anywhere in a line, and nothing between `stop-commands` and its word.
fn runner_commands(log: &str) -> Vec<String> {
    let mut until: Option<String> = None;
    let mut commands = Vec::new();
    for line in log.lines() {
        let start = line.trim_start();
        if let Some(end) = &until {
            if start == end.as_str() {
                until = None;
            }
        } else if let Some(word) = start.strip_prefix("::stop-commands::") {
            until = Some(format!("::{word}::"));
        } else if start.starts_with("::") || line.contains("##[") {
            commands.push(line.to_owned());
        }
    }
    assert_eq!(until, None, "commands stay switched off");
    commands
}

#[test]
fn nothing_of_a_repository_is_a_command_to_the_runner() {
    let folder = tempfile::tempdir().expect("temporary folder");
    write(
        folder.path(),
        "package.json",
        "{\"name\": \"x\\n  ::add-mask::a ##[add-mask]b\", \"scripts\": {\"build\": \"vite build\"}, \
         \"devDependencies\": {\"vite\": \"5\"}}",
    );
    write(folder.path(), "web/package.json", "{");
    let act = |inputs: &[(&str, &str)]| {
        let mut command = command();
        command
            .arg("action")
            .current_dir(folder.path())
            .env("GITHUB_ACTIONS", "true");
        for (name, value) in inputs {
            command.env(format!("INPUT_{name}"), value);
        }
        finish(&mut command)
    };
    let run = act(&[("COMMAND", "detect")]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stdout.contains("##[add-mask]b"), "{}", run.stdout);
    assert_eq!(runner_commands(&run.stdout), Vec::<String>::new());
    // A name stays on its line also where no runner listens.
    let plain = ci_tool(folder.path(), &["detect"]).stdout;
    assert!(plain.contains("x\\n  ::add-mask::a"), "{plain}");

    let run = act(&[("COMMAND", "generate"), ("CHECK", "true")]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    let commands = runner_commands(&run.stdout);
    assert!(!commands.is_empty());
    for command in commands {
        assert!(
            command.starts_with("::error file=.github/workflows/")
                || command.starts_with("::error file=.github/dependabot.yml,"),
            "{command}"
        );
    }
}

#[test]
fn a_release_cannot_bring_steps_of_its_own() {
    let folder = sample("go-service");
    let pin = format!("intowork/ci-action@{}", crate::common::RELEASE);
    let run = finish(
        command()
            .arg("generate")
            .env("CI_TOOL_ACTION", format!("{pin} # v1\n      - run: evil"))
            .current_dir(folder.path()),
    );
    assert_eq!(run.code, 2, "{}", run.stderr);
    assert!(run.stderr.contains("CI_TOOL_ACTION"), "{}", run.stderr);
    write(
        folder.path(),
        ".github/ci-tool.yml",
        format!("generate:\n  action: {pin}\n  action-version: \"v1\\n      - run: evil\"\n"),
    );
    let run = ci_tool(folder.path(), &["generate"]);
    assert_eq!(run.code, 2, "{}", run.stderr);
    assert!(run.stderr.contains("ci-tool.yml:3:3"), "{}", run.stderr);
    assert!(!folder.path().join(".github/workflows").exists());
}

#[test]
fn every_flag_has_its_input_and_every_input_its_use() {
    let action = std::fs::read_to_string(root().join("action.yml")).expect("read");
    let action =
        ci_tool::project::document::parse(&action, ci_tool::project::document::Syntax::Yaml)
            .expect("YAML");
    let inputs: Vec<&str> = action
        .get("inputs")
        .expect("it has inputs")
        .entries()
        .iter()
        .map(|entry| {
            assert!(entry.node.get("description").is_some(), "{}", entry.key);
            entry.key.as_str()
        })
        .collect();
    let of = |command: &str| ci_tool(&root(), &[command, "--help"]).stdout;
    let commands = [
        "generate", "sync", "scan", "audit", "gate", "deploy", "verify", "upload", "debt",
    ];
    let help: String = commands.map(of).concat();
    for flag in ["only", "dry-run", "check", "force", "format", "config"] {
        assert!(help.contains(&format!("--{flag}")), "{flag}");
        assert!(inputs.contains(&flag), "{flag}");
    }
    for input in inputs {
        let is_known = help.contains(&format!("--{input}"))
            || matches!(
                input,
                "command"
                    | "path"
                    | "files"
                    | "sarif"
                    | "environment"
                    | "urls"
                    | "token"
                    | "check-run"
                    | "comment"
                    | "suggest"
            );
        assert!(is_known, "{input}");
    }
}
