//! Which blocks of two or three texts are the same one, whatever became of it.

use std::collections::{BTreeMap, BTreeSet};

use crate::workflows::block::{Block, Kind};

/// How much of their lines two blocks must share to be one that was changed.
const ALIKE: f64 = 0.6;

/// One block in the texts that have it, by its place among its siblings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Family {
    pub(super) base: Option<usize>,
    pub(super) theirs: Option<usize>,
    pub(super) ours: Option<usize>,
}

/// The families of the children of one block. What was in the base comes first,
/// in its order.
pub(super) fn families(
    base: &[Block<'_>],
    theirs: &[Block<'_>],
    ours: &[Block<'_>],
) -> Vec<Family> {
    let to_theirs = pairs(base, theirs, &RULES);
    let to_ours = pairs(base, ours, &RULES);
    let mut families: Vec<Family> = (0..base.len())
        .map(|at| Family {
            base: Some(at),
            theirs: to_theirs.get(&at).copied(),
            ours: to_ours.get(&at).copied(),
        })
        .collect();
    // What both added is one block where its name says so; that two new blocks
    // look alike says nothing.
    let left = |count: usize, taken: &BTreeMap<usize, usize>| -> Vec<usize> {
        let taken: BTreeSet<usize> = taken.values().copied().collect();
        (0..count).filter(|at| !taken.contains(at)).collect()
    };
    let new_theirs = left(theirs.len(), &to_theirs);
    let new_ours = left(ours.len(), &to_ours);
    let mut both = BTreeMap::new();
    for rule in NAMES {
        pair_by(rule, theirs, &new_theirs, ours, &new_ours, &mut both);
    }
    families.extend(new_theirs.iter().map(|at| Family {
        base: None,
        theirs: Some(*at),
        ours: both.get(at).copied(),
    }));
    let met: BTreeSet<usize> = both.values().copied().collect();
    families.extend(
        new_ours
            .into_iter()
            .filter(|at| !met.contains(at))
            .map(|at| Family {
                base: None,
                theirs: None,
                ours: Some(at),
            }),
    );
    families
}

/// By what a block is known; `None` where this says nothing about it.
type Rule = fn(&Block<'_>) -> Option<String>;

/// What names a block.
const NAMES: [Rule; 5] = [by_key, by_text, by_id, by_name, by_place];

/// What makes a changed block known, the surest first.
const RULES: [Rule; 7] = [by_key, by_text, by_id, by_name, by_place, by_uses, by_run];

fn by_key(block: &Block<'_>) -> Option<String> {
    (!block.is_item()).then(|| block.key.clone())
}

fn by_text(block: &Block<'_>) -> Option<String> {
    block.is_item().then(|| block.shape())
}

fn by_id(block: &Block<'_>) -> Option<String> {
    entry(block, "id").map(str::to_owned)
}

fn by_name(block: &Block<'_>) -> Option<String> {
    entry(block, "name").map(str::to_owned)
}

/// An update of Dependabot is known by what it updates, and where if it names
/// one folder.
fn by_place(block: &Block<'_>) -> Option<String> {
    let ecosystem = entry(block, "package-ecosystem")?;
    let folder = entry(block, "directory").unwrap_or_default();
    Some(format!("{ecosystem} {folder}"))
}

fn by_uses(block: &Block<'_>) -> Option<String> {
    entry(block, "uses").map(|uses| uses.split('@').next().unwrap_or(uses).to_owned())
}

fn by_run(block: &Block<'_>) -> Option<String> {
    (block.kind == Kind::Item)
        .then(|| block.child("run").map(Block::shape))
        .flatten()
}

fn entry<'b>(block: &'b Block<'_>, key: &str) -> Option<&'b str> {
    (block.kind == Kind::Item)
        .then(|| block.child(key)?.scalar.as_deref())
        .flatten()
}

/// For each block of `from`, by place, the one of `to` that it became.
fn pairs(from: &[Block<'_>], to: &[Block<'_>], rules: &[Rule]) -> BTreeMap<usize, usize> {
    let mut pairs = BTreeMap::new();
    let all_from: Vec<usize> = (0..from.len()).collect();
    let all_to: Vec<usize> = (0..to.len()).collect();
    for rule in rules {
        pair_by(*rule, from, &all_from, to, &all_to, &mut pairs);
    }
    pair_alike(from, to, &mut pairs);
    pairs
}

/// Pairs what a rule gives the same name; of several, the first with the first.
fn pair_by(
    rule: Rule,
    from: &[Block<'_>],
    from_places: &[usize],
    to: &[Block<'_>],
    to_places: &[usize],
    pairs: &mut BTreeMap<usize, usize>,
) {
    let taken: BTreeSet<usize> = pairs.values().copied().collect();
    let mut named: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for at in to_places.iter().rev().filter(|at| !taken.contains(at)) {
        if let Some(name) = rule(&to[*at]) {
            named.entry(name).or_default().push(*at);
        }
    }
    for at in from_places {
        if pairs.contains_key(at) {
            continue;
        }
        let found = rule(&from[*at]).and_then(|name| named.get_mut(&name)?.pop());
        if let Some(found) = found {
            pairs.insert(*at, found);
        }
    }
}

/// Pairs blocks without a common name that share most of their lines: a job that
/// was renamed, a step that was given another name and command.
fn pair_alike(from: &[Block<'_>], to: &[Block<'_>], pairs: &mut BTreeMap<usize, usize>) {
    let taken: BTreeSet<usize> = pairs.values().copied().collect();
    let mut candidates = Vec::new();
    for (at, block) in from.iter().enumerate() {
        if pairs.contains_key(&at) || block.kind == Kind::Leaf {
            continue;
        }
        for (to_at, other) in to.iter().enumerate() {
            if !taken.contains(&to_at) && other.kind == block.kind {
                let alike = likeness(block, other);
                if alike >= ALIKE {
                    candidates.push((alike, at, to_at));
                }
            }
        }
    }
    candidates.sort_by(|a, b| b.0.total_cmp(&a.0).then((a.1, a.2).cmp(&(b.1, b.2))));
    let mut taken = taken;
    for (_, at, to_at) in candidates {
        if !pairs.contains_key(&at) && taken.insert(to_at) {
            pairs.insert(at, to_at);
        }
    }
}

/// The share of lines that two blocks have in common, from 0 to 1.
fn likeness(one: &Block<'_>, other: &Block<'_>) -> f64 {
    let (one, other) = (one.body_lines(0, None), other.body_lines(0, None));
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for line in &one {
        *counts.entry(line.trim()).or_default() += 1;
    }
    let shared = other
        .iter()
        .filter(|line| match counts.get_mut(line.trim()) {
            Some(count) if *count > 0 => {
                *count -= 1;
                true
            }
            _ => false,
        })
        .count();
    (2 * shared) as f64 / (one.len() + other.len()).max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(text: &str) -> Vec<Block<'_>> {
        let mut block = Block::parse(text).expect("blocks");
        block.children.remove(0).children
    }

    #[test]
    fn a_step_is_known_by_its_id_its_name_its_action_or_its_command() {
        let base = steps(
            "s:\n  - name: A\n    run: a\n  - uses: x/y@1\n  - id: c\n    run: c\n  - name: D\n    run: d\n",
        );
        let theirs = steps(
            "s:\n  - name: E\n    run: d\n  - id: c\n    run: cc\n  - uses: x/y@2\n  - name: A\n    run: aa\n",
        );
        let ours: Vec<Option<usize>> = families(&base, &theirs, &[])
            .iter()
            .map(|family| family.theirs)
            .collect();
        assert_eq!(ours, [Some(3), Some(2), Some(1), Some(0)]);
    }

    #[test]
    fn a_job_that_was_renamed_is_the_same_one() {
        let base =
            steps("jobs:\n  a:\n    runs-on: x\n    timeout-minutes: 5\n    env:\n      K: v\n");
        let theirs =
            steps("jobs:\n  b:\n    runs-on: x\n    timeout-minutes: 6\n    env:\n      K: v\n");
        let found = families(&base, &theirs, &[]);
        assert_eq!(found.len(), 1, "{found:?}");
        let other = steps("jobs:\n  b:\n    runs-on: y\n    timeout-minutes: 6\n");
        assert_eq!(families(&base, &other, &[]).len(), 2);
    }

    #[test]
    fn what_both_added_is_one_where_its_name_says_so() {
        let theirs = steps("s:\n  - name: A\n    run: a\n  - run: c\n");
        let ours = steps("s:\n  - run: c\n  - name: A\n    run: b\n  - name: C\n    run: c\n");
        let found = families(&[], &theirs, &ours);
        let pairs: Vec<_> = found.iter().map(|f| (f.theirs, f.ours)).collect();
        assert_eq!(
            pairs,
            [(Some(0), Some(1)), (Some(1), Some(0)), (None, Some(2))]
        );
    }
}
