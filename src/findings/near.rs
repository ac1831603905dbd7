//! Findings one after the other, each of them at hand.
//!
//! What scanners said lies in memory as it was read, and findings are in another order. To wait
//! for each part of each finding when it is its turn takes as long as to work on it; so the parts
//! of some findings are asked for at once, right before.

use std::hint::black_box;

use super::finding::Finding;

/// So many stay near until it is their turn.
const SOME: usize = 32;

/// All of these findings.
pub fn each<'f, 'a>(findings: &'f [Finding<'a>]) -> impl Iterator<Item = &'f Finding<'a>> {
    findings.chunks(SOME).flat_map(|some| {
        fetch(some.iter());
        some
    })
}

/// The findings with these numbers; the numbers are told.
pub fn numbered<'f>(
    findings: &'f [Finding<'_>],
    numbers: &'f [usize],
) -> impl Iterator<Item = usize> {
    numbers.chunks(SOME).flat_map(|some| {
        fetch(some.iter().map(|at| &findings[*at]));
        some.iter().copied()
    })
}

/// Reads a bit of each part. Where one has to be there to know where the next is, all findings
/// get there first.
fn fetch<'f, 'a: 'f>(findings: impl Iterator<Item = &'f Finding<'a>> + Clone) {
    let ends = |text: &str| {
        let bytes = text.as_bytes();
        let both = bytes.first().zip(bytes.last());
        both.map_or(0, |(first, last)| usize::from(first ^ last))
    };
    let mut read = 0;
    for one in findings.clone().map(Finding::primary) {
        read ^= one.kind as usize ^ one.ids.len() ^ one.message.len() ^ one.locations.len();
        read ^= one.fingerprints.len() ^ usize::from(one.raw.is_some());
    }
    for one in findings.clone().map(Finding::primary) {
        read ^= ends(&one.message);
        if let Some(place) = one.location() {
            read ^= place.path.len() ^ usize::from(place.region.is_some());
        }
    }
    for place in findings.filter_map(|one| one.primary().location()) {
        read ^= ends(&place.path) ^ place.snippet.as_deref().map_or(0, ends);
    }
    black_box(read);
}
