//! Grype: packages and images. <https://oss.anchore.com/docs/reference/grype/cli/>

use super::{Artifact, Call, Fit, Place, Scanner, manifests, taken};
use crate::config::scan::ReportFormat;

/// Grype.
#[derive(Debug)]
pub(super) struct Grype;

impl Grype {
    fn call(place: &Place<'_>, number: usize, source: String) -> Call {
        let mut call = Call::new(format!("grype-{number}"), ReportFormat::Grype);
        let cache = place.cache.join("grype");
        call.arguments = vec![
            source,
            "--output".to_owned(),
            "json".to_owned(),
            "--file".to_owned(),
            call.report(place).display().to_string(),
        ];
        let mut set = vec![
            ("GRYPE_CHECK_FOR_APP_UPDATE", "false".to_owned()),
            ("GRYPE_DB_CACHE_DIR", cache.display().to_string()),
        ];
        if place.offline {
            set.push(("GRYPE_DB_AUTO_UPDATE", "false".to_owned()));
        }
        if let Some(days) = place.settings.max_database_age {
            set.push(("GRYPE_DB_MAX_ALLOWED_BUILT_AGE", format!("{}h", days * 24)));
        }
        call.variables = set
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        call.settings = ["GRYPE_DB_UPDATE_URL", "DOCKER_HOST"]
            .map(str::to_owned)
            .into();
        call.writable.push(cache);
        call
    }
}

impl Scanner for Grype {
    fn name(&self) -> &str {
        "grype"
    }

    fn about(&self) -> &str {
        "known vulnerabilities of packages and images"
    }

    fn program(&self) -> &str {
        "grype"
    }

    fn get(&self) -> &str {
        "https://github.com/anchore/grype/releases"
    }

    fn fits(&self, place: &Place<'_>) -> Fit {
        if manifests(place).is_empty() && taken(self, place).next().is_none() {
            Fit::No("there is no lock file and no image".to_owned())
        } else {
            Fit::Yes
        }
    }

    fn takes(&self, artifact: &Artifact) -> bool {
        artifact.is_image()
    }

    fn pull(&self, place: &Place<'_>) -> Option<Call> {
        let mut call = Self::call(place, 0, String::new());
        call.arguments = vec!["db".to_owned(), "update".to_owned()];
        Some(call)
    }

    fn calls(&self, place: &Place<'_>) -> Vec<Call> {
        let mut calls = Vec::new();
        if !manifests(place).is_empty() {
            calls.push(Self::call(
                place,
                0,
                format!("dir:{}", place.root.display()),
            ));
        }
        for (number, image) in taken(self, place) {
            let mut call = Self::call(place, number, image.address());
            call.target = Some(image.name.clone());
            calls.push(call);
        }
        calls
    }
}
