//! Snyk: packages, images, code and infrastructure, with an account.
//! <https://docs.snyk.io/developer-tools/snyk-cli>

use super::{Artifact, Call, Fit, Place, Scanner, manifests, taken};
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
        call.tokens = vec!["SNYK_TOKEN".to_owned()];
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
                vec![self.call(0, ReportFormat::Sarif, &["code", "test", &root, "--sarif"])]
            }
            Self::Infrastructure => {
                vec![self.call(0, ReportFormat::Snyk, &["iac", "test", &root, "--json"])]
            }
            Self::Packages => {
                let mut calls = Vec::new();
                if !manifests(place).is_empty() {
                    let arguments = ["test", &root, "--all-projects", "--json"];
                    calls.push(self.call(0, ReportFormat::Snyk, &arguments));
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
}
