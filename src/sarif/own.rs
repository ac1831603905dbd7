//! Reading back what [`super::write`] wrote: the properties in which findings
//! keep what SARIF has no place for.

use std::borrow::Cow;
use std::sync::Arc;

use super::document::{OwnObservation, OwnPackage, OwnRun, Suppression};
use super::json::List;
use super::write::OWN_VERSION;
use crate::findings::{
    self, Context, Exploitation, Fix, Id, Kind, LINE_HASH, Observation, Package, Probability, Rule,
    Scanner, Scope, Severity,
};

/// The scanners of a run that we wrote; `None` for any other run.
pub(super) fn scanners<'a>(driver: &str, own: &mut OwnRun<'a>) -> Option<Vec<Arc<Scanner<'a>>>> {
    if driver != "ci-tool" || own.version.0 != Some(OWN_VERSION) {
        return None;
    }
    let read = |scanner: &mut super::document::OwnScanner<'a>| {
        Arc::new(Scanner {
            name: scanner.name.take().unwrap_or_default(),
            version: scanner.version.take(),
            uri: scanner.uri.take(),
            category: scanner.category.take(),
            failure: scanner.failure.take(),
        })
    };
    Some(own.scanners.0.iter_mut().map(read).collect())
}

/// An observation as it was before it was written. `shown` is what the result
/// says in the standard's places, `locations` what our own properties say.
pub(super) fn observation<'a>(
    shown: &Observation<'a>,
    own: &mut OwnObservation<'a>,
    locations: Option<Vec<findings::Location<'a>>>,
    scanners: &[Arc<Scanner<'a>>],
    suppressions: impl Fn(&mut List<Suppression<'a>>) -> Vec<findings::Suppression<'a>>,
) -> Observation<'a> {
    let mut one = shown.clone();
    if let Some(scanner) = own
        .scanner
        .0
        .and_then(|at| scanners.get(usize::try_from(at).ok()?))
    {
        one.scanner = Arc::clone(scanner);
    }
    if let Some(id) = own.rule.take() {
        one.rule = Arc::new(Rule {
            id,
            ..Rule::clone(&shown.rule)
        });
    }
    if let Some(kind) = own
        .kind
        .get()
        .and_then(|word| Kind::ALL.into_iter().find(|kind| kind.as_str() == word))
    {
        one.kind = kind;
    }
    if let Some(severity) = own.severity.get().and_then(Severity::from_word) {
        one.severity = severity;
    }
    one.score = own.score.get().and_then(|score| score.parse().ok());
    one.ids = own
        .ids
        .0
        .iter_mut()
        .filter_map(|id| Some(Id::new(id.take()?)))
        .collect();
    if let Some(message) = own.message.take() {
        one.message = message;
        one.raw = None;
    }
    if let Some(locations) = locations {
        one.locations = locations.into();
        // Snippets are written once, in the standard's place.
        for location in &mut one.locations {
            let same = |shown: &&findings::Location<'a>| {
                (&shown.path, shown.region) == (&location.path, location.region)
            };
            let shown = shown.locations.iter().find(same);
            location.snippet = shown.and_then(|shown| shown.snippet.clone());
        }
    }
    one.target = own.target.take();
    one.package = package(&mut own.package).map(Box::new);
    let edits = one
        .fix
        .take()
        .and_then(|fix| fix.edits)
        .filter(|_| one.raw.is_some() || own.message.get().is_none());
    let fix = Fix {
        versions: own
            .fixed
            .0
            .iter_mut()
            .filter_map(|version| version.take())
            .collect(),
        status: own.fix_status.take(),
        edits,
    };
    one.fix = (fix != Fix::default()).then(|| Box::new(fix));
    let share = |text: &super::json::Text<'a>| text.get()?.parse().ok().and_then(Probability::new);
    let exploitation = Exploitation {
        epss: share(&own.epss),
        percentile: share(&own.epss_percentile),
        known_exploited: own.known_exploited.0,
    };
    one.exploitation = (exploitation != Exploitation::default()).then(|| Box::new(exploitation));
    if let Some(state) = own.state.get() {
        one.state = super::run::state(Some(state));
    }
    one.suppressions = suppressions(&mut own.suppressions).into();
    one.context = own.context.get().and_then(Context::parse).map(Box::new);
    one.fingerprints = own
        .line_hash
        .take()
        .map(|hash| (Cow::Borrowed(LINE_HASH), hash))
        .into_iter()
        .collect();
    if let Some(raw) = &mut one.raw {
        raw.properties = None;
    }
    one.raw = one.raw.filter(|raw| **raw != findings::Raw::default());
    one
}

fn package<'a>(own: &mut OwnPackage<'a>) -> Option<Package<'a>> {
    Some(Package {
        name: own.name.take()?,
        kind: own.kind.take(),
        namespace: own.namespace.take(),
        version: own.version.take(),
        scope: match own.scope.get() {
            Some("runtime") => Scope::Runtime,
            Some("development") => Scope::Development,
            _ => Scope::Unknown,
        },
        direct: own.direct.0,
        licenses: own
            .licenses
            .0
            .iter_mut()
            .filter_map(|license| license.take())
            .collect(),
    })
}
