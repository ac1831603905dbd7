//! Hard cases of Node repositories.

use crate::project::detect_in;
use crate::project::model::{Component, Language, Role, StepKind};
use crate::project::testing::tree;

fn components(files: &[(&str, &str)]) -> Vec<Component> {
    let (_folder, tree) = tree(files);
    let mut found = detect_in(&tree).components;
    found.retain(|component| component.language == Language::Node);
    found
}

fn one(files: &[(&str, &str)]) -> Component {
    let mut found = components(files);
    assert_eq!(found.len(), 1, "{found:#?}");
    found.remove(0)
}

fn commands(component: &Component) -> Vec<(StepKind, &str)> {
    component
        .steps
        .iter()
        .map(|step| (step.kind, step.command.run.as_str()))
        .collect()
}

#[test]
fn a_next_frontend_without_a_type_check_script() {
    let component = one(&[
        (
            "frontend/package.json",
            "{\n \"name\": \"web\",\n \"scripts\": {\"dev\": \"next dev\", \"build\": \"next build\", \"lint\": \"eslint\", \"test\": \"vitest run\"},\n \"dependencies\": {\"next\": \"^16.1\", \"react\": \"19\"},\n \"devDependencies\": {\"typescript\": \"5\", \"vitest\": \"4\", \"eslint\": \"9\"}\n}",
        ),
        ("frontend/package-lock.json", "{}"),
        ("frontend/tsconfig.json", "{}"),
        ("frontend/app/page.test.tsx", ""),
    ]);
    assert_eq!(component.role, Role::Frontend);
    assert_eq!(
        component
            .framework
            .as_ref()
            .map(|found| found.value.as_str()),
        Some("next")
    );
    assert_eq!(component.install[0].run, "npm ci");
    assert_eq!(
        commands(&component),
        [
            (StepKind::Lint, "npm run lint"),
            (StepKind::TypeCheck, "npx tsc --noEmit"),
            (StepKind::Test, "npm test"),
            (StepKind::Build, "npm run build"),
        ]
    );
    assert!(component.gaps.iter().any(|gap| gap.kind == "version"));
}

#[test]
fn scripts_that_cannot_work_are_gaps() {
    let component = one(&[
        (
            "package.json",
            "{\"scripts\": {\"lint\": \"next lint --max-warnings 0\", \"test\": \"vitest --watch\", \"build\": \"next build\"}, \"dependencies\": {\"next\": \"16.0.1\"}, \"devDependencies\": {\"vitest\": \"4\"}}",
        ),
        ("yarn.lock", "# yarn lockfile v1\n"),
        ("a.test.ts", ""),
        (".nvmrc", "v22\n"),
    ]);
    assert_eq!(
        component
            .package_manager
            .as_ref()
            .map(|found| found.value.as_str()),
        Some("yarn")
    );
    assert_eq!(
        commands(&component),
        [
            (StepKind::Test, "yarn run vitest run"),
            (StepKind::Build, "yarn run build")
        ]
    );
    let gaps: Vec<_> = component
        .gaps
        .iter()
        .map(|gap| gap.message.as_str())
        .collect();
    assert!(
        gaps.iter().any(|gap| gap.contains("`next lint`")),
        "{gaps:?}"
    );
    assert!(
        gaps.iter().any(|gap| gap.contains("never ends")),
        "{gaps:?}"
    );
    assert_eq!(
        component.version.as_ref().map(|found| found.value.as_str()),
        Some("22")
    );
}

#[test]
fn a_turbo_workspace() {
    let found = components(&[
        (
            "package.json",
            "{\"name\": \"mono\", \"packageManager\": \"pnpm@9.15.0+sha512.x\", \"scripts\": {\"build\": \"turbo run build\", \"test\": \"turbo run test\"}, \"devDependencies\": {\"turbo\": \"2\"}}",
        ),
        (
            "pnpm-workspace.yaml",
            "packages:\n  - apps/*\n  - packages/*\n",
        ),
        ("pnpm-lock.yaml", "lockfileVersion: '9.0'\n"),
        ("turbo.json", "{}"),
        (
            "apps/web/package.json",
            "{\"name\": \"web\", \"scripts\": {\"build\": \"next build\", \"check-types\": \"tsc --noEmit\"}, \"dependencies\": {\"next\": \"15\", \"@mono/ui\": \"workspace:*\"}}",
        ),
        (
            "packages/ui/package.json",
            "{\"name\": \"@mono/ui\", \"main\": \"./dist/index.js\", \"scripts\": {\"build\": \"tsc\", \"test\": \"vitest run\"}, \"devDependencies\": {\"vitest\": \"3\"}}",
        ),
        ("packages/ui/src/a.test.ts", ""),
        (
            "packages/tsconfig/package.json",
            "{\"name\": \"@mono/tsconfig\"}",
        ),
    ]);
    let roots: Vec<_> = found
        .iter()
        .map(|component| component.root.as_str())
        .collect();
    assert_eq!(roots, ["apps/web", "packages/ui"]);
    let web = &found[0];
    let workspace = web.workspace.as_ref().expect("a member");
    assert_eq!(
        (workspace.root.as_str(), workspace.runner.as_deref()),
        (".", Some("turbo"))
    );
    assert_eq!(
        web.package_manager_version
            .as_ref()
            .map(|found| found.value.as_str()),
        Some("9.15.0")
    );
    let install: Vec<_> = web
        .install
        .iter()
        .map(|command| command.run.as_str())
        .collect();
    assert_eq!(
        install,
        [
            "pnpm install --frozen-lockfile",
            "pnpm --filter @mono/ui run build"
        ]
    );
    assert!(web.also_depends_on.contains(&"packages/ui".to_owned()));
    assert_eq!(found[1].role, Role::Library);
}

#[test]
fn two_lock_files_are_decided_by_what_is_declared() {
    let component = one(&[
        (
            "package.json",
            "{\"packageManager\": \"yarn@4.1.0\", \"scripts\": {\"start\": \"node .\", \"test\": \"node --test\"}, \"dependencies\": {\"express\": \"4\"}}",
        ),
        ("yarn.lock", "__metadata:\n  version: 8\n"),
        ("package-lock.json", "{}"),
        (".nvmrc", "20"),
    ]);
    let manager = component.package_manager.as_ref().expect("known");
    assert_eq!(manager.value, "yarn-berry");
    assert_eq!(manager.contradictions[0].value, "npm");
    assert_eq!(component.role, Role::Backend);
    assert_eq!(component.install[0].run, "yarn install --immutable");
}

#[test]
fn tooling_assets_and_sites_are_no_components() {
    let found = components(&[
        (
            "package.json",
            "{\"devDependencies\": {\"husky\": \"9\", \"prettier\": \"3\"}, \"scripts\": {\"prepare\": \"husky\"}}",
        ),
        ("server/manage.py", ""),
        (
            "server/package.json",
            "{\"devDependencies\": {\"tailwindcss\": \"3\"}, \"scripts\": {\"build\": \"tailwindcss -o a.css\"}}",
        ),
        (
            "docs/package.json",
            "{\"dependencies\": {\"astro\": \"4\"}, \"scripts\": {\"build\": \"astro build\"}}",
        ),
        (
            "web/package.json",
            "{\"dependencies\": {\"react\": \"18\"}, \"devDependencies\": {\"vite\": \"5\"}, \"scripts\": {\"build\": \"vite build\"}}",
        ),
    ]);
    let roots: Vec<_> = found
        .iter()
        .map(|component| component.root.as_str())
        .collect();
    assert_eq!(roots, ["web"]);
}

#[test]
fn a_script_that_says_there_are_no_tests_is_no_test() {
    let component = one(&[(
        "package.json",
        "{\"scripts\": {\"start\": \"node .\", \"test\": \"echo \\\"Error: no test specified\\\" && exit 1\"}, \"dependencies\": {\"express\": \"4\"}}",
    )]);
    assert!(!component.has_step(StepKind::Test));
    assert!(component.gaps.iter().any(|gap| gap.kind == "test"));
    assert!(component.gaps.iter().any(|gap| gap.kind == "lock-file"));
}
