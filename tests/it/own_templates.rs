//! Templates of one's own and rules of the house, through the binary: from
//! folders and from real git servers, right and wrong.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::common::{ci_tool, command, finish, git, root, sample, write};

const MANIFEST: &str = "title = \"Own\"\nversion = 1\nfile = \"own.yml\"\nsummary = \"s\"\nwhen = \"true\"\notherwise = \"\"\ncovered-by = []\n";

const BODY: &str = "name: <%= title %>\n\non:\n  push:\n\npermissions: {}\n\nconcurrency:\n  group: own\n\njobs:\n  own:\n    name: Own\n    runs-on: <%= runner %>\n    timeout-minutes: 5\n    permissions: {}\n    steps:\n      - name: Say\n        run: echo own\n";

/// A sample with a folder of templates beside it.
fn with_template(name: &str, manifest: &str, body: &str) -> tempfile::TempDir {
    let folder = sample("uv-service");
    write(
        folder.path(),
        &format!("ours/{name}/template.toml"),
        manifest,
    );
    write(folder.path(), &format!("ours/{name}/template.yml"), body);
    folder
}

fn lint(body: &str) -> crate::common::Run {
    let folder = with_template("own", MANIFEST, body);
    ci_tool(folder.path(), &["template", "lint", "ours"])
}

#[test]
fn a_template_is_added_and_one_of_a_known_name_takes_its_place() {
    let folder = with_template("own", MANIFEST, BODY);
    write(
        folder.path(),
        "ours/security-scan/template.toml",
        MANIFEST.replace("own.yml", "security-scan.yml"),
    );
    write(folder.path(), "ours/security-scan/template.yml", BODY);
    let run = ci_tool(folder.path(), &["generate", "--templates", "ours"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert!(
        run.stderr.contains("`security-scan` is that of ours"),
        "{}",
        run.stderr
    );
    for file in ["own", "security-scan"] {
        let path = folder.path().join(format!(".github/workflows/{file}.yml"));
        let text = std::fs::read_to_string(path).expect("written");
        assert!(text.contains("echo own"), "{text}");
    }
    // The configuration says it as well, and then it is no drift.
    write(
        folder.path(),
        ".github/ci-tool.yml",
        "generate:\n  templates: [ours/]\n",
    );
    let run = ci_tool(folder.path(), &["generate", "--check"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    let list = ci_tool(folder.path(), &["template", "list"]).stdout;
    assert!(
        list.lines()
            .any(|line| line.starts_with("own ") && line.ends_with("  ours")),
        "{list}"
    );
    // A part of ours can be another, and a text of one's own chooses its actions.
    let pinned = format!(
        "      - name: Other\n        uses: some/action@{}\n",
        "a".repeat(40)
    );
    write(
        folder.path(),
        "ours/own/template.yml",
        format!("{BODY}#% include \"partials/more.yml\"\n"),
    );
    write(folder.path(), "ours/partials/more.yml", pinned);
    let run = ci_tool(folder.path(), &["template", "render", "own"]);
    assert!(
        run.stdout.contains("uses: some/action@aaaa"),
        "{}{}",
        run.stdout,
        run.stderr
    );
}

#[test]
fn what_is_wrong_with_a_template_is_shown_in_it() {
    assert_eq!(lint(BODY).code, 0);
    for (from, to, place, word) in [
        (
            "<%= runner %>",
            "<%= runer %>",
            "ours/own/template.yml:14:18",
            "undefined",
        ),
        (
            "<%= runner %>",
            "<%= runner | nofilter %>",
            "ours/own/template.yml:14",
            "filter",
        ),
        (
            "    steps:",
            "#% if runner\n    steps:",
            "ours/own/template.yml",
            "unexpected end",
        ),
        (
            "    steps:",
            "#% include \"partials/none.yml\"\n    steps:",
            "ours/own/template.yml:17",
            "partials/none.yml",
        ),
        (
            "    steps:",
            "#% include \"own/template.yml\"\n    steps:",
            "ours/own/template.yml",
            "",
        ),
        (
            "run: echo own",
            "uses: a/b@v1",
            "ours/own/template.yml:19",
            "not pinned",
        ),
        (
            "    timeout-minutes: 5\n",
            "",
            "ours/own/template.yml",
            "timeout-minutes",
        ),
        (
            "    name: Own\n",
            "    name: Own\n    nmae: x\n",
            "ours/own/template.yml:14",
            "nmae",
        ),
    ] {
        assert!(BODY.contains(from), "{from}");
        let run = lint(&BODY.replacen(from, to, 1));
        let text = format!("{}{}", run.stdout, run.stderr);
        assert!(matches!(run.code, 1 | 2), "{to}: {} {text}", run.code);
        assert!(text.contains(place) && text.contains(word), "{to}: {text}");
    }
    for (manifest, place, word) in [
        ("title = \"x\"\n", "ours/own/template.toml:1", "missing"),
        ("title = \n", "ours/own/template.toml:1", ""),
        (
            &MANIFEST.replace("\"true\"", "\"tru e\""),
            "ours/own/template.toml:5",
            "",
        ),
        (
            &format!("{MANIFEST}kind = \"x\"\n"),
            "ours/own/template.toml:8",
            "kind",
        ),
    ] {
        let folder = with_template("own", manifest, BODY);
        let run = ci_tool(folder.path(), &["template", "lint", "ours"]);
        let text = format!("{}{}", run.stdout, run.stderr);
        assert_ne!(run.code, 0, "{text}");
        assert!(
            text.contains(place) && text.contains(word),
            "{manifest}: {text}"
        );
    }
    let folder = with_template("Bad Name", MANIFEST, BODY);
    let run = ci_tool(folder.path(), &["template", "lint", "ours"]);
    assert!(
        run.code == 2 && run.stderr.contains("no name of a template"),
        "{}",
        run.stderr
    );
    let run = ci_tool(folder.path(), &["template", "lint", "nowhere"]);
    assert!(
        run.code == 2 && run.stderr.contains("nowhere"),
        "{}",
        run.stderr
    );
}

#[test]
fn a_template_that_never_ends_is_stopped() {
    for endless in [
        "#% for a in range(100000)\n#% for b in range(100000)\n#% endfor\n#% endfor\n",
        "# <%= \"x\" * 100000000000 %>\n",
        "#% for a in \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"\n#% for b in \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"\n#% for c in \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"\n#% for d in \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"\n# xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n#% endfor\n#% endfor\n#% endfor\n#% endfor\n",
    ] {
        let started = std::time::Instant::now();
        let run = lint(&format!("{endless}{BODY}"));
        assert_ne!(run.code, 0, "{}", run.stdout);
        assert!(
            run.stdout.contains("ours/own/template.yml")
                || run.stderr.contains("ours/own/template.yml"),
            "{}{}",
            run.stdout,
            run.stderr
        );
        assert!(started.elapsed().as_secs() < 60, "{endless}");
    }
}

#[test]
fn cases_are_compared_and_written_on_request() {
    let folder = with_template("own", MANIFEST, BODY);
    let run = ci_tool(folder.path(), &["template", "test", "ours"]);
    assert!(
        run.code == 2 && run.stderr.contains("no case"),
        "{}",
        run.stderr
    );
    write(folder.path(), "ours/own/cases/plain/repository/main.py", "");
    for (arguments, code) in [(&[][..], 1), (&["--update"], 0), (&[], 0)] {
        let run = ci_tool(
            folder.path(),
            &[&["template", "test", "ours"], arguments].concat(),
        );
        assert_eq!(run.code, code, "{}{}", run.stdout, run.stderr);
    }
    write(
        folder.path(),
        "ours/own/template.yml",
        BODY.replace("echo own", "echo new"),
    );
    let run = ci_tool(folder.path(), &["template", "test", "ours"]);
    assert_eq!(run.code, 1);
    assert!(
        run.stdout.contains("+        run: echo new"),
        "{}",
        run.stdout
    );
}

#[test]
fn a_new_template_works_as_it_is_written() {
    let folder = sample("fastapi-nextjs");
    let run = ci_tool(folder.path(), &["template", "new", "nightly-report"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let run = ci_tool(folder.path(), &["template", "lint"]);
    assert_eq!(run.code, 0, "{}", run.stdout);
    let arguments = [
        "generate",
        "--templates",
        "workflows-templates",
        "--only",
        "nightly-report",
    ];
    assert_eq!(ci_tool(folder.path(), &arguments).code, 0);
    assert!(
        folder
            .path()
            .join(".github/workflows/nightly-report.yml")
            .exists()
    );
    for (name, word) in [("nightly-report", "is there already"), ("../x", "no name")] {
        let run = ci_tool(folder.path(), &["template", "new", name]);
        assert!(run.code == 2 && run.stderr.contains(word), "{}", run.stderr);
    }
}

/// A git server over HTTP, stopped when it is dropped.
struct Server {
    child: Child,
    port: String,
}

impl Server {
    fn start(folder: &Path) -> Self {
        let mut child = Command::new("python3")
            .arg(root().join("scripts/git-http.py"))
            .arg(folder)
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 starts");
        let mut port = String::new();
        let stdout = child.stdout.take().expect("piped");
        BufReader::new(stdout).read_line(&mut port).expect("a port");
        Self {
            child,
            port: port.trim().to_owned(),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A bare repository with a template in `ci/own`, and the commit.
fn repository(folder: &Path) -> String {
    let work = folder.join("work");
    write(&work, "ci/own/template.toml", MANIFEST);
    write(&work, "ci/own/template.yml", BODY);
    git(&work, &["init", "--quiet", "--initial-branch", "main"]);
    git(&work, &["add", "--all"]);
    git(&work, &["commit", "--quiet", "--message", "one"]);
    git(folder, &["clone", "--quiet", "--bare", "work", "ours.git"]);
    let head = Command::new("git")
        .args(["rev-parse", "HEAD"])
        .current_dir(&work)
        .output()
        .expect("git");
    String::from_utf8(head.stdout)
        .expect("UTF-8")
        .trim()
        .to_owned()
}

#[test]
fn templates_come_from_a_commit_of_another_repository_and_stay_when_it_is_gone() {
    let there = tempfile::tempdir().expect("temporary folder");
    let commit = repository(there.path());
    let server = Server::start(there.path());
    let folder = sample("uv-service");
    let home = tempfile::tempdir().expect("temporary folder");
    let generate = |source: &str| {
        finish(
            command()
                .args([
                    "generate",
                    "--only",
                    "own",
                    "--dry-run",
                    "--templates",
                    source,
                ])
                .env("HOME", home.path())
                .current_dir(folder.path()),
        )
    };
    let http = format!("git+http://127.0.0.1:{}/ours.git", server.port);
    let good = format!("{http}@{commit}#ci");
    let run = generate(&good);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stdout.contains("echo own"), "{}", run.stdout);

    let unknown = "b".repeat(40);
    for (source, code, word) in [
        (format!("{http}@main#ci"), 2, "no full commit id"),
        (format!("{http}@{unknown}#ci"), 3, "cannot fetch"),
        (
            format!("git+http://127.0.0.1:{}/none.git@{unknown}", server.port),
            3,
            "not found",
        ),
        (format!("{http}@{commit}#none"), 3, "no folder `none`"),
        (format!("{http}@{commit}"), 3, "no template in this folder"),
        (
            "git+http://example.com/x@".to_owned() + &commit,
            2,
            "no address",
        ),
    ] {
        let run = generate(&source);
        assert_eq!(run.code, code, "{source}: {}", run.stderr);
        assert!(run.stderr.contains(word), "{source}: {}", run.stderr);
    }
    // A repository that cannot be reached is needed no more.
    drop(server);
    assert_eq!(generate(&good).code, 0);
    let file = format!(
        "git+file://{}@{commit}#ci",
        there.path().join("ours.git").display()
    );
    assert_eq!(generate(&file).code, 0);
    write(
        folder.path(),
        ".github/ci-tool.yml",
        format!(
            "generate:\n  templates:\n    - git: file://{}/ours.git\n      commit: {commit}\n      path: ci\n",
            there.path().display()
        ),
    );
    let run = finish(
        command()
            .args(["template", "list"])
            .env("HOME", home.path())
            .current_dir(folder.path()),
    );
    assert!(
        run.stdout.contains("own.yml"),
        "{}{}",
        run.stdout,
        run.stderr
    );
}

#[test]
fn rules_of_the_house_reach_every_job_and_are_checked_at_their_line() {
    let folder = sample("fastapi-nextjs");
    let config = "generate:\n  only: [backend-ci, frontend-ci]\n  jobs:\n    \"*\":\n      runner: {group: big, labels: [linux]}\n    backend:\n      timeout-minutes: 12\n      steps:\n        before-install:\n          # Theirs is slow.\n          - name: Use our index\n            run: pip config set global.index-url https://pypi.internal/simple\n";
    write(folder.path(), ".github/ci-tool.yml", config);
    let run = ci_tool(folder.path(), &["generate"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    let path = ".github/workflows/backend-ci.yml";
    let text = std::fs::read_to_string(folder.path().join(path)).expect("written");
    assert!(text.contains("      # Theirs is slow.\n      - name: Use our index\n        run: pip config set global.index-url https://pypi.internal/simple\n\n      - name: Install dependencies\n"), "{text}");
    assert!(!text.contains("ubuntu-24.04"), "{text}");
    let line = text
        .lines()
        .position(|line| line.contains("pypi.internal"))
        .expect("there")
        + 1;
    let run = ci_tool(
        folder.path(),
        &["generate", "--explain", &format!("{path}:{line}")],
    );
    assert!(
        run.stdout.contains(".github/ci-tool.yml:12"),
        "{}",
        run.stdout
    );

    write(
        folder.path(),
        ".github/ci-tool.yml",
        config.replace("minutes: 12", "minutes: 13"),
    );
    let run = ci_tool(folder.path(), &["generate", "--check"]);
    assert!(
        run.code == 1 && run.stdout.contains("the configuration changed"),
        "{}",
        run.stdout
    );

    for (from, to, place) in [
        (
            "run: pip config set global.index-url https://pypi.internal/simple",
            "uses: a/b@v1",
            ".github/ci-tool.yml:12",
        ),
        (
            "          - name: Use our index\n",
            "          - name: Use our index\n            tuneout-minutes: 3\n",
            ".github/ci-tool.yml:12",
        ),
        (
            "run: pip",
            "run: echo ${{ secret.X }} # pip",
            ".github/ci-tool.yml:12",
        ),
    ] {
        write(
            folder.path(),
            ".github/ci-tool.yml",
            config.replace(from, to),
        );
        let run = ci_tool(folder.path(), &["generate"]);
        assert_eq!(run.code, 2, "{to}: {}{}", run.stdout, run.stderr);
        assert!(run.stderr.contains(place), "{to}: {}", run.stderr);
    }
    write(
        folder.path(),
        ".github/ci-tool.yml",
        "generate:\n  jobs:\n    no-such-job: {timeout-minutes: 3}\n",
    );
    let run = ci_tool(folder.path(), &["generate", "--dry-run"]);
    assert!(
        run.stdout
            .contains("names no job of these files by \"no-such-job\""),
        "{}",
        run.stdout
    );
}
