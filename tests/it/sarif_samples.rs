//! Real files of over twenty scanners, from `../shared/sarif-samples`. Where they
//! are not at hand, each test says so by name.
//! `UPDATE_EXPECTATIONS=1` writes what was read anew.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use ci_tool::findings::{Finding, Report};
use ci_tool::sarif::{self, Options, Settings, Source};

use crate::common::{peers, root};

/// Findings of a file that its expectation lists one by one.
const LISTED: usize = 40;

struct Sample {
    name: String,
    text: Vec<u8>,
    /// Not SARIF, by its own repository's account.
    is_invalid: bool,
}

/// All SARIF logs among the samples; `None`, and a word, where there are none.
fn samples(test: &str) -> Option<Vec<Sample>> {
    let folder = root().join("../shared/sarif-samples");
    if !folder.is_dir() {
        println!("skipped: {test}: {} is not there", folder.display());
        return None;
    }
    let mut files: Vec<PathBuf> = Vec::new();
    for part in [
        "sarif",
        "codeql-action",
        "trivy-golden",
        "trivy-action",
        "snyk-cli",
        "sarif-sdk",
    ] {
        files.extend(
            std::fs::read_dir(folder.join(part))
                .expect("listed")
                .map(|entry| entry.expect("listed").path()),
        );
    }
    files.sort();
    let mut samples = Vec::new();
    for file in files {
        let text = std::fs::read(&file).expect("read");
        let name = file
            .strip_prefix(&folder)
            .expect("below")
            .display()
            .to_string()
            .replace('/', "-");
        let is_log =
            String::from_utf8_lossy(&text).contains("\"runs\"") && !name.contains("schema");
        if is_log {
            samples.push(Sample {
                is_invalid: name.contains("invalid-sarif"),
                name,
                text,
            });
        }
    }
    for file in [
        "osv-golden/sarif_test.snap",
        "qlty-golden/qlty__format__sarif__test__sarif_formatter.snap",
        "zizmor-golden/integration__e2e__sarif_zizmor_properties.snap",
    ] {
        let text = std::fs::read_to_string(folder.join(file)).expect("read");
        for (number, log) in logs_in(&text).into_iter().enumerate() {
            let name = format!("{}-{number:02}", file.split('/').next().expect("a folder"));
            samples.push(Sample {
                name,
                text: log.into_bytes(),
                is_invalid: false,
            });
        }
    }
    assert!(samples.len() > 60, "{}", samples.len());
    Some(samples)
}

/// The JSON objects that begin a line in a snapshot.
fn logs_in(text: &str) -> Vec<String> {
    let mut logs = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("\n{\n") {
        let mut values =
            serde_json::Deserializer::from_str(&rest[start..]).into_iter::<serde_json::Value>();
        let value = values.next().expect("a value").expect("JSON");
        logs.push(value.to_string());
        rest = &rest[start + values.byte_offset()..];
    }
    logs
}

fn line(finding: &Finding<'_>) -> String {
    let region = finding.location().and_then(|location| location.region);
    let mut line = format!(
        "{} {} {} {} {}{}",
        finding.severity(),
        finding
            .score()
            .map_or("-".to_owned(), |score| score.to_string()),
        finding.kind().as_str(),
        finding.name(),
        finding.path().unwrap_or("-"),
        region.map_or(String::new(), |region| format!(":{}", region.start_line)),
    );
    if let Some(package) = finding.package() {
        let _ = write!(line, " {}", package.purl(true));
    }
    if finding.ids.len() > 1 {
        let _ = write!(
            line,
            " ids={}",
            finding
                .ids
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(",")
        );
    }
    if finding.is_fixable() {
        let _ = write!(line, " fixed={}", finding.fixed_versions().join("|"));
    }
    if finding.observations.len() > 1 {
        let _ = write!(line, " observations={}", finding.observations.len());
    }
    if finding.is_suppressed() {
        line.push_str(" suppressed");
    }
    if let Some(state) = finding.state {
        let _ = write!(line, " {}", state.as_str());
    }
    line
}

fn expectation(sample: &Sample) -> String {
    let source = Source::new(sample.text.clone());
    let reading = match sarif::read(&source, &sample.name, &Options::default()) {
        Ok(reading) => reading,
        Err(error) => return format!("refused: {}\n", error.message),
    };
    let mut out = String::new();
    for (repair, times) in reading.repairs.iter() {
        let _ = writeln!(out, "repair: {repair}: {times}");
    }
    let observed = reading.observations.len();
    let report = reading.into_report();
    for scanner in &report.scanners {
        let version = scanner
            .version
            .as_deref()
            .map_or(String::new(), |version| format!(" {version}"));
        let failure = scanner
            .failure
            .as_deref()
            .map_or(String::new(), |why| format!(": failed: {why}"));
        let _ = writeln!(out, "scanner: {}{version}{failure}", scanner.name);
    }
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for finding in &report.findings {
        *counts
            .entry(format!(
                "{} {}",
                finding.kind().as_str(),
                finding.severity()
            ))
            .or_default() += 1;
    }
    let _ = writeln!(
        out,
        "{observed} observations, {} findings",
        report.findings.len()
    );
    for (what, count) in counts {
        let _ = writeln!(out, "  {count} {what}");
    }
    for finding in report.findings.iter().take(LISTED) {
        let _ = writeln!(out, "{}", line(finding));
    }
    out
}

#[test]
fn every_sample_is_read_as_expected() {
    let Some(samples) = samples("every_sample_is_read_as_expected") else {
        return;
    };
    let mut all: BTreeMap<String, String> = BTreeMap::new();
    for sample in &samples {
        let folder = sample.name.split('-').next().expect("a folder").to_owned();
        let text = expectation(sample);
        assert_eq!(
            text.starts_with("refused"),
            sample.is_invalid,
            "{}: {text}",
            sample.name
        );
        let _ = writeln!(all.entry(folder).or_default(), "== {}\n{text}", sample.name);
    }
    for (folder, text) in all {
        let file = root().join(format!("tests/expectations/sarif/{folder}.txt"));
        if std::env::var_os("UPDATE_EXPECTATIONS").is_some() {
            std::fs::write(&file, &text).expect("written");
        }
        let expected = std::fs::read_to_string(&file).unwrap_or_default();
        let differs = text
            .lines()
            .zip(expected.lines())
            .find(|(got, expected)| got != expected);
        assert!(text == expected, "{}: {differs:?}", file.display());
    }
}

#[test]
fn what_is_written_has_no_fingerprint_twice_and_reads_back_the_same() {
    let Some(samples) = samples("what_is_written_has_no_fingerprint_twice_and_reads_back_the_same")
    else {
        return;
    };
    for sample in samples.iter().filter(|sample| !sample.is_invalid) {
        let source = Source::new(sample.text.clone());
        let report = sarif::read(&source, &sample.name, &Options::default())
            .expect("read")
            .into_report();
        let written = sarif::write(&report, &Settings::default());
        assert_eq!(written.files.len(), 1, "{}", sample.name);
        no_fingerprint_twice(&sample.name, &written.files[0]);
        let again = Source::new(written.files[0].clone());
        let back = sarif::read(&again, &sample.name, &Options::default())
            .expect("read")
            .into_report();
        assert_eq!(lines(&report), lines(&back), "{}", sample.name);
        let twice = sarif::write(&back, &Settings::default());
        let (once, twice) = (
            String::from_utf8_lossy(&written.files[0]),
            String::from_utf8_lossy(&twice.files[0]),
        );
        assert!(
            once == twice,
            "{}: {}",
            sample.name,
            first_difference(&once, &twice)
        );
    }
}

fn first_difference(a: &str, b: &str) -> String {
    let at = a
        .bytes()
        .zip(b.bytes())
        .position(|(a, b)| a != b)
        .unwrap_or(a.len().min(b.len()));
    let show = |text: &str| {
        String::from_utf8_lossy(&text.as_bytes()[at.saturating_sub(80)..(at + 80).min(text.len())])
            .into_owned()
    };
    format!("{}\n{}", show(a), show(b))
}

fn lines(report: &Report<'_>) -> Vec<String> {
    report
        .findings
        .iter()
        .map(|finding| format!("{} {}", finding.identity, line(finding)))
        .collect()
}

fn no_fingerprint_twice(name: &str, bytes: &[u8]) {
    let value: serde_json::Value = serde_json::from_slice(bytes).expect("JSON");
    let mut seen = HashSet::new();
    for run in value["runs"].as_array().expect("runs") {
        for result in run["results"].as_array().expect("results") {
            let fingerprints = &result["partialFingerprints"];
            let hash = format!(
                "{} {}",
                result["ruleId"], fingerprints["primaryLocationLineHash"]
            );
            assert!(seen.insert(hash.clone()), "{name}: {hash}");
            assert!(
                seen.insert(fingerprints["ciToolIdentity/v1"].to_string()),
                "{name}: {result}"
            );
        }
    }
}

#[test]
fn line_hashes_are_those_of_githubs_action() {
    if samples("line_hashes_are_those_of_githubs_action").is_none() {
        return;
    }
    let folder = root().join("../shared/sarif-samples/codeql-action");
    for name in ["fingerprinting", "fingerprinting2"] {
        let source =
            Source::new(std::fs::read(folder.join(format!("{name}.input.sarif"))).expect("read"));
        let mut reading = sarif::read(&source, name, &Options::default()).expect("read");
        sarif::add_line_hashes(&mut reading.observations, |path| {
            std::fs::read(folder.join(path)).ok()
        });
        let got: Vec<Option<String>> = reading
            .observations
            .iter()
            .map(|one| {
                let hash = one
                    .fingerprints
                    .iter()
                    .find(|(name, _)| name == "primaryLocationLineHash");
                hash.map(|(_, value)| value.to_string())
            })
            .collect();
        let expected: serde_json::Value = serde_json::from_slice(
            &std::fs::read(folder.join(format!("{name}.expected.sarif"))).expect("read"),
        )
        .expect("JSON");
        let results = expected["runs"][0]["results"].as_array().expect("results");
        let expected: Vec<Option<String>> = results
            .iter()
            .map(|result| {
                result["partialFingerprints"]["primaryLocationLineHash"]
                    .as_str()
                    .map(str::to_owned)
            })
            .collect();
        assert_eq!(got, expected, "{name}");
        assert!(!got.is_empty());
    }
}

/// Microsoft's validator with the rules of GitHub's ingestion says nothing, and
/// the standard's schema holds, for what we write from each sample.
#[test]
fn what_is_written_is_valid() {
    let Some(samples) = samples("what_is_written_is_valid") else {
        return;
    };
    let folder = tempfile::tempdir().expect("temporary folder");
    let mut files = Vec::new();
    for sample in samples.iter().filter(|sample| !sample.is_invalid) {
        let source = Source::new(sample.text.clone());
        let report = sarif::read(&source, &sample.name, &Options::default())
            .expect("read")
            .into_report();
        let file = folder.path().join(format!("{}.sarif", sample.name));
        std::fs::write(&file, &sarif::write(&report, &Settings::default()).files[0])
            .expect("written");
        files.push(file);
    }
    let control = folder.path().join("control.sarif");
    let text = r#"{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"t"}},"results":[{"ruleId":"r","message":{"text":"m"}}]}]}"#;
    std::fs::write(&control, text).expect("written");
    files.push(control);
    validated(folder.path(), &files);
}

fn validated(folder: &Path, files: &[PathBuf]) {
    let log = folder.join("log.json");
    let tool = peers().join("npm/node_modules/@microsoft/sarif-multitool-linux/Sarif.Multitool");
    // Its package forbids install scripts here; this is all that it does.
    let _ = Command::new("chmod").args(["u+x"]).arg(&tool).status();
    let output = Command::new(&tool)
        .env("DOTNET_SYSTEM_GLOBALIZATION_INVARIANT", "1")
        .arg("validate")
        .args(files)
        .args([
            "--rule-kind",
            "Sarif;Gh",
            "--level",
            "Error",
            "--log",
            "ForceOverwrite",
            "-o",
        ])
        .arg(&log)
        .output()
        .expect("the validator starts");
    let text = std::fs::read(&log)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stdout)));
    let value: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
    let run = &value["runs"][0];
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let scanned = format!("{} files scanned", files.len());
    assert!(said.contains(&scanned), "{said}");
    let mut errors: Vec<String> = run["results"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|result| result["level"] == "error")
        .map(|result| {
            format!(
                "{} {} {}",
                result["ruleId"],
                result["locations"][0]["physicalLocation"]["artifactLocation"],
                result["message"]
            )
        })
        .collect();
    // It does look: the file that is wrong is found to be.
    let of_control = |error: &String| error.contains("control.sarif");
    assert!(
        errors.iter().any(of_control),
        "the validator does not see what is wrong"
    );
    errors.retain(|error| !of_control(error));
    assert!(errors.is_empty(), "{}", errors.join("\n"));
    for invocation in run["invocations"].as_array().into_iter().flatten() {
        for notification in invocation["toolExecutionNotifications"]
            .as_array()
            .into_iter()
            .flatten()
        {
            assert_ne!(notification["level"], "error", "{notification}");
        }
    }
}

#[test]
fn github_takes_what_is_written() {
    let Some(samples) = samples("github_takes_what_is_written") else {
        return;
    };
    for sample in samples.iter().filter(|sample| !sample.is_invalid) {
        let source = Source::new(sample.text.clone());
        let report = sarif::read(&source, &sample.name, &Options::default())
            .expect("read")
            .into_report();
        let written = sarif::write(&report, &Settings::default());
        let text = String::from_utf8(written.files[0].clone()).expect("UTF-8");
        let problems = sarif::validate(&text, &sarif::Limits::GITHUB).expect("SARIF");
        let refused: Vec<_> = problems
            .iter()
            .filter(|problem| problem.consequence == sarif::Consequence::Refused)
            .collect();
        assert!(refused.is_empty(), "{}: {refused:#?}", sample.name);
    }
}
