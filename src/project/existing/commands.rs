//! What the commands and actions of workflows prove.

use super::line::Command;
use crate::project::model::{Language, Task};
use crate::project::path;
use crate::project::tree::Tree;

/// What a command does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing that is known.
    Nothing,
    /// A task.
    Task {
        task: Task,
        language: Option<Language>,
        /// In every component below the folder.
        everywhere: bool,
    },
    /// Scripts of a `package.json`.
    Script {
        names: Vec<String>,
        folder: String,
        everywhere: bool,
        /// The one package that is meant, where it is named.
        member: Option<String>,
    },
    /// Targets of a Makefile.
    Make {
        targets: Vec<String>,
        folder: String,
    },
}

const fn task(task: Task, language: Language) -> Found {
    Found::Task {
        task,
        language: Some(language),
        everywhere: false,
    }
}

const fn general(task: Task) -> Found {
    Found::Task {
        task,
        language: None,
        everywhere: false,
    }
}

/// What a command does, as far as its words tell.
pub(super) fn classify(command: &Command, folder: &str) -> Found {
    use Language::{Dotnet, Go, Java, Node, Php, Python, Ruby, Rust};
    let words: Vec<&str> = command.words.iter().map(String::as_str).collect();
    let Some(first) = words.first() else {
        return Found::Nothing;
    };
    let program = path::name(first);
    let second = words.get(1).copied().unwrap_or_default();
    let has = |word: &str| words[1..].contains(&word);
    match program {
        "pytest" | "py.test" | "nose2" | "unittest" => task(Task::Test, Python),
        "tox" | "nox" => task(Task::Test, Python),
        "ruff" if second == "format" => task(Task::Format, Python),
        "ruff" | "flake8" | "pylint" | "isort" => task(Task::Lint, Python),
        "black" => task(Task::Format, Python),
        "mypy" | "pyright" | "basedpyright" | "ty" => task(Task::TypeCheck, Python),
        "alembic" if matches!(second, "upgrade" | "check") => task(Task::Migrations, Python),
        "python" | "python3" | "django-admin" | "manage.py" => {
            if has("test")
                && (program == "manage.py"
                    || second.ends_with("manage.py")
                    || program == "django-admin")
            {
                task(Task::Test, Python)
            } else if second.ends_with("manage.py") && (has("migrate") || has("makemigrations")) {
                task(Task::Migrations, Python)
            } else {
                Found::Nothing
            }
        }
        "pre-commit" if second == "run" => general(Task::Lint),
        // The schema alone is compared, not kept.
        "pg_dump" | "pg_dumpall" | "mysqldump" | "mongodump"
            if !has("--schema-only") && !has("-s") && !has("--no-data") =>
        {
            general(Task::BackUp)
        }
        "vitest" | "jest" | "mocha" | "ava" | "jasmine" | "karma" | "tap" | "c8" | "nyc" => {
            task(Task::Test, Node)
        }
        "node" if has("--test") => task(Task::Test, Node),
        "bun" if second == "test" => task(Task::Test, Node),
        "react-scripts" | "craco" | "ng" | "vue-cli-service" if second == "test" => {
            task(Task::Test, Node)
        }
        "react-scripts" | "craco" | "ng" | "vue-cli-service" | "next" | "vite" | "nuxt"
        | "astro" | "remix"
            if second == "build" =>
        {
            task(Task::Build, Node)
        }
        "next" | "ng" if second == "lint" => task(Task::Lint, Node),
        "eslint" | "oxlint" | "xo" | "stylelint" | "biome" => task(Task::Lint, Node),
        "prettier" => task(Task::Format, Node),
        "tsc" | "vue-tsc" | "svelte-check" => task(Task::TypeCheck, Node),
        "prisma" if second == "migrate" => task(Task::Migrations, Node),
        "turbo" | "nx" | "lerna" => runner(&words, folder),
        "npm" | "pnpm" | "yarn" | "bun" => package_manager(&words, folder),
        "make" | "gmake" | "just" | "task" => make(&words, folder),
        "go" => match second {
            "test" => task(Task::Test, Go),
            "vet" => task(Task::Lint, Go),
            "build" => task(Task::Build, Go),
            _ => Found::Nothing,
        },
        "gotestsum" => task(Task::Test, Go),
        "golangci-lint" | "staticcheck" => task(Task::Lint, Go),
        "cargo" => match words
            .iter()
            .skip(1)
            .find(|word| !word.starts_with(['+', '-']))
            .copied()
            .unwrap_or_default()
        {
            "test" | "nextest" | "llvm-cov" | "tarpaulin" => task(Task::Test, Rust),
            "clippy" => task(Task::Lint, Rust),
            "fmt" => task(Task::Format, Rust),
            "build" | "check" => task(Task::Build, Rust),
            "audit" | "deny" => general(Task::SecurityScan),
            _ => Found::Nothing,
        },
        "mvn" | "mvnw" if has("test") || has("verify") || has("package") || has("install") => {
            task(Task::Test, Java)
        }
        "gradle" | "gradlew"
            if words[1..].iter().any(|word| {
                matches!(
                    path::name(&word.replace(':', "/")),
                    "test" | "build" | "check"
                )
            }) =>
        {
            task(Task::Test, Java)
        }
        "rspec" | "minitest" => task(Task::Test, Ruby),
        "rails" | "rake"
            if has("test")
                || has("spec")
                || words[1..].iter().any(|word| word.starts_with("test:"))
                || words.len() == 1 =>
        {
            task(Task::Test, Ruby)
        }
        "rubocop" | "standardrb" => task(Task::Lint, Ruby),
        "brakeman" => general(Task::SecurityScan),
        "phpunit" | "pest" | "paratest" => task(Task::Test, Php),
        "php" if has("test") && second.ends_with("artisan") => task(Task::Test, Php),
        "composer" if has("test") => task(Task::Test, Php),
        "phpstan" | "psalm" => task(Task::TypeCheck, Php),
        "pint" | "phpcs" => task(Task::Lint, Php),
        "dotnet" if second == "test" => task(Task::Test, Dotnet),
        "dotnet" if second == "build" => task(Task::Build, Dotnet),
        "trivy" | "snyk" | "gitleaks" | "semgrep" | "zizmor" | "bandit" | "pip-audit"
        | "osv-scanner" | "grype" | "trufflehog" | "safety" => general(Task::SecurityScan),
        "railway" if matches!(second, "up" | "deploy" | "redeploy") => general(Task::Deploy),
        "vercel"
            if second == "deploy"
                || second.is_empty()
                || has("--prod")
                || second == "--prebuilt" =>
        {
            general(Task::Deploy)
        }
        "netlify" | "fly" | "flyctl" | "firebase" | "serverless" | "sls" | "cdk" | "wrangler"
            if has("deploy") =>
        {
            general(Task::Deploy)
        }
        "gcloud" if has("deploy") => general(Task::Deploy),
        "kubectl" if matches!(second, "apply" | "set" | "rollout") => general(Task::Deploy),
        "helm" if matches!(second, "upgrade" | "install") => general(Task::Deploy),
        "terraform" if second == "apply" => general(Task::Deploy),
        "git" if second == "push" => push(&words),
        _ => Found::Nothing,
    }
}

/// `git push` elsewhere than to `origin` deploys or mirrors.
fn push(words: &[&str]) -> Found {
    let target = words[2..]
        .iter()
        .find(|word| !word.starts_with('-'))
        .copied()
        .unwrap_or_default();
    if target.contains("heroku") {
        general(Task::Deploy)
    } else if words.contains(&"--mirror")
        || !target.is_empty() && target != "origin" && !target.starts_with("$REMOTE")
    {
        general(Task::Sync)
    } else {
        Found::Nothing
    }
}

/// `turbo run lint test`, `nx affected -t test`: scripts of all members.
fn runner(words: &[&str], folder: &str) -> Found {
    let names: Vec<String> = words[1..]
        .iter()
        .flat_map(|word| {
            let word = word
                .trim_start_matches("--target=")
                .trim_start_matches("--targets=")
                .trim_start_matches("-t=");
            word.split(',').map(str::to_owned).collect::<Vec<_>>()
        })
        .filter(|word| {
            !word.starts_with('-')
                && !matches!(word.as_str(), "run" | "run-many" | "affected" | "exec")
                && !word.contains(':') | word.starts_with("test:")
        })
        .collect();
    Found::Script {
        names,
        folder: folder.to_owned(),
        everywhere: true,
        member: None,
    }
}

/// `npm run x`, `npm test`, `pnpm -r test`, `yarn workspace web test`.
fn package_manager(words: &[&str], folder: &str) -> Found {
    let mut folder = folder.to_owned();
    let mut everywhere = false;
    let mut names = Vec::new();
    let mut is_script = false;
    let mut member: Option<String> = None;
    let mut at = 1;
    while at < words.len() {
        let word = words[at];
        match word {
            "--prefix" | "-C" | "--dir" | "--cwd" | "--workspace" | "-w" | "--filter" | "-F" => {
                let value = words.get(at + 1).copied().unwrap_or_default();
                at += 2;
                match word {
                    "--workspace" | "--filter" | "-F" => {
                        everywhere = true;
                        member = Some(value.to_owned());
                    }
                    // `pnpm -w` means the workspace's root and takes no value.
                    "-w" if words[0] == "pnpm" => at -= 1,
                    "-w" => {
                        everywhere = true;
                        member = Some(value.to_owned());
                    }
                    _ => folder = path::join(&folder, value),
                }
                continue;
            }
            "-r" | "--recursive" | "-ws" | "--workspaces" | "workspaces" => everywhere = true,
            "workspace" => {
                everywhere = true;
                member = words.get(at + 1).map(|name| (*name).to_owned());
                at += 1;
            }
            "run" | "run-script" if !is_script => is_script = true,
            "foreach" | "--if-present" | "--silent" | "-s" | "-A" | "--all" => {}
            "--" => break,
            "ci" | "install" | "i" | "add" | "exec" | "dlx" | "audit" | "publish" | "pack"
            | "version"
                if !is_script =>
            {
                return if word == "audit" {
                    general(Task::SecurityScan)
                } else {
                    Found::Nothing
                };
            }
            _ if word.starts_with("--prefix=") => {
                folder = path::join(&folder, &word["--prefix=".len()..])
            }
            _ if word.starts_with("--filter=") || word.starts_with("--workspace=") => {
                everywhere = true;
                member = word.split_once('=').map(|(_, name)| name.to_owned());
            }
            _ if word.starts_with('-') => {}
            "t" => names.push("test".to_owned()),
            _ => {
                names.push(word.to_owned());
                break;
            }
        }
        at += 1;
    }
    if names.is_empty() {
        return Found::Nothing;
    }
    Found::Script {
        names,
        folder,
        everywhere,
        member,
    }
}

fn make(words: &[&str], folder: &str) -> Found {
    let mut folder = folder.to_owned();
    let mut targets = Vec::new();
    let mut at = 1;
    while at < words.len() {
        match words[at] {
            "-C" | "--directory" => {
                folder = path::join(&folder, words.get(at + 1).copied().unwrap_or_default());
                at += 1;
            }
            word if word.starts_with('-') || word.contains('=') => {}
            word => targets.push(word.to_owned()),
        }
        at += 1;
    }
    Found::Make { targets, folder }
}

/// The recipe lines of Makefile targets and of what they depend on.
pub(super) fn recipes(tree: &Tree, folder: &str, targets: &[String]) -> Vec<String> {
    let Some(text) = tree
        .first_in(
            folder,
            &[
                "Makefile",
                "makefile",
                "GNUmakefile",
                "justfile",
                "Justfile",
            ],
        )
        .and_then(|file| tree.text(&file))
    else {
        return Vec::new();
    };
    let mut wanted: Vec<String> = targets.to_vec();
    let mut lines = Vec::new();
    let mut at = 0;
    while at < wanted.len() && at < 50 {
        let target = wanted[at].clone();
        let mut inside = false;
        for line in text.lines() {
            if line.starts_with(char::is_whitespace) {
                if inside {
                    lines.push(
                        line.trim()
                            .trim_start_matches(['@', '-'])
                            .replace("$(MAKE)", "make"),
                    );
                }
                continue;
            }
            inside = false;
            if let Some((names, needs)) = line.split_once(':')
                && !needs.starts_with('=')
                && names.split_whitespace().any(|name| name == target)
            {
                inside = true;
                for need in needs
                    .split('#')
                    .next()
                    .unwrap_or_default()
                    .split_whitespace()
                {
                    if !wanted.iter().any(|known| known == need) {
                        wanted.push(need.to_owned());
                    }
                }
            }
        }
        at += 1;
    }
    lines
}

/// What a package script is for by its name, where its command is not known.
pub(super) fn task_of_script(name: &str, text: &str) -> Option<Task> {
    if text.contains("no test specified")
        || ["playwright", "cypress"]
            .iter()
            .any(|word| text.contains(word))
    {
        return None;
    }
    match name.split(':').next().unwrap_or_default() {
        "test" | "unit" => Some(Task::Test),
        "lint" => Some(Task::Lint),
        "build" => Some(Task::Build),
        "typecheck" | "type-check" | "check-types" => Some(Task::TypeCheck),
        _ => None,
    }
}

/// What an action does for the whole repository.
pub(super) fn task_of_action(name: &str) -> Option<Task> {
    let scans = [
        "github/codeql-action",
        "aquasecurity/trivy-action",
        "snyk/actions",
        "gitleaks/gitleaks-action",
        "semgrep/semgrep-action",
        "returntocorp/semgrep-action",
        "zizmorcore/zizmor-action",
        "actions/dependency-review-action",
        "anchore/scan-action",
        "google/osv-scanner-action",
        "ossf/scorecard-action",
        "trufflesecurity/trufflehog",
        "bridgecrewio/checkov-action",
        "intowork/ci-action",
    ];
    let deploys = [
        "amondnet/vercel-action",
        "superfly/flyctl-actions/deploy",
        "akhileshns/heroku-deploy",
        "nwtgck/actions-netlify",
        "cloudflare/wrangler-action",
        "azure/webapps-deploy",
        "google-github-actions/deploy-cloudrun",
        "google-github-actions/deploy-appengine",
        "bervProject/railway-deploy",
        "actions/deploy-pages",
        "firebaseextended/action-hosting-deploy",
        "aws-actions/amazon-ecs-deploy-task-definition",
        "appleboy/ssh-action",
        "jorgelbg/dokku",
        "render-examples/deploy",
    ];
    let starts = |list: &[&str]| {
        list.iter().any(|known| {
            name.to_ascii_lowercase()
                .starts_with(&known.to_ascii_lowercase())
        })
    };
    if starts(&scans) {
        Some(Task::SecurityScan)
    } else if starts(&deploys) {
        Some(Task::Deploy)
    } else {
        None
    }
}

/// What an action does for the components of one language.
pub(super) fn tool_of_action(name: &str) -> Option<(Task, Language)> {
    match name.to_ascii_lowercase().as_str() {
        "astral-sh/ruff-action" | "chartboost/ruff-action" => Some((Task::Lint, Language::Python)),
        "psf/black" => Some((Task::Format, Language::Python)),
        "golangci/golangci-lint-action" => Some((Task::Lint, Language::Go)),
        "actions-rs/clippy-check" => Some((Task::Lint, Language::Rust)),
        "gradle/gradle-build-action" => Some((Task::Test, Language::Java)),
        _ => None,
    }
}
