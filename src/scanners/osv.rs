//! OSV-Scanner: packages of lock files. <https://google.github.io/osv-scanner/usage/>

use super::{Call, Fit, Place, Scanner, formats, manifests};
use crate::config::scan::{ReportAt, ReportFormat};

/// OSV-Scanner, version 2.
#[derive(Debug)]
pub(super) struct Osv;

impl Scanner for Osv {
    fn name(&self) -> &str {
        "osv-scanner"
    }

    fn about(&self) -> &str {
        "known vulnerabilities of packages"
    }

    fn program(&self) -> &str {
        "osv-scanner"
    }

    fn get(&self) -> &str {
        "https://github.com/google/osv-scanner/releases"
    }

    fn fits(&self, place: &Place<'_>) -> Fit {
        if manifests(place).is_empty() {
            Fit::No("there is no lock file".to_owned())
        } else {
            Fit::Yes
        }
    }

    fn calls(&self, place: &Place<'_>) -> Vec<Call> {
        let mut call = Call::new("osv-scanner-0", ReportFormat::Osv);
        call.report = ReportAt::Stdout;
        let arguments = [
            "scan",
            "source",
            "--recursive",
            "--format",
            "json",
            "--all-packages",
        ];
        call.arguments = arguments.map(str::to_owned).into();
        if place.offline {
            call.arguments.push("--offline".to_owned());
        }
        call.arguments.push(place.root.display().to_string());
        let cache = place.cache.join("osv-scanner");
        call.variables = vec![(
            "OSV_SCANNER_LOCAL_DB_CACHE_DIRECTORY".to_owned(),
            cache.display().to_string(),
        )];
        call.writable.push(cache);
        // Findings end it with 1; 127 and more are failures, 128 no package at all.
        call.codes = vec![1];
        call.nothing = vec![128];
        vec![call]
    }

    fn doubts(&self, _: &Place<'_>, _: &Call, read: &formats::Read<'_>) -> Vec<String> {
        if read.seen.is_empty() {
            vec!["it looked at no lock file".to_owned()]
        } else {
            Vec::new()
        }
    }
}
