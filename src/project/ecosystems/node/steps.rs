//! What can be proved of a Node component: the scripts that exist and end, and
//! the type check that TypeScript brings even where no script asks for it.

use super::manager::Manager;
use super::package::Package;
use crate::project::Survey;
use crate::project::document::Node;
use crate::project::model::{Component, Evidence, Need, Role, StepKind};
use crate::project::path;

const LINT: [&str; 5] = ["lint", "lint:check", "lint:ci", "eslint", "check:lint"];
const FORMAT: [&str; 8] = [
    "format:check",
    "check:format",
    "prettier:check",
    "check-format",
    "fmt:check",
    "format-check",
    "format:ci",
    "check-formatting",
];
const TYPES: [&str; 12] = [
    "type-check",
    "typecheck",
    "check-types",
    "check:types",
    "types:check",
    "check-ts",
    "type:check",
    "typescript",
    "tsc",
    "types",
    "ts:check",
    "lint:types",
];
const TEST: [&str; 6] = ["test:ci", "test", "test:unit", "unit", "tests", "vitest"];

/// Test programs, with the arguments that make them run once.
const RUNNERS: [(&str, &str); 4] = [
    ("vitest", "vitest run"),
    ("jest", "jest"),
    ("mocha", "mocha"),
    ("ava", "ava"),
];

pub(super) fn add(
    survey: &Survey<'_>,
    package: &Package,
    manager: &Manager,
    component: &mut Component,
) {
    let steps = Steps {
        survey,
        package,
        manager,
        tests: test_files(survey, &package.root),
    };
    steps.prisma(component);
    steps.lint(component);
    steps.format(component);
    steps.types(component);
    steps.test(component);
    steps.build(component);
}

struct Steps<'a> {
    survey: &'a Survey<'a>,
    package: &'a Package,
    manager: &'a Manager,
    tests: Vec<String>,
}

impl Steps<'_> {
    /// The first of these scripts that exists.
    fn first(&self, names: &[&str]) -> Option<(String, String, Evidence)> {
        names.iter().find_map(|name| {
            let (text, evidence) = self.package.script(name)?;
            Some(((*name).to_owned(), text.to_owned(), evidence))
        })
    }

    fn has(&self, dependency: &str) -> bool {
        self.declared(dependency).is_some()
    }

    /// A dependency here or in the workspace's root, whose programs are on the path too.
    fn declared(&self, dependency: &str) -> Option<(String, Evidence)> {
        self.package.dependency(dependency).or_else(|| {
            path::ancestors(&self.package.root)
                .skip(1)
                .filter_map(|folder| Package::read(self.survey.tree, folder))
                .find_map(|package| package.dependency(dependency))
        })
    }

    /// Scripts that may lint, the plainest name first.
    fn lint_scripts(&self) -> Vec<(String, String, Evidence)> {
        let known = LINT.iter().map(|name| (*name).to_owned());
        let others = self
            .package
            .scripts()
            .filter(|name| name.starts_with("lint:") && !LINT.contains(name))
            .filter(|name| {
                !["fix", "write", "watch", "types"]
                    .iter()
                    .any(|word| name.contains(word))
            })
            .map(str::to_owned);
        known
            .chain(others)
            .filter_map(|name| {
                let (text, evidence) = self.package.script(&name)?;
                Some((name.clone(), text.to_owned(), evidence))
            })
            .collect()
    }

    fn lint(&self, component: &mut Component) {
        let scripts = self.lint_scripts();
        let judged: Vec<_> = scripts
            .iter()
            .map(|script| (script, self.lint_problem(script)))
            .collect();
        if let Some(((name, _, evidence), _)) = judged.iter().find(|(_, problem)| problem.is_none())
        {
            component.add_step(
                StepKind::Lint,
                "Lint",
                self.manager.run(name),
                evidence.clone(),
            );
        } else if let Some((_, Some((message, mend)))) = judged.into_iter().next() {
            component.add_gap("lint", message, mend);
        } else {
            let mend = if self.has("eslint") || self.has("@biomejs/biome") {
                "add a script `lint` that runs the linter that is installed"
            } else {
                "add eslint and a script `lint`"
            };
            component.add_gap("lint", "there is no script that lints", mend);
        }
    }

    /// Why a lint script proves nothing, with the mend.
    fn lint_problem(
        &self,
        (name, text, evidence): &(String, String, Evidence),
    ) -> Option<(String, String)> {
        let next_major = self.declared("next").and_then(|(range, _)| major(&range));
        if text.contains("next lint") && next_major.is_some_and(|major| major >= 16) {
            return Some((
                format!(
                    "the script `{name}` runs `next lint` ({}:{}), which Next.js 16 no longer has",
                    evidence.path, evidence.line
                ),
                "let it run `eslint .`".to_owned(),
            ));
        }
        for (program, package) in [
            ("eslint", "eslint"),
            ("biome", "@biomejs/biome"),
            ("oxlint", "oxlint"),
            ("xo", "xo"),
        ] {
            let runs_it = text.split_whitespace().next() == Some(program);
            let brings_it = self.has(package)
                || self
                    .package
                    .dependencies()
                    .any(|name| name.contains("eslint-config") || name.contains("react-scripts"));
            if runs_it && !brings_it {
                return Some((
                    format!(
                        "the script `{name}` runs {program}, which is not among the dependencies"
                    ),
                    format!("add {package} to the development dependencies"),
                ));
            }
        }
        (text.contains("--fix") || text.contains("--write")).then(|| {
            (
                format!("the script `{name}` changes files, so it passes where it should fail"),
                "add a script `lint:check` that only looks".to_owned(),
            )
        })
    }

    fn format(&self, component: &mut Component) {
        if let Some((name, text, evidence)) = self.first(&FORMAT)
            && !text.contains("--write")
        {
            component.add_step(
                StepKind::Format,
                "Check the format",
                self.manager.run(&name),
                evidence,
            );
        }
    }

    fn types(&self, component: &mut Component) {
        if let Some((name, text, evidence)) = self.first(&TYPES)
            && !text.contains("--watch")
        {
            component.add_step(
                StepKind::TypeCheck,
                "Check types",
                self.manager.run(&name),
                evidence,
            );
            return;
        }
        if let Some((text, evidence)) = self.package.script("check")
            && (text.contains("svelte-check")
                || text.contains("astro check")
                || text.contains("tsc"))
            && !text.contains("--watch")
        {
            component.add_step(
                StepKind::TypeCheck,
                "Check types",
                self.manager.run("check"),
                evidence,
            );
            return;
        }
        let tree = self.survey.tree;
        let config = path::join(&self.package.root, "tsconfig.json");
        // Vue and Svelte files need their own checkers; plain `tsc` cannot read them.
        let other_checker = [
            ("vue-tsc", "vue-tsc --noEmit"),
            ("svelte-check", "svelte-check"),
        ]
        .into_iter()
        .find(|(package, _)| self.has(package));
        let has_own_files = tree.under(&self.package.root).any(|file| {
            file.ends_with(".vue") || file.ends_with(".svelte") || file.ends_with(".astro")
        });
        if !tree.contains(&config) {
            return;
        }
        if let Some((package, command)) = other_checker {
            let evidence = self
                .declared(package)
                .map_or_else(|| Evidence::new(&config, 1), |(_, evidence)| evidence);
            component.add_step(
                StepKind::TypeCheck,
                "Check types",
                self.manager.exec(command),
                evidence,
            );
        } else if self.has("typescript") && !has_own_files {
            let command = if has_references(tree.json(&config).as_deref()) {
                "tsc --build --noEmit"
            } else {
                "tsc --noEmit"
            };
            // The build of these frameworks checks types itself, with types it generates.
            let generated = ["nuxt", "@sveltejs/kit", "astro", "@angular/core"]
                .iter()
                .any(|name| self.has(name));
            if !generated {
                component.add_step(
                    StepKind::TypeCheck,
                    "Check types",
                    self.manager.exec(command),
                    Evidence::new(&config, 1),
                );
            }
        }
    }

    /// The script that runs unit tests: by its name, unless it runs a browser and
    /// another does not.
    fn test_script(&self) -> Option<(String, String, Evidence)> {
        let others = self
            .package
            .scripts()
            .filter(|name| name.starts_with("test:") && !TEST.contains(name))
            .filter(|name| {
                !["watch", "update", "debug", "ui", "e2e", "dev"]
                    .iter()
                    .any(|word| name.contains(word))
            });
        let scripts: Vec<_> = TEST
            .iter()
            .copied()
            .chain(others)
            .filter_map(|name| {
                let (text, evidence) = self.package.script(name)?;
                Some((name.to_owned(), text.to_owned(), evidence))
            })
            .filter(|(_, text, _)| !is_placeholder(text))
            .collect();
        let is_known = |name: &str| TEST.contains(&name);
        scripts
            .iter()
            .find(|(name, text, _)| {
                let text = self.resolved(text);
                let runs_units = RUNNERS.iter().any(|(runner, _)| text.contains(runner));
                !is_end_to_end(&text) && (is_known(name) || runs_units)
            })
            .or_else(|| scripts.iter().find(|(name, ..)| is_known(name)))
            .cloned()
    }

    /// A script's text with the texts of the scripts that it runs.
    fn resolved(&self, text: &str) -> String {
        let mut all = text.to_owned();
        for name in self.package.scripts() {
            let calls = text
                .split_whitespace()
                .any(|word| word.trim_end_matches(';') == name);
            if calls && let Some((inner, _)) = self.package.script(name) {
                all.push_str(" && ");
                all.push_str(inner);
            }
        }
        all
    }

    fn test(&self, component: &mut Component) {
        let script = self.test_script();
        if let Some((name, text, evidence)) = script {
            if is_end_to_end(&self.resolved(&text)) {
                component.add_gap(
                    "test",
                    format!(
                        "the script `{name}` runs browser tests, which need a running application"
                    ),
                    "add a script `test:unit`, or a workflow of your own for the browser tests",
                );
                return;
            }
            if let Some(reason) = self.cannot_work(&text) {
                component.add_gap(
                    "test",
                    format!("the script `{name}` {reason}"),
                    "repair it; until then nothing runs the tests",
                );
                return;
            }
            let watches = ["--watch", "--watchAll", " -w ", "nodemon", "--ui"]
                .iter()
                .any(|word| text.contains(word))
                && !text.contains("--watch=false")
                && !text.contains("--watchAll=false")
                && !text.contains("--no-watch");
            if watches {
                if let Some((_, command)) = RUNNERS
                    .iter()
                    .find(|(runner, _)| text.contains(runner) && self.has(runner))
                {
                    component.add_step(
                        StepKind::Test,
                        "Test",
                        self.manager.exec(command),
                        evidence,
                    );
                }
                component.add_gap(
                    "test",
                    format!("the script `{name}` watches and never ends, so it cannot run in CI as it is"),
                    "add a script `test:ci` that runs the tests once",
                );
                return;
            }
            // `ng test` watches unless told otherwise, and opens a browser.
            let command = if text.trim() == "ng test" || text.starts_with("ng test ") {
                let sep = if self.manager.id.value == "npm" {
                    " --"
                } else {
                    ""
                };
                format!(
                    "{}{sep} --watch=false --browsers=ChromeHeadless",
                    self.manager.run(&name)
                )
            } else {
                self.manager.run(&name)
            };
            component.add_step(StepKind::Test, "Test", command, evidence);
            self.services(component);
            return;
        }
        if let Some((runner, command)) = RUNNERS.iter().find(|(runner, _)| self.has(runner))
            && let Some(file) = self.tests.first()
        {
            let evidence = self
                .declared(runner)
                .map_or_else(|| Evidence::new(file, 1), |(_, evidence)| evidence);
            component.add_step(StepKind::Test, "Test", self.manager.exec(command), evidence);
            component.add_gap(
                "test",
                format!("there are tests and {runner}, but no script `test`"),
                format!("add the script `\"test\": \"{command}\"`"),
            );
            self.services(component);
            return;
        }
        component.add_gap(
            "test",
            "there is no script that tests",
            "add vitest, a first test, and the script `\"test\": \"vitest run\"`",
        );
    }

    /// Why a test script fails wherever it runs.
    fn cannot_work(&self, text: &str) -> Option<String> {
        let program = text.split_whitespace().find(|word| {
            !word.contains('=')
                && !matches!(*word, "cross-env" | "dotenv" | "--" | "npx" | "TZ=UTC")
        })?;
        let (runner, _) = RUNNERS.iter().find(|(runner, _)| *runner == program)?;
        if !self.has(runner) {
            return Some(format!(
                "runs {runner}, which is not among the dependencies"
            ));
        }
        let accepts_none = text.contains("passWithNoTests");
        (self.tests.is_empty()
            && matches!(*runner, "vitest" | "jest")
            && !accepts_none
            && !self.may_hide_tests())
        .then(|| format!("runs {runner}, which fails where there are no tests, and there are none"))
    }

    /// A configuration may collect files that we would not take for tests.
    fn may_hide_tests(&self) -> bool {
        let tree = self.survey.tree;
        let names = [
            "jest.config.js",
            "jest.config.ts",
            "jest.config.cjs",
            "jest.config.mjs",
            "vitest.config.ts",
            "vitest.config.js",
            "vitest.config.mts",
            "vite.config.ts",
            "vite.config.js",
        ];
        names.iter().any(|name| {
            tree.text(&path::join(&self.package.root, name))
                .is_some_and(|text| {
                    text.contains("testMatch")
                        || text.contains("testRegex")
                        || text.contains("include")
                        || text.contains("roots")
                })
        }) || self.package.get(&["jest"]).is_some()
    }

    fn build(&self, component: &mut Component) {
        if let Some((text, evidence)) = self.package.script("build")
            && !text.contains("--watch")
            && !is_placeholder(text)
        {
            component.add_step(
                StepKind::Build,
                "Build",
                self.manager.run("build"),
                evidence,
            );
        } else if component.role == Role::Frontend {
            component.add_gap(
                "build",
                "there is no script that builds",
                "add a script `build`",
            );
        }
    }

    /// The client that Prisma generates must be there before anything compiles.
    fn prisma(&self, component: &mut Component) {
        let Some((_, evidence)) = self.package.runtime_dependency("@prisma/client") else {
            return;
        };
        let tree = self.survey.tree;
        let schema = tree
            .under(&self.package.root)
            .find(|file| path::name(file) == "schema.prisma")
            .map(str::to_owned);
        let Some(schema) = schema else { return };
        let generates = ["postinstall", "prepare", "pretest", "prebuild"]
            .iter()
            .any(|name| {
                self.package
                    .script(name)
                    .is_some_and(|(text, _)| text.contains("prisma generate"))
            });
        if !generates {
            let root = self.package.root.clone();
            component.add_install(self.manager.exec("prisma generate"), &root, evidence);
        }
        let provider = tree.text(&schema).and_then(|text| {
            text.lines().enumerate().find_map(|(at, line)| {
                let value = line
                    .trim()
                    .strip_prefix("provider")?
                    .trim_start()
                    .strip_prefix('=')?;
                let value = value.trim().trim_matches('"').to_owned();
                matches!(value.as_str(), "postgresql" | "mysql").then_some((value, at + 1))
            })
        });
        let migrations = path::join(path::parent(&schema), "migrations");
        if let Some((provider, line)) = provider
            && tree.has_folder(&migrations)
        {
            let name = if provider == "postgresql" {
                "postgres"
            } else {
                "mysql"
            };
            let (image, _) = self
                .survey
                .service_image(&self.package.root, name)
                .unwrap_or_else(|| {
                    (
                        crate::project::defaults::service_image(name).to_owned(),
                        Evidence::new(&schema, line),
                    )
                });
            component.add_service(name, &image, Need::Migrations, Evidence::new(&schema, line));
            component.add_step(
                StepKind::Migrations,
                "Build an empty database by migrations",
                self.manager.exec("prisma migrate deploy"),
                Evidence::new(&schema, line),
            );
            if let Some(text) = tree.text(&schema)
                && let Some((at, name)) = text.lines().enumerate().find_map(|(at, line)| {
                    let (_, after) = line.split_once("env(\"")?;
                    Some((at + 1, after.split('"').next()?.to_owned()))
                })
            {
                component.add_environment(&name, Need::Migrations, Evidence::new(&schema, at));
            }
        }
    }

    /// Servers that tests name, where a driver is installed.
    fn services(&self, component: &mut Component) {
        let tree = self.survey.tree;
        for (name, drivers, words) in [
            (
                "postgres",
                &[
                    "pg",
                    "postgres",
                    "@prisma/client",
                    "knex",
                    "typeorm",
                    "drizzle-orm",
                ][..],
                &["DATABASE_URL", "postgres://", "postgresql://", "PGHOST"][..],
            ),
            (
                "redis",
                &["redis", "ioredis", "bullmq"],
                &["REDIS_URL", "redis://"],
            ),
            (
                "mongodb",
                &["mongodb", "mongoose"],
                &["MONGO_URL", "MONGODB_URI", "mongodb://"],
            ),
        ] {
            if !drivers
                .iter()
                .any(|driver| self.package.runtime_dependency(driver).is_some())
            {
                continue;
            }
            let found = self.tests.iter().take(60).find_map(|file| {
                let text = tree.text(file)?;
                let brings_its_own = text.contains("testcontainers")
                    || text.contains("mongodb-memory-server")
                    || text.contains("pg-mem");
                let at = text
                    .lines()
                    .position(|line| words.iter().any(|word| line.contains(word)))?;
                (!brings_its_own).then(|| Evidence::new(file, at + 1))
            });
            if let Some(evidence) = found {
                let image = self
                    .survey
                    .service_image(&self.package.root, name)
                    .map_or_else(
                        || crate::project::defaults::service_image(name).to_owned(),
                        |(image, _)| image,
                    );
                component.add_service(name, &image, Need::Tests, evidence);
            }
        }
    }
}

/// Unit test files of a folder, nested packages left out.
fn test_files(survey: &Survey<'_>, root: &str) -> Vec<String> {
    let tree = survey.tree;
    let nested: Vec<&str> = tree
        .named("package.json")
        .map(path::parent)
        .filter(|folder| *folder != root && path::is_within(folder, root))
        .collect();
    tree.under(root)
        .filter(|file| {
            let name = path::name(file);
            let is_source = [
                ".js", ".jsx", ".ts", ".tsx", ".mjs", ".cjs", ".mts", ".cts", ".vue", ".svelte",
            ]
            .iter()
            .any(|end| name.ends_with(end));
            let relative = path::relative(root, file);
            let is_test = name.contains(".test.")
                || name.contains(".spec.")
                || relative.contains("__tests__/")
                || relative.starts_with("test/")
                || relative.starts_with("tests/");
            let is_browser = relative
                .split('/')
                .any(|part| matches!(part, "e2e" | "cypress" | "playwright"));
            is_source && is_test && !is_browser
        })
        .filter(|file| !nested.iter().any(|folder| path::is_within(file, folder)))
        .map(str::to_owned)
        .collect()
}

/// What `npm init` writes, and other ways to say nothing.
fn is_placeholder(text: &str) -> bool {
    text.contains("no test specified")
        || text.starts_with("echo ") && !text.contains("&&")
        || text == "true"
        || text == "exit 0"
}

fn is_end_to_end(text: &str) -> bool {
    ["playwright", "cypress", "wdio", "detox", "testcafe", "e2e"]
        .iter()
        .any(|word| text.contains(word))
}

/// A solution file: it has no files itself, only references.
fn has_references(config: Option<&Node>) -> bool {
    config.is_some_and(|node| {
        node.get("references")
            .is_some_and(|references| !references.items().is_empty())
            && node
                .get("files")
                .is_some_and(|files| files.items().is_empty())
    })
}

fn major(range: &str) -> Option<u32> {
    range
        .trim_start_matches(|c: char| !c.is_ascii_digit())
        .split('.')
        .next()?
        .parse()
        .ok()
}
