//! Snyk: packages, images, code and infrastructure, with an account.
//! <https://docs.snyk.io/developer-tools/snyk-cli>

use super::{Artifact, Call, Fit, Place, Scanner, formats, manifests, taken};
use crate::config::scan::{ReportAt, ReportFormat};

/// One of Snyk's products; which an account has differs.
#[derive(Debug)]
pub(super) enum Snyk {
    /// Packages, and images where the configuration names some.
    Packages,
    /// The project's own code.
    Code,
    /// Infrastructure as code.
    Infrastructure,
}

/// What it is told of where to ask, and for whom.
const SETTINGS: [&str; 3] = ["SNYK_API", "SNYK_CFG_ORG", "SNYK_HTTP_PROTOCOL_UPGRADE"];

/// Its token, and with what it logs in to registries.
const TOKENS: [&str; 3] = [
    "SNYK_TOKEN",
    "SNYK_REGISTRY_USERNAME",
    "SNYK_REGISTRY_PASSWORD",
];

impl Snyk {
    fn call(&self, number: usize, format: ReportFormat, arguments: &[&str]) -> Call {
        let mut call = Call::new(format!("{}-{number}", self.name()), format);
        // Where it has findings it ends with 1, and with 3 where it knows no project.
        // What it writes to a file it does not write where there is nothing.
        call.report = ReportAt::Stdout;
        call.codes = vec![1];
        call.nothing = vec![3];
        call.arguments = arguments
            .iter()
            .map(|argument| (*argument).to_owned())
            .collect();
        call.settings = SETTINGS.map(str::to_owned).into();
        call.tokens = TOKENS.map(str::to_owned).into();
        call.variables = ["SNYK_DISABLE_ANALYTICS", "SNYK_CFG_DISABLE_ANALYTICS"]
            .map(|name| (name.to_owned(), "1".to_owned()))
            .into();
        call
    }
}

impl Scanner for Snyk {
    fn name(&self) -> &str {
        match self {
            Self::Packages => "snyk",
            Self::Code => "snyk-code",
            Self::Infrastructure => "snyk-iac",
        }
    }

    fn about(&self) -> &str {
        match self {
            Self::Packages => "known vulnerabilities and licences of packages and images",
            Self::Code => "insecure code",
            Self::Infrastructure => "insecure infrastructure",
        }
    }

    fn program(&self) -> &str {
        "snyk"
    }

    fn get(&self) -> &str {
        "https://docs.snyk.io/developer-tools/snyk-cli/install-or-update-the-snyk-cli"
    }

    fn is_opt_in(&self) -> bool {
        !matches!(self, Self::Packages)
    }

    fn takes(&self, artifact: &Artifact) -> bool {
        matches!(self, Self::Packages) && artifact.is_image()
    }

    fn fits(&self, place: &Place<'_>) -> Fit {
        if place.offline {
            return Fit::No("it looks everything up at snyk.io".to_owned());
        }
        if place.env.get("SNYK_TOKEN").is_none() {
            return Fit::No("SNYK_TOKEN is not set".to_owned());
        }
        let has_none = manifests(place).is_empty() && taken(self, place).next().is_none();
        if matches!(self, Self::Packages) && has_none {
            return Fit::No("there is no lock file and no image".to_owned());
        }
        Fit::Yes
    }

    fn calls(&self, place: &Place<'_>) -> Vec<Call> {
        let root = place.root.display().to_string();
        match self {
            Self::Code => {
                let mut call =
                    self.call(0, ReportFormat::Sarif, &["code", "test", &root, "--sarif"]);
                // It does not work where it cannot leave its cache there.
                call.writable.push(place.root.to_owned());
                vec![call]
            }
            Self::Infrastructure => {
                // It looks at nothing outside of the folder that it runs in.
                let mut call = self.call(0, ReportFormat::Snyk, &["iac", "test", ".", "--json"]);
                call.inside = true;
                vec![call]
            }
            Self::Packages => {
                let mut calls = Vec::new();
                if !manifests(place).is_empty() {
                    let arguments = ["test", &root, "--all-projects", "--json"];
                    let mut call = self.call(0, ReportFormat::Snyk, &arguments);
                    // It asks build tools, which keep what they know beside the project.
                    call.writable.push(place.root.to_owned());
                    calls.push(call);
                }
                for (number, image) in taken(self, place) {
                    let arguments = ["container", "test", &image.address(), "--json"];
                    let mut call = self.call(number, ReportFormat::Snyk, &arguments);
                    call.target = Some(image.name.clone());
                    calls.push(call);
                }
                calls
            }
        }
    }

    fn leaves(&self) -> &'static [&'static str] {
        match self {
            // A cache of what it sent.
            Self::Code => &[".dccache"],
            _ => &[],
        }
    }

    fn doubts(&self, place: &Place<'_>, call: &Call, read: &formats::Read<'_>) -> Vec<String> {
        // What it does not understand it leaves out without a word, as long as there
        // is another file that it understands.
        let missing: Vec<&str> = match self {
            Self::Packages if call.target.is_none() => manifests(place)
                .into_iter()
                .filter(|file| is_missing(file, &read.seen))
                .collect(),
            Self::Infrastructure => infrastructure(place)
                .filter(|file| !read.seen.iter().any(|seen| seen == file))
                .collect(),
            _ => Vec::new(),
        };
        match missing.as_slice() {
            [] => Vec::new(),
            [one] => vec![format!("it did not look at {one}")],
            [first, rest @ ..] => vec![format!(
                "it did not look at {first} and {} other files",
                rest.len()
            )],
        }
    }
}

/// Files that are infrastructure for sure: Terraform, and objects of Kubernetes that are
/// no templates.
fn infrastructure<'p>(place: &Place<'p>) -> impl Iterator<Item = &'p str> {
    let root = place.root.to_owned();
    let files = place.files.iter().map(String::as_str);
    files.filter(move |file| {
        let is_yaml = file.ends_with(".yml") || file.ends_with(".yaml");
        let is_object = || {
            std::fs::read_to_string(root.join(file)).is_ok_and(|text| {
                let has = |key: &str| text.lines().any(|line| line.starts_with(key));
                has("apiVersion:") && has("kind:") && !text.contains("{{")
            })
        };
        file.ends_with(".tf") || is_yaml && is_object()
    })
}

/// Whether a lock file is one that Snyk reads, and none that it says it has read. Of a
/// kind it reads one file in a folder, and names some by the manifest beside them.
fn is_missing(file: &str, seen: &[String]) -> bool {
    const KINDS: [&[&str]; 8] = [
        &[
            "package-lock.json",
            "yarn.lock",
            "pnpm-lock.yaml",
            "package.json",
        ],
        &["poetry.lock", "pyproject.toml"],
        &["requirements.txt", "Pipfile.lock", "Pipfile"],
        &["go.mod"],
        &["Gemfile.lock", "Gemfile"],
        &["composer.lock"],
        &["pom.xml"],
        &["Podfile.lock", "Podfile"],
    ];
    let split = |file: &str| match file.rsplit_once('/') {
        Some((folder, name)) => (folder.to_owned(), name.to_owned()),
        None => (String::new(), file.to_owned()),
    };
    let (folder, name) = split(file);
    let is_ignored = |part: &str| part == "node_modules" || part == ".build";
    if folder.split('/').any(is_ignored) {
        return false;
    }
    let Some(kind) = KINDS.iter().find(|kind| kind.contains(&name.as_str())) else {
        return false;
    };
    !seen.iter().any(|seen| {
        let (other, name) = split(seen);
        other == folder && kind.contains(&name.as_str())
    })
}
