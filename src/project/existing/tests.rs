//! What workflows in the wild do, and how it is found.

use crate::project::detect_in;
use crate::project::model::{Doing, Task};
use crate::project::testing::tree;

const BACKEND: [(&str, &str); 4] = [
    ("backend/requirements.txt", "fastapi\npytest\nhttpx\nruff\n"),
    (
        "backend/main.py",
        "from fastapi import FastAPI\napp = FastAPI()\n",
    ),
    ("backend/tests/test_a.py", "def test_a(): pass\n"),
    (
        "Makefile",
        "test: lint\n\tcd backend && python -m pytest\nlint:\n\t@ruff check backend\n",
    ),
];
const FRONTEND: [(&str, &str); 3] = [
    (
        "frontend/package.json",
        "{\"scripts\": {\"test\": \"vitest run\", \"lint\": \"eslint .\", \"ci\": \"npm run lint && npm test\", \"build\": \"next build\"}, \"dependencies\": {\"next\": \"15\"}, \"devDependencies\": {\"vitest\": \"3\", \"eslint\": \"9\"}}",
    ),
    ("frontend/package-lock.json", "{}"),
    ("frontend/a.test.ts", ""),
];

fn does(workflow: &str, more: &[(&str, &str)]) -> Vec<(Task, Option<String>)> {
    let mut files = vec![(".github/workflows/x.yml", workflow)];
    files.extend(BACKEND);
    files.extend(FRONTEND);
    files.extend(more);
    let (_folder, tree) = tree(&files);
    let project = detect_in(&tree);
    let workflow = project
        .workflows
        .iter()
        .find(|workflow| workflow.path.ends_with("/x.yml"))
        .expect("found");
    workflow
        .does
        .iter()
        .map(
            |Doing {
                 task, component, ..
             }| (*task, component.clone()),
        )
        .collect()
}

fn job(steps: &str) -> String {
    format!("on: [push]\njobs:\n  a:\n    runs-on: x\n    steps:\n{steps}")
}

fn has(found: &[(Task, Option<String>)], task: Task, component: &str) -> bool {
    found
        .iter()
        .any(|(known, name)| *known == task && name.as_deref() == Some(component))
}

#[test]
fn folders_are_known_in_every_way_they_are_said() {
    for steps in [
        "      - run: cd backend && python -m pytest -q\n",
        "      - run: |\n          cd backend\n          pytest\n",
        "      - run: pytest\n        working-directory: ./backend\n",
        "      - run: pytest backend/tests\n",
        "      - run: poetry run pytest backend\n",
        "      - run: make test\n",
        "      - run: docker compose run --rm -e A=b backend pytest\n        working-directory: backend\n",
        "      - run: |\n          python -m \\\n            pytest backend\n",
    ] {
        let found = does(&job(steps), &[]);
        assert!(has(&found, Task::Test, "backend"), "{steps}: {found:?}");
        assert!(!has(&found, Task::Test, "frontend"), "{steps}: {found:?}");
    }
}

#[test]
fn scripts_are_followed() {
    for steps in [
        "      - run: npm --prefix frontend run ci\n",
        "      - run: npm run ci\n        working-directory: frontend\n",
        "      - run: npm ci && npm test && npm run lint\n        working-directory: frontend\n",
    ] {
        let found = does(&job(steps), &[]);
        assert!(
            has(&found, Task::Test, "frontend") && has(&found, Task::Lint, "frontend"),
            "{steps}: {found:?}"
        );
    }
}

#[test]
fn what_is_only_said_is_not_done() {
    for steps in [
        "      - run: echo pytest backend\n",
        "      - run: |\n          # pytest backend\n          true\n",
        "      - run: pip install pytest backend/tests\n",
        "      - run: npm install\n        working-directory: frontend\n",
    ] {
        assert_eq!(does(&job(steps), &[]), [], "{steps}");
    }
}

#[test]
fn only_what_judges_a_change_counts_as_ci() {
    let nightly = "on:\n  schedule:\n    - cron: '0 0 * * *'\njobs:\n  a:\n    steps:\n      - run: pytest backend\n      - uses: aquasecurity/trivy-action@0.28.0\n";
    assert_eq!(does(nightly, &[]), [(Task::SecurityScan, None)]);
}

#[test]
fn calls_and_matrices_are_followed() {
    let calls = "on: pull_request\njobs:\n  a:\n    uses: ./.github/workflows/tests.yml\n  b:\n    steps:\n      - uses: ./.github/actions/front\n";
    let found = does(
        calls,
        &[
            (
                ".github/workflows/tests.yml",
                "on: workflow_call\njobs:\n  t:\n    strategy:\n      matrix:\n        dir: [backend]\n    steps:\n      - run: pytest\n        working-directory: ${{ matrix.dir }}\n",
            ),
            (
                ".github/actions/front/action.yml",
                "runs:\n  using: composite\n  steps:\n    - run: npm test\n      shell: bash\n      working-directory: frontend\n",
            ),
        ],
    );
    assert!(
        has(&found, Task::Test, "backend") && has(&found, Task::Test, "frontend"),
        "{found:?}"
    );
}

#[test]
fn deployments_and_mirrors_are_known() {
    let found = does(
        &job(
            "      - run: railway up --ci\n      - run: git push --mirror https://gitlab.com/a/b.git\n      - run: git push origin main\n",
        ),
        &[],
    );
    assert_eq!(found, [(Task::Deploy, None), (Task::Sync, None)]);
}
