//! No token goes where it is not needed: every command runs with tokens in its environment, in
//! front of servers that say them back, and programs that write down what they were given.
//! Nothing of a token may be in what is printed or written, on a command line, or in the
//! environment of a program that has no use for it.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use base64::Engine as _;
use serde_json::{Value, json};

use crate::common::rest::{Answer, Answers, Question, Rest};
use crate::common::{Run, command, finish, git, write};

/// Variables that hold secrets: those that ci-tool knows, and some of others.
const SECRETS: [(&str, &str); 10] = [
    ("GITHUB_TOKEN", "ghp_canaryA123456789abcdefghijklmnopqrst"),
    ("GH_TOKEN", "ghp_canaryB123456789abcdefghijklmnopqrst"),
    ("GITLAB_TOKEN", "glpat-canaryC123456789abcd"),
    ("SNYK_TOKEN", "canaryD0-1234-5678-9abc-def012345678"),
    ("RAILWAY_TOKEN", "canaryE0-1234-5678-9abc-def012345678"),
    ("VERCEL_TOKEN", "canaryF0123456789abcdefghijkl"),
    ("PLATFORM_TOKEN", "canaryG0123456789abcdefghijkl"),
    (
        "AWS_SECRET_ACCESS_KEY",
        "canaryH0123456789abcdefghijklmnopqrstuvw",
    ),
    ("DATABASE_URL", "postgres://app:canaryI0123456789@db/app"),
    ("NPM_TOKEN", "npm_canaryJ123456789abcdefghijklmnopqrst"),
];

/// Which program may be told which of them: npm for private registries, and of the commands that
/// deploy those that the configuration names.
const NEEDED: [(&str, &str); 4] = [
    ("snyk", "SNYK_TOKEN"),
    ("npm", "NPM_TOKEN"),
    ("sh", "PLATFORM_TOKEN"),
    ("deploy.sh", "PLATFORM_TOKEN"),
];

/// Refuses everything, and says back what it was told, as it was and in base64's other form.
struct Parrot;

impl Answers for Parrot {
    fn answer(&mut self, question: &Question<'_>) -> Answer {
        let secret = question.token.rsplit(' ').next().unwrap_or_default();
        let plain = base64::engine::general_purpose::STANDARD
            .decode(secret)
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let said = format!(
            "who sends {} or {}?",
            question.token,
            plain.unwrap_or_default()
        );
        let status = if question.target.contains("info/refs") {
            // git asks again with its credentials, and then hears no.
            if question.token.is_empty() { 401 } else { 403 }
        } else {
            403
        };
        let headers = vec![
            ("www-authenticate", "Basic realm=\"x\"".to_owned()),
            ("x-echo", said.clone()),
        ];
        (
            status,
            headers,
            json!({"message": said, "errors": [{"message": said}]}),
        )
    }
}

/// Programs that write down how they were called, under their own name in a folder.
fn programs(bin: &Path, log: &Path) {
    let real = |name: &str| -> Option<std::path::PathBuf> {
        let path = std::env::var_os("PATH").expect("PATH is set");
        std::env::split_paths(&path)
            .map(|folder| folder.join(name))
            .find(|file| file.is_file())
    };
    for name in [
        "git",
        "sh",
        "bash",
        "trivy",
        "snyk",
        "grype",
        "osv-scanner",
        "gitleaks",
        "hadolint",
        "npm",
        "pip-audit",
        "bandit",
        "semgrep",
        "checkov",
        "zizmor",
        "actionlint",
        "shellcheck",
        "cargo-audit",
        "deploy.sh",
        "psql",
        "node",
        "python3",
        "docker",
        "railway",
        "vercel",
    ] {
        let note = format!(
            "{{ echo \"$0 $*\"; cat /proc/self/environ | tr '\\0' '\\n'; }} >> '{}/{name}.log'",
            log.display()
        );
        let then = match (name, real(name)) {
            ("git" | "sh" | "bash", Some(file)) => format!("exec {} \"$@\"", file.display()),
            ("deploy.sh", _) => "env; echo 'a release'; exit 1".to_owned(),
            // What a scanner prints may hold what it was given.
            _ => "env; env >&2; exit 3".to_owned(),
        };
        write(bin, name, format!("#!/bin/dash\n{note}\n{then}\n"));
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(bin.join(name), mode).expect("set");
    }
}

struct Stage {
    there: tempfile::TempDir,
    /// What programs write down, where also those can that may write nowhere else.
    log: tempfile::TempDir,
    github: Rest<Parrot>,
}

impl Stage {
    fn new() -> Self {
        let there = tempfile::tempdir().expect("temporary folder");
        let log = tempfile::tempdir_in("/dev/shm").expect("temporary folder");
        for folder in ["home/shop", "tmp", "cache", "bin"] {
            std::fs::create_dir_all(there.path().join(folder)).expect("created");
        }
        programs(&there.path().join("bin"), log.path());
        let stage = Self {
            there,
            log,
            github: Rest::start(Parrot),
        };
        let repository = stage.repository();
        crate::common::copy(
            &crate::common::root().join("tests/fixtures/fastapi-nextjs"),
            &repository,
        );
        let url = &stage.github.url;
        let config = format!(
            "sync:\n  mirror: {url}/acme/mirror.git\n  mirror-token: GITLAB_TOKEN\n  source-token: GITHUB_TOKEN\ndeploy:\n  services:\n    api: {{platform: railway, id: s-1, time-limit: 2}}\n    web: {{platform: vercel, id: shop, time-limit: 2}}\n    own: {{platform: command, release: deploy.sh release, live: deploy.sh live, rollback: deploy.sh back, variables: [PLATFORM_TOKEN], time-limit: 2}}\n  environments:\n    production:\n      services:\n        api: {{environment: production, health: [{{url: \"{url}/health\"}}], within: 1}}\n        web: {{health: [{{url: \"{url}/health\"}}], within: 1}}\n    other:\n      services:\n        own: {{health: [{{url: \"{url}/health\"}}], within: 1}}\n"
        );
        write(&repository, ".github/ci-tool.yml", config);
        let sarif = json!({"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "x"}}, "results": [{"ruleId": "A", "level": "error", "message": {"text": "m"}, "locations": [{"physicalLocation": {"artifactLocation": {"uri": "a.py"}, "region": {"startLine": 1}}}]}]}]});
        write(&repository, "report.sarif", sarif.to_string());
        let bom = r#"{"bomFormat": "CycloneDX", "components": [{"type": "library", "name": "a", "purl": "pkg:npm/a@1"}]}"#;
        write(&repository, "bom.cdx.json", bom);
        let event = json!({"pull_request": {"number": 7, "head": {"sha": "a1b2c3", "repo": {"fork": false}}}});
        write(stage.there.path(), "event.json", event.to_string());
        git(&repository, &["init", "--quiet"]);
        git(&repository, &["add", "--all"]);
        git(&repository, &["commit", "--quiet", "--message", "one"]);
        let source = format!("{url}/acme/shop.git");
        git(&repository, &["remote", "add", "origin", &source]);
        stage
    }

    fn repository(&self) -> std::path::PathBuf {
        self.there.path().join("home/shop")
    }

    fn run(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Run {
        let there = self.there.path();
        let mut command = command();
        command
            .args(arguments)
            .current_dir(self.repository())
            .env(
                "PATH",
                format!("{}:/usr/bin:/bin", there.join("bin").display()),
            )
            .env("HOME", there.join("home"))
            .env("TMPDIR", there.join("tmp"))
            .env("CI_TOOL_CACHE", there.join("cache"))
            .env("GITHUB_API_URL", &self.github.url)
            .env("GITHUB_SERVER_URL", &self.github.url)
            .env("GITHUB_REPOSITORY", "acme/shop")
            .env("GITHUB_EVENT_PATH", there.join("event.json"))
            .env("GITHUB_RUN_ID", "7")
            .env("CI_TOOL_RAILWAY_URL", &self.github.url)
            .env("CI_TOOL_VERCEL_URL", &self.github.url)
            .envs(SECRETS)
            .envs(variables.iter().copied());
        finish(&mut command)
    }
}

/// Each form in which a secret may be found: as it is, and in the three ways in which base64
/// writes what is in the midst of something.
fn forms(secret: &str) -> Vec<String> {
    let mut all = vec![secret.to_owned()];
    for shift in 0..3 {
        let text = format!("{}{secret}", "x".repeat(shift));
        let packed = base64::engine::general_purpose::STANDARD_NO_PAD.encode(text);
        // What depends on its neighbours is left out.
        all.push(packed[4.min(shift * 4)..packed.len() - 4].to_owned());
    }
    all
}

fn holds(text: &str, place: &str, except: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for (name, secret) in SECRETS.iter().filter(|(name, _)| !except.contains(name)) {
        if forms(secret)
            .iter()
            .any(|form| text.contains(form.as_str()))
        {
            let line = text.lines().find(|line| {
                forms(secret)
                    .iter()
                    .any(|form| line.contains(form.as_str()))
            });
            found.push(format!("{place}: {name}: {}", line.unwrap_or_default()));
        }
    }
    found
}

/// What files below a folder hold.
fn in_files(folder: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).expect("read") {
        let path = entry.expect("read").path();
        if path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            in_files(&path, found);
            continue;
        }
        let bytes = std::fs::read(&path).expect("read");
        let text = String::from_utf8_lossy(&bytes);
        found.extend(holds(&text, &path.display().to_string(), &[]));
    }
}

/// Every command with what brings it as far as tokens matter: the network, programs, files.
const RUNS: &[&[&str]] = &[
    &["detect", "."],
    &["detect", ".", "--format", "json"],
    &["generate", "--pr"],
    &["audit", "--fix", "--fix-unsafe", "--pr"],
    &["generate", "--dry-run"],
    &["generate"],
    &["generate", "--check"],
    &["debt"],
    &[
        "generate",
        "--probe",
        "--step",
        "lint",
        "--time-limit",
        "20",
    ],
    &["pins", "list"],
    &["pins", "check"],
    &["pins", "update"],
    &[
        "gate",
        "report.sarif",
        "--upload",
        "--slug",
        "acme/shop",
        "--report",
        "json=verdict.json",
    ],
    &["report", "report.sarif", "--html", "page.html"],
    &[
        "trend",
        "--history",
        "branch:trend",
        "--push",
        "--add",
        "verdict.json",
    ],
    &["audit", "--pedantic"],
    &["audit", "--fix"],
    &["audit", "--score"],
    &["explain", "mirror-without-retry"],
    &["scan", "--time-limit", "5"],
    &[
        "scan",
        "--offline",
        "--time-limit",
        "5",
        "--verbose",
        "--verbose",
    ],
    &["upload", "report.sarif", "--slug", "acme/shop"],
    &["snapshot", "bom.cdx.json", "--slug", "acme/shop"],
    &["sync", "--retry-for", "1"],
    &[
        "sync",
        "--dry-run",
        "--retry-for",
        "1",
        "--direction",
        "pull",
    ],
    &["sync", "--verify", "--retry-for", "1"],
    &["deploy", "production"],
    &["deploy", "production", "--dry-run"],
    &["deploy", "production", "--status"],
    &["deploy", "production", "--rollback", "unfinished"],
    &["deploy", "other"],
    &["docs"],
    &["secrets", "check", "production"],
    &["secrets", "github"],
    &["secrets", "set-github", "NAME", "--generate"],
    &[
        "secrets",
        "set",
        "production",
        "SECRET_KEY",
        "--service",
        "api",
        "--service",
        "web",
        "--generate",
    ],
    &["verify", "URL/health", "--within", "1"],
    &["scanners", "list"],
    &["scanners", "verify"],
    &["scanners", "update", "trivy@0.70.0"],
    &["sarif", "validate", "report.sarif"],
    &["template", "list"],
    &["config", "check"],
    &["config", "show"],
    &["completions", "bash"],
    &["man"],
];

#[test]
fn no_token_goes_where_it_is_not_needed() {
    let stage = Stage::new();
    let mut found = Vec::new();
    let mut look = |run: &Run, what: &str| {
        found.extend(holds(&run.stdout, &format!("{what}: printed"), &[]));
        found.extend(holds(&run.stderr, &format!("{what}: said"), &[]));
    };
    let mut codes = std::collections::BTreeMap::new();
    for arguments in RUNS {
        let url = format!("{}/health", stage.github.url);
        let arguments: Vec<&str> = arguments
            .iter()
            .map(|one| {
                if *one == "URL/health" {
                    url.as_str()
                } else {
                    one
                }
            })
            .collect();
        // What is said with all words holds what is said with few.
        let started = std::time::Instant::now();
        let run = stage.run(&[&arguments, &["-vv"][..]].concat(), &[]);
        codes.insert(arguments.join(" "), run.code);
        println!(
            "{:.1} s  {}  {}",
            started.elapsed().as_secs_f32(),
            run.code,
            arguments.join(" ")
        );
        look(&run, &arguments.join(" "));
    }
    // What was mended above is there again: it can be suggested.
    let script = "#!/bin/bash\nset -e\nread -p \"NEXTAUTH_SECRET: \" NEXTAUTH_SECRET\n";
    write(&stage.repository(), "scripts/again.sh", script);
    for input in [
        "scan", "audit", "gate", "upload", "generate", "detect", "sync", "deploy", "verify",
    ] {
        let out = stage.there.path().join("tmp");
        let (outputs, summary) = (out.join("outputs"), out.join("summary"));
        let url = format!("{}/health", stage.github.url);
        let run = stage.run(
            &["action"],
            &[
                ("GITHUB_ACTIONS", "true"),
                ("GITHUB_OUTPUT", &outputs.display().to_string()),
                ("GITHUB_STEP_SUMMARY", &summary.display().to_string()),
                ("INPUT_COMMAND", input),
                ("INPUT_TOKEN", SECRETS[0].1),
                ("INPUT_FILES", "report.sarif"),
                ("INPUT_COMMENT", "true"),
                ("INPUT_SUGGEST", "true"),
                ("INPUT_ENVIRONMENT", "production"),
                ("INPUT_URLS", &url),
                ("INPUT_WITHIN", "1"),
            ],
        );
        println!("{}  action {input}", run.code);
        look(&run, &format!("action {input}"));
    }

    // All commands are among them.
    use clap::CommandFactory as _;
    let cli = ci_tool::cli::Cli::command();
    for known in cli.get_subcommands().map(clap::Command::get_name) {
        let runs = RUNS.iter().any(|arguments| arguments[0] == known);
        assert!(
            runs || ["help", "action"].contains(&known),
            "{known} is not among the runs"
        );
    }

    // Files; what the programs were given is looked at by itself.
    let log = stage.log.path();
    let mut programs = Vec::new();
    for entry in std::fs::read_dir(log).expect("read") {
        let path = entry.expect("read").path();
        let name = path
            .file_stem()
            .expect("named")
            .to_string_lossy()
            .into_owned();
        let text = String::from_utf8_lossy(&std::fs::read(&path).expect("read")).into_owned();
        let needed: Vec<&str> = NEEDED
            .iter()
            .filter(|(program, _)| *program == name)
            .map(|(_, variable)| *variable)
            .collect();
        found.extend(holds(&text, &format!("given to {name}"), &needed));
        programs.push(name);
    }
    in_files(stage.there.path(), &mut found);
    assert!(found.is_empty(), "{}", found.join("\n"));

    // It all came as far as that: programs were started, and servers were asked with tokens.
    for name in ["git", "snyk", "trivy", "deploy.sh"] {
        assert!(
            programs.iter().any(|known| known == name),
            "{name}: {programs:?}"
        );
    }
    let told: Vec<Value> = stage.github.exchanges();
    for path in [
        "/code-scanning/sarifs",
        "/user",
        "/pulls/7/files",
        "/acme/mirror.git",
        "/acme/shop.git",
        "/graphql",
        "/v",
    ] {
        let asked = |one: &Value| {
            one["target"]
                .as_str()
                .is_some_and(|target| target.contains(path))
        };
        assert!(told.iter().any(asked), "{path} was never asked");
    }
    let wrong_usage: Vec<&String> = codes
        .iter()
        .filter(|(_, code)| **code == 2)
        .map(|(run, _)| run)
        .collect();
    assert!(wrong_usage.is_empty(), "{wrong_usage:?}");
}

#[test]
fn a_secret_is_found_in_each_of_its_forms() {
    let packed = |text: String| base64::engine::general_purpose::STANDARD.encode(text);
    for (name, secret) in SECRETS {
        for before in ["", "a", "ab", "oauth2:", "x-access-token:"] {
            for after in ["", "\n", ":b"] {
                let text = format!(
                    "> authorization: Basic {}",
                    packed(format!("{before}{secret}{after}"))
                );
                let found = holds(&text, "here", &[]);
                assert!(found.iter().any(|one| one.contains(name)), "{name}: {text}");
            }
        }
        assert_eq!(
            holds(&format!("{name}={secret}"), "here", &[name]),
            Vec::<String>::new()
        );
    }
    assert_eq!(
        holds("nothing of the kind", "here", &[]),
        Vec::<String>::new()
    );
}
