//! The gate through the binary: policies, baselines, diffs, suppressions of every
//! file that is known, and what it must refuse to decide.

use std::path::Path;

use crate::common::{Run, ci_tool, git, root, write};

/// A SARIF result of a vulnerability in a package, or of code.
fn result(rule: &str, level: &str, path: &str, line: u32, message: &str) -> serde_json::Value {
    serde_json::json!({
        "ruleId": rule, "level": level, "message": {"text": message},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": path}, "region": {"startLine": line}}}]
    })
}

fn sarif(results: &[serde_json::Value]) -> String {
    serde_json::json!({
        "version": "2.1.0",
        "runs": [{"tool": {"driver": {"name": "Semgrep", "rules": []}}, "results": results}]
    })
    .to_string()
}

/// Three findings: high, medium and low, each in another file.
fn three() -> String {
    sarif(&[
        result("eval", "error", "src/a.py", 3, "eval of input"),
        result("assert", "warning", "src/b.py", 7, "assert in code"),
        result("todo", "note", "tests/c.py", 9, "a todo"),
    ])
}

fn folder(config: &str, report: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("temporary folder");
    if !config.is_empty() {
        write(folder.path(), ".github/ci-tool.yml", config);
    }
    write(folder.path(), "r.sarif", report);
    folder
}

fn gate(folder: &Path, arguments: &[&str]) -> Run {
    ci_tool(
        folder,
        &[&["gate", "r.sarif", "--date", "2026-11-25"], arguments].concat(),
    )
}

fn verdict(folder: &Path, arguments: &[&str]) -> serde_json::Value {
    let run = gate(folder, &[arguments, &["--format", "json"]].concat());
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {}", run.stderr))
}

#[test]
fn a_severity_fails_and_the_rule_is_named() {
    let there = folder("", &three());
    for (severity, code) in [
        ("critical", 0),
        ("high", 1),
        ("medium", 1),
        ("note", 1),
        ("never", 0),
    ] {
        let run = gate(there.path(), &["--fail-on", severity]);
        assert_eq!(run.code, code, "{severity}: {}{}", run.stdout, run.stderr);
    }
    let run = gate(there.path(), &[]);
    assert_eq!(run.code, 1);
    assert!(run.stdout.contains("fail-on: high"), "{}", run.stdout);
    assert!(
        run.stdout.contains("fails: 1 denied, 0 warned, 2 passed"),
        "{}",
        run.stdout
    );
    assert!(run.stdout.contains("src/a.py:3"), "{}", run.stdout);
    // What is not shown still decides, and the other way round.
    let quiet = folder("gate: {show: critical}\n", &three());
    let run = gate(quiet.path(), &[]);
    assert!(
        run.code == 1 && !run.stdout.contains("src/b.py"),
        "{}",
        run.stdout
    );
}

#[test]
fn rules_are_asked_in_order_and_near_misses_do_not_fit() {
    for (rule, denied) in [
        ("{then: deny, severity: medium}", 2),
        ("{then: deny, kind: [code]}", 3),
        ("{then: deny, kind: [secret]}", 0),
        ("{then: deny, path: [\"tests/**\"]}", 1),
        ("{then: deny, path: [\"tests/*.js\"]}", 0),
        ("{then: deny, id: [\"ev*\"]}", 1),
        ("{then: deny, id: [\"ev\"]}", 0),
        ("{then: deny, scanner: [semgrep]}", 3),
        ("{then: deny, scanner: [trivy]}", 0),
        ("{then: deny, fixable: true}", 0),
        ("{then: deny, fixable: false}", 3),
        ("{then: deny, package: [\"*\"]}", 0),
        ("{then: deny, scope: [runtime]}", 0),
        ("{then: deny, cwe: [79]}", 0),
        ("{then: deny, new: true}", 3),
        ("{then: deny, epss: 0.0}", 0),
        ("{then: deny, known-exploited: true}", 0),
        ("{then: deny, severity: high, path: [\"tests/**\"]}", 0),
    ] {
        let there = folder(
            &format!("gate:\n  fail-on: never\n  rules:\n    - {rule}\n"),
            &three(),
        );
        let verdict = verdict(there.path(), &[]);
        assert_eq!(verdict["counts"]["denied"], denied, "{rule}: {verdict}");
    }
    let there = folder(
        "gate:\n  rules:\n    - {then: allow, name: known, id: [eval]}\n    - {then: deny, kind: [code], severity: high}\n    - {then: warn, path: [\"src/**\"]}\n",
        &three(),
    );
    let verdict = verdict(there.path(), &[]);
    assert_eq!(verdict["passes"], true);
    assert_eq!(verdict["counts"]["warned"], 1, "{verdict}");
    let of = |name: &str| {
        let all = verdict["findings"].as_array().expect("findings");
        let found = all.iter().find(|one| one["finding"]["name"] == name);
        found
            .map_or("", |one| one["rule"].as_str().unwrap_or_default())
            .to_owned()
    };
    assert_eq!(of("eval"), "allow: known");
    assert_eq!(of("assert"), "warn: path src/**");
    assert_eq!(of("todo"), "milder than fail-on: high");
}

#[test]
fn budgets_may_only_shrink() {
    let with = |limit: usize| {
        folder(
            &format!("gate: {{fail-on: critical, budgets: {{high: {limit}}}}}\n"),
            &three(),
        )
    };
    for (limit, code, word) in [
        (0, 1, "too many"),
        (1, 0, "as many as may pass"),
        (2, 0, "lower the budget"),
    ] {
        let run = gate(with(limit).path(), &[]);
        assert_eq!(run.code, code, "{}", run.stdout);
        assert!(run.stdout.contains(word), "{}", run.stdout);
    }
}

#[test]
fn a_budget_that_was_raised_does_not_hold() {
    let config =
        |limit: usize| format!("gate: {{fail-on: critical, budgets: {{high: {limit}}}}}\n");
    let there = folder(&config(0), &three());
    git(there.path(), &["init", "--quiet"]);
    git(there.path(), &["add", "--all"]);
    git(there.path(), &["commit", "--quiet", "--message", "one"]);
    write(there.path(), ".github/ci-tool.yml", config(5));
    assert_eq!(gate(there.path(), &[]).code, 0);
    let run = gate(there.path(), &["--diff-base", "HEAD"]);
    assert_eq!(run.code, 1, "{}{}", run.stdout, run.stderr);
    assert!(run.stderr.contains("from 0 to 5"), "{}", run.stderr);
    assert!(run.stdout.contains("budget high: 1 of 0"), "{}", run.stdout);
}

#[test]
fn a_screenful_is_listed_and_the_rest_is_counted() {
    let many: Vec<serde_json::Value> = (1..=100)
        .map(|line| result("eval", "error", "src/a.py", line, &format!("eval {line}")))
        .collect();
    let there = folder("", &sarif(&many));
    let run = gate(there.path(), &[]);
    assert!(run.stdout.lines().count() < 80, "{}", run.stdout);
    for word in ["and 80 more", "fails: 100 denied"] {
        assert!(run.stdout.contains(word), "{word}: {}", run.stdout);
    }
    let run = gate(there.path(), &["--verbose"]);
    assert!(run.stdout.contains("src/a.py:100"), "{}", run.stdout);
}

#[test]
fn an_ignore_file_of_a_project_holds_for_this_project() {
    let vulnerability = |path: &str| {
        result(
            "CVE-2024-1000",
            "error",
            path,
            1,
            "Package: lodash\nInstalled Version: 1.0.0\n",
        )
    };
    let report = |paths: &[&str]| {
        let results: Vec<serde_json::Value> =
            paths.iter().map(|path| vulnerability(path)).collect();
        sarif(&results).replace("Semgrep", "Trivy")
    };
    for (paths, denied) in [
        (&["web/package-lock.json"][..], 0),
        (&["web/package-lock.json", "api/package-lock.json"], 1),
        (&["website/package-lock.json"], 1),
    ] {
        for (file, text) in [
            (
                "web/osv-scanner.toml",
                "[[IgnoredVulns]]\nid = \"CVE-2024-1000\"\n",
            ),
            (
                "web/.snyk",
                "ignore:\n  CVE-2024-1000:\n    - '*':\n        reason: x\n",
            ),
        ] {
            let there = folder("", &report(paths));
            write(there.path(), file, text);
            let verdict = verdict(there.path(), &[]);
            assert_eq!(
                verdict["counts"]["denied"], denied,
                "{file} {paths:?} {verdict}"
            );
        }
    }
}

#[test]
fn what_the_baseline_has_is_not_new() {
    let there = folder("", &three());
    // The same, some lines further down, and without the first.
    write(
        there.path(),
        "old.sarif",
        sarif(&[result("eval", "error", "src/a.py", 1, "eval of input")]),
    );
    assert_eq!(
        gate(there.path(), &["--baseline", "old.sarif", "--only-new"]).code,
        0
    );
    write(there.path(), "old.sarif", sarif(&[]));
    assert_eq!(
        gate(there.path(), &["--baseline", "old.sarif", "--only-new"]).code,
        1
    );
    // One that is kept in git.
    write(there.path(), "kept.sarif", three());
    git(there.path(), &["init", "--quiet"]);
    git(there.path(), &["add", "--all"]);
    git(there.path(), &["commit", "--quiet", "--message", "one"]);
    std::fs::remove_file(there.path().join("kept.sarif")).expect("removed");
    assert_eq!(
        gate(
            there.path(),
            &["--baseline", "HEAD:kept.sarif", "--only-new"]
        )
        .code,
        0
    );
    for baseline in ["none.sarif", "HEAD:none.sarif", "none:kept.sarif"] {
        let run = gate(there.path(), &["--baseline", baseline, "--only-new"]);
        assert_eq!(run.code, 3, "{baseline}: {}{}", run.stdout, run.stderr);
    }
}

#[test]
fn what_was_changed_comes_from_a_diff_or_from_git() {
    let there = folder("", &three());
    let diff =
        |line: u32| format!("--- a/src/a.py\n+++ b/src/a.py\n@@ -{line} +{line} @@\n-x\n+y\n");
    for (line, what, code) in [(3, "lines", 1), (4, "lines", 0), (4, "files", 1)] {
        write(there.path(), "d.diff", diff(line));
        let run = gate(there.path(), &["--diff", "d.diff", "--only-changed", what]);
        assert_eq!(
            run.code, code,
            "{line} {what}: {}{}",
            run.stdout, run.stderr
        );
    }
    write(there.path(), "d.diff", "+++ b/x\n@@ nonsense\n");
    let run = gate(
        there.path(),
        &["--diff", "d.diff", "--only-changed", "lines"],
    );
    assert!(
        run.code == 3 && run.stderr.contains("d.diff:2"),
        "{}",
        run.stderr
    );
    let run = gate(there.path(), &["--only-changed", "lines"]);
    assert!(
        run.code == 2 && run.stderr.contains("--diff"),
        "{}",
        run.stderr
    );

    write(there.path(), "src/a.py", "a\nb\nc\n");
    git(
        there.path(),
        &["init", "--quiet", "--initial-branch", "main"],
    );
    git(there.path(), &["add", "--all"]);
    git(there.path(), &["commit", "--quiet", "--message", "one"]);
    git(there.path(), &["switch", "--quiet", "--create", "topic"]);
    for (text, code) in [("a\nb\nC\n", 1), ("A\nb\nc\n", 0)] {
        git(there.path(), &["reset", "--quiet", "--hard", "main"]);
        write(there.path(), "src/a.py", text);
        git(
            there.path(),
            &["commit", "--quiet", "--all", "--message", "two"],
        );
        let run = gate(
            there.path(),
            &["--diff-base", "main", "--only-changed", "lines"],
        );
        assert_eq!(run.code, code, "{text:?}: {}{}", run.stdout, run.stderr);
    }
    let run = gate(
        there.path(),
        &["--diff-base", "nowhere", "--only-changed", "lines"],
    );
    assert_eq!(run.code, 3, "{}", run.stderr);
}

#[test]
fn a_suppression_holds_until_its_day_and_is_told_when_it_does_nothing() {
    let entry = |id: &str, expires: &str| {
        format!(
            "gate:\n  suppressions:\n    max-days: 90\n    entries:\n      - id: {id}\n        reason: only in a test\n        expires: {expires}\n        owner: team\n"
        )
    };
    for (id, expires, code, word) in [
        ("eval", "2026-11-25", 0, "1 set aside"),
        ("EV*", "2026-12-31", 0, "1 set aside"),
        (
            "eval",
            "2026-11-24",
            1,
            "ended on 2026-11-24: it holds for none of 1 findings",
        ),
        (
            "eval",
            "2027-11-25",
            1,
            "ends later than the policy lets it",
        ),
        ("other", "2026-12-31", 1, "means no finding: delete it"),
    ] {
        let there = folder(&entry(id, expires), &three());
        let run = gate(there.path(), &[]);
        assert_eq!(
            run.code, code,
            "{id} {expires}: {}{}",
            run.stdout, run.stderr
        );
        assert!(run.stdout.contains(word), "{id} {expires}: {}", run.stdout);
    }
    for (wrong, word) in [
        (entry("eval", "soon"), "`soon` is no day"),
        (
            entry("eval", "2026-12-31").replace("        reason: only in a test\n", ""),
            "reason",
        ),
        (entry("\"[\"", "2026-12-31"), "`id`"),
        (
            "gate:\n  rules:\n    - {then: deny, kind: [bug]}\n".to_owned(),
            "`bug` is no kind",
        ),
        (
            "gate:\n  rules:\n    - {then: deny, sevrity: high}\n".to_owned(),
            "did you mean `severity`",
        ),
        ("gate: {fail-on: severe}\n".to_owned(), "severe"),
    ] {
        let there = folder(&wrong, &three());
        let run = gate(there.path(), &[]);
        assert_eq!(run.code, 2, "{wrong}: {}{}", run.stdout, run.stderr);
        assert!(
            run.stderr.contains(word) && run.stderr.contains(".github/ci-tool.yml:"),
            "{wrong}: {}",
            run.stderr
        );
    }
}

#[test]
fn files_of_other_tools_hold_for_every_scanners_findings() {
    for (file, text, code) in [
        (".trivyignore", "eval\n", 0),
        (".trivyignore", "eval exp:2026-11-24\n", 1),
        (".trivyignore.yaml", "misconfigurations:\n  - id: eval\n", 1),
        (
            ".snyk",
            "ignore:\n  eval:\n    - '*':\n        reason: x\n",
            0,
        ),
        (
            ".snyk",
            "ignore:\n  eval:\n    - 'src/*.py':\n        reason: x\n",
            0,
        ),
        // Of a package: this finding has none.
        (
            ".snyk",
            "ignore:\n  eval:\n    - 'a > lodash':\n        reason: x\n",
            1,
        ),
        ("osv-scanner.toml", "[[IgnoredVulns]]\nid = \"eval\"\n", 0),
        (
            "vex.json",
            "{\"@context\": \"https://openvex.dev/ns/v0.2.0\", \"statements\": [{\"vulnerability\": \"eval\", \"products\": [\"pkg:npm/x\"], \"status\": \"not_affected\"}]}",
            1,
        ),
        (
            "src/a.py",
            "x\n# ci-tool: ignore[eval] the input is ours\neval(x)\n",
            0,
        ),
        (
            "src/a.py",
            "x\n# ci-tool: ignore[exec] the input is ours\neval(x)\n",
            1,
        ),
        (
            "src/a.py",
            "# ci-tool: ignore[eval] too far away\nx\neval(x)\n",
            1,
        ),
    ] {
        let there = folder("", &three());
        write(there.path(), file, text);
        let arguments: &[&str] = if file == "vex.json" {
            &["--ignore-file", "vex.json"]
        } else {
            &[]
        };
        let run = gate(there.path(), arguments);
        assert_eq!(
            run.code, code,
            "{file} {text}: {}{}",
            run.stdout, run.stderr
        );
    }
    let there = folder("gate: {suppressions: {strict: true}}\n", &three());
    write(there.path(), ".trivyignore", "eval\n");
    let run = gate(there.path(), &[]);
    assert!(
        run.code == 1 && run.stdout.contains("no reason or no end"),
        "{}",
        run.stdout
    );
    write(there.path(), ".trivyignore", "eval until tomorrow\n");
    let run = gate(there.path(), &[]);
    assert!(
        run.code == 2 && run.stderr.contains(".trivyignore:1"),
        "{}",
        run.stderr
    );
}

#[test]
fn what_is_set_aside_is_marked_in_sarif_and_read_back() {
    let there = folder("", &three());
    write(there.path(), ".trivyignore", "eval exp:2026-12-31\n");
    let run = gate(
        there.path(),
        &["--format", "sarif", "--output", "out.sarif"],
    );
    assert_eq!(run.code, 0, "{}", run.stderr);
    std::fs::remove_file(there.path().join(".trivyignore")).expect("removed");
    std::fs::rename(there.path().join("out.sarif"), there.path().join("r.sarif")).expect("renamed");
    let verdict = verdict(there.path(), &[]);
    assert_eq!(verdict["counts"]["suppressed"], 1, "{verdict}");
}

#[test]
fn one_finding_is_explained() {
    let there = folder("", &three());
    let verdict = verdict(there.path(), &[]);
    let first = &verdict["findings"][0];
    assert_eq!(first["outcome"], "denied");
    let fingerprint = first["finding"]["identity"].as_str().expect("an identity");
    let run = gate(there.path(), &["--explain", fingerprint]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    for word in [
        "eval",
        "by Semgrep",
        "denied",
        "fail-on: high",
        "src/a.py:3",
    ] {
        assert!(run.stdout.contains(word), "{word}: {}", run.stdout);
    }
    assert_eq!(gate(there.path(), &["--explain", "0123"]).code, 2);
}

#[test]
fn figures_of_exploitation_are_used_while_they_are_fresh() {
    let report = sarif(&[result("CVE-2021-44228", "note", "pom.xml", 1, "log4j")]);
    let config = "gate:\n  fail-on: never\n  rules:\n    - {then: deny, epss: 0.9}\n    - {then: deny, known-exploited: true}\n";
    let there = folder(config, &report);
    assert_eq!(gate(there.path(), &[]).code, 0);
    let epss = |day: &str, score: &str| {
        format!(
            "#model_version:v1,score_date:{day}T00:00:00+0000\ncve,epss,percentile\nCVE-2021-44228,{score},0.9\n"
        )
    };
    for (text, code) in [
        (epss("2026-11-20", "0.94"), 1),
        (epss("2026-11-20", "0.5"), 0),
        (epss("2026-11-01", "0.94"), 3),
        ("<html>".to_owned(), 3),
    ] {
        write(there.path(), "epss.csv", &text);
        let run = gate(there.path(), &["--epss", "epss.csv"]);
        assert_eq!(run.code, code, "{text}: {}{}", run.stdout, run.stderr);
    }
    write(
        there.path(),
        "kev.json",
        "{\"dateReleased\": \"2026-11-24T00:00:00Z\", \"vulnerabilities\": [{\"cveID\": \"CVE-2021-44228\"}]}",
    );
    assert_eq!(gate(there.path(), &["--kev", "kev.json"]).code, 1);
}

#[test]
fn a_scanner_that_failed_or_a_file_that_is_none_is_no_answer() {
    let failed = "{\"version\": \"2.1.0\", \"runs\": [{\"tool\": {\"driver\": {\"name\": \"Semgrep\"}}, \"results\": [], \"invocations\": [{\"executionSuccessful\": false}]}]}";
    let there = folder("", failed);
    let run = gate(there.path(), &[]);
    assert!(
        run.code == 3 && run.stderr.contains("Semgrep"),
        "{}{}",
        run.stdout,
        run.stderr
    );
    assert_eq!(gate(there.path(), &["--allow-failed", "semgrep"]).code, 0);
    for text in ["", "{}", "[1]", "not json"] {
        write(there.path(), "r.sarif", text);
        assert_eq!(gate(there.path(), &[]).code, 3, "{text:?}");
    }
    std::fs::remove_file(there.path().join("r.sarif")).expect("removed");
    assert_eq!(gate(there.path(), &[]).code, 3);
}

#[test]
fn real_reports_are_judged() {
    let samples = root().join("../shared/sarif-samples/sarif");
    if !samples.is_dir() {
        println!(
            "skipped: real_reports_are_judged: {} is not there",
            samples.display()
        );
        return;
    }
    let there = tempfile::tempdir().expect("temporary folder");
    let mut files: Vec<_> = std::fs::read_dir(samples)
        .expect("listed")
        .map(|entry| entry.expect("listed").path().display().to_string())
        .collect();
    files.sort();
    let mut judged = 0;
    for file in &files {
        let arguments = [
            "gate",
            file,
            "--fail-on",
            "note",
            "--format",
            "json",
            "--date",
            "2026-11-25",
        ];
        let run = ci_tool(there.path(), &arguments);
        if run.code == 3 {
            assert!(!run.stderr.is_empty(), "{file}");
            continue;
        }
        let verdict: serde_json::Value = serde_json::from_str(&run.stdout).expect("JSON");
        let count = |key: &str| verdict["counts"][key].as_u64().expect("a count");
        let all = verdict["findings"].as_array().map_or(0, Vec::len) as u64;
        assert_eq!(
            count("denied") + count("suppressed"),
            all,
            "{file}: nothing is milder than a note"
        );
        assert_eq!(run.code == 1, count("denied") > 0, "{file}");
        judged += 1;
    }
    assert!(judged > 15, "{judged} of {}", files.len());
}

mod laws {
    use ci_tool::findings::{Kind, Report};
    use ci_tool::policy::{
        Action, Date, FailOn, Gate, Intelligence, Known, Outcome, OwnSuppression, Policy, Rule,
        Suppression, Verdict,
    };
    use proptest::prelude::*;

    use crate::findings_laws::{One, observations, report};

    fn rule() -> impl Strategy<Value = Rule> {
        let severity = prop::option::of(prop::sample::select(vec![FailOn::Low, FailOn::High]));
        let kind = prop::sample::subsequence(Kind::ALL.to_vec(), 0..3);
        let path = prop::sample::subsequence(vec!["*.py", "web/**"], 0..2);
        let then = prop::sample::select(vec![Action::Deny, Action::Warn, Action::Allow]);
        (then, severity, kind, path, prop::option::of(any::<bool>())).prop_map(
            |(then, severity, kind, path, fixable)| Rule {
                then,
                name: None,
                severity,
                kind: kind.iter().map(|kind| kind.as_str().to_owned()).collect(),
                id: Vec::new(),
                scanner: Vec::new(),
                path: path.into_iter().map(str::to_owned).collect(),
                package: Vec::new(),
                scope: Vec::new(),
                cwe: Vec::new(),
                license: Vec::new(),
                fixable,
                new: None,
                changed: None,
                epss: None,
                known_exploited: None,
            },
        )
    }

    fn policy() -> impl Strategy<Value = Policy> {
        let fail_on = prop::sample::select(vec![FailOn::Never, FailOn::High, FailOn::Note]);
        let budgets = prop::collection::btree_map(
            prop::sample::select(vec![FailOn::Low, FailOn::Medium, FailOn::Critical]),
            0_usize..6,
            0..3,
        );
        (
            fail_on,
            prop::collection::vec(rule(), 0..4),
            budgets,
            any::<bool>(),
            any::<bool>(),
        )
            .prop_map(|(fail_on, rules, budgets, only_new, only_fixable)| {
                let gate = Gate {
                    fail_on: Some(fail_on),
                    rules,
                    budgets,
                    only_new,
                    only_fixable,
                    ..Gate::default()
                };
                Policy::new(&gate).expect("sound")
            })
    }

    fn suppressions() -> impl Strategy<Value = Vec<Suppression>> {
        let id = prop::sample::select(vec!["*", "CVE-2021-000*", "GHSA-*", "none"]);
        let package = prop::option::of(prop::sample::select(vec![
            "pkg:npm/lodash",
            "pkg:pypi/libssl@1.0",
        ]));
        let path = prop::sample::subsequence(vec!["*.py", "web/**"], 0..2);
        let expires = prop::sample::select(vec!["2026-11-24", "2026-12-31"]);
        let one = (id, package, path, expires).prop_map(|(id, package, path, expires)| {
            let written = OwnSuppression {
                id: id.to_owned(),
                package: package.map(str::to_owned),
                path: path.into_iter().map(str::to_owned).collect(),
                reason: "x".to_owned(),
                expires: expires.to_owned(),
                owner: None,
            };
            Suppression::own(&written, "f", 1).expect("sound")
        });
        prop::collection::vec(one, 0..5)
    }

    fn judge(policy: &Policy, report: &Report<'_>, suppressions: &[Suppression]) -> Verdict {
        policy.judge(
            report,
            suppressions,
            Known {
                changes: None,
                intelligence: &Intelligence::default(),
                today: &Date::parse("2026-11-25").expect("a day"),
            },
        )
    }

    proptest! {
        #[test]
        fn a_suppression_never_makes_it_stricter(
            policy in policy(),
            seen in observations(),
            aside in suppressions(),
            cut in any::<prop::sample::Index>(),
        ) {
            let report = report(seen);
            let fewer = &aside[..cut.index(aside.len() + 1)];
            let (some, all) = (judge(&policy, &report, fewer), judge(&policy, &report, &aside));
            prop_assert!(all.passes || !some.passes);
            for (before, after) in some.decisions.iter().zip(&all.decisions) {
                prop_assert!(after.outcome != Outcome::Denied || before.outcome == Outcome::Denied);
            }
        }

        #[test]
        fn a_finding_never_makes_it_laxer(
            policy in policy(),
            seen in observations(),
            aside in suppressions(),
            cut in any::<prop::sample::Index>(),
        ) {
            let all = report(seen);
            let mut fewer = all.clone();
            fewer.findings.truncate(cut.index(all.findings.len() + 1));
            prop_assert!(judge(&policy, &fewer, &aside).passes || !judge(&policy, &all, &aside).passes);
        }

        #[test]
        fn a_baseline_never_makes_it_stricter(
            policy in policy(),
            seen in observations(),
            known in observations(),
        ) {
            let denied = |known: Vec<One>| {
                let mut now = report(seen.clone());
                now.compare(&report(known));
                let decisions = judge(&policy, &now, &[]).decisions;
                decisions.iter().filter(|one| one.outcome == Outcome::Denied).count()
            };
            prop_assert!(denied(known) <= denied(Vec::new()));
        }

        #[test]
        fn the_order_of_what_is_read_decides_nothing(
            policy in policy(),
            seen in observations(),
            aside in suppressions(),
        ) {
            let mut turned = seen.clone();
            turned.reverse();
            let outcomes = |seen: Vec<One>| {
                let report = report(seen);
                let verdict = judge(&policy, &report, &aside);
                let mut all: Vec<_> = report.findings.iter().map(|one| one.identity)
                    .zip(verdict.decisions.into_iter().map(|one| (one.outcome, one.rule))).collect();
                all.sort();
                (verdict.passes, all)
            };
            prop_assert_eq!(outcomes(seen), outcomes(turned));
        }
    }
}
