//! `ci-tool audit --fix` on whole repositories.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use crate::common::{ci_tool, peers, sample, write};

/// What a person of that team would answer.
const ANSWERS: [&str; 10] = [
    "--answer",
    "cors-origin=https://jobs.example.com",
    "--answer",
    "health-url=https://api.example.com/health",
    "--answer",
    "health-route=/",
    "--answer",
    "railway-file=railway.json",
    "--answer",
    "dockerfile=Dockerfile",
];

/// All files of a folder, with their bytes.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    fn walk(root: &Path, folder: &Path, all: &mut BTreeMap<String, Vec<u8>>) {
        for entry in std::fs::read_dir(folder).expect("listed") {
            let path = entry.expect("listed").path();
            if path.is_dir() {
                walk(root, &path, all);
            } else {
                let name = path.strip_prefix(root).expect("below").to_string_lossy();
                all.insert(name.into_owned(), std::fs::read(&path).expect("read"));
            }
        }
    }
    let mut all = BTreeMap::new();
    walk(folder, folder, &mut all);
    all
}

fn fix(there: &Path, arguments: &[&str]) -> crate::common::Run {
    let run = ci_tool(there, &[&["audit"], arguments, &ANSWERS].concat());
    assert!(run.code <= 1, "{}{}", run.stdout, run.stderr);
    run
}

/// The rules whose findings could be mended.
fn fixable(there: &Path) -> Vec<String> {
    let arguments = [&["audit", "--format", "sarif"], &ANSWERS[..]].concat();
    let run = ci_tool(there, &arguments);
    let sarif: serde_json::Value = serde_json::from_str(&run.stdout).expect("SARIF");
    let results = sarif["runs"]
        .as_array()
        .expect("runs")
        .iter()
        .flat_map(|run| run["results"].as_array().cloned().unwrap_or_default());
    results
        .filter(|result| result.get("fixes").is_some())
        .map(|result| result["ruleId"].as_str().expect("a rule").to_owned())
        .collect()
}

#[test]
fn what_a_machine_can_mend_is_mended_once_and_for_all() {
    let there = sample("fastapi-nextjs");
    let before = files(there.path());
    assert!(fixable(there.path()).len() >= 12);
    let run = fix(there.path(), &["--fix", "--fix-unsafe"]);
    assert!(!run.stderr.contains("left "), "{}", run.stderr);
    assert_eq!(fixable(there.path()), [""; 0]);
    let after = files(there.path());
    fix(there.path(), &["--fix", "--fix-unsafe"]);
    assert_eq!(files(there.path()), after, "a second run changes nothing");

    // Nothing but the lines in question.
    let text = |path: &str| String::from_utf8_lossy(&after[path]).into_owned();
    assert!(!after.contains_key("railway.toml"));
    assert!(text("railway.json").contains("\"healthcheckPath\": \"/health\""));
    assert!(text("railway.json").contains("\"dockerfilePath\": \"Dockerfile\""));
    assert!(text("backend/start.sh").contains("alembic upgrade head || exit 1\n"));
    let changed: Vec<&String> = before
        .iter()
        .filter(|(path, bytes)| after.get(*path) != Some(*bytes))
        .map(|(path, _)| path)
        .collect();
    for path in ["README.md", "backend/app/main.py", ".gitignore"] {
        assert!(!changed.iter().any(|one| *one == path), "{path}");
    }

    // Judges that we did not write find nothing in the new files that was not there before.
    let old = tempfile::tempdir().expect("a folder");
    for (path, bytes) in &before {
        write(old.path(), path, bytes);
    }
    for path in changed.iter().filter(|path| after.contains_key(**path)) {
        let tool = match path.rsplit(['/', '.']).next() {
            Some("sh") => ["shellcheck", "-fgcc"],
            _ if path.contains("Dockerfile") => ["hadolint", "--no-color"],
            _ if path.starts_with(".github/workflows/") => ["actionlint", "-oneline"],
            _ => continue,
        };
        let count = |folder: &Path| {
            let output = Command::new(peers().join("py/bin").join(tool[0]))
                .args([tool[1], path])
                .current_dir(folder)
                .output()
                .expect("it starts");
            String::from_utf8_lossy(&output.stdout).lines().count()
        };
        let (then, now) = (count(old.path()), count(there.path()));
        assert!(
            now <= then,
            "{} says more of {path}: {then}, {now}",
            tool[0]
        );
    }
    for (schema, file) in [
        (
            "vendor.github-workflows",
            ".github/workflows/sync-repositories.yml",
        ),
        ("vendor.gitlab-ci", ".gitlab-ci.yml"),
    ] {
        assert!(changed.iter().any(|path| *path == file), "{file}");
        let output = Command::new(peers().join("py/bin/check-jsonschema"))
            .args(["--builtin-schema", schema, file])
            .current_dir(there.path())
            .output()
            .expect("it starts");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{said}");
    }
    let zizmor = |folder: &Path| {
        let output = Command::new(peers().join("py/bin/zizmor"))
            .args(["--offline", "--format", "json", "."])
            .current_dir(folder)
            .output()
            .expect("it starts");
        let all: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        all.as_array().expect("a list").len()
    };
    assert!(zizmor(there.path()) <= zizmor(old.path()));

    // The application's own tests and its own linter.
    let backend = there.path().join("backend");
    for arguments in [&["-m", "pytest", "-q"][..], &["-m", "ruff", "check", "."]] {
        let output = Command::new(peers().join("apps/bin/python"))
            .args(arguments)
            .env("NEXTAUTH_SECRET", "x")
            .current_dir(&backend)
            .output()
            .expect("it starts");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{said}");
    }
}

/// One file, one fix, and what the file says afterwards.
#[test]
fn each_fix_does_what_it_says() {
    let workflow = ".github/workflows/d.yml";
    let steps = |run: &str| {
        format!(
            "on:\n  push:\n    branches: [main]\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - run: {run}\n"
        )
    };
    let uploads = [
        ("requirements.txt", "fastapi==0.115.0\n".to_owned()),
        ("app/cv.py", "DIR = \"uploads/cv\"\nwith open(f\"{DIR}/{name}\", \"wb\") as out:\n    out.write(x)\n".to_owned()),
        ("start.sh", "set -e\nmkdir -p uploads/cv\nexec uvicorn a:b\n".to_owned()),
    ];
    type Files<'f> = Vec<(&'f str, String)>;
    let cases: Vec<(&str, &[&str], Files<'_>, &str, String)> = vec![
        (
            "debian-package-gone",
            &[],
            vec![("Dockerfile", "FROM python:3.12-slim\nRUN apt-get update && apt-get install -y \\\n    libpcre3-dev \\\n    libpcre3\n".to_owned())],
            "Dockerfile",
            "FROM python:3.12-slim\nRUN apt-get update && apt-get install -y \\\n    libpcre2-dev \\\n    libpcre2-8-0\n".to_owned(),
        ),
        (
            "health-check-program-missing",
            &[],
            vec![("Dockerfile", "FROM python:3.12-slim\nHEALTHCHECK --interval=30s \\\n  CMD curl -f http://localhost:8000/health || exit 1\nCMD x\n".to_owned())],
            "Dockerfile",
            "FROM python:3.12-slim\nHEALTHCHECK --interval=30s \\ CMD python -c \"import urllib.request; urllib.request.urlopen('http://localhost:8000/health', timeout=5)\"\nCMD x\n".replace(" \\ CMD", " CMD"),
        ),
        (
            "health-check-program-missing",
            &[],
            vec![("Dockerfile", "FROM node:22-alpine\nHEALTHCHECK CMD [\"curl\", \"-f\", \"http://localhost:3000/\"]\n".to_owned())],
            "Dockerfile",
            "FROM node:22-alpine\nHEALTHCHECK CMD node -e \"fetch('http://localhost:3000/').then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))\"\n".to_owned(),
        ),
        (
            "deployed-twice",
            &[],
            vec![
                ("render.yaml", "services:\n  - type: web\n    autoDeploy: true # yes\n  - type: worker\n    autoDeployTrigger: commit\n".to_owned()),
                (workflow, steps("curl -fsS \"$RENDER_DEPLOY_HOOK\"")),
            ],
            "render.yaml",
            "services:\n  - type: web\n    autoDeploy: false # yes\n  - type: worker\n    autoDeployTrigger: \"off\"\n".to_owned(),
        ),
        (
            "no-health-gate",
            &["--answer", "health-route=/health"],
            vec![("render.yaml", "services:\n  - type: web\n    runtime: python\n".to_owned())],
            "render.yaml",
            "services:\n  - type: web\n    healthCheckPath: /health\n    runtime: python\n".to_owned(),
        ),
        (
            "no-health-gate",
            &["--answer", "health-route=/health"],
            vec![("railway.toml", "[deploy]\nstartCommand = 'x'\n".to_owned())],
            "railway.toml",
            "[deploy]\nstartCommand = 'x'\nhealthcheckPath = \"/health\"\n".to_owned(),
        ),
        (
            "ephemeral-uploads",
            &["--answer", "uploads-volume=/app/uploads"],
            [&uploads[..], &[("railway.json", "{\n  \"deploy\": {\n    \"startCommand\": \"x\"\n  }\n}\n".to_owned())]].concat(),
            "railway.json",
            "{\n  \"deploy\": {\n    \"startCommand\": \"x\",\n    \"requiredMountPath\": \"/app/uploads\"\n  }\n}\n".to_owned(),
        ),
        (
            "next-lint-removed",
            &[],
            vec![
                ("package.json", "{\"dependencies\": {\"next\": \"16.1.7\"}, \"devDependencies\": {\"eslint\": \"9.0.0\"}}\n".to_owned()),
                (workflow, steps("npx next lint --max-warnings 0")),
            ],
            workflow,
            steps("npx eslint . --max-warnings 0"),
        ),
        (
            "mirror-without-retry",
            &[],
            vec![(workflow, steps("git push gitlab main"))],
            workflow,
            steps("git push gitlab main").replace("on:\n", "on:\n  schedule:\n    - cron: \"17 * * * *\"\n"),
        ),
    ];
    for (rule, answers, before, path, after) in cases {
        let there = tempfile::tempdir().expect("a folder");
        for (path, text) in &before {
            write(there.path(), path, text);
        }
        let rule = format!("--fix={rule}");
        let arguments = [&["audit", &rule, "--fix-unsafe"], answers].concat();
        let run = ci_tool(there.path(), &arguments);
        let text = std::fs::read_to_string(there.path().join(path)).expect("read");
        assert_eq!(text, after, "{rule}: {}", run.stderr);
    }
}

/// Where a person has to choose, a dry run shows what each choice would change.
#[test]
fn a_dry_run_shows_every_choice() {
    let there = sample("fastapi-nextjs");
    let run = ci_tool(
        there.path(),
        &["audit", "--fix=rival-platform-files", "--dry-run"],
    );
    for text in [
        "--answer railway-file=railway.json\n",
        "       --- a/railway.toml\n",
        "--answer railway-file=railway.toml\n",
        "       --- a/railway.json\n",
    ] {
        assert!(run.stderr.contains(text), "{text}: {}", run.stderr);
    }
    assert!(run.stdout.is_empty(), "{}", run.stdout);
}

#[test]
fn safe_fixes_alone_leave_what_runs_today() {
    let there = sample("fastapi-nextjs");
    let run = fix(there.path(), &["--fix"]);
    assert!(run.stderr.contains("--fix-unsafe"), "{}", run.stderr);
    let after = files(there.path());
    let text = |path: &str| String::from_utf8_lossy(&after[path]).into_owned();
    assert!(text("scripts/deploy-railway.sh").contains("read -s -p"));
    assert!(text("scripts/deploy-railway.sh").contains("sleep 10"));
    assert!(!text("backend/start.sh").contains("head || exit 1"));
    assert!(!text("vercel.json").contains("required"));
}

#[test]
fn only_the_rules_that_were_named() {
    let there = sample("fastapi-nextjs");
    let before = files(there.path());
    fix(
        there.path(),
        &["--fix=secret-read-in-the-open,vercel-invalid-variable"],
    );
    let after = files(there.path());
    let changed: Vec<&String> = before
        .keys()
        .filter(|path| before[*path] != after[*path])
        .collect();
    assert_eq!(
        changed,
        [
            "scripts/deploy-all.sh",
            "scripts/deploy-railway.sh",
            "vercel.json"
        ]
    );
    let run = ci_tool(there.path(), &["audit", "--fix=nothing-such"]);
    assert!(run.code == 2 && run.stderr.contains("nothing-such"));
    let run = ci_tool(there.path(), &["audit", "--dry-run"]);
    assert!(run.code == 2 && run.stderr.contains("--fix"));
    let run = ci_tool(there.path(), &["audit", "--fix", "--answer", "x"]);
    assert!(run.code == 2 && run.stderr.contains("NAME=VALUE"));
}

#[test]
fn a_dry_run_is_a_patch_and_writes_nothing() {
    let there = sample("fastapi-nextjs");
    let before = files(there.path());
    let run = fix(there.path(), &["--fix", "--fix-unsafe", "--dry-run"]);
    assert_eq!(files(there.path()), before);
    let patched = sample("fastapi-nextjs");
    let patch = patched.path().join("the.patch");
    std::fs::write(&patch, &run.stdout).expect("written");
    let applied = Command::new("git")
        .args(["apply", "the.patch"])
        .current_dir(patched.path())
        .output()
        .expect("git");
    let said = String::from_utf8_lossy(&applied.stderr);
    assert!(applied.status.success(), "{said}{}", run.stdout);
    std::fs::remove_file(patch).expect("removed");
    fix(there.path(), &["--fix", "--fix-unsafe"]);
    assert_eq!(files(there.path()), files(patched.path()));
}

#[test]
fn what_needs_an_answer_asks_for_it() {
    let there = sample("fastapi-nextjs");
    let run = ci_tool(there.path(), &["audit", "--fix", "--dry-run"]);
    for question in ["cors-origin=", "health-url=", "railway-file=railway.json"] {
        assert!(run.stderr.contains(question), "{question}: {}", run.stderr);
    }
    write(
        there.path(),
        ".github/ci-tool.yml",
        "audit:\n  answers:\n    cors-origin: https://a.example.com\n",
    );
    let run = ci_tool(there.path(), &["audit", "--fix", "--dry-run"]);
    assert!(run.stdout.contains("+        { \"key\": \"Access-Control-Allow-Origin\", \"value\": \"https://a.example.com\" }"), "{}", run.stdout);
}

#[test]
fn a_fix_that_does_not_help_is_taken_back() {
    let there = sample("fastapi-nextjs");
    let arguments = [
        "audit",
        "--fix=missing-dockerfile",
        "--fix-unsafe",
        "--answer",
        "dockerfile=Nowhere",
    ];
    let before = files(there.path());
    let run = ci_tool(there.path(), &arguments);
    assert!(run.stderr.contains("left railway.json:4"), "{}", run.stderr);
    assert_eq!(files(there.path()), before);
}

#[test]
fn ends_of_lines_and_byte_order_marks_stay() {
    let there = tempfile::tempdir().expect("a folder");
    let json = "\u{feff}{\r\n\t\"env\": {\r\n\t\t\"A\": {},\r\n\t\t\"B\": \"x\"\r\n\t}\r\n}\r\n";
    write(there.path(), "vercel.json", json);
    let script = "#!/bin/bash\r\nread -p 'Token: ' API_TOKEN\r\n";
    write(there.path(), "ask.sh", script);
    fix(there.path(), &["--fix"]);
    let after = files(there.path());
    assert_eq!(
        String::from_utf8_lossy(&after["vercel.json"]),
        json.replace("\t\t\"A\": {},\r\n", "")
    );
    assert_eq!(
        String::from_utf8_lossy(&after["ask.sh"]),
        script.replace(
            "read -p 'Token: ' API_TOKEN",
            "read -s -p 'Token: ' API_TOKEN; echo"
        )
    );
}

#[cfg(unix)]
#[test]
fn all_files_are_written_or_none() {
    use std::os::unix::fs::PermissionsExt;

    let there = sample("fastapi-nextjs");
    // A link is not written through.
    let real = there.path().join("scripts/real.txt");
    let link = there.path().join("scripts/deploy-railway.sh");
    std::fs::rename(&link, real).expect("moved");
    std::os::unix::fs::symlink("real.txt", &link).expect("linked");
    let before = files(there.path());
    let run = ci_tool(there.path(), &["audit", "--fix"]);
    assert_eq!(run.code, 3, "{}", run.stderr);
    assert!(run.stderr.contains("deploy-railway.sh"), "{}", run.stderr);
    assert_eq!(
        files(there.path()),
        before,
        "what was written is taken back"
    );

    // The mode of a file stays.
    let script = there.path().join("scripts/deploy-all.sh");
    std::fs::set_permissions(&script, PermissionsExt::from_mode(0o755)).expect("set");
    std::fs::remove_file(link).expect("removed");
    fix(there.path(), &["--fix"]);
    let mode = std::fs::metadata(script)
        .expect("there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o755);
}
