//! What gives points, and what is asked: the whole formula of the score.

use crate::audit::evidence::Practice;

/// What a point is given for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Proof {
    /// A practice that files show.
    Shown(Practice),
    /// One of two practices.
    Either(Practice, Practice),
    /// A practice that files show, or a person answers for.
    ShownOrSaid(Practice, &'static str),
    /// Only a person knows: the name of the question.
    Said(&'static str),
    /// None of these rules finds anything, and there is something that they look at.
    Clean(&'static [&'static str]),
}

/// A reason for points.
pub(super) struct Criterion {
    pub(super) points: u8,
    pub(super) what: &'static str,
    pub(super) proof: Proof,
    /// How one gets there.
    pub(super) step: &'static str,
}

/// One of the twelve.
pub(super) struct Category {
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    pub(super) criteria: &'static [Criterion],
}

/// Questions that a repository does not answer.
pub const QUESTIONS: [(&str, &str); 10] = [
    ("alerts", "is somebody called when the application is down?"),
    (
        "backup-elsewhere",
        "is a copy of the database kept with somebody else?",
    ),
    (
        "cloud-backups",
        "does the platform copy the database by itself?",
    ),
    ("https-only", "is everything served over HTTPS alone?"),
    (
        "instant-rollback",
        "can somebody bring the earlier release back with one action?",
    ),
    ("logs-kept", "are logs kept where one can read them?"),
    (
        "logs-searched",
        "are the logs of all services searched in one place?",
    ),
    (
        "restore-tested",
        "was a copy of the database restored within the last quarter?",
    ),
    (
        "secrets-at-platform",
        "do secrets reach production from the platform's settings or a vault?",
    ),
    ("secrets-rotated", "are secrets made anew at fixed times?"),
];

const SECRETS: &[&str] = &[
    "secret-in-repository",
    "secret-in-script",
    "secret-in-image",
];

const fn one(points: u8, what: &'static str, proof: Proof, step: &'static str) -> Criterion {
    Criterion {
        points,
        what,
        proof,
        step,
    }
}

use Practice as P;
use Proof::{Clean, Either, Said, Shown, ShownOrSaid};

/// The twelve categories.
pub(super) const CATEGORIES: [Category; 12] = [
    Category {
        name: "infrastructure-as-code",
        title: "Infrastructure as code",
        criteria: &[
            one(
                3,
                "platforms' settings are in files",
                Shown(P::PlatformFiles),
                "keep the platform's settings in a file",
            ),
            one(
                2,
                "an environment before production is in files",
                Shown(P::Staging),
                "describe a staging environment",
            ),
            one(
                5,
                "the whole infrastructure is described",
                Shown(P::InfrastructureAsCode),
                "describe databases, domains and variables too: Terraform, Pulumi, .railway/railway.ts",
            ),
        ],
    },
    Category {
        name: "ci-cd",
        title: "CI/CD automation",
        criteria: &[
            one(
                4,
                "a pipeline proves changes",
                Shown(P::ContinuousIntegration),
                "ci-tool generate --only backend-ci,frontend-ci",
            ),
            one(
                1,
                "it lints or checks types",
                Shown(P::LintInPipeline),
                "add a lint step",
            ),
            one(
                2,
                "it looks for vulnerabilities",
                Shown(P::SecurityScanning),
                "ci-tool generate --only security-scan",
            ),
            one(
                3,
                "a pipeline or a script deploys",
                Either(P::DeployPipeline, P::DeployScripts),
                "ci-tool generate --only deploy",
            ),
        ],
    },
    Category {
        name: "containers",
        title: "Containers",
        criteria: &[
            one(
                4,
                "there are images",
                Shown(P::Containers),
                "write a Dockerfile",
            ),
            one(
                2,
                "they are built in stages",
                Shown(P::StagedImages),
                "leave build tools out of the last stage",
            ),
            one(
                2,
                "one does not run as root",
                Shown(P::UnprivilegedImage),
                "set USER",
            ),
            one(
                1,
                "their health is asked for",
                Shown(P::ImageHealth),
                "add a HEALTHCHECK",
            ),
            one(
                1,
                "the services start together",
                Shown(P::ComposeFile),
                "write a compose file",
            ),
        ],
    },
    Category {
        name: "monitoring",
        title: "Monitoring",
        criteria: &[
            one(
                3,
                "the application says whether it is well",
                Shown(P::HealthEndpoint),
                "add a route for health: ci-tool audit --fix=no-health-endpoint --fix-unsafe --dry-run",
            ),
            one(
                1,
                "something asks for it",
                Either(P::HealthGate, P::ImageHealth),
                "name the route in the platform's file",
            ),
            one(
                2,
                "errors are reported",
                Shown(P::ErrorTracking),
                "add a client of Sentry: ci-tool audit --fix=no-error-tracking --fix-unsafe --dry-run",
            ),
            one(
                2,
                "it shows its figures",
                Shown(P::Metrics),
                "add a client of Prometheus or OpenTelemetry",
            ),
            one(
                1,
                "something asks from outside",
                Shown(P::UptimeCheck),
                "ci-tool generate --only uptime",
            ),
            one(
                1,
                "somebody is called",
                Said("alerts"),
                "name who is called",
            ),
        ],
    },
    Category {
        name: "logging",
        title: "Logging",
        criteria: &[
            one(
                4,
                "logs are kept",
                Said("logs-kept"),
                "keep logs longer than a deployment",
            ),
            one(
                4,
                "logs have fields",
                Shown(P::StructuredLogs),
                "write JSON with an id for each request",
            ),
            one(
                2,
                "they are searched in one place",
                Said("logs-searched"),
                "bring them to one place",
            ),
        ],
    },
    Category {
        name: "security",
        title: "Security",
        criteria: &[
            one(
                2,
                "no secret is in the repository",
                Clean(SECRETS),
                "make new secrets, and take the old ones out",
            ),
            one(
                1,
                "no defect of security is known",
                Clean(&[
                    "cors-wildcard-with-credentials",
                    "secret-read-in-the-open",
                    "user-data-in-repository",
                ]),
                "mend what the audit finds",
            ),
            one(
                2,
                "a pipeline looks for vulnerabilities",
                Shown(P::SecurityScanning),
                "ci-tool generate --only security-scan",
            ),
            one(
                1,
                "somebody proposes newer dependencies",
                Shown(P::DependencyUpdates),
                "ci-tool generate --only dependabot",
            ),
            one(
                1,
                "versions are locked",
                Shown(P::LockFiles),
                "commit a lock file",
            ),
            one(
                1,
                "an image does not run as root",
                Shown(P::UnprivilegedImage),
                "set USER",
            ),
            one(
                2,
                "everything goes over HTTPS",
                Said("https-only"),
                "redirect to HTTPS",
            ),
        ],
    },
    Category {
        name: "backup",
        title: "Backup and recovery",
        criteria: &[
            one(
                4,
                "the database is copied",
                ShownOrSaid(P::Backups, "cloud-backups"),
                "ci-tool generate --only database-backup",
            ),
            one(
                3,
                "a copy was restored",
                ShownOrSaid(P::Restores, "restore-tested"),
                "restore the newest copy, and compare",
            ),
            one(
                1,
                "a copy is kept elsewhere",
                Said("backup-elsewhere"),
                "copy it to another provider",
            ),
            one(
                1,
                "the schema can be built anew",
                Shown(P::Migrations),
                "build the schema by migrations",
            ),
            one(
                1,
                "what to do is written down",
                Shown(P::Runbooks),
                "ci-tool docs writes runbooks",
            ),
        ],
    },
    Category {
        name: "documentation",
        title: "Documentation",
        criteria: &[
            one(4, "there is a README", Shown(P::Readme), "write a README"),
            one(3, "there is more", Shown(P::Documentation), "write docs/"),
            one(
                1,
                "the variables are listed",
                Shown(P::VariablesListed),
                "write .env.example",
            ),
            one(
                2,
                "what to do when it fails is written down",
                Shown(P::Runbooks),
                "ci-tool docs writes runbooks",
            ),
        ],
    },
    Category {
        name: "secret-management",
        title: "Secret management",
        criteria: &[
            one(
                3,
                "no secret is in the repository",
                Clean(SECRETS),
                "make new secrets, and take the old ones out",
            ),
            one(
                1,
                "git leaves files of secrets out",
                Shown(P::Ignored),
                "name .env in .gitignore",
            ),
            one(
                1,
                "the variables are listed",
                Shown(P::VariablesListed),
                "write .env.example",
            ),
            one(
                3,
                "secrets come from the platform",
                Said("secrets-at-platform"),
                "set them at the platform, or in a vault",
            ),
            one(
                2,
                "they are made anew",
                Said("secrets-rotated"),
                "make them anew at fixed times",
            ),
        ],
    },
    Category {
        name: "environment-parity",
        title: "Environment parity",
        criteria: &[
            one(
                2,
                "images are the same everywhere",
                Shown(P::Containers),
                "write a Dockerfile",
            ),
            one(
                1,
                "the services start together",
                Shown(P::ComposeFile),
                "write a compose file",
            ),
            one(
                4,
                "there is an environment before production",
                Shown(P::Staging),
                "deploy to staging first",
            ),
            one(
                1,
                "versions do not drift",
                Clean(&["runtime-drift"]),
                "use one version of the runtime everywhere",
            ),
            one(
                1,
                "the schema is built by migrations",
                Shown(P::Migrations),
                "build the schema by migrations",
            ),
            one(
                1,
                "the variables are listed",
                Shown(P::VariablesListed),
                "write .env.example",
            ),
        ],
    },
    Category {
        name: "deployment",
        title: "Deployment automation",
        criteria: &[
            one(
                3,
                "a pipeline or a script deploys",
                Either(P::DeployPipeline, P::DeployScripts),
                "ci-tool generate --only deploy",
            ),
            one(
                2,
                "the platform's settings are in files",
                Shown(P::PlatformFiles),
                "keep the platform's settings in a file",
            ),
            one(
                1,
                "migrations belong to it",
                Shown(P::Migrations),
                "build the schema by migrations",
            ),
            one(
                2,
                "the new release's health decides",
                Shown(P::HealthGate),
                "name a health check in the platform's file",
            ),
            one(
                2,
                "the earlier release can come back",
                ShownOrSaid(P::Rollback, "instant-rollback"),
                "name the command that rolls back, and try it",
            ),
        ],
    },
    Category {
        name: "testing",
        title: "Testing automation",
        criteria: &[
            one(
                3,
                "there are tests",
                Shown(P::Tests),
                "write one test that starts the application",
            ),
            one(
                4,
                "a pipeline runs them",
                Shown(P::TestsInPipeline),
                "ci-tool generate --only backend-ci,frontend-ci",
            ),
            one(
                2,
                "too little coverage fails",
                Shown(P::Coverage),
                "set a limit for coverage",
            ),
            one(
                1,
                "a pipeline lints or checks types",
                Shown(P::LintInPipeline),
                "add a lint step",
            ),
        ],
    },
];

/// The formula, for the documentation: a row for each criterion.
pub fn formula() -> String {
    let mut out = String::from("| category | points | for | shown by |\n|---|---|---|---|\n");
    for category in &CATEGORIES {
        for criterion in category.criteria {
            let by = match criterion.proof {
                Shown(practice) => format!("files ({practice:?})"),
                Either(one, other) => format!("files ({one:?} or {other:?})"),
                ShownOrSaid(practice, question) => {
                    format!("files ({practice:?}) or the answer `{question}`")
                }
                Said(question) => format!("the answer `{question}`"),
                Clean(rules) => format!("no finding of {}", rules.join(", ")),
            };
            out.push_str(&format!(
                "| {} | {} | {} | {by} |\n",
                category.title, criterion.points, criterion.what
            ));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_category_has_ten_points_and_every_question_is_asked() {
        let mut asked = std::collections::BTreeSet::new();
        for category in &CATEGORIES {
            let sum: u8 = category.criteria.iter().map(|one| one.points).sum();
            assert_eq!(sum, 10, "{}", category.name);
            for criterion in category.criteria {
                if let Said(question) | ShownOrSaid(_, question) = criterion.proof {
                    asked.insert(question);
                }
            }
        }
        let known: std::collections::BTreeSet<&str> =
            QUESTIONS.iter().map(|(name, _)| *name).collect();
        assert_eq!(asked, known);
    }
}
