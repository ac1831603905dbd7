//! Pages that are made from the code are what the code says.
//! `UPDATE_DOCS=1 cargo test --test it docs` writes them anew.

use std::fmt::Write as _;

use clap::CommandFactory as _;

use crate::common::root;

fn holds(path: &str, text: &str) {
    let file = root().join(path);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::create_dir_all(file.parent().expect("it has a parent")).expect("created");
        std::fs::write(&file, text).expect("written");
    }
    let current = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        current == text,
        "{path} is not what the code says: UPDATE_DOCS=1 cargo test --test it docs"
    );
}

fn pretty(value: &impl serde::Serialize) -> String {
    format!("{}\n", serde_json::to_string_pretty(value).expect("JSON"))
}

#[test]
fn command_line() {
    let mut page = "# Command line\n\nMade from the code.\n".to_owned();
    let mut cli = ci_tool::cli::Cli::command().term_width(100);
    cli.build();
    fn write(command: &mut clap::Command, page: &mut String) {
        let name = command.get_bin_name().unwrap_or("ci-tool").to_owned();
        let help = command.render_long_help().to_string();
        let _ = write!(page, "\n## `{name}`\n\n```text\n");
        for line in help.lines() {
            let _ = writeln!(page, "{}", line.trim_end());
        }
        page.push_str("```\n");
        for inner in command.get_subcommands_mut() {
            if !inner.is_hide_set() && inner.get_name() != "help" {
                write(inner, page);
            }
        }
    }
    write(&mut cli, &mut page);
    page.push_str("\n## Environment\n\n| variable | meaning |\n|---|---|\n");
    for (name, meaning) in ci_tool::sys::env::VARIABLES {
        let _ = writeln!(page, "| `{name}` | {meaning} |");
    }
    page.push_str(
        "\n## Exit codes\n\n| code | meaning |\n|---|---|\n\
         | 0 | done, and the answer is yes |\n\
         | 1 | done, and the answer is no: drift under `--check`, a file of another's in the way |\n\
         | 2 | wrong usage or configuration |\n\
         | 3 | it could not be found out or done |\n",
    );
    holds("docs/reference/cli.md", &page);
}

#[test]
fn configuration() {
    let schema = schemars::schema_for!(ci_tool::config::Config);
    holds("docs/config.schema.json", &pretty(&schema));
    let mut page = "# Configuration\n\nMade from the code. One optional file, `.github/ci-tool.yml`. Flags beat the \
                    environment, the environment beats the file, the file beats what is detected. A key that is not \
                    known is an error.\n\n```yaml\n# yaml-language-server: $schema=config.schema.json\ngenerate:\n  \
                    timeout-minutes: 20\ndetect:\n  ignore: [legacy]\n  components:\n    backend:\n      version: \"3.12\"\n\
                    ```\n\n| key | meaning |\n|---|---|\n"
        .to_owned();
    let value = serde_json::to_value(&schema).expect("JSON");
    fn rows(node: &serde_json::Value, all: &serde_json::Value, prefix: &str, page: &mut String) {
        let node = match node.get("$ref").and_then(|text| text.as_str()) {
            Some(reference) => all
                .pointer(reference.trim_start_matches('#'))
                .expect("the schema refers to itself"),
            None => node,
        };
        for (name, inner) in node["properties"].as_object().into_iter().flatten() {
            let text = inner["description"]
                .as_str()
                .unwrap_or_default()
                .replace('\n', " ");
            let path = format!("{prefix}{name}");
            let _ = writeln!(page, "| `{path}` | {text} |");
            if let Some(map) = inner.get("additionalProperties") {
                let key = if path == "generate.jobs" {
                    "pattern"
                } else {
                    "folder"
                };
                rows(map, all, &format!("{path}.<{key}>."), page);
            }
            rows(inner, all, &format!("{path}."), page);
        }
    }
    rows(&value, &value, "", &mut page);
    holds("docs/reference/config.md", &page);
}

#[test]
fn what_detect_prints() {
    holds(
        "docs/detect.schema.json",
        &pretty(&schemars::schema_for!(ci_tool::project::Project)),
    );
}

#[test]
fn what_sync_prints() {
    holds(
        "docs/sync.schema.json",
        &pretty(&schemars::schema_for!(ci_tool::report::sync::Json<'_>)),
    );
}

#[test]
fn what_deploy_and_verify_print() {
    use ci_tool::report::{deploy::Deployment, verify::Verified};
    holds(
        "docs/deploy.schema.json",
        &pretty(&schemars::schema_for!(Deployment)),
    );
    holds(
        "docs/secrets.schema.json",
        &pretty(&schemars::schema_for!(ci_tool::commands::secrets::Checked)),
    );
    holds(
        "docs/secrets-github.schema.json",
        &pretty(&schemars::schema_for!(
            ci_tool::commands::secrets::github::Compared
        )),
    );
    holds(
        "docs/debt.schema.json",
        &pretty(&schemars::schema_for!(ci_tool::report::debt::Debts)),
    );
    holds(
        "docs/trend.schema.json",
        &pretty(&schemars::schema_for!(ci_tool::commands::trend::Answer)),
    );
    holds(
        "docs/runbooks.schema.json",
        &pretty(&schemars::schema_for!(ci_tool::commands::docs::Answer)),
    );
    holds(
        "docs/verify.schema.json",
        &pretty(&schemars::schema_for!(Verified)),
    );
}

#[test]
fn inputs_and_outputs_of_the_action() {
    use ci_tool::project::document::{Syntax, parse};
    let text = std::fs::read_to_string(root().join("action.yml")).expect("read");
    let action = parse(&text, Syntax::Yaml).expect("YAML");
    let mut page = String::from("# Inputs and outputs of the action\n");
    for (part, title) in [("inputs", "Inputs"), ("outputs", "Outputs")] {
        let rows = action.get(part).expect("it has them");
        page.push_str(&format!("\n## {title}\n\n| name | |\n|---|---|\n"));
        for entry in rows.entries() {
            let said = |key: &str| {
                let text = entry.node.get(key)?.scalar()?;
                Some(text.split_whitespace().collect::<Vec<_>>().join(" "))
            };
            let default = said("default").filter(|default| default != "false");
            let default = default.map_or_else(String::new, |default| {
                let is_given = said("description").is_some_and(|text| text.contains("without it"));
                match is_given {
                    true => String::new(),
                    false => format!(" Without it `{default}`."),
                }
            });
            page.push_str(&format!(
                "| `{}` | {}{default} |\n",
                entry.key,
                said("description").expect("each is described")
            ));
        }
    }
    holds("docs/reference/action.md", &page);
}

#[test]
fn forms_of_reports() {
    let page = std::fs::read_to_string(root().join("docs/reports.md")).expect("read");
    let said: Vec<&str> = page
        .lines()
        .filter(|line| line.starts_with("| `"))
        .collect();
    assert_eq!(said.len(), ci_tool::report::forms::FORMS.len() + 1);
    for form in ci_tool::report::forms::FORMS {
        let row = format!(
            "| `{}` | {}",
            form.name,
            form.what.split(';').next().unwrap_or("")
        );
        assert!(said.iter().any(|line| line.starts_with(&row)), "{row}");
    }
}

#[test]
fn examples_of_configuration_are_right() {
    let mut count = 0;
    for page in [
        "docs/templates.md",
        "docs/workflows.md",
        "docs/gate.md",
        "docs/suppressions.md",
        "docs/scan.md",
        "docs/audit.md",
        "docs/score.md",
        "docs/sync.md",
        "docs/deploy.md",
    ] {
        let text = std::fs::read_to_string(root().join(page)).expect("read");
        for example in text.split("```yaml\n# .github/ci-tool.yml\n").skip(1) {
            let example = example.split("```").next().unwrap_or_default();
            let config = ci_tool::config::parse(".github/ci-tool.yml", example);
            assert!(config.is_ok(), "{page}: {config:?}");
            count += 1;
        }
    }
    assert_eq!(count, 11);
}

#[test]
fn rules_of_the_audit() {
    use ci_tool::audit::RULES;
    use ci_tool::report::audit;
    let mut index = String::from(
        "# Rules of the audit\n\n`ci-tool audit` looks for these; `ci-tool explain RULE` prints a page.\n\n| rule | severity | defect |\n|---|---|---|\n",
    );
    for rule in RULES {
        holds(&format!("docs/rules/{}.md", rule.id), &audit::page(rule));
        index.push_str(&format!(
            "| [{0}]({0}.md) | {1} | {2} |\n",
            rule.id,
            rule.severity.as_str(),
            rule.title
        ));
    }
    holds("docs/rules/README.md", &index);
    // A page whose rule is gone.
    let pages = std::fs::read_dir(crate::common::root().join("docs/rules")).expect("listed");
    assert_eq!(pages.count(), RULES.len() + 1);
}

#[test]
fn formula_of_the_score() {
    use ci_tool::audit::score;
    let mut page = String::from(
        "# Points\n\nMade from the code; [the score](../score.md) says what it is for.\n\n",
    );
    page.push_str(&score::formula());
    page.push_str("\nQuestions, for `--answer NAME=yes`:\n\n| name | question |\n|---|---|\n");
    for (name, question) in score::QUESTIONS {
        let _ = writeln!(page, "| `{name}` | {question} |");
    }
    holds("docs/reference/score.md", &page);
}

#[test]
fn findings_as_json() {
    holds(
        "docs/findings.schema.json",
        &pretty(&schemars::schema_for!(
            ci_tool::report::findings_json::Findings
        )),
    );
}

#[test]
fn what_the_gate_prints() {
    holds(
        "docs/gate.schema.json",
        &pretty(&schemars::schema_for!(ci_tool::report::gate::Gate)),
    );
    holds(
        "docs/scan.schema.json",
        &pretty(&schemars::schema_for!(ci_tool::report::scan::Scan)),
    );
}

#[test]
fn what_templates_see() {
    holds(
        "docs/template-context.schema.json",
        &pretty(&schemars::schema_for!(ci_tool::workflows::view::View)),
    );
}

#[test]
fn templates() {
    let help = crate::common::ci_tool(&root(), &["generate", "--help"]).stdout;
    for source in &crate::templates::catalog().templates {
        assert!(
            help.contains(&source.name),
            "the help of --only does not name {}",
            source.name
        );
    }
    let mut page = "# Templates\n\nMade from the code.\n\n| template | file | what it does | where it applies |\n|---|---|---|---|\n".to_owned();
    for source in &crate::templates::catalog().templates {
        let manifest = &source.manifest;
        let _ = writeln!(
            page,
            "| `{}` | `{}` | {} | `{}` |",
            source.name,
            manifest.path(),
            manifest.summary,
            manifest.when
        );
    }
    page.push_str("\n## Actions\n\nEvery action is pinned to the commit of a release.\n\n| action | release | commit |\n|---|---|---|\n");
    for (name, action) in ci_tool::workflows::actions::ACTIONS.iter() {
        let _ = writeln!(
            page,
            "| `{name}` | {} | `{}` |",
            action.version, action.commit
        );
    }
    holds("docs/reference/templates.md", &page);
}

#[test]
fn every_status_is_described() {
    use ci_tool::workflows::Status;
    let page = std::fs::read_to_string(root().join("docs/reference/plan.md")).expect("read");
    for status in [
        Status::Create,
        Status::Update,
        Status::Merge,
        Status::Overwrite,
        Status::Unchanged,
        Status::Edited,
        Status::Conflict,
        Status::Removed,
        Status::TakenOver,
        Status::Foreign,
        Status::Covered,
        Status::NotApplicable,
        Status::Obsolete,
    ] {
        let word = serde_json::to_value(status).expect("JSON");
        let row = format!("| `{}` |", word.as_str().expect("a word"));
        let line = page
            .lines()
            .find(|line| line.starts_with(&row))
            .unwrap_or_else(|| panic!("{row}"));
        assert_eq!(line.ends_with("| yes |"), status.is_drift(), "{line}");
    }
}

#[test]
fn every_kind_of_finding_about_pins_is_described() {
    let page = std::fs::read_to_string(root().join("docs/pins.md")).expect("read");
    let schema = schemars::schema_for!(ci_tool::workflows::pins::check::Kind);
    let schema = serde_json::to_value(schema).expect("JSON");
    let kinds: Vec<&str> = schema["oneOf"]
        .as_array()
        .expect("every kind has a doc comment")
        .iter()
        .map(|kind| kind["const"].as_str().expect("a word"))
        .collect();
    assert!(kinds.len() > 10, "{schema}");
    for kind in kinds {
        assert!(page.contains(&format!("| `{kind}` |")), "{kind}");
    }
}

#[test]
fn links_of_pages_lead_somewhere() {
    let mut count = 0;
    for page in [
        "README.md",
        "CONTRIBUTING.md",
        "ARCHITECTURE.md",
        "docs/detection.md",
        "docs/kept-alive.md",
        "docs/pins.md",
        "docs/gitlab.md",
        "docs/workflows.md",
        "docs/merge.md",
        "docs/gate.md",
        "docs/suppressions.md",
        "docs/scan.md",
        "docs/templates.md",
        "docs/reference/plan.md",
        "docs/action.md",
        "docs/deploy.md",
        "docs/reports.md",
        "docs/sync.md",
        "docs/upload.md",
    ] {
        let text = std::fs::read_to_string(root().join(page))
            .unwrap_or_else(|error| panic!("{page}: {error}"));
        for part in text.split("](").skip(1) {
            let target = part.split(')').next().unwrap_or_default();
            if !target.contains("://") {
                let path = root().join(page).parent().expect("a folder").join(target);
                assert!(path.exists(), "{page} links to {target}");
                count += 1;
            }
        }
    }
    assert!(count > 8, "{count}");
}

#[test]
fn readers_of_debts() {
    let text = std::fs::read_to_string(root().join("docs/debt.md")).expect("read");
    for reader in ci_tool::debt::readers::READERS {
        let name = format!("`{}`", reader.name);
        assert!(text.contains(&name), "docs/debt.md does not tell of {name}");
    }
}
