//! How likely it is that a vulnerability is used by attackers, from FIRST's EPSS
//! scores and CISA's catalogue of known exploited vulnerabilities (KEV).

use std::collections::{HashMap, HashSet};

use serde::Deserialize;

use super::suppression::Date;
use crate::findings::{Exploitation, Finding, Probability};

/// What is known beside the scanners' reports.
#[derive(Debug, Clone, Default)]
pub struct Intelligence {
    epss: HashMap<String, Probability>,
    exploited: HashSet<String>,
    has_catalogue: bool,
}

#[derive(Deserialize)]
struct Catalogue {
    #[serde(rename = "dateReleased")]
    date: String,
    vulnerabilities: Vec<Known>,
}

#[derive(Deserialize)]
struct Known {
    #[serde(rename = "cveID")]
    id: String,
}

impl Intelligence {
    /// Adds EPSS scores: the CSV that FIRST publishes every day. Answers with the
    /// day that they are of.
    ///
    /// # Errors
    /// The line that is wrong, counted from 1, and why.
    pub fn add_epss(&mut self, csv: &str) -> Result<Date, (usize, String)> {
        let mut day = None;
        for (at, line) in csv.lines().enumerate() {
            let line = line.trim();
            if let Some(comment) = line.strip_prefix('#') {
                day = comment
                    .split(',')
                    .find_map(|part| part.trim().strip_prefix("score_date:"))
                    .and_then(Date::parse)
                    .or(day);
                continue;
            }
            if line.is_empty() || line.starts_with("cve,") {
                continue;
            }
            let mut cells = line.split(',');
            let id = cells.next().unwrap_or_default();
            let score = cells.next().and_then(|cell| cell.trim().parse().ok());
            let score = score.and_then(Probability::new);
            match score {
                Some(score) if id.starts_with("CVE-") => {
                    self.epss.insert(id.to_owned(), score);
                }
                _ => return Err((at + 1, format!("{line:?} is no `CVE,probability`"))),
            }
        }
        if self.epss.is_empty() {
            return Err((1, "there is no score in it".to_owned()));
        }
        day.ok_or_else(|| (1, "it does not say `score_date`".to_owned()))
    }

    /// Adds the KEV catalogue: CISA's JSON. Answers with the day that it is of.
    ///
    /// # Errors
    /// The line that is wrong, counted from 1, and why.
    pub fn add_exploited(&mut self, json: &str) -> Result<Date, (usize, String)> {
        let catalogue: Catalogue =
            serde_json::from_str(json).map_err(|error| (error.line(), error.to_string()))?;
        if catalogue.vulnerabilities.is_empty() {
            return Err((1, "there is no vulnerability in it".to_owned()));
        }
        self.exploited
            .extend(catalogue.vulnerabilities.into_iter().map(|known| known.id));
        self.has_catalogue = true;
        Date::parse(&catalogue.date).ok_or_else(|| (1, "`dateReleased` is no day".to_owned()))
    }

    /// What is known of a finding: the scanners' own figures, and ours.
    pub fn of(&self, finding: &Finding<'_>) -> Exploitation {
        let mut known = finding.exploitation();
        for id in finding.ids.iter().map(crate::findings::Id::as_str) {
            known.epss = known.epss.max(self.epss.get(id).copied());
            if self.exploited.contains(id) {
                known.known_exploited = Some(true);
            }
        }
        if self.has_catalogue && known.known_exploited.is_none() {
            known.known_exploited = Some(false);
        }
        known
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_published_is_read_and_what_is_cut_off_is_not() {
        let mut known = Intelligence::default();
        let day = known.add_epss("#model_version:v2025.03.14,score_date:2026-11-20T00:00:00+0000\ncve,epss,percentile\nCVE-2021-44228,0.94358,0.99957\n");
        assert_eq!(
            day.map(|day| day.as_str().to_owned()),
            Ok("2026-11-20".to_owned())
        );
        for (text, line) in [
            ("", 1),
            ("cve,epss,percentile\nCVE-1,x,y\n", 2),
            ("cve,epss,percentile\nCVE-1,2.0,y\n", 2),
            ("<html>\n", 1),
            ("cve,epss,percentile\nCVE-1,0.5,0.5\n", 1),
        ] {
            let error = Intelligence::default().add_epss(text).expect_err(text);
            assert_eq!(error.0, line, "{text}");
        }
        let kev = "{\"dateReleased\": \"2026-11-20T15:00:00.1Z\", \"vulnerabilities\": [{\"cveID\": \"CVE-2021-44228\"}]}";
        assert!(known.add_exploited(kev).is_ok());
        assert!(known.add_exploited("{\"vulnerabilities\": []}").is_err());
        assert!(known.add_exploited("[").is_err());
    }
}
