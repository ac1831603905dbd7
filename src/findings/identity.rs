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

use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::context::Context;
use super::finding::{Finding, Identity};
use super::ids::Id;
use super::manifest;
use super::observation::{Kind, Observation};
use super::order::Keyed;

/// Hashes fields, each with its length, so that none can flow into the next.
pub(super) struct Fields(Vec<u8>);

impl Fields {
    pub(super) fn new(domain: &str) -> Self {
        // Hashed at once: in small pieces it takes twice as long.
        let mut fields = Self(Vec::with_capacity(256));
        fields.add(domain);
        fields
    }

    pub(super) fn add(&mut self, field: impl AsRef<[u8]>) {
        let field = field.as_ref();
        let length = (field.len() as u64).to_le_bytes();
        self.0.extend_from_slice(&length);
        self.0.extend_from_slice(field);
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

/// Tells apart findings that have the same identity.
pub(super) fn tell_apart(findings: &mut [Finding<'_>]) {
    let identities = findings.iter().map(|finding| finding.identity).enumerate();
    let mut order: Vec<Keyed> = identities
        .map(|(at, identity)| Keyed::new(identity.start(), at))
        .collect();
    order.sort_unstable();
    let alike = order.chunk_by(Keyed::is_like);
    for alike in alike.filter(|alike| alike.len() > 1) {
        let mut alike: Vec<usize> = alike.iter().map(|one| one.item()).collect();
        let key = |at: &usize| (findings[*at].identity, place(&findings[*at]));
        alike.sort_by(|a, b| key(a).cmp(&key(b)));
        let is_same = |a: &usize, b: &usize| findings[*a].identity == findings[*b].identity;
        let same: Vec<Vec<usize>> = alike.chunk_by(is_same).map(<[_]>::to_vec).collect();
        same.iter().for_each(|same| number(findings, same));
    }
}

/// The first of these findings keeps the identity that all of them have.
fn number(findings: &mut [Finding<'_>], same: &[usize]) {
    let mut ordinal = 1_u32;
    for pair in same.windows(2) {
        let (before, this) = (&findings[pair[0]], &findings[pair[1]]);
        let mut fields = Fields::new("again");
        fields.add(findings[same[0]].identity.to_string());
        // Versions and targets tell packages apart; lines would tell
        // places apart, but they shift: their order is what remains.
        let is_again = instance(this) == instance(before);
        ordinal = if is_again { ordinal + 1 } else { 1 };
        fields.add_all(instance(this));
        fields.add(ordinal.to_string());
        findings[pair[1]].identity = Identity::from_bytes(fields.finish());
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

/// The identity of a finding with these observations, where no other has it. `name` is the one
/// that all aliases share.
pub(super) fn base(observations: &[Arc<Observation<'_>>], name: Option<&Id<'_>>) -> Identity {
    let one = &*observations[0];
    let name = name.map_or(rule_key(&one.rule.id), Id::as_str);
    let location = observations.iter().find_map(|one| one.location());
    let path = location.map_or("", |location| &location.path);
    let package = observations.iter().find_map(|one| one.package.as_deref());
    let mut fields;
    if let (Some(package), Kind::Vulnerability | Kind::License) = (package, one.kind) {
        fields = Fields::new("package/1");
        fields.add(name);
        // Without its kind, which only some scanners name.
        fields.add(&*package.full_name());
        match &one.target {
            Some(target) => fields.add(image_name(target)),
            None => fields.add(&*manifest::project(path)),
        }
    } else {
        fields = Fields::new("place/1");
        fields.add(name);
        fields.add(path);
        fields.add(one.target.as_deref().map_or("", image_name));
        let contexts = observations.iter().map(|one| Context::of(one));
        match contexts.min() {
            Some(best) => fields.add(best.text()),
            None => fields.add(""),
        }
    }
    Identity::from_bytes(fields.finish())
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
