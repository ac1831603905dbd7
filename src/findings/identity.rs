//! What enters a finding's identity, and what must not.
//!
//! An identity outlives commits, dates, temporary folders, scanner versions and
//! the order of lists; so none of them enters it, and lines do not either:
//!
//! - a finding about a package: the vulnerability's best name (or the rule), the
//!   package without its version, and the project or image that needs it;
//! - any other: the rule, the path, and the best that is known of the text
//!   there: the line hash of the source, a scanner's own hash of the context,
//!   the snippet, or at last the message's plain words.
//!
//! Where two findings of one report come out equal, the first in the order of
//! places (or versions) keeps the identity and the others get one derived from
//! it.

use sha2::{Digest as _, Sha256};

use super::context::Context;
use super::finding::{Finding, Identity};
use super::ids::Id;
use super::manifest;
use super::observation::{Kind, Observation};
use super::parallel;

/// Hashes fields, each with its length, so that none can flow into the next.
pub(super) struct Fields(Vec<u8>);

impl Fields {
    pub(super) fn new(domain: &str) -> Self {
        // Hashed at once: in small pieces it takes twice as long.
        let mut fields = Self(Vec::with_capacity(256));
        fields.add(domain);
        fields
    }

    pub(super) fn add(&mut self, field: &str) {
        let length = (field.len() as u64).to_le_bytes();
        self.0.extend_from_slice(&length);
        self.0.extend_from_slice(field.as_bytes());
    }

    pub(super) fn add_all<'b>(&mut self, fields: impl IntoIterator<Item = &'b str>) {
        fields.into_iter().for_each(|field| self.add(field));
    }

    pub(super) fn finish(self) -> [u8; 16] {
        let digest = Sha256::digest(&self.0);
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        bytes
    }
}

/// Gives each finding its identity; `names` are those that aliases share.
pub(super) fn assign(findings: &mut [Finding<'_>], names: &[Option<&Id<'_>>]) {
    let mut bases: Vec<([u8; 16], usize)> =
        parallel::map(findings, |at, finding| (base(finding, names[at]), at));
    bases.sort_unstable();
    let mut rest = &mut bases[..];
    while let Some((first, _)) = rest.first() {
        let same = rest.iter().take_while(|(base, _)| base == first).count();
        let (group, others) = rest.split_at_mut(same);
        if same > 1 {
            group.sort_by(|(_, a), (_, b)| place(&findings[*a]).cmp(&place(&findings[*b])));
        }
        let mut ordinal = 1_u32;
        for at in 0..group.len() {
            let (base, finding) = group[at];
            let identity = Identity::from_bytes(base);
            findings[finding].identity = if at == 0 {
                identity
            } else {
                let mut fields = Fields::new("again");
                fields.add(&identity.to_string());
                // Versions and targets tell packages apart; lines would tell
                // places apart, but they shift: their order is what remains.
                let this = instance(&findings[finding]);
                let is_again = this == instance(&findings[group[at - 1].1]);
                ordinal = if is_again { ordinal + 1 } else { 1 };
                fields.add_all(this);
                fields.add(&ordinal.to_string());
                Identity::from_bytes(fields.finish())
            };
        }
        rest = others;
    }
}

/// What tells apart packages that a base takes for the same.
fn instance<'b>(finding: &'b Finding<'_>) -> [&'b str; 3] {
    let package = finding.package();
    let version = package.and_then(|package| package.version.as_deref());
    let kind = package.and_then(|package| package.kind.as_deref());
    let target = finding.primary().target.as_deref();
    [version, kind, target].map(Option::unwrap_or_default)
}

fn place<'b>(finding: &'b Finding<'_>) -> impl Ord + use<'b> {
    let location = finding.location();
    (
        instance(finding),
        location.and_then(|location| location.region),
        location.map(|location| &*location.path),
        finding.message(),
        // The least observation, not the first: order must not count.
        finding
            .observations
            .iter()
            .map(|one| (&*one.scanner.name, &*one.rule.id))
            .min(),
    )
}

fn base(finding: &Finding<'_>, name: Option<&Id<'_>>) -> [u8; 16] {
    if let (Some(package), Kind::Vulnerability | Kind::License) =
        (finding.package(), finding.kind())
    {
        let mut fields = Fields::new("package/1");
        fields.add(name.map_or(rule_key(&finding.rule().id), Id::as_str));
        // Without its kind, which only some scanners name.
        fields.add(&package.full_name());
        fields.add(&match &finding.primary().target {
            Some(target) => image_name(target).to_owned(),
            None => manifest::project(finding.path().unwrap_or_default()).into_owned(),
        });
        fields.finish()
    } else {
        let one = finding.primary();
        let mut fields = Fields::new("place/1");
        fields.add(name.map_or(rule_key(&one.rule.id), Id::as_str));
        fields.add(finding.path().unwrap_or_default());
        fields.add(one.target.as_deref().map_or("", image_name));
        let best = finding
            .observations
            .iter()
            .map(|one| Context::of(one))
            .min();
        fields.add(&best.map_or_else(String::new, |context| context.to_string()));
        fields.finish()
    }
}

/// The rule's name without a prefix that came and went with the scanner's
/// versions.
pub(super) fn rule_key(id: &str) -> &str {
    id.strip_prefix("AVD-").unwrap_or(id)
}

/// An image without tag and digest: both change with every build.
pub(super) fn image_name(target: &str) -> &str {
    let target = target.split('@').next().unwrap_or(target);
    match target.rsplit_once(':') {
        // What follows a registry's port has a slash.
        Some((name, tag)) if !tag.contains('/') => name,
        _ => target,
    }
}

/// The place of a package by which scanners agree on it.
pub(super) fn package_place<'b>(one: &'b Observation<'_>) -> std::borrow::Cow<'b, str> {
    match &one.target {
        Some(target) => {
            let target = target.strip_prefix("docker.io/").unwrap_or(target);
            target.strip_prefix("library/").unwrap_or(target).into()
        }
        None => manifest::project(one.location().map_or("", |location| &location.path)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_and_digests_are_no_part_of_an_image() {
        assert_eq!(image_name("alpine:3.18"), "alpine");
        assert_eq!(image_name("ghcr.io/a/b:sha-1234@sha256:00"), "ghcr.io/a/b");
        assert_eq!(image_name("localhost:5000/a"), "localhost:5000/a");
        assert_eq!(image_name("dist/image.tar.gz"), "dist/image.tar.gz");
    }
}
