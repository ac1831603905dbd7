//! The forms in which a verdict is written: whatever a finding says shows as text in all of
//! them, and the page is opened and used in a real Chromium.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::common::{Run, ci_tool, peers, root, write};

/// What tries to be more than text, in each place where a report is read.
const NASTY: &str = "</script><script>alert(1)</script><img src=x onerror=alert(2)> | `x` [a](https://evil.example) @all \u{1b}[31mred \u{202e}txt.exe ]]> &amp; \"q\" 'a'\n::error::x\n=cmd()";

fn sarif(results: usize) -> Value {
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

    let junit = python(
        folder.path(),
        "import xml.etree.ElementTree as E; r=E.parse('j.xml').getroot(); \
         cases=list(r.iter('testcase')); \
         print(r.tag, r.get('tests'), r.get('failures'), len(cases), len(list(r.iter('failure'))), \
         sorted({e.tag for e in r.iter()}), all(chr(27) not in ''.join(c.itertext()) for c in cases))",
    );
    assert_eq!(
        junit,
        "testsuites 7 3 7 3 ['failure', 'testcase', 'testsuite', 'testsuites'] True"
    );

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

fn used(folder: &Path, words: &str) -> Value {
    let output = Command::new("node")
        .arg(root().join("scripts/peers/page.mjs"))
        .arg(peers().join("npm/node_modules"))
        .arg(folder.join("page.html"))
        .arg(words)
        .output()
        .expect("node starts");
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).expect("JSON")
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

/// An audit's page has the score: a picture, and the same in words.
#[test]
fn the_page_of_an_audit_has_the_score() {
    let folder = crate::common::sample("fastapi-nextjs");
    let run = ci_tool(
        folder.path(),
        &["audit", "--pedantic", "--report", "html=page.html"],
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
    let rows = html.matches("<th scope=\"row\">").count();
    assert_eq!(rows, score["categories"].as_array().expect("a list").len());
    let told = used(folder.path(), "mirror-without-retry");
    assert_eq!(told["problems"], json!([]), "{told}");
    assert_eq!(told["requests"], json!([]));
    assert_eq!(told["axe-light"], json!([]), "{told}");
    assert_eq!(told["axe-dark"], json!([]), "{told}");
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
