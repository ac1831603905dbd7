//! What real scanners write, one trap after the other.

use ci_tool::findings::{Finding, Kind, Report, Severity, State};
use ci_tool::sarif::{self, Options, Reading, Repair, Source};

/// A log with one run of this tool, these run members and results.
fn log(tool: &str, run: &str, results: &str) -> String {
    let run = if run.is_empty() {
        String::new()
    } else {
        format!(",{run}")
    };
    format!(
        r#"{{"version":"2.1.0","runs":[{{"tool":{{"driver":{tool}}}{run},"results":[{results}]}}]}}"#
    )
}

fn read(text: &str, check: impl Fn(&Reading<'_>)) {
    let source = Source::new(text.as_bytes().to_vec());
    let reading = sarif::read(&source, "x.sarif", &Options::default())
        .unwrap_or_else(|error| panic!("{text}\n{error}"));
    check(&reading);
}

fn finding(text: &str, check: impl Fn(&Finding<'_>)) {
    let source = Source::new(text.as_bytes().to_vec());
    let reading = sarif::read(&source, "x.sarif", &Options::default())
        .unwrap_or_else(|error| panic!("{text}\n{error}"));
    let report = reading.into_report();
    assert_eq!(report.findings.len(), 1, "{text}");
    check(&report.findings[0]);
}

fn refused(text: &str) -> String {
    let source = Source::new(text.as_bytes().to_vec());
    match sarif::read(&source, "x.sarif", &Options::default()) {
        Ok(reading) => panic!("read: {text}: {reading:?}"),
        Err(error) => error.to_string(),
    }
}

const PLACE: &str = r#""locations":[{"physicalLocation":{"artifactLocation":{"uri":"a.py"},"region":{"startLine":3}}}]"#;

#[test]
fn messages_come_by_id_with_arguments() {
    let tool = r#"{"name":"t","rules":[{"id":"r","messageStrings":{"m":{"text":"{0} of '{1}' in {{2}}"}}}],"globalMessageStrings":{"g":{"text":"global {0}"}}}"#;
    let result =
        format!(r#"{{"ruleId":"r","message":{{"id":"m","arguments":["a","b"]}},{PLACE}}}"#);
    finding(&log(tool, "", &result), |finding| {
        assert_eq!(finding.message(), "a of 'b' in {2}")
    });
    let result = format!(r#"{{"ruleId":"r","message":{{"id":"g","arguments":["x"]}},{PLACE}}}"#);
    finding(&log(tool, "", &result), |finding| {
        assert_eq!(finding.message(), "global x")
    });
}

#[test]
fn a_message_that_is_missing_is_the_rules() {
    let tool = r#"{"name":"t","rules":[{"id":"r","shortDescription":{"text":"short"}}]}"#;
    let text = log(tool, "", &format!(r#"{{"ruleId":"r",{PLACE}}}"#));
    finding(&text, |finding| assert_eq!(finding.message(), "short"));
    read(&text, |reading| {
        assert_eq!(reading.repairs.count(Repair::MissingMessage), 1)
    });
}

#[test]
fn rules_come_by_index_and_from_extensions() {
    let tool = r#"{"name":"t","rules":[{"id":"zero"},{"id":"one","defaultConfiguration":{"level":"error"}}]}"#;
    let result = format!(r#"{{"ruleIndex":1,"message":{{"text":"m"}},{PLACE}}}"#);
    finding(&log(tool, "", &result), |finding| {
        assert_eq!(
            (finding.name(), finding.severity()),
            ("one", Severity::High)
        );
    });
    // A wrong index does not beat the id.
    let result = format!(r#"{{"ruleId":"one","ruleIndex":0,"message":{{"text":"m"}},{PLACE}}}"#);
    finding(&log(tool, "", &result), |finding| {
        assert_eq!(finding.severity(), Severity::High)
    });
    let text = format!(
        r#"{{"version":"2.1.0","runs":[{{"tool":{{"driver":{{"name":"CodeQL"}},"extensions":[{{"name":"pack","rules":[
        {{"id":"py/x","properties":{{"security-severity":"9.1","tags":["security","external/cwe/cwe-079"]}}}}]}}]}},
        "results":[{{"rule":{{"id":"py/x","index":0,"toolComponent":{{"index":0}}}},"message":{{"text":"m"}},{PLACE}}}]}}]}}"#
    );
    finding(&text, |finding| {
        assert_eq!(
            (finding.name(), finding.severity(), finding.cwes()),
            ("py/x", Severity::Critical, vec![79])
        );
    });
}

#[test]
fn levels_default_as_the_standard_says() {
    let tool =
        r#"{"name":"t","rules":[{"id":"r","defaultConfiguration":{"level":"note"}},{"id":"q"}]}"#;
    for (result, severity) in [
        (r#""ruleId":"r""#, Severity::Low),
        (r#""ruleId":"q""#, Severity::Medium),
        (r#""ruleId":"q","level":"none""#, Severity::Note),
        (r#""ruleId":"r","level":"error""#, Severity::High),
        (r#""ruleId":"r","kind":"informational""#, Severity::Note),
        (r#""ruleId":"r","level":"HIGH""#, Severity::High),
    ] {
        let text = log(
            tool,
            "",
            &format!(r#"{{{result},"message":{{"text":"m"}},{PLACE}}}"#),
        );
        finding(&text, |finding| {
            assert_eq!(finding.severity(), severity, "{result}")
        });
    }
}

#[test]
fn a_result_that_is_no_problem_is_none() {
    let tool = r#"{"name":"t"}"#;
    for kind in ["pass", "notApplicable"] {
        let text = log(
            tool,
            "",
            &format!(r#"{{"ruleId":"r","kind":"{kind}","message":{{"text":"m"}},{PLACE}}}"#),
        );
        read(&text, |reading| {
            assert!(reading.observations.is_empty());
            assert_eq!(reading.repairs.count(Repair::Passed), 1);
        });
    }
}

#[test]
fn words_for_security_severity_are_severities() {
    for (word, severity, repairs) in [
        ("MEDIUM", Severity::Medium, 1),
        ("CRITICAL", Severity::Critical, 1),
        ("undefined", Severity::Low, 1),
        ("null", Severity::Low, 1),
        ("", Severity::Low, 0),
        ("0.0", Severity::Low, 0),
        ("9.8", Severity::Critical, 0),
        ("11", Severity::Low, 0),
    ] {
        let tool = format!(
            r#"{{"name":"t","rules":[{{"id":"r","defaultConfiguration":{{"level":"note"}},"properties":{{"security-severity":"{word}"}}}}]}}"#
        );
        let text = log(
            &tool,
            "",
            &format!(r#"{{"ruleId":"r","message":{{"text":"m"}},{PLACE}}}"#),
        );
        finding(&text, |finding| {
            assert_eq!(finding.severity(), severity, "{word}")
        });
        read(&text, |reading| {
            assert_eq!(
                reading.repairs.count(Repair::SecuritySeverity),
                repairs,
                "{word}"
            )
        });
        let report = &mut Report::default();
        let source = Source::new(text.clone().into_bytes());
        *report = sarif::read(&source, "x", &Options::default())
            .expect("read")
            .into_report();
        let written = sarif::write(report, &sarif::Settings::default());
        let value: serde_json::Value = serde_json::from_slice(&written.files[0]).expect("JSON");
        let score =
            &value["runs"][0]["tool"]["driver"]["rules"][0]["properties"]["security-severity"];
        let is_number = score.as_str().is_none_or(|score| {
            score
                .parse::<f64>()
                .is_ok_and(|score| score > 0.0 && score <= 10.0)
        });
        assert!(is_number, "{word}: {score}");
    }
}

#[test]
fn places_come_by_bases_artifacts_and_from_other_machines() {
    let run = r#""originalUriBaseIds":{"ROOT":{"uri":"file:///github/workspace/"},"WEB":{"uri":"web/","uriBaseId":"ROOT"},
        "LOOP":{"uri":"x/","uriBaseId":"LOOP"}},
        "artifacts":[{"location":{"uri":"src/zero.py","uriBaseId":"WEB"}}],
        "invocations":[{"executionSuccessful":true,"workingDirectory":{"uri":"file:///srv/build%20here/app"}}]"#;
    for (artifact, path) in [
        (r#""uri":"a.ts","uriBaseId":"WEB""#, "web/a.ts"),
        (r#""uri":"a.ts","uriBaseId":"%SRCROOT%""#, "a.ts"),
        (r#""index":0"#, "web/src/zero.py"),
        (r#""uri":"/srv/build here/app/a.py""#, "a.py"),
        (
            r#""uri":"file:///github/workspace/src/a%20b.py""#,
            "src/a b.py",
        ),
        (r#""uri":"src\\win\\a.cs""#, "src/win/a.cs"),
        (r#""uri":"C:\\a\\app\\app\\a.cs""#, "a.cs"),
        (r#""uri":"/etc/passwd""#, "/etc/passwd"),
    ] {
        let result = format!(
            r#"{{"ruleId":"r","message":{{"text":"m"}},"locations":[{{"physicalLocation":{{"artifactLocation":{{{artifact}}},"region":{{"startLine":1}}}}}}]}}"#
        );
        finding(&log(r#"{"name":"t"}"#, run, &result), |finding| {
            assert_eq!(finding.path(), Some(path), "{artifact}")
        });
    }
}

#[test]
fn a_result_without_a_place_is_still_a_finding() {
    let text = log(
        r#"{"name":"Dockle"}"#,
        "",
        r#"{"ruleId":"CIS-DI-0010","level":"error","message":{"text":"m"}}"#,
    );
    finding(&text, |finding| {
        assert_eq!(
            (finding.path(), finding.severity(), finding.kind()),
            (None, Severity::High, Kind::Misconfiguration)
        );
    });
    read(&text, |reading| {
        assert_eq!(reading.repairs.count(Repair::MissingLocation), 1)
    });
    // A number of an artifact that is not there.
    let result = r#"{"ruleId":"r","message":{"text":"m"},"locations":[{"physicalLocation":{"artifactLocation":{"index":7}}}]}"#;
    read(&log(r#"{"name":"t"}"#, "", result), |reading| {
        assert_eq!(reading.repairs.count(Repair::UnknownArtifact), 1)
    });
}

#[test]
fn marks_and_other_encodings_are_read() {
    let text = log(
        r#"{"name":"t"}"#,
        "",
        &format!(r#"{{"ruleId":"é","message":{{"text":"m"}},{PLACE}}}"#),
    );
    let utf16 = |to: fn(u16) -> [u8; 2]| {
        "\u{feff}"
            .encode_utf16()
            .chain(text.encode_utf16())
            .flat_map(to)
            .collect::<Vec<u8>>()
    };
    for bytes in [
        format!("\u{feff}{text}").into_bytes(),
        utf16(u16::to_le_bytes),
        utf16(u16::to_be_bytes),
    ] {
        let source = Source::new(bytes);
        let reading = sarif::read(&source, "x", &Options::default()).expect("read");
        assert_eq!(reading.observations[0].rule.id, "é");
        assert!(reading.repairs.count(Repair::Encoding) > 0);
    }
    // Bytes that are no UTF-8, and half a character as an escape.
    let mut broken = text.clone().into_bytes();
    let at = text.find('é').expect("there");
    broken[at] = 0xFF;
    let source = Source::new(broken);
    assert_eq!(
        sarif::read(&source, "x", &Options::default())
            .expect("read")
            .observations
            .len(),
        1
    );
    finding(&text.replace('é', r"\ud83d"), |finding| {
        assert_eq!(finding.name(), "\u{fffd}")
    });
    finding(&text.replace('é', r"\ud83d\ude00"), |finding| {
        assert_eq!(finding.name(), "😀")
    });
    finding(&text.replace('é', r"\\ud83d"), |finding| {
        assert_eq!(finding.name(), r"\ud83d")
    });
}

#[test]
fn what_is_no_sarif_is_refused_at_its_place() {
    assert!(refused("").contains("empty"));
    assert!(refused("{}").contains("no `runs`"));
    assert!(refused("[]").contains("empty"));
    assert!(refused(r#"{"SchemaVersion":2,"Results":[]}"#).contains("no `runs`"));
    assert!(refused(r#"{"version":"2.1.0","runs":{}}"#).contains("expected `runs` to be a list"));
    let error = refused("{\n\"runs\": [{\"tool\": {},\n  \"results\": 42}]}");
    assert!(error.contains("x.sarif:3:"), "{error}");
    assert!(error.contains("`results` to be a list"), "{error}");
    let cut = refused("{\"version\": \"2.1.0\",\n \"runs\": [");
    assert!(cut.contains("x.sarif:2:") && cut.contains("EOF"), "{cut}");
    // One line of any length: a window of it is shown.
    let long = refused(&format!(r#"{{"a":"{}","runs":1}}"#, "é".repeat(10_000)));
    assert!(long.len() < 1_000, "{long}");
    // Nested without end.
    assert!(refused(&"[".repeat(200_000)).contains("x.sarif"));
}

#[test]
fn a_failed_scanner_is_not_a_clean_one() {
    let failure = |text: &str| {
        let source = Source::new(text.as_bytes().to_vec());
        let report = sarif::read(&source, "x", &Options::default())
            .expect("read")
            .into_report();
        report
            .failures()
            .map(|(_, why)| why.to_string())
            .collect::<Vec<_>>()
            .join("; ")
    };
    let run = |members: &str| {
        format!(
            r#"{{"version":"2.1.0","runs":[{{"tool":{{"driver":{{"name":"t"}}}},{members}}}]}}"#
        )
    };
    assert!(failure(&run(r#""results":null"#)).contains("null"));
    assert!(
        failure(&run(
            r#""results":[],"invocations":[{"executionSuccessful":false,"exitCode":7}]"#
        ))
        .contains('7')
    );
    assert!(failure(&run(r#""results":[],"externalPropertyFileReferences":{"results":[{"location":{"uri":"r.json"}}]}"#)).contains("another file"));
    assert!(failure(r#"{"version":"2.1.0","runs":[42]}"#).contains("neither"));
    assert_eq!(
        failure(&run(
            r#""results":[],"invocations":[{"executionSuccessful":true}]"#
        )),
        ""
    );
    assert_eq!(
        failure(&run(
            r#""results":[],"externalPropertyFileReferences":{"taxonomies":[{}]}"#
        )),
        ""
    );
    let missing = r#"{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"t"}}}]}"#;
    read(missing, |reading| {
        assert_eq!(reading.repairs.count(Repair::MissingResults), 1)
    });
}

#[test]
fn wrong_types_cost_only_themselves() {
    let result = format!(
        r#"{{"ruleId":7,"level":["error"],"message":{{"text":"m"}},"partialFingerprints":{{"a":{{"value":"x"}}}},
        "suppressions":{{}},"properties":[],"codeFlows":42,{PLACE}}}"#
    );
    let text = log(r#"{"name":"t","rules":{},"version":1.5}"#, "", &result);
    finding(&text, |finding| {
        assert_eq!(
            (finding.name(), finding.path(), finding.message()),
            ("7", Some("a.py"), "m")
        );
    });
    read(&text, |reading| {
        assert!(reading.repairs.count(Repair::WrongType) >= 4)
    });
}

#[test]
fn suppressions_and_states_are_kept() {
    for (suppressions, is_suppressed) in [
        (r#"[{"kind":"inSource"}]"#, true),
        (
            r#"[{"kind":"external","status":"accepted","justification":"why"}]"#,
            true,
        ),
        (r#"[{"kind":"external","status":"underReview"}]"#, false),
        (r#"[{"kind":"external","status":"rejected"}]"#, false),
        (
            r#"[{"kind":"external","status":"accepted"},{"kind":"external","status":"rejected"}]"#,
            false,
        ),
        ("[]", false),
        ("null", false),
    ] {
        let result = format!(
            r#"{{"ruleId":"r","message":{{"text":"m"}},"baselineState":"new","suppressions":{suppressions},{PLACE}}}"#
        );
        finding(&log(r#"{"name":"t"}"#, "", &result), |finding| {
            assert_eq!(finding.is_suppressed(), is_suppressed, "{suppressions}");
            assert_eq!(finding.state, Some(State::New));
        });
    }
}

#[test]
fn scanners_excuses_are_no_fingerprints() {
    // Semgrep without a login gives every result the same one; Gitleaks gives
    // the commit, its author and empty texts.
    let result = |line: u32, rule: &str| {
        format!(
            r#"{{"ruleId":"{rule}","message":{{"text":"m"}},"fingerprints":{{"matchBasedId/v1":"requires login"}},
            "partialFingerprints":{{"commitSha":"{line}9fa2ee980eb94b0","email":"a@b.c","date":"2024-01-0{line}"}},
            "locations":[{{"physicalLocation":{{"artifactLocation":{{"uri":"a.py"}},"region":{{"startLine":{line}}}}}}}]}}"#
        )
    };
    let identity = |line: u32| {
        let source = Source::new(log(r#"{"name":"t"}"#, "", &result(line, "r")).into_bytes());
        sarif::read(&source, "x", &Options::default())
            .expect("read")
            .into_report()
            .findings[0]
            .identity
    };
    assert_eq!(
        identity(1),
        identity(2),
        "neither the commit nor the line counts"
    );
    let both = log(
        r#"{"name":"t"}"#,
        "",
        &format!("{},{}", result(1, "r"), result(2, "q")),
    );
    read(&both, |reading| assert_eq!(reading.observations.len(), 2));
}

#[test]
fn the_same_vulnerability_of_three_scanners_is_one_finding() {
    let trivy = log(
        r#"{"name":"Trivy","rules":[{"id":"CVE-2021-23337","name":"LanguageSpecificPackageVulnerability","properties":{"security-severity":"7.2"}}]}"#,
        "",
        r#"{"ruleId":"CVE-2021-23337","level":"error","message":{"text":"Package: lodash\nInstalled Version: 4.17.15\nVulnerability CVE-2021-23337\nSeverity: HIGH\nFixed Version: 4.17.21\nLink: x"},
        "locations":[{"physicalLocation":{"artifactLocation":{"uri":"web/package-lock.json","uriBaseId":"ROOTPATH"},"region":{"startLine":12}}}]}"#,
    );
    let osv = log(
        r#"{"name":"osv-scanner","rules":[{"id":"CVE-2021-23337","deprecatedIds":["CVE-2021-23337","GHSA-35jh-r3h4-6jhm"]}]}"#,
        "",
        r#"{"ruleId":"CVE-2021-23337","level":"warning","message":{"text":"Package 'lodash@4.17.15' is vulnerable to 'CVE-2021-23337' (also known as 'GHSA-35jh-r3h4-6jhm')."},
        "locations":[{"physicalLocation":{"artifactLocation":{"uri":"file:///github/workspace/web/package-lock.json"}}}]}"#,
    );
    let snyk = log(
        r#"{"name":"Snyk Open Source","rules":[{"id":"SNYK-JS-LODASH-1040724","fullDescription":{"text":"(CVE-2021-23337) lodash@4.17.15"},"properties":{"security-severity":"undefined","tags":["security","CWE-94","npm"]}}]}"#,
        "",
        r#"{"ruleId":"SNYK-JS-LODASH-1040724","level":"error","message":{"text":"This file introduces a vulnerable lodash package."},
        "fixes":[{"description":{"text":"Upgrade to lodash@4.17.21"},"artifactChanges":[{"artifactLocation":{"uri":"web/package.json"},"replacements":[{"deletedRegion":{"startLine":1}}]}]}],
        "locations":[{"physicalLocation":{"artifactLocation":{"uri":"web/package.json"},"region":{"startLine":1}},"logicalLocations":[{"fullyQualifiedName":"lodash@4.17.15"}]}]}"#,
    );
    let grype = log(
        r#"{"name":"Grype","rules":[{"id":"GHSA-35jh-r3h4-6jhm-lodash","help":{"text":"Vulnerability GHSA-35jh-r3h4-6jhm\nSeverity: high\nPackage: lodash\nVersion: 4.17.15\nFix Version: 4.17.21\nType: npm"},"properties":{"purls":["pkg:npm/lodash@4.17.15"]}}]}"#,
        "",
        r#"{"ruleId":"GHSA-35jh-r3h4-6jhm-lodash","message":{"text":"A high vulnerability"},"locations":[{"physicalLocation":{"artifactLocation":{"uri":"/web/package-lock.json"},"region":{"startLine":1}}}]}"#,
    );
    let sources = [trivy, osv, snyk, grype].map(|text| Source::new(text.into_bytes()));
    let options = Options {
        roots: vec!["/".into()],
    };
    let mut all = Reading::default();
    for source in &sources {
        all.extend(sarif::read(source, "x", &options).expect("read"));
    }
    let report = all.into_report();
    let summary: Vec<String> = report
        .findings
        .iter()
        .map(|finding| {
            format!(
                "{} {:?} {:?}",
                finding.name(),
                finding.path(),
                finding.scanners()
            )
        })
        .collect();
    // Grype's absolute path is of no known root: it stays apart.
    assert_eq!(report.findings.len(), 2, "{summary:#?}");
    let finding = report
        .findings
        .iter()
        .find(|finding| finding.observations.len() == 3)
        .unwrap_or_else(|| panic!("{summary:#?}"));
    assert_eq!(finding.name(), "CVE-2021-23337");
    assert_eq!(finding.severity(), Severity::High);
    assert_eq!(finding.fixed_versions(), ["4.17.21"]);
    let ids: Vec<String> = finding.ids.iter().map(ToString::to_string).collect();
    assert_eq!(
        ids,
        [
            "CVE-2021-23337",
            "GHSA-35jh-r3h4-6jhm",
            "SNYK-JS-LODASH-1040724"
        ]
    );
}

#[test]
fn tags_of_any_script_are_written() {
    let tool = r#"{"name":"t","rules":[{"id":"r","properties":{"tags":["日本語","é","CWE-79"]}}]}"#;
    let text = log(
        tool,
        "",
        &format!(r#"{{"ruleId":"r","message":{{"text":"m"}},{PLACE}}}"#),
    );
    let source = Source::new(text.into_bytes());
    let reading = sarif::read(&source, "x.sarif", &Options::default()).expect("read");
    let settings = sarif::Settings {
        category: "test".to_owned(),
        files: 1,
        limits: sarif::Limits::GITHUB,
    };
    let written = sarif::write(&reading.into_report(), &settings).files;
    let written = String::from_utf8_lossy(&written[0]).into_owned();
    assert!(written.contains("日本語"), "{written}");
    assert!(written.contains("external/cwe/cwe-079"), "{written}");
}
