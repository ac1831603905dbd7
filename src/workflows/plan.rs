//! What would be written, and why: templates, facts and the files that are
//! there, compared. Nothing is written here.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::Settings;
use super::catalog::{Catalog, Kind, Template};
use super::check;
use super::coverage::Coverage;
use super::decide::{Situation, decide};
use super::drift::Drift;
use super::gitlab;
use super::header::{self, Origin};
use super::house;
use super::lock::{self, Lock, Record};
use super::merge::Conflict;
use super::render::{Rendered, Renderer};
use super::view::View;
use crate::debt::measured;
use crate::error::SourceError;
use crate::project::model::Project;

/// Version of the JSON form; raised when a reader would have to change.
pub const SCHEMA_VERSION: u32 = 1;

/// A file's state on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Current {
    /// There is none.
    Missing,
    /// Its text.
    Text(String),
    /// It is there and cannot be read as text; why.
    Unreadable(String),
}

/// What would be done with one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// It is missing: it is written.
    Create,
    /// It is ours, unedited and out of date: it is written.
    Update,
    /// It is ours, edited and out of date: it is written with the edits in it.
    Merge,
    /// It is somebody else's or edited, and `--force` was given: it is written,
    /// a copy is kept.
    Overwrite,
    /// It is as it should be.
    Unchanged,
    /// A person edited it, and nothing else changed: it is left alone.
    Edited,
    /// A person edited it and the new version changes the same place: it is left
    /// alone until somebody decides.
    Conflict,
    /// A person deleted it: it stays away.
    Removed,
    /// A person took our mark out of it: it is theirs now.
    TakenOver,
    /// Somebody else wrote a file of this name: it is left alone.
    Foreign,
    /// Another workflow does this already.
    Covered,
    /// The project has nothing that it is for.
    NotApplicable,
    /// It is ours and has nothing left to do: it is left for a person to delete.
    Obsolete,
}

impl Status {
    /// Whether the file is written.
    pub const fn writes(self) -> bool {
        matches!(
            self,
            Self::Create | Self::Update | Self::Merge | Self::Overwrite
        )
    }

    /// Whether something is missing or out of date.
    pub const fn is_drift(self) -> bool {
        matches!(
            self,
            Self::Create
                | Self::Update
                | Self::Merge
                | Self::Overwrite
                | Self::Conflict
                | Self::Foreign
        )
    }
}

/// One workflow of the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedFile {
    /// The template's name.
    pub template: String,
    /// Where it is written.
    pub path: String,
    /// What would be done.
    pub status: Status,
    /// Why, in a sentence.
    pub reason: String,
    /// The components that it proves.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<String>,
    /// Why it would look different today than when it was generated.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub drift: Vec<Drift>,
    /// Where a person and the new version changed the same place.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<Conflict>,
    /// What a person should know of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// The text that is there.
    #[serde(skip)]
    pub before: Option<String>,
    /// The text that is written; where nothing is, the one that the template gives.
    #[serde(skip)]
    pub content: Option<String>,
    /// What the template gives, and where each of its lines comes from.
    #[serde(skip)]
    pub generated: Option<Rendered>,
}

/// The lock, as it would be after the plan is carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedLock {
    /// Where it lies.
    pub path: String,
    /// Whether it is written.
    pub changes: bool,
    /// Its text.
    #[serde(skip)]
    pub content: String,
}

/// What `generate` would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// Version of this form.
    pub schema: u32,
    /// Every template, in the catalog's order.
    pub files: Vec<PlannedFile>,
    /// The record of what was generated.
    pub lock: PlannedLock,
    /// Patterns of `generate.jobs` that name no job of these files.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unused_rules: Vec<String>,
    /// What is missing in components, so that no step can prove it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<ComponentGap>,
}

/// Something missing in a component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ComponentGap {
    /// The component.
    pub component: String,
    /// What is missing.
    #[serde(flatten)]
    pub gap: crate::project::model::Gap,
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// A template is broken, or what it gives is no sound workflow.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Template(Vec<SourceError>),
    /// The record of what was generated cannot be used.
    #[error("{0}")]
    Lock(Box<SourceError>),
    /// There is no template of this name.
    #[error("there is no template `{name}`; known are {known}")]
    Unknown {
        /// The name that was asked for.
        name: String,
        /// The names that there are.
        known: String,
    },
}

/// Makes the plan. `current` reads the file at a path of the repository.
///
/// # Errors
/// Where a template is broken or gives an unsound file, and where `settings`
/// name a template that does not exist.
pub fn plan(
    catalog: &Catalog,
    project: &Project,
    settings: &Settings,
    current: &dyn Fn(&str) -> Current,
) -> Result<Plan, PlanError> {
    let one = |error: SourceError| PlanError::Template(vec![error]);
    let named = [&settings.only, &settings.exclude, &settings.include];
    for name in named.into_iter().flatten() {
        if !catalog.names().any(|known| known == name) {
            return Err(PlanError::Unknown {
                name: name.clone(),
                known: catalog.names().collect::<Vec<_>>().join(", "),
            });
        }
    }
    let mut renderer = Renderer::new(
        catalog
            .templates
            .iter()
            .map(|template| (template.body_path.as_str(), template.body.as_str()))
            .chain(
                catalog
                    .partials
                    .iter()
                    .map(|(name, text)| (name.as_str(), text.as_str())),
            ),
        &settings.own_action,
    )
    .map_err(one)?;
    renderer.know(house::SOURCE, &settings.house.source);
    renderer.know(measured::FILE, &settings.measured.text());
    // What we wrote ourselves, edited or not, makes nothing superfluous.
    let own: BTreeSet<String> = catalog
        .templates
        .iter()
        .map(|template| template.manifest.path())
        .filter(|path| match current(path) {
            Current::Text(text) => header::origin(&text) != Origin::Foreign,
            _ => false,
        })
        .collect();
    let (before, mut lock) = read_lock(current)?;
    let planner = Planner {
        catalog,
        renderer: &renderer,
        lock: &lock,
        project,
        settings,
        own: &own,
        current,
        used_rules: RefCell::default(),
    };
    let mut files = Vec::new();
    let mut records = Vec::new();
    for template in &catalog.templates {
        if settings.wants(template) {
            let (file, record) = planner.file(template)?;
            records.extend(record.map(|record| (file.path.clone(), record)));
            files.push(file);
        }
    }
    let used = planner.used_rules.take();
    let unused = |rule: &&house::Rule| !rule.is_measured && !used.contains(&house::fact(rule));
    let unused_rules = settings.house.rules.iter().filter(unused);
    // Of a selection nothing follows.
    let unused_rules = unused_rules
        .filter(|_| settings.only.is_empty())
        .map(|rule| rule.pattern.clone())
        .collect();
    lock.files.extend(records);
    let gaps = project
        .components
        .iter()
        .flat_map(|component| {
            component.gaps.iter().map(|gap| ComponentGap {
                component: component.name.clone(),
                gap: gap.clone(),
            })
        })
        .collect();
    Ok(Plan {
        schema: SCHEMA_VERSION,
        files,
        lock: planned_lock(before.as_deref(), &lock)?,
        unused_rules,
        gaps,
    })
}

/// The lock that is there: its text, and what it says.
fn read_lock(current: &dyn Fn(&str) -> Current) -> Result<(Option<String>, Lock), PlanError> {
    let failed = |error: SourceError| PlanError::Lock(Box::new(error));
    match current(lock::PATH) {
        Current::Missing => Ok((None, Lock::default())),
        Current::Text(text) => {
            let lock = Lock::parse(&text).map_err(failed)?;
            Ok((Some(text), lock))
        }
        Current::Unreadable(why) => Err(failed(
            SourceError::new(
                lock::PATH,
                "",
                1,
                1,
                format!("the lock cannot be read: {why}"),
            )
            .help("bring it back from git"),
        )),
    }
}

fn planned_lock(before: Option<&str>, lock: &Lock) -> Result<PlannedLock, PlanError> {
    let content = lock.to_text().map_err(|error| {
        PlanError::Lock(Box::new(SourceError::new(
            lock::PATH,
            "",
            1,
            1,
            format!("the lock cannot be written: {error}"),
        )))
    })?;
    let is_same = match before {
        Some(before) => before.replace("\r\n", "\n") == content,
        None => lock.files.is_empty(),
    };
    Ok(PlannedLock {
        path: lock::PATH.to_owned(),
        changes: !is_same,
        content,
    })
}

/// What every file of a plan is made from.
struct Planner<'a> {
    catalog: &'a Catalog,
    renderer: &'a Renderer<'a>,
    lock: &'a Lock,
    project: &'a Project,
    settings: &'a Settings,
    own: &'a BTreeSet<String>,
    current: &'a dyn Fn(&str) -> Current,
    /// The rules of the house that found a job.
    used_rules: RefCell<BTreeSet<String>>,
}

impl Planner<'_> {
    /// One file of the plan, and what the lock shall say of it if that changes.
    fn file(&self, template: &Template) -> Result<(PlannedFile, Option<Record>), PlanError> {
        let one = |error: SourceError| PlanError::Template(vec![error]);
        let manifest = &template.manifest;
        let path = manifest.path();
        let before = (self.current)(&path);
        let ours = match &before {
            Current::Text(text) => header::origin(text),
            _ => Origin::Foreign,
        };
        let coverage = Coverage::new(self.project, manifest, self.own);
        let view = self.view(template, &coverage.components);
        let mut file = PlannedFile {
            template: template.name.clone(),
            path,
            status: Status::NotApplicable,
            reason: manifest.otherwise.clone(),
            components: Vec::new(),
            drift: Vec::new(),
            conflicts: Vec::new(),
            notes: coverage.notes(),
            before: match &before {
                Current::Text(text) => Some(text.clone()),
                _ => None,
            },
            content: None,
            generated: None,
        };
        if !self.applies(template, &view).map_err(one)? || coverage.whole.is_some() {
            if let Some(by) = self.covered_by(template, &coverage) {
                file.status = Status::Covered;
                file.reason = format!("{by} does this already");
            }
            file.notes.clear();
            if matches!(ours, Origin::Ours { .. } | Origin::Edited { .. }) {
                file.status = Status::Obsolete;
                file.reason = format!(
                    "nothing is left for it to do ({}): delete it if you agree",
                    file.reason
                );
            }
            return Ok((file, None));
        }
        let mut rendered = self
            .renderer
            .render(&template.body_path, &view)
            .map_err(one)?;
        let house = if manifest.kind == Kind::Workflow {
            house::apply(&self.settings.house.rules, &template.name, &mut rendered)
        } else {
            BTreeMap::new()
        };
        let problems =
            check::problems_in_template(manifest.kind, &rendered, self.renderer, &|origin| {
                self.catalog.is_built_in(&origin.template)
            });
        if !problems.is_empty() {
            return Err(PlanError::Template(problems));
        }
        let (backends, frontends) = match manifest.proves.as_deref() {
            Some("backends") => (view.backends.as_slice(), &[][..]),
            Some("frontends") => (&[][..], view.frontends.as_slice()),
            Some("components") => (view.backends.as_slice(), view.frontends.as_slice()),
            _ => (&[][..], &[][..]),
        };
        file.components = backends
            .iter()
            .chain(frontends)
            .map(|job| job.title.clone())
            .collect();
        let own_action = &self.settings.own_action;
        if rendered.text.contains(&own_action.uses) && !own_action.is_pinned() {
            file.notes.push(format!(
                "`{}` is a moving tag: this build of ci-tool is no release and knows no commit to pin. \
                 Set `generate.action` in .github/ci-tool.yml or CI_TOOL_ACTION.",
                own_action.uses
            ));
        }
        rendered.stamp(&template.name, manifest.version);
        let mut fresh = Record::new(template, self.catalog, &view, rendered.text.clone());
        self.used_rules.borrow_mut().extend(house.keys().cloned());
        fresh.facts.extend(house);
        let decision = decide(&Situation {
            kind: manifest.kind,
            before: &before,
            recorded: self.lock.files.get(&file.path),
            fresh: &fresh,
            force: self.settings.force,
            resolved: self.settings.resolved.contains(&file.path),
        });
        file.status = decision.status;
        file.reason = match decision.status {
            Status::Create => manifest.summary.clone(),
            _ => decision.reason,
        };
        file.drift = decision.drift;
        file.conflicts = decision.conflicts;
        file.notes.extend(decision.notes);
        if manifest.kind == Kind::Gitlab {
            file.notes.extend(gitlab::notes(&view, file.status));
        }
        file.content = decision.content.or_else(|| Some(rendered.text.clone()));
        file.generated = Some(rendered);
        Ok((file, decision.record.then_some(fresh)))
    }

    /// What a template sees, without the components that are proved elsewhere.
    fn view(&self, template: &Template, covered: &BTreeSet<String>) -> View {
        let mut view = View::new(self.project, self.settings, covered);
        view.title.clone_from(&template.manifest.title);
        view.file_path = template.manifest.path();
        view
    }

    fn applies(&self, template: &Template, view: &View) -> Result<bool, SourceError> {
        self.renderer.test(
            &template.manifest.when,
            view,
            &template.manifest_path,
            &template.manifest_text,
        )
    }

    /// The workflows but for which the template would apply.
    fn covered_by(&self, template: &Template, coverage: &Coverage) -> Option<String> {
        coverage.whole.clone().or_else(|| {
            let everything = self.view(template, &BTreeSet::new());
            let by: BTreeSet<&str> = coverage.by.values().map(String::as_str).collect();
            self.applies(template, &everything)
                .unwrap_or(false)
                .then(|| by.into_iter().collect::<Vec<_>>().join(", "))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::model::{
        Component, Doing, Evidence, Fact, Language, Role, StepKind, Task, Workflow,
    };

    fn project() -> Project {
        let mut component = Component::new(
            "backend",
            Language::Python,
            Role::Backend,
            Evidence::new("backend/requirements.txt", 1),
        );
        component.version = Some(Fact::new("3.12".to_owned(), Evidence::new("Dockerfile", 1)));
        component.package_manager = Some(Fact::new(
            "pip".to_owned(),
            Evidence::new("backend/requirements.txt", 1),
        ));
        component.add_install(
            "pip install -r requirements.txt",
            "backend",
            Evidence::new("backend/requirements.txt", 1),
        );
        component.add_step(
            StepKind::Test,
            "Test",
            "python -m pytest",
            Evidence::new("backend/tests/test_a.py", 1),
        );
        Project {
            schema: 1,
            default_branch: None,
            components: vec![component],
            containers: Vec::new(),
            compose: Vec::new(),
            platforms: Vec::new(),
            mirrors: Vec::new(),
            workflows: Vec::new(),
            warnings: Vec::new(),
        }
    }

    fn built_in() -> Catalog {
        Catalog::built_in().unwrap_or_else(|error| panic!("{error}"))
    }

    fn backend(project: &Project, settings: &Settings, current: Current) -> PlannedFile {
        let plan = plan(&built_in(), project, settings, &|path| {
            if path.ends_with("backend-ci.yml") {
                current.clone()
            } else {
                Current::Missing
            }
        })
        .unwrap_or_else(|error| panic!("{error}"));
        plan.files[0].clone()
    }

    #[test]
    fn a_missing_file_is_created_and_then_left_unchanged() {
        let settings = Settings::default();
        let first = backend(&project(), &settings, Current::Missing);
        assert_eq!(first.status, Status::Create);
        let content = first.content.expect("it has content");
        let second = backend(&project(), &settings, Current::Text(content.clone()));
        assert_eq!(second.status, Status::Unchanged);
        let crlf = content.replace('\n', "\r\n");
        assert_eq!(
            backend(&project(), &settings, Current::Text(crlf)).status,
            Status::Unchanged
        );
    }

    #[test]
    fn only_an_unedited_file_of_ours_is_updated() {
        let mut settings = Settings::default();
        let content = backend(&project(), &settings, Current::Missing)
            .content
            .expect("content");
        settings.timeout_minutes = 7;
        let updated = backend(&project(), &settings, Current::Text(content.clone()));
        assert_eq!(updated.status, Status::Update);
        assert!(
            updated
                .content
                .expect("content")
                .contains("timeout-minutes: 7")
        );
        let edited = content.replace("name: Backend CI", "name: Mine");
        assert_eq!(
            backend(&project(), &settings, Current::Text(edited.clone())).status,
            Status::Conflict,
            "without a record nothing can be joined"
        );
        let foreign = Current::Text("name: Theirs\n".to_owned());
        assert_eq!(
            backend(&project(), &settings, foreign.clone()).status,
            Status::Foreign
        );
        let unreadable = Current::Unreadable("not UTF-8".to_owned());
        assert_eq!(
            backend(&project(), &settings, unreadable).status,
            Status::Foreign
        );
        settings.force = true;
        assert_eq!(
            backend(&project(), &settings, foreign).status,
            Status::Overwrite
        );
        assert_eq!(
            backend(&project(), &settings, Current::Text(edited)).status,
            Status::Overwrite
        );
    }

    #[test]
    fn what_another_workflow_tests_is_not_missing() {
        let mut project = project();
        project.workflows.push(Workflow {
            path: ".github/workflows/checks.yml".to_owned(),
            name: None,
            does: vec![Doing {
                task: Task::Test,
                component: Some("backend".to_owned()),
                line: 9,
            }],
        });
        let file = backend(&project, &Settings::default(), Current::Missing);
        assert_eq!(file.status, Status::Covered);
        assert!(file.reason.contains("checks.yml"), "{}", file.reason);
    }

    #[test]
    fn an_unknown_template_is_named_with_the_known_ones() {
        let settings = Settings {
            only: vec!["backend".to_owned()],
            ..Settings::default()
        };
        let error =
            plan(&built_in(), &project(), &settings, &|_| Current::Missing).expect_err("unknown");
        assert!(error.to_string().contains("backend-ci"), "{error}");
    }

    #[test]
    fn an_unsound_template_is_an_error_at_its_line() {
        let broken = Template::new(
            "broken",
            "broken",
            "title = \"B\"\nversion = 1\nfile = \"b.yml\"\nsummary = \"s\"\nwhen = \"true\"\notherwise = \"\"\ncovered-by = []\n",
            "name: B\non:\n  push:\npermissions: {}\nconcurrency:\n  group: b\njobs:\n#% for job in backends\n  <%= job.id %>:\n    name: B\n    runs-on: x\n    timeout-minutes: 1\n    permissions: {}\n    needs: nobody\n    steps:\n      - name: S\n        run: true\n#% endfor\n",
        )
        .expect("the manifest is sound");
        let mut catalog = Catalog::default();
        catalog.templates.push(broken);
        let error = plan(&catalog, &project(), &Settings::default(), &|_| {
            Current::Missing
        })
        .expect_err("the job needs a job that is not there");
        let text = error.to_string();
        assert!(
            text.contains("broken/template.yml:14") && text.contains("nobody"),
            "{text}"
        );
    }
}
