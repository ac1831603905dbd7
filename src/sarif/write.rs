//! Writing: findings as a run that GitHub takes.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::document::Flow;
use super::limits::Limits;
use super::out::{Json, without};
use super::paths;
use super::redact::redact;
use crate::findings::{
    Context, Finding, Kind, LINE_HASH, Location, Observation, Package, Region, Report, Rule,
    Scanner, Scope, Score, Severity, State, Suppression, SuppressionStatus, near,
};

/// The name of our own fingerprint.
pub(super) const IDENTITY: &str = "ciToolIdentity/v1";
/// The key of our own properties.
pub(super) const OWN: &str = "ci-tool";
/// The version of our own properties.
pub(super) const OWN_VERSION: u32 = 1;

/// How much of what is heavy and does not decide is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// Everything is written.
    Full,
    /// Without code flows, related places and scanners' own properties.
    Results,
    /// Also without snippets, fixes' edits and places past the first.
    Places,
    /// Also without help beyond one sentence.
    Bare,
}

impl Detail {
    /// From the most to the least.
    pub const ALL: [Self; 4] = [Self::Full, Self::Results, Self::Places, Self::Bare];
}

/// What all runs of a report share.
pub(super) struct Writer<'r, 'a> {
    report: &'r Report<'a>,
    limits: Limits,
    /// In the order of their numbers.
    scanners: Vec<&'r Scanner<'a>>,
    /// Their numbers by where they lie: to compare them whole for each finding takes long.
    numbers: HashMap<*const Scanner<'a>, usize, RandomState>,
    rules: Vec<DriverRule<'r, 'a>>,
    /// For each finding the number of its rule, and the hash of its line where it keeps one.
    details: Vec<(usize, Option<&'r str>)>,
}

/// A rule under its finding's name.
struct DriverRule<'r, 'a> {
    name: &'r str,
    rule: &'r Arc<Rule<'a>>,
    score: Option<Score>,
    severity: Severity,
    kind: Kind,
    has_secret: bool,
}

impl<'r, 'a> Writer<'r, 'a> {
    pub(super) fn new(report: &'r Report<'a>, limits: Limits) -> Self {
        let mut scanners: Vec<&'r Scanner<'a>> = Vec::new();
        let mut numbers: HashMap<*const Scanner<'a>, usize, RandomState> = HashMap::default();
        let mut number = |scanner: &'r Arc<Scanner<'a>>| {
            numbers.entry(Arc::as_ptr(scanner)).or_insert_with(|| {
                let known = scanners.iter().position(|known| *known == &**scanner);
                known.unwrap_or_else(|| {
                    scanners.push(scanner);
                    scanners.len() - 1
                })
            });
        };
        report.scanners.iter().for_each(&mut number);
        let mut rules: Vec<DriverRule<'r, 'a>> = Vec::new();
        let mut by_name: HashMap<&'r str, usize, RandomState> = HashMap::default();
        let mut taken: HashSet<(usize, &str), RandomState> = HashSet::default();
        let mut details = Vec::with_capacity(report.findings.len());
        for finding in near::each(&report.findings) {
            for one in &finding.observations {
                number(&one.scanner);
            }
            let rule = &finding.primary().rule;
            let name = finding.name();
            let place = *by_name.entry(name).or_insert_with(|| {
                rules.push(DriverRule {
                    name,
                    rule,
                    score: None,
                    severity: Severity::Note,
                    kind: finding.kind(),
                    has_secret: false,
                });
                rules.len() - 1
            });
            let known = &mut rules[place];
            // One text for all findings of a name, whatever their order.
            let better = |one: &Arc<Rule<'a>>| {
                (one.help.is_some() || one.help_markdown.is_some(), one.score)
            };
            let is_same = Arc::ptr_eq(rule, known.rule);
            if !is_same
                && (better(rule) > better(known.rule)
                    || (better(rule) == better(known.rule) && rule < known.rule))
            {
                known.rule = rule;
            }
            // The worst: one alert must not hide behind another.
            known.score = known.score.max(finding.score());
            known.severity = known.severity.max(finding.severity());
            known.has_secret |= finding.kind() == Kind::Secret;
            // Equal lines of two files have equal hashes, and nobody documents whether GitHub
            // tells them apart: one keeps it.
            let hash = line_hash(finding).filter(|hash| taken.insert((place, hash)));
            details.push((place, hash));
        }
        Self {
            report,
            limits,
            scanners,
            numbers,
            rules,
            details,
        }
    }

    /// Writes a run with these findings, by number.
    pub(super) fn run(&self, out: &mut Json, category: &str, findings: &[usize], detail: Detail) {
        // The rules of these findings, by name, and where each of them stands in the run.
        let mut index = vec![usize::MAX; self.rules.len()];
        findings
            .iter()
            .for_each(|at| index[self.details[*at].0] = 0);
        let mut rules: Vec<usize> = (0..index.len()).filter(|at| index[*at] == 0).collect();
        rules.sort_unstable_by_key(|at| self.rules[*at].name);
        let in_run = rules.iter().enumerate();
        in_run.for_each(|(place, at)| index[*at] = place);
        out.object(|out| {
            out.key("tool");
            out.object(|out| {
                out.key("driver");
                out.object(|out| {
                    out.field("name", "ci-tool");
                    out.field("informationUri", env!("CARGO_PKG_REPOSITORY"));
                    out.field("semanticVersion", env!("CARGO_PKG_VERSION"));
                    out.key("rules");
                    out.array(&rules, |out, at| self.rule(out, &self.rules[*at], detail));
                });
            });
            out.key("automationDetails");
            // What follows the last slash is no part of the category.
            out.object(|out| out.field("id", &format!("{category}/")));
            out.field("columnKind", "utf16CodeUnits");
            out.key("results");
            let findings = near::numbered(&self.report.findings, findings);
            out.array(findings, |out, at| self.result(out, at, &index, detail));
            out.key("properties");
            out.object(|out| {
                out.key(OWN);
                out.object(|out| self.scanners(out));
            });
        });
    }

    fn scanners(&self, out: &mut Json) {
        out.key("version");
        out.number(OWN_VERSION);
        out.key("scanners");
        out.array(&self.scanners, |out, scanner| {
            out.object(|out| {
                out.field("name", &scanner.name);
                out.field_if("version", scanner.version.as_deref());
                out.field_if("uri", scanner.uri.as_deref());
                out.field_if("category", scanner.category.as_deref());
                out.field_if("failure", scanner.failure.as_deref());
            });
        });
    }

    fn rule(&self, out: &mut Json, known: &DriverRule<'r, 'a>, detail: Detail) {
        let (name, rule) = (known.name, known.rule);
        let clean = |text: &'r Option<Cow<'a, str>>| {
            let text = text.as_deref().filter(|text| !text.trim().is_empty());
            text.map(|text| redact(text, known.has_secret, None))
        };
        let (short, full) = (clean(&rule.short), clean(&rule.full));
        let label = rule.name.as_deref().unwrap_or(name);
        let short = short
            .or_else(|| full.clone())
            .unwrap_or(Cow::Borrowed(label));
        let help = clean(&rule.help).filter(|_| detail < Detail::Bare);
        out.object(|out| {
            out.field("id", name);
            if let Some(label) = &rule.name {
                out.field("name", cut(label, self.limits.name));
            }
            text(
                out,
                "shortDescription",
                cut(&short, self.limits.description),
            );
            text(
                out,
                "fullDescription",
                cut(full.as_ref().unwrap_or(&short), self.limits.description),
            );
            out.key("help");
            out.object(|out| {
                out.field(
                    "text",
                    help.as_ref()
                        .or(full.as_ref().filter(|_| detail < Detail::Bare))
                        .unwrap_or(&short),
                );
                if let Some(markdown) = clean(&rule.help_markdown).filter(|_| detail < Detail::Bare)
                {
                    out.field("markdown", &markdown);
                }
            });
            let is_uri = |uri: &&str| {
                (uri.starts_with("https://") || uri.starts_with("http://")) && !uri.contains(' ')
            };
            out.field_if("helpUri", rule.help_uri.as_deref().filter(is_uri));
            out.key("defaultConfiguration");
            out.object(|out| out.field("level", known.severity.level()));
            out.key("properties");
            out.object(|out| {
                out.texts("tags", self.tags(known).iter().map(AsRef::as_ref));
                if known.is_security() {
                    let score = known.score.map(|score| score.to_string());
                    out.field_if(
                        "security-severity",
                        score.as_deref().or_else(|| usual_score(known.severity)),
                    );
                }
            });
        });
    }

    /// `security` first: without it GitHub shows no security severity.
    fn tags(&self, known: &DriverRule<'_, 'a>) -> Vec<Cow<'r, str>> {
        let rule = known.rule;
        let mut tags: Vec<Cow<'r, str>> = Vec::new();
        if known.is_security() {
            tags.push("security".into());
        }
        tags.push(known.kind.as_str().into());
        tags.extend(
            rule.cwes
                .iter()
                .map(|cwe| Cow::Owned(format!("external/cwe/cwe-{cwe:03}"))),
        );
        for tag in &rule.tags {
            let is_cwe = tag.rsplit('/').next().is_some_and(|tag| {
                tag.len() > 4
                    && tag
                        .get(..4)
                        .is_some_and(|start| start.eq_ignore_ascii_case("cwe-"))
            });
            if !is_cwe && !tags.iter().any(|known| known == tag) {
                tags.push(Cow::Owned(tag.to_string()));
            }
        }
        tags.truncate(self.limits.shown_tags);
        tags
    }

    fn result(&self, out: &mut Json, at: usize, rules: &[usize], detail: Detail) {
        let finding = &self.report.findings[at];
        let (rule, line_hash) = self.details[at];
        let one = finding.primary();
        let is_secret = finding.kind() == Kind::Secret;
        out.object(|out| {
            out.field("ruleId", finding.name());
            out.key("ruleIndex");
            out.number(rules[rule]);
            out.field("level", finding.severity().level());
            text(out, "message", &message(one));
            let mut locations: Vec<&Location<'a>> = finding.locations().collect();
            if locations.len() > 1 {
                let mut seen = HashSet::new();
                locations.retain(|location| {
                    seen.insert((&location.path, location.region, &location.logical))
                });
            }
            let limit = if detail >= Detail::Places {
                1
            } else {
                self.limits.shown_locations
            };
            locations.truncate(limit);
            out.key("locations");
            if locations.is_empty() {
                out.array([&Location::default()], |out, location| {
                    place(out, one, location, detail)
                });
            } else {
                out.array(locations, |out, location| place(out, one, location, detail));
            }
            out.key("partialFingerprints");
            out.object(|out| {
                let identity = finding.identity.to_string();
                match line_hash {
                    Some(hash) => out.field(LINE_HASH, hash),
                    None => out.field(LINE_HASH, &format!("{}:1", &identity[..16])),
                }
                out.field(IDENTITY, &identity);
            });
            if !one.suppressions.is_empty() && finding.is_suppressed() {
                suppressions(out, &one.suppressions);
            }
            out.field_if("baselineState", finding.state.map(State::as_str));
            if let Some(raw) = one
                .raw
                .as_ref()
                .filter(|_| detail < Detail::Results && !is_secret)
            {
                let portable = |raw: &'r Cow<'a, str>| without(raw, &["index", "uriBaseId"]);
                if let Some(flows) = raw.code_flows.as_ref().filter(|raw| self.takes_flows(raw)) {
                    out.key("codeFlows");
                    out.raw(&portable(flows));
                }
                if let Some(related) = raw
                    .related_locations
                    .as_ref()
                    .filter(|raw| is_list_of_objects(raw))
                {
                    out.key("relatedLocations");
                    out.raw(&portable(related));
                }
            }
            let edits = one.fix.as_ref().and_then(|fix| fix.edits.as_ref());
            if let Some(edits) = edits.filter(|_| detail < Detail::Places && !is_secret) {
                out.key("fixes");
                out.raw(&without(edits, &["index", "uriBaseId"]));
            }
            out.key("properties");
            out.object(|out| {
                out.key(OWN);
                out.object(|out| {
                    out.texts("ids", finding.ids.iter().map(crate::findings::Id::as_str));
                    out.key("by");
                    out.array(
                        finding.observations.iter().enumerate(),
                        |out, (number, by)| {
                            self.observation(out, finding, by, number == 0);
                        },
                    );
                });
            });
        });
    }

    /// Whether flows have their shape and no more steps than are taken.
    fn takes_flows(&self, raw: &str) -> bool {
        let flows: Vec<Flow<'_>> = serde_json::from_str(raw).unwrap_or_default();
        let is_right = |flow: &Flow<'_>| {
            let steps = |steps: usize| steps > 0 && steps <= self.limits.flow_locations;
            !flow.thread_flows.0.is_empty()
                && flow
                    .thread_flows
                    .0
                    .iter()
                    .all(|flow| steps(flow.locations.0.len()))
        };
        is_list_of_objects(raw) && flows.iter().all(is_right)
    }

    /// What reading takes to make the same observation again.
    fn observation(
        &self,
        out: &mut Json,
        finding: &Finding<'a>,
        one: &Observation<'a>,
        is_primary: bool,
    ) {
        out.object(|out| {
            out.key("scanner");
            out.number(self.numbers[&Arc::as_ptr(&one.scanner)]);
            if one.rule.id != finding.name() {
                out.field("rule", &one.rule.id);
            }
            out.field("kind", one.kind.as_str());
            out.field("severity", one.severity.as_str());
            if let Some(score) = one.score {
                out.field("score", &score.to_string());
            }
            if !one.ids.is_empty() {
                out.texts("ids", one.ids.iter().map(crate::findings::Id::as_str));
            }
            if !is_primary {
                out.field("message", &message(one));
            }
            if !is_primary
                || one.locations.len() != finding.locations().count()
                || one.locations.len() != 1
            {
                out.key("locations");
                let limit = self.limits.shown_locations;
                out.array(one.locations.iter().take(limit), |out, location| {
                    place(out, one, location, Detail::Places)
                });
            }
            out.field_if("target", one.target.as_deref());
            if let Some(package) = &one.package {
                package_of(out, package);
            }
            if let Some(fix) = &one.fix {
                if !fix.versions.is_empty() {
                    out.texts("fixed", fix.versions.iter().map(AsRef::as_ref));
                }
                out.field_if("fixStatus", fix.status.as_deref());
            }
            if let Some(known) = &one.exploitation {
                for (key, share) in [("epss", known.epss), ("epssPercentile", known.percentile)] {
                    if let Some(share) = share {
                        out.key(key);
                        out.number(share.get());
                    }
                }
                if let Some(known) = known.known_exploited {
                    out.key("knownExploited");
                    out.flag(known);
                }
            }
            if !one.suppressions.is_empty() {
                suppressions(out, &one.suppressions);
            }
            if one.state != finding.state && finding.state.is_some() {
                out.field("state", one.state.map_or("none", State::as_str));
            }
            out.field("context", &Context::of(one).to_string());
            let own_hash = one.fingerprints.iter().find(|(name, _)| name == LINE_HASH);
            out.field_if("lineHash", own_hash.map(|(_, value)| value.as_ref()));
        });
    }
}

impl DriverRule<'_, '_> {
    fn is_security(&self) -> bool {
        match self.kind {
            Kind::Vulnerability | Kind::Secret | Kind::Misconfiguration => true,
            Kind::License => self.score.is_some(),
            Kind::Code => {
                let tags = &self.rule.tags;
                self.score.is_some()
                    || !self.rule.cwes.is_empty()
                    || tags.iter().any(|tag| tag == "security")
            }
        }
    }
}

/// A number in the middle of a severity that came without one.
const fn usual_score(severity: Severity) -> Option<&'static str> {
    match severity {
        Severity::Critical => Some("9.5"),
        Severity::High => Some("8.0"),
        Severity::Medium => Some("5.5"),
        Severity::Low => Some("2.0"),
        Severity::Note => None,
    }
}

/// The hash of a finding's line; a package has none of its own, for all of a
/// manifest's share its first line.
fn line_hash<'r>(finding: &'r Finding<'_>) -> Option<&'r str> {
    if finding.package().is_some() || matches!(finding.kind(), Kind::Vulnerability | Kind::License)
    {
        return None;
    }
    let fingerprints = finding
        .observations
        .iter()
        .flat_map(|one| &one.fingerprints);
    fingerprints
        .filter(|(name, _)| name == LINE_HASH)
        .map(|(_, value)| value.as_ref())
        .min()
}

fn message<'r>(one: &'r Observation<'_>) -> Cow<'r, str> {
    let snippet = one
        .location()
        .and_then(|location| location.snippet.as_deref());
    let text = redact(&one.message, one.kind == Kind::Secret, snippet);
    if text.trim().is_empty() {
        Cow::Borrowed(&one.rule.id)
    } else {
        text
    }
}

fn is_list_of_objects(raw: &str) -> bool {
    let items: Vec<&serde_json::value::RawValue> = serde_json::from_str(raw).unwrap_or_default();
    !items.is_empty() && items.iter().all(|item| item.get().starts_with('{'))
}

fn text(out: &mut Json, key: &'static str, text: &str) {
    out.key(key);
    out.object(|out| out.field("text", text));
}

/// So many characters, as GitHub counts them: UTF-16 units.
fn cut(text: &str, limit: usize) -> &str {
    let mut units = 0;
    for (at, c) in text.char_indices() {
        units += c.len_utf16();
        if units > limit {
            return &text[..at];
        }
    }
    text
}

/// A location; what GitHub cannot do without is made up, and said to be so.
fn place(out: &mut Json, one: &Observation<'_>, location: &Location<'_>, detail: Detail) {
    out.object(|out| {
        out.key("physicalLocation");
        out.object(|out| {
            out.key("artifactLocation");
            out.object(|out| {
                if location.path.is_empty() {
                    let nowhere = one.target.as_deref().unwrap_or(&one.scanner.name);
                    out.field("uri", &paths::encode(&nowhere.replace(' ', "-")));
                } else {
                    out.field("uri", &paths::encode(&location.path));
                }
            });
            out.key("region");
            region(
                out,
                location,
                one.kind != Kind::Secret && detail < Detail::Places,
            );
        });
        if let Some(logical) = &location.logical {
            out.key("logicalLocations");
            out.array([logical], |out, logical| {
                out.object(|out| out.field("fullyQualifiedName", logical))
            });
        }
        if location.path.is_empty() || location.region.is_none() {
            out.key("properties");
            out.object(|out| {
                out.key(OWN);
                out.object(|out| {
                    out.key("noPath");
                    out.flag(location.path.is_empty());
                    out.key("noRegion");
                    out.flag(location.region.is_none());
                });
            });
        }
    });
}

fn region(out: &mut Json, location: &Location<'_>, with_snippet: bool) {
    let first = Region::line(1);
    let Some(region) = location.region.or(first) else {
        return;
    };
    out.object(|out| {
        out.key("startLine");
        out.number(region.start_line);
        let rest = [
            ("startColumn", region.start_column),
            ("endLine", region.end_line),
            ("endColumn", region.end_column),
        ];
        for (key, number) in rest {
            if let Some(number) = number {
                out.key(key);
                out.number(number);
            }
        }
        if let Some(snippet) = location.snippet.as_deref().filter(|_| with_snippet) {
            text(out, "snippet", &redact(snippet, false, None));
        }
    });
}

fn package_of(out: &mut Json, package: &Package<'_>) {
    out.key("package");
    out.object(|out| {
        out.field("purl", &package.purl(true));
        out.field_if("type", package.kind.as_deref());
        out.field_if("namespace", package.namespace.as_deref());
        out.field("name", &package.name);
        out.field_if("version", package.version.as_deref());
        if package.scope != Scope::Unknown {
            out.field("scope", package.scope.as_str());
        }
        if let Some(direct) = package.direct {
            out.key("direct");
            out.flag(direct);
        }
        if !package.licenses.is_empty() {
            out.texts("licenses", package.licenses.iter().map(AsRef::as_ref));
        }
    });
}

fn suppressions(out: &mut Json, suppressions: &[Suppression<'_>]) {
    out.key("suppressions");
    out.array(suppressions, |out, one| {
        out.object(|out| {
            out.field(
                "kind",
                if one.in_source {
                    "inSource"
                } else {
                    "external"
                },
            );
            out.field(
                "status",
                match one.status {
                    SuppressionStatus::Accepted => "accepted",
                    SuppressionStatus::UnderReview => "underReview",
                    SuppressionStatus::Rejected => "rejected",
                },
            );
            out.field_if("justification", one.justification.as_deref());
            if one.origin.is_some() || one.owner.is_some() || one.expires.is_some() {
                out.key("properties");
                out.object(|out| {
                    out.field_if("origin", one.origin.as_deref());
                    out.field_if("owner", one.owner.as_deref());
                    out.field_if("expires", one.expires.as_deref());
                });
            }
        });
    });
}
