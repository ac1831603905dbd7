//! Scripts and pipelines: each audited item in a small repository of its own, and the same
//! repository mended.

use crate::common::{ci_tool, write};

/// The rules that these tests are about.
const OWN: [&str; 17] = [
    "check-cannot-fail",
    "cli-version-unpinned",
    "deploy-exit-ignored",
    "deploy-without-environment",
    "deploy-without-health-check",
    "local-action-missing",
    "migration-skipped",
    "mirror-without-retry",
    "partial-deploy-without-undo",
    "script-file-missing",
    "secret-in-arguments",
    "secret-in-script",
    "secret-read-in-the-open",
    "token-in-remote-url",
    "two-way-mirror",
    "unchecked-url",
    "working-directory-missing",
];

/// `rule path:line` of what these rules find in a repository of these files.
fn found(files: &[(&str, &str)], pedantic: bool) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a folder");
    for (path, text) in files {
        write(folder.path(), path, text);
    }
    let mut arguments = vec!["audit", "--format", "json"];
    if pedantic {
        arguments.push("--pedantic");
    }
    let run = ci_tool(folder.path(), &arguments);
    assert!(run.code <= 1, "{}", run.stderr);
    let answer: serde_json::Value = serde_json::from_str(&run.stdout).expect("JSON");
    let findings = answer["findings"].as_array().expect("a list");
    let mut all: Vec<String> = findings
        .iter()
        .map(|one| {
            let finding = &one["finding"];
            let place = &finding["locations"][0];
            format!(
                "{} {}:{}",
                finding["reportedBy"][0]["rule"].as_str().expect("a rule"),
                place["path"].as_str().expect("a path"),
                place["line"].as_u64().expect("a line"),
            )
        })
        .filter(|one| OWN.iter().any(|rule| one.starts_with(&format!("{rule} "))))
        .collect();
    all.sort();
    all
}

const MIRROR: &str = "on:
  push:
    branches: [main]
jobs:
  mirror:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - run: |
          git remote add gitlab https://oauth2:${{ secrets.GITLAB_TOKEN }}@gitlab.com/a/b.git
          git push gitlab HEAD:main --force
";

const BACK: &str = "sync:
  script:
    - git push --force https://x:$GITHUB_PAT@github.com/a/b.git HEAD:main
";

const WORKFLOW: &str = ".github/workflows/mirror.yml";

#[test]
fn mirrors_that_overwrite_each_other_and_try_once() {
    let both = [(WORKFLOW, MIRROR), (".gitlab-ci.yml", BACK)];
    assert_eq!(
        found(&both, false),
        [
            "mirror-without-retry .github/workflows/mirror.yml:11",
            "two-way-mirror .github/workflows/mirror.yml:11",
        ]
    );
    let pedantic = found(&both, true);
    let token = "token-in-remote-url .github/workflows/mirror.yml:10".to_owned();
    assert!(pedantic.contains(&token), "{pedantic:?}");
    // One way, again every hour, and the token apart.
    let mended = MIRROR
        .replace("on:\n", "on:\n  schedule:\n    - cron: '0 * * * *'\n")
        .replace("oauth2:${{ secrets.GITLAB_TOKEN }}@", "");
    assert_eq!(found(&[(WORKFLOW, &mended)], true), [""; 0]);
}

const DEPLOY: &str = "#!/bin/bash
set -e
read -p \"Backend URL: \" BACKEND_URL
read -p \"Secret: \" NEXTAUTH_SECRET
railway variables --set \"BACKEND_URL=$BACKEND_URL\"
railway variables --set \"NEXTAUTH_SECRET=$NEXTAUTH_SECRET\"
railway up
cd frontend
vercel --prod
";

#[test]
fn a_script_that_releases_half_of_what_nobody_checked() {
    let path = "scripts/deploy-all.sh";
    assert_eq!(
        found(&[(path, DEPLOY)], false),
        [
            "partial-deploy-without-undo scripts/deploy-all.sh:9",
            "secret-read-in-the-open scripts/deploy-all.sh:4",
            "unchecked-url scripts/deploy-all.sh:3",
        ]
    );
    let argument = "secret-in-arguments scripts/deploy-all.sh:6".to_owned();
    assert!(found(&[(path, DEPLOY)], true).contains(&argument));
    let mended = "#!/bin/bash
set -e
trap 'railway redeploy --yes; vercel rollback --yes' ERR
read -rp \"Backend URL: \" BACKEND_URL
[[ $BACKEND_URL =~ ^https:// ]] || exit 1
railway variables --set \"BACKEND_URL=$BACKEND_URL\"
read -rsp \"Secret: \" NEXTAUTH_SECRET
printf '%s' \"$NEXTAUTH_SECRET\" | railway variables --set-from-stdin NEXTAUTH_SECRET
railway up
cd frontend
vercel --prod
";
    assert_eq!(found(&[(path, mended)], true), [""; 0]);
}

#[test]
fn secrets_that_stand_in_a_script() {
    let key = "k3Jd82hHs92kdLs0aPq7zX";
    let text = format!("#!/bin/sh\nrailway variables --set \"JWT_SECRET={key}\"\n");
    let path = "SET_RAILWAY_VARIABLES.sh";
    assert_eq!(
        found(&[(path, &text)], false),
        ["secret-in-script SET_RAILWAY_VARIABLES.sh:2"]
    );
    let mended = text.replace(key, "$(openssl rand -hex 32)");
    assert_eq!(found(&[(path, &mended)], false), [""; 0]);

    // The value itself is told to nobody.
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), path, &text);
    for format in ["text", "json", "sarif"] {
        let run = ci_tool(folder.path(), &["audit", "--format", format]);
        assert!(
            !run.stdout.contains(key) && !run.stderr.contains(key),
            "{format}"
        );
    }
}

#[test]
fn what_a_workflow_runs_and_the_repository_lacks() {
    let path = ".github/workflows/ci.yml";
    let text = "on: push
jobs:
  a:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: ./.github/actions/setup
  b:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
      - run: python scripts/check.py
  c:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-node@v4
      - run: npm ci
        working-directory: frontend
";
    assert_eq!(
        found(&[(path, text), ("web/package.json", "{}")], false),
        [
            "local-action-missing .github/workflows/ci.yml:7",
            "script-file-missing .github/workflows/ci.yml:13",
            "working-directory-missing .github/workflows/ci.yml:20",
        ]
    );
    let there = [
        (path, text),
        (
            ".github/actions/setup/action.yml",
            "runs:\n  using: composite\n  steps: []\n",
        ),
        ("scripts/check.py", ""),
        ("frontend/package.json", "{}"),
        ("frontend/package-lock.json", "{\"lockfileVersion\": 3}"),
    ];
    assert_eq!(found(&there, false), [""; 0]);
}

#[test]
fn builds_that_make_what_later_steps_run_are_no_defects() {
    let head = "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - uses: actions/checkout@v4\n";
    for steps in [
        "      - run: mkdir out\n      - run: cmake ..\n        working-directory: out\n",
        "      - run: npm run build\n      - run: node lib/cli.js\n",
        "      - run: make -C native\n      - run: bash generated/run.sh\n",
        "      - run: git push --force heroku main\n",
        "      - run: git push https://x:$HF_TOKEN@huggingface.co/spaces/a/b main\n",
    ] {
        let text = format!("{head}{steps}");
        let other = "deploy:\n  script:\n    - git push dokku main\n";
        let files = [
            (".github/workflows/ci.yml", text.as_str()),
            (".gitlab-ci.yml", other),
        ];
        assert_eq!(found(&files, false), [""; 0], "{steps}");
    }
}

#[test]
fn a_deployment_that_nobody_sees_fail() {
    let path = "deploy.sh";
    let text = "#!/bin/bash\nrailway up\necho \"Deployed!\"\n";
    assert_eq!(
        found(&[(path, text)], false),
        ["deploy-exit-ignored deploy.sh:2"]
    );
    let mended = text.replace("/bash\n", "/bash\nset -e\n");
    assert_eq!(found(&[(path, &mended)], false), [""; 0]);

    let path = ".github/workflows/deploy.yml";
    let text = "on: push
jobs:
  deploy:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - run: npm install -g @railway/cli
      - run: railway up --ci
";
    assert_eq!(
        found(&[(path, text)], true),
        [
            "cli-version-unpinned .github/workflows/deploy.yml:7",
            "deploy-without-environment .github/workflows/deploy.yml:8",
            "deploy-without-health-check .github/workflows/deploy.yml:8",
        ]
    );
    assert_eq!(found(&[(path, text)], false), [""; 0]);
    let mended = text
        .replace(
            "ubuntu-latest",
            "ubuntu-latest\n    environment: production",
        )
        .replace("railway/cli", "railway/cli@5.71.0")
        + "      - run: curl --fail --retry 10 https://a.example/health\n";
    assert_eq!(found(&[(path, &mended)], true), [""; 0]);
}

#[test]
fn a_migration_in_a_comment() {
    let path = "start.sh";
    let text = "#!/bin/sh\nset -e\n# alembic upgrade head\nexec uvicorn app.main:app\n";
    assert_eq!(
        found(&[(path, text)], true),
        ["migration-skipped start.sh:3"]
    );
    assert_eq!(found(&[(path, text)], false), [""; 0]);
    let files = [
        (path, text),
        ("Procfile", "release: alembic upgrade head\n"),
    ];
    assert_eq!(found(&files, true), [""; 0]);
}

#[test]
fn a_check_whose_failure_nobody_sees() {
    let path = ".github/workflows/ci.yml";
    let text = "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - uses: actions/checkout@v4\n      - run: pytest || true\n";
    assert_eq!(
        found(&[(path, text)], true),
        ["check-cannot-fail .github/workflows/ci.yml:7"]
    );
    assert_eq!(found(&[(path, text)], false), [""; 0]);
    let mended = text.replace(" || true", "");
    assert_eq!(found(&[(path, &mended)], true), [""; 0]);
}
