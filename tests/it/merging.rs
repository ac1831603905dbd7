//! Laws of joining, on random edits of people and random new versions: no line
//! that a person wrote is lost, or the file is untouched and it is told; what is
//! joined is sound, and joining again changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use ci_tool::project::model::{Fact, Project};
use ci_tool::workflows::catalog::Catalog;
use ci_tool::workflows::merge::{Outcome, Versions, merge};
use ci_tool::workflows::plan::{Current, PlanError, Status};
use ci_tool::workflows::{Plan, Settings, check, header, lock};
use proptest::prelude::*;

use crate::common::{kind_of, sample, samples};
use crate::edits;
use crate::templates::{catalog, settings};

/// The samples, detected.
static PROJECTS: LazyLock<Vec<Project>> = LazyLock::new(|| {
    samples()
        .iter()
        .map(|name| ci_tool::project::detect(sample(name).path()).expect("listed"))
        .filter(|project| !project.components.is_empty())
        .collect()
});

/// What is generated for the samples.
static TEXTS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let texts: BTreeSet<String> = PROJECTS
        .iter()
        .flat_map(|project| made(&catalog(), project, &settings(), &BTreeMap::new()))
        .flat_map(|plan| plan.files)
        .filter(|file| file.status == Status::Create)
        .filter_map(|file| file.content)
        .map(|text| header::without_mark(&text))
        .collect();
    texts.into_iter().collect()
});

fn made(
    catalog: &Catalog,
    project: &Project,
    settings: &Settings,
    files: &BTreeMap<String, String>,
) -> Result<Plan, PlanError> {
    ci_tool::workflows::plan(catalog, project, settings, &|path| {
        files
            .get(path)
            .map_or(Current::Missing, |text| Current::Text(text.clone()))
    })
}

/// How often a text has each line, without indentation and dash.
fn counts(text: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for line in text.lines() {
        let line = line.trim();
        let line = line.strip_prefix('-').map_or(line, str::trim_start);
        if !line.is_empty() {
            *counts.entry(line.to_owned()).or_default() += 1;
        }
    }
    counts
}

/// What `new` has more of than `old`.
fn added(old: &BTreeMap<String, usize>, new: &BTreeMap<String, usize>) -> BTreeMap<String, usize> {
    new.iter()
        .filter_map(|(line, count)| {
            let more = count.saturating_sub(old.get(line).copied().unwrap_or(0));
            (more > 0).then(|| (line.clone(), more))
        })
        .collect()
}

fn is_yaml(text: &str) -> bool {
    serde_yaml::from_str::<serde_yaml::Value>(text).is_ok()
}

fn versions<'a>(base: &'a str, theirs: &'a str, ours: &'a str) -> Versions<'a> {
    Versions { base, theirs, ours }
}

#[test]
fn a_remark_behind_a_key_comes_also_where_a_person_emptied_it() {
    let base = "name: x\njobs:\n  a:\n    with:\n      b: 1\n    d: 2\n";
    let theirs = base.replace("      b: 1\n", "");
    let ours = base.replace("with:", "with:  # why");
    let Outcome::Merged { text, notes } = merge(versions(base, &theirs, &ours)) else {
        panic!("not joined");
    };
    assert!(notes.is_empty(), "{notes:?}");
    assert_eq!(text, theirs.replace("with:", "with:  # why"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn no_line_is_lost_and_nothing_comes_back(
        which in any::<proptest::sample::Index>(),
        person in edits::by_a_person(6),
        version in edits::by_a_version(6),
    ) {
        let base = which.get(&TEXTS).as_str();
        let theirs = edits::apply(base, &person, "person");
        let ours = edits::apply(base, &version, "version");
        // A template that gives no YAML is refused before.
        prop_assume!(is_yaml(&ours));
        let Outcome::Merged { text, notes } = merge(versions(base, &theirs, &ours)) else {
            return Ok(());
        };
        let (b, t, o, m) = (counts(base), counts(&theirs), counts(&ours), counts(&text));
        let of = |counts: &BTreeMap<String, usize>, line: &str| counts.get(line).copied().unwrap_or(0);
        let (by_person, by_version) = (added(&b, &t), added(&b, &o));
        for (line, count) in &by_person {
            prop_assert!(of(&m, line) >= *count, "a person's line is lost: {}\n{}", line, text);
        }
        if is_yaml(&theirs) {
            prop_assert!(is_yaml(&text), "no YAML:\n{}", text);
        }
        if notes.is_empty() {
            for (line, count) in by_version.iter().filter(|(line, _)| !line.starts_with('#')) {
                prop_assert!(of(&m, line) >= *count, "not in the text and not told: {}\n{}", line, text);
            }
        }
        // Of a line that was there once, and that no edit writes, one side's
        // deletion is what counts. Comments may be kept by a person's say.
        let is_single = |line: &str| of(&b, line) == 1 && of(&t, line) <= 1 && of(&o, line) <= 1;
        let is_torn = edits::tear_blocks(&person) || edits::tear_blocks(&version);
        for line in b.keys().filter(|line| !is_torn && !line.starts_with('#') && *line != "steps:" && is_single(line)) {
            let is_deleted = of(&t, line) == 0 || (of(&o, line) == 0 && notes.is_empty());
            prop_assert!(!is_deleted || of(&m, line) == 0, "it came back: {}\n{}", line, text);
        }
        // Joining what is joined changes nothing, with the old record and the new.
        let again = |base: &str| merge(versions(base, &text, &ours));
        let same = Outcome::Merged { text: text.clone(), notes: Vec::new() };
        prop_assert_eq!(again(&ours), same);
        if let (false, Outcome::Merged { text: second, .. }) = (is_torn, again(base)) {
            // Comments and blank lines have no name by which they are known again.
            let lines = |text: &str| -> Vec<String> {
                let says = |line: &&str| !line.is_empty() && !line.trim_start().starts_with('#');
                text.lines().filter(says).map(str::to_owned).collect()
            };
            prop_assert_eq!(lines(&second), lines(&text));
        }
    }

    #[test]
    fn a_side_that_did_nothing_has_no_say(
        which in any::<proptest::sample::Index>(),
        edit in edits::by_a_person(6),
    ) {
        let base = which.get(&TEXTS).as_str();
        let edited = edits::apply(base, &edit, "word");
        let merged = |text: &str| Outcome::Merged { text: text.to_owned(), notes: Vec::new() };
        prop_assert_eq!(merge(versions(base, &edited, base)), merged(&edited));
        prop_assert_eq!(merge(versions(base, &edited, &edited)), merged(&edited));
        if !edited.contains('\r') {
            prop_assert_eq!(merge(versions(base, base, &edited)), merged(&edited));
        }
    }

    #[test]
    fn any_bytes_are_joined_or_refused(base in any::<String>(), theirs in any::<String>(), ours in any::<String>()) {
        let _ = merge(versions(&base, &theirs, &ours));
    }
}

/// The next time that a project is generated for: it changed, or the templates did.
fn time_passed(
    changes: &BTreeSet<u8>,
    catalog: &mut Catalog,
    project: &mut Project,
    settings: &mut Settings,
) {
    for change in changes {
        match change {
            0 => settings.timeout_minutes = 47,
            1 => settings.runner = "ubuntu-26.04".to_owned(),
            2 => {
                for component in &mut project.components {
                    if let Some(version) = &component.version {
                        let evidence = version.evidence[0].clone();
                        component.version = Some(Fact::new("99.9".to_owned(), evidence));
                    }
                }
            }
            3 => {
                project.components.pop();
            }
            4 => {
                for component in &mut project.components {
                    component.steps.pop();
                }
            }
            5 => {
                for component in &mut project.components {
                    component.steps.reverse();
                }
            }
            _ => {
                let texts = catalog
                    .templates
                    .iter_mut()
                    .map(|template| &mut template.body)
                    .chain(catalog.partials.iter_mut().map(|(_, text)| text));
                for text in texts {
                    *text = new_template(*change, text);
                }
                for template in &mut catalog.templates {
                    template.manifest.version += 1;
                }
            }
        }
    }
}

/// Another version of a template, or of a part of one.
fn new_template(change: u8, text: &str) -> String {
    let step = "      - name: Check out\n";
    match change {
        6 => text.replace(
            step,
            "      - name: Say hello\n        run: echo hello\n\n      - name: Check out\n",
        ),
        7 => text.replace("Check out", "Check the source out"),
        8 => text.replace(
            "persist-credentials: false",
            "persist-credentials: false\n          lfs: false",
        ),
        9 => text.replace(
            "\npermissions: {}\n",
            "\npermissions: {}\n\nenv:\n  CI_TOOL: \"1\"\n",
        ),
        _ => text
            .lines()
            .filter(|line| !line.trim_start().starts_with("# "))
            .map(|line| format!("{line}\n"))
            .collect(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn generating_after_edits_and_changes_loses_no_line_or_touches_nothing(
        which in any::<proptest::sample::Index>(),
        person in edits::by_a_person(5),
        changes in proptest::collection::btree_set(0_u8..11, 1..4),
    ) {
        let mut catalog = catalog();
        let mut project = which.get(&PROJECTS).clone();
        let mut settings = settings();
        let mut files = BTreeMap::new();
        let first = made(&catalog, &project, &settings, &files).expect("sound");
        let mut generated = BTreeMap::new();
        for file in first.files.iter().filter(|file| file.status.writes()) {
            let text = file.content.clone().expect("content");
            files.insert(file.path.clone(), edits::apply(&text, &person, "person"));
            generated.insert(file.path.clone(), text);
        }
        files.insert(lock::PATH.to_owned(), first.lock.content.clone());
        time_passed(&changes, &mut catalog, &mut project, &mut settings);
        let second = made(&catalog, &project, &settings, &files).expect("sound");
        for file in &second.files {
            let (Some(theirs), Some(base)) = (files.get(&file.path), generated.get(&file.path)) else {
                continue;
            };
            match file.status {
                Status::Merge => {
                    let text = file.content.clone().expect("content");
                    let (t, m) = (counts(theirs), counts(&text));
                    for (line, count) in added(&counts(base), &t) {
                        prop_assert!(m.get(&line).is_some_and(|now| *now >= count), "lost: {}\n{}", line, text);
                    }
                    // Only its mark is renewed where the new version is the old one.
                    prop_assert!(is_yaml(&text) || !is_yaml(theirs), "{}", text);
                    let kind = kind_of(&file.path);
                    if check::problems_of(kind, theirs).is_empty() {
                        let problems = check::problems_of(kind, &text);
                        prop_assert!(problems.is_empty(), "{:?}\n{}", problems, text);
                    }
                }
                Status::Conflict => {
                    prop_assert!(!file.conflicts.is_empty() || file.reason.len() > 40, "{:?}", file);
                }
                // The mark says that nobody edited it, or that it is nobody's business.
                Status::Update => prop_assert_eq!(counts(theirs), counts(base)),
                status => prop_assert!(!status.writes(), "{}: {:?}", file.path, status),
            }
        }
        // What was written settles; what was not is as it was, and told again.
        for file in &second.files {
            if let (true, Some(text)) = (file.status.writes(), &file.content) {
                files.insert(file.path.clone(), text.clone());
            }
        }
        files.insert(lock::PATH.to_owned(), second.lock.content.clone());
        let third = made(&catalog, &project, &settings, &files).expect("sound");
        prop_assert!(!third.lock.changes, "the record does not settle");
        for (before, now) in second.files.iter().zip(&third.files) {
            prop_assert!(!now.status.writes(), "{}: {:?}", now.path, now.status);
            if before.status == Status::Conflict {
                prop_assert_eq!(now.status, Status::Conflict);
            }
        }
    }
}
