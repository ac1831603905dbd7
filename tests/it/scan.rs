//! `ci-tool scan` with real scanners, and with programs that fail in every way.

use std::path::Path;
use std::process::Command;

use crate::common::{Run, command, finish, peers, root, write};

/// A repository with something for every scanner.
pub fn project() -> tempfile::TempDir {
    // Some scanners pass over hidden folders.
    let folder = tempfile::Builder::new().prefix("project").tempdir();
    let folder = folder.expect("temporary folder");
    let there = folder.path();
    write(
        there,
        "Dockerfile",
        "FROM python:latest\nRUN apt-get install curl\nADD . /app\n",
    );
    write(there, "run.sh", "#!/bin/sh\necho $1\n");
    write(
        there,
        ".github/workflows/ci.yml",
        "on: push\njobs:\n  a:\n    runs-on: ubuntu-24.04\n    steps:\n      - uses: actions/checkout@v4\n      - run: echo ${{ github.event.issue.title }}\n",
    );
    write(
        there,
        "a.py",
        format!(
            "import subprocess\nsubprocess.call(\"ls\", shell=True)\nKEY = \"AKIA{}\"\n",
            "IOSFODNN7EXAMPLF"
        ),
    );
    write(there, "requirements.txt", "django==2.2\n");
    write(
        there,
        "web/package-lock.json",
        r#"{"name":"w","lockfileVersion":3,"packages":{"":{"name":"w","dependencies":{"lodash":"4.17.15"}},"node_modules/lodash":{"version":"4.17.15"}}}"#,
    );
    write(
        there,
        ".semgrep.yml",
        "rules:\n  - id: shell-true\n    pattern: subprocess.call(..., shell=True)\n    message: a shell\n    languages: [python]\n    severity: ERROR\n",
    );
    folder
}

/// The search path with the folders of the real scanners before it.
pub fn real_path() -> String {
    let peers = peers();
    let own = std::env::var("PATH").expect("PATH is set");
    ["py/bin", "scanners/bin", "checkov/bin"]
        .map(|folder| peers.join(folder).display().to_string())
        .join(":")
        + ":"
        + &own
}

pub fn database(cache: &Path, days: u32) {
    let status = Command::new("python3")
        .arg(root().join("scripts/trivy-db.py"))
        .arg(cache.join("trivy"))
        .arg(days.to_string())
        .status()
        .expect("it starts");
    assert!(status.success());
}

fn scan(folder: &Path, cache: &Path, arguments: &[&str]) -> Run {
    let mut command = command();
    command
        .args(["scan", "--offline", "--cache"])
        .arg(cache)
        .args(arguments)
        .env("PATH", real_path())
        .current_dir(folder);
    finish(&mut command)
}

pub fn json(run: &Run) -> serde_json::Value {
    serde_json::from_str(&run.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}{}", run.stdout, run.stderr))
}

/// `scanner: rule path:line` of every finding, sorted.
pub fn told(answer: &serde_json::Value) -> Vec<String> {
    let list = |value: &serde_json::Value| value.as_array().cloned().unwrap_or_default();
    let mut all: Vec<String> = list(&answer["gate"]["findings"])
        .iter()
        .flat_map(|decided| {
            let finding = &decided["finding"];
            let place = &finding["locations"][0];
            let place = format!(
                "{}:{}",
                place["path"].as_str().unwrap_or("-"),
                place["line"].as_u64().unwrap_or(0)
            );
            list(&finding["reportedBy"]).into_iter().map(move |by| {
                let text = |key: &str| by[key].as_str().unwrap_or_default().to_owned();
                format!(
                    "{}: {} {place} {}",
                    text("scanner"),
                    text("rule"),
                    text("severity")
                )
            })
        })
        .collect();
    all.sort();
    all
}

#[test]
fn the_real_trivy_finds_what_is_there() {
    let (there, cache) = (project(), tempfile::tempdir().expect("a folder"));
    database(cache.path(), 0);
    let run = scan(
        there.path(),
        cache.path(),
        &["--scanner", "trivy", "--format", "json"],
    );
    assert_eq!(run.code, 1, "{}{}", run.stdout, run.stderr);
    let answer = json(&run);
    let found = told(&answer);
    for expected in [
        "Trivy: CVE-2019-14234 requirements.txt:1 critical",
        "Trivy: CVE-2020-8203 web/package-lock.json:1 high",
        "Trivy: aws-access-key-id a.py:3 critical",
        "Trivy: DS-0021 Dockerfile:2 high",
    ] {
        assert!(
            found.iter().any(|one| one == expected),
            "{expected}: {found:#?}"
        );
    }
    assert_eq!(answer["complete"], true);
    assert_eq!(answer["scanners"][0]["version"], "0.76.0");
    // What it prints of a secret is not the secret.
    assert!(!run.stdout.contains("IOSFODNN7EXAMPLF"));
}

#[test]
fn trivy_without_a_fresh_database_is_inconclusive() {
    let (there, cache) = (project(), tempfile::tempdir().expect("a folder"));
    let run = scan(there.path(), cache.path(), &["--scanner", "trivy"]);
    assert_eq!(run.code, 3, "{}{}", run.stdout, run.stderr);
    assert!(
        run.stderr.contains("there is no database"),
        "{}",
        run.stderr
    );
    // What it found nevertheless is told.
    assert!(run.stdout.contains("DS-0021"), "{}", run.stdout);
    assert!(run.stdout.contains("undecided: "), "{}", run.stdout);
    database(cache.path(), 30);
    let run = scan(there.path(), cache.path(), &["--scanner", "trivy"]);
    assert!(
        run.code == 3 && run.stderr.contains("30 days ago"),
        "{}",
        run.stderr
    );
    let run = scan(
        there.path(),
        cache.path(),
        &["--scanner", "trivy", "--allow-inconclusive", "trivy"],
    );
    assert_eq!(run.code, 1, "{}", run.stderr);
    // A database that was tampered with is a failure and not silence.
    std::fs::write(cache.path().join("trivy/db/trivy.db"), "not a database").expect("written");
    let run = scan(there.path(), cache.path(), &["--scanner", "trivy"]);
    assert!(
        run.code == 3 && run.stderr.contains("trivy has failed"),
        "{}",
        run.stderr
    );
    // A lock file that it does not understand is not "nothing found".
    database(cache.path(), 0);
    write(
        there.path(),
        "api/requirements.txt",
        "django==2.2\n".replace("==", "===="),
    );
    let run = scan(there.path(), cache.path(), &["--scanner", "trivy"]);
    assert!(
        run.code == 3 && run.stderr.contains("api/requirements.txt"),
        "{}",
        run.stderr
    );
}

#[test]
fn every_scanner_that_is_installed_runs_through_its_preset() {
    let (there, cache) = (project(), tempfile::tempdir().expect("a folder"));
    let mut all = String::new();
    for name in [
        "audit",
        "gitleaks",
        "bandit",
        "semgrep",
        "hadolint",
        "shellcheck",
        "zizmor",
        "actionlint",
        "checkov",
    ] {
        let run = scan(
            there.path(),
            cache.path(),
            &["--scanner", name, "--format", "json"],
        );
        assert!(run.code <= 1, "{name}: {}{}", run.stdout, run.stderr);
        let found = told(&json(&run));
        assert!(!found.is_empty(), "{name}: {}", run.stdout);
        all.extend(found.into_iter().map(|one| one + "\n"));
    }
    let file = root().join("tests/it/preset-findings.txt");
    if std::env::var_os("UPDATE_EXPECTATIONS").is_some() {
        std::fs::write(&file, &all).expect("written");
    }
    let expected = std::fs::read_to_string(&file).expect("read");
    assert_eq!(all, expected, "UPDATE_EXPECTATIONS=1 writes it anew");
}

#[test]
fn the_real_trivy_tells_licences_where_the_policy_asks_for_them() {
    let (there, cache) = (project(), tempfile::tempdir().expect("a folder"));
    database(cache.path(), 0);
    write(
        there.path(),
        "web/node_modules/lodash/package.json",
        r#"{"name":"lodash","version":"4.17.15","license":"GPL-3.0-only"}"#,
    );
    let arguments = ["--scanner", "trivy", "--format", "json"];
    let licences = || {
        let run = scan(there.path(), cache.path(), &arguments);
        assert_eq!(run.code, 1, "{}{}", run.stdout, run.stderr);
        let found = told(&json(&run)).into_iter();
        found
            .filter(|one| one.contains("GPL-3.0-only"))
            .collect::<Vec<_>>()
    };
    assert!(licences().is_empty());
    write(
        there.path(),
        ".github/ci-tool.yml",
        "gate:\n  rules:\n    - license: [\"GPL-*\"]\n      then: deny\n",
    );
    assert_eq!(
        licences(),
        ["Trivy: GPL-3.0-only web/package-lock.json:0 high"]
    );
}

#[test]
fn without_any_scanner_it_is_useful_and_says_what_is_missing() {
    let (there, cache) = (project(), tempfile::tempdir().expect("a folder"));
    let mut command = command();
    command
        .args(["scan", "--cache"])
        .arg(cache.path())
        .env("PATH", "/nowhere")
        .current_dir(there.path());
    let run = finish(&mut command);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    for word in [
        "unpinned-action",
        "trivy",
        "is not installed",
        "pipx install semgrep",
    ] {
        assert!(run.stdout.contains(word), "{word}: {}", run.stdout);
    }
    // Asked for by name it is missed.
    command.args(["--scanner", "trivy"]);
    let run = finish(&mut command);
    assert_eq!(run.code, 3, "{}{}", run.stdout, run.stderr);
    command.args(["--skip", "trifle"]);
    let run = finish(&mut command);
    assert!(
        run.code == 2 && run.stderr.contains("trifle"),
        "{}",
        run.stderr
    );
}

#[test]
fn an_empty_machine_gets_trivy_or_a_failure() {
    let (there, cache) = (project(), tempfile::tempdir().expect("a folder"));
    let install = |path: &str, arguments: &[&str]| {
        let mut command = command();
        command
            .args(["scan", "--install", "--fail-on", "never", "--cache"])
            .arg(cache.path())
            .args(arguments)
            .env("PATH", path)
            // Nothing is reached, wherever this runs.
            .env("HTTPS_PROXY", "http://127.0.0.1:1")
            .current_dir(there.path());
        finish(&mut command)
    };
    let run = install("/nowhere", &[]);
    assert_eq!(run.code, 3, "{}{}", run.stdout, run.stderr);
    for word in ["trivy has failed", "cannot be fetched", "`scan.skip`"] {
        assert!(run.stderr.contains(word), "{word}: {}", run.stderr);
    }
    assert!(run.stdout.contains("unpinned-action"), "{}", run.stdout);
    for arguments in [
        ["--allow-failed", "trivy"],
        ["--skip", "trivy"],
        ["--scanner", "audit"],
    ] {
        let run = install("/nowhere", &arguments);
        assert_eq!(run.code, 0, "{arguments:?}: {}{}", run.stdout, run.stderr);
        let asks = run.stderr.contains("is fetched from");
        assert_eq!(asks, arguments[0] == "--allow-failed", "{}", run.stderr);
    }
    let run = install("/nowhere", &["--dry-run"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert!(!run.stderr.contains("is fetched from"), "{}", run.stderr);
    assert!(run.stdout.contains("trivy"), "{}", run.stdout);
    // What is on the search path is as good, and nothing is fetched.
    let programs = fake("exit 9");
    let path = format!("{}:/usr/bin:/bin", programs.path().display());
    let run = install(&path, &["--scanner", "trivy"]);
    assert_eq!(run.code, 3, "{}{}", run.stdout, run.stderr);
    assert!(!run.stderr.contains("is fetched from"), "{}", run.stderr);
    // With --offline nothing can be fetched: one of both is a mistake.
    let run = install("/nowhere", &["--offline"]);
    assert_eq!(run.code, 2, "{}{}", run.stdout, run.stderr);
}

/// A folder with a program of this name for every scanner.
pub fn fake(script: &str) -> tempfile::TempDir {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().expect("a folder");
    for name in [
        "trivy",
        "snyk",
        "grype",
        "osv-scanner",
        "gitleaks",
        "hadolint",
        "npm",
        "pip-audit",
        "bandit",
        "semgrep",
        "checkov",
        "zizmor",
        "actionlint",
        "shellcheck",
        "cargo-audit",
    ] {
        write(folder.path(), name, format!("#!/bin/sh\n{script}\n"));
        let file = folder.path().join(name);
        std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o755)).expect("set");
    }
    folder
}

pub fn with_fakes(there: &Path, fakes: &Path, arguments: &[&str]) -> Run {
    let cache = tempfile::tempdir().expect("a folder");
    let mut command = command();
    command
        .args(["scan", "--time-limit", "2", "--cache"])
        .arg(cache.path())
        .args(arguments)
        .env("PATH", format!("{}:/usr/bin:/bin", fakes.display()))
        .env("SNYK_TOKEN", "canary-of-snyk-0123456789")
        .env("GITHUB_TOKEN", "canary-of-github-0123456789")
        .current_dir(there);
    finish(&mut command)
}

#[test]
fn no_way_to_fail_passes_for_an_answer() {
    const ALL: [&str; 18] = [
        "audit",
        "trivy",
        "snyk",
        "snyk-code",
        "snyk-iac",
        "grype",
        "osv-scanner",
        "gitleaks",
        "semgrep",
        "bandit",
        "hadolint",
        "checkov",
        "zizmor",
        "actionlint",
        "shellcheck",
        "pip-audit",
        "npm-audit",
        "cargo-audit",
    ];
    let there = project();
    write(there.path(), "Cargo.lock", "version = 4\n");
    for (what, script) in [
        ("crashes", "kill -SEGV $$"),
        ("ends with a failure", "echo broken >&2; exit 2"),
        ("says nothing", "exit 0"),
        ("says nothing and has findings", "exit 1"),
        ("hangs", "sleep 100"),
        ("ignores signals", "trap '' TERM INT; sleep 100; sleep 100"),
        ("floods its output", "exec cat /dev/zero"),
        (
            "prints half a report",
            "printf '{\"runs\": [{\"results\": ['",
        ),
        (
            "prints another format",
            "echo '{\"SchemaVersion\": 9, \"matches\": 1, \"results\": 2, \"version\": \"9\"}'",
        ),
        ("prints an empty object", "echo '{}'"),
        ("prints an empty list", "echo '[]'"),
        ("prints words", "echo all is well"),
    ] {
        let fakes = fake(script);
        let arguments = ["--format", "json", "--scanner", &ALL.join(",")];
        let run = with_fakes(there.path(), fakes.path(), &arguments);
        assert_eq!(run.code, 3, "{what}: {}{}", run.stdout, run.stderr);
        let answer = json(&run);
        assert_eq!(answer["complete"], false, "{what}");
        let scanners = answer["scanners"].as_array().expect("a list");
        let names: std::collections::BTreeSet<&str> = scanners
            .iter()
            .filter_map(|one| one["name"].as_str())
            .collect();
        assert_eq!(names, ALL.into_iter().collect(), "{what}");
        for one in scanners {
            let expected = match one["name"].as_str() {
                Some("audit") => "looked",
                // It is how this one says that it found nothing.
                Some("actionlint") if what == "prints an empty list" => "looked",
                _ => "failed",
            };
            assert_eq!(one["state"], expected, "{what}: {one}");
        }
        // What others found is told all the same.
        assert!(
            run.stdout.contains("unpinned-action"),
            "{what}: {}",
            run.stdout
        );
    }
}

#[test]
fn a_program_that_cannot_be_run_is_a_failure() {
    use std::os::unix::fs::PermissionsExt as _;
    let (there, fakes) = (project(), fake("exit 0"));
    for entry in std::fs::read_dir(fakes.path()).expect("listed") {
        let file = entry.expect("listed").path();
        std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o644)).expect("set");
    }
    let run = with_fakes(there.path(), fakes.path(), &["--scanner", "trivy,snyk"]);
    assert_eq!(run.code, 3, "{}{}", run.stdout, run.stderr);
    assert!(run.stderr.contains("cannot be run"), "{}", run.stderr);
}

#[test]
fn a_scanner_sees_its_own_token_writes_where_it_may_and_leaves_nothing_running() {
    let there = project();
    let marker = format!("ci-tool-test-{}", std::process::id());
    let fakes = fake(&format!(
        "env >&2; echo x > $OLDPWD/evil; echo x > {0}/evil; (setsid sleep 98765 {marker} &) ; exit 2",
        there.path().display()
    ));
    let run = with_fakes(there.path(), fakes.path(), &["--verbose"]);
    assert_eq!(run.code, 3, "{}{}", run.stdout, run.stderr);
    let all = format!("{}{}", run.stdout, run.stderr);
    assert!(!all.contains("canary-of"), "{all}");
    // A program that passes on all that it sees, into a report.
    let script = r#"printf '{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"x"}},"results":[{"message":{"text":"%s"}}]}]}' "$(env | tr '\n"\\' '   ')" > "$report""#;
    write(
        there.path(),
        "spy.sh",
        format!("#!/bin/sh\nreport=$1\n{script}\n"),
    );
    write(
        there.path(),
        ".github/ci-tool.yml",
        "scan:\n  only: [spy]\n  scanners:\n    spy:\n      command: [sh, \"spy.sh\", \"{report}\"]\n      inside: true\n",
    );
    let run = with_fakes(there.path(), fakes.path(), &["--format", "json"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.contains("HOME="), "{}", run.stdout);
    assert!(!run.stdout.contains("canary-of"), "{}", run.stdout);
    let left = Command::new("pgrep").args(["-f", &marker]).output();
    if let Ok(left) = left {
        assert!(left.stdout.is_empty(), "{left:?}");
    }
    let landlock = std::fs::read_to_string("/sys/kernel/security/lsm").unwrap_or_default();
    if there.path().join("evil").exists() {
        assert!(
            !landlock.contains("landlock"),
            "it wrote into the repository"
        );
        println!("not checked: this kernel holds no child to its folders (Landlock)");
    }
}

#[test]
fn descriptions_that_are_wrong_are_refused_at_their_line() {
    let there = project();
    for (text, word) in [
        ("command: []", "no program"),
        ("command: [x]", "{report}"),
        ("command: [x, \"{files}\"]\n      report: stdout", "`files`"),
        (
            "command: [x, \"{report}\"]\n      files: [\"[\"]",
            "no glob",
        ),
    ] {
        let config = format!("scan:\n  scanners:\n    own:\n      {text}\n");
        write(there.path(), ".github/ci-tool.yml", config);
        let run = scan(there.path(), there.path(), &[]);
        assert!(
            run.code == 2 && run.stderr.contains(word) && run.stderr.contains("ci-tool.yml:"),
            "{text}: {}",
            run.stderr
        );
    }
}

#[test]
fn real_reports_in_json_are_read() {
    use ci_tool::config::scan::ReportFormat;
    use ci_tool::findings::Report;
    use ci_tool::sarif::{self, Source};
    use ci_tool::scanners::formats::{self, About};
    let folder = root().join("../shared/sarif-samples");
    if !folder.is_dir() {
        println!("skipped: real_reports_in_json_are_read (no ../shared)");
        return;
    }
    let about = About {
        root: "/nowhere",
        target: None,
        folder: "",
    };
    let mut counts = Vec::new();
    for (kind, format) in [
        ("trivy-golden", ReportFormat::Trivy),
        ("trivy-json", ReportFormat::Trivy),
        ("grype-json", ReportFormat::Grype),
        ("snyk-json", ReportFormat::Snyk),
    ] {
        let mut names: Vec<_> = std::fs::read_dir(folder.join(kind))
            .expect("listed")
            .map(|entry| entry.expect("listed").path())
            .filter(|path| path.to_string_lossy().contains("json"))
            .collect();
        names.sort();
        for path in names {
            let source = Source::new(std::fs::read(&path).expect("read"));
            let read = formats::read(format, &source, about);
            let name = path
                .file_name()
                .expect("a name")
                .to_string_lossy()
                .into_owned();
            counts.push(match read {
                Ok(read) => format!("{name} {}", read.reading.into_report().findings.len()),
                Err(why) => format!("{name}: {why}"),
            });
        }
    }
    let expected = include_str!("scanner-reports.txt");
    assert_eq!(counts.join("\n") + "\n", expected);
    // One scan, told in both of Trivy's forms.
    let text = |name: &str| {
        let path = folder.join("trivy-golden").join(name);
        Source::new(std::fs::read(path).expect("read"))
    };
    let (one, other) = (
        text("alpine-310.json.golden"),
        text("alpine-310.sarif.golden"),
    );
    let json = formats::read(ReportFormat::Trivy, &one, about).expect("read");
    let sarif = sarif::read(&other, "x", &sarif::Options::default()).expect("read");
    let said = |report: &Report<'_>| -> Vec<String> {
        let mut all: Vec<String> = report
            .findings
            .iter()
            .map(|finding| {
                let package = finding.package().expect("a package");
                format!(
                    "{} {} {} {:?} {:?} {:?}",
                    finding.identity,
                    finding.name(),
                    package.full_name(),
                    package.version,
                    finding.fixed_versions(),
                    finding.severity(),
                )
            })
            .collect();
        all.sort();
        all
    };
    assert_eq!(
        said(&json.reading.into_report()),
        said(&sarif.into_report())
    );
}
