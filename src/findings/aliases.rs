//! Which names of vulnerabilities name the same one.
//!
//! Names that one observation uses for one problem are aliases, and aliases of
//! aliases are too (union-find). Two rules keep different vulnerabilities apart:
//! two CVE names are never aliases, and a name that covers several CVE names (a
//! vendor's bulletin, an advisory for a whole release) joins nothing.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::ids::{Id, IdKind};
use super::observation::Observation;

/// How many CVE names something goes with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cves {
    None,
    One(u32),
    Many,
}

impl Cves {
    fn add(&mut self, other: Self) {
        *self = match (*self, other) {
            (Self::None, other) => other,
            (this, Self::None) => this,
            (Self::One(this), Self::One(other)) if this == other => Self::One(this),
            _ => Self::Many,
        };
    }
}

/// For each observation the name of its vulnerability that all of its aliases
/// share.
pub(super) struct Aliases<'a> {
    names: Vec<Id<'a>>,
    /// For each observation the number of a name, if it has one.
    of: Vec<Option<u32>>,
}

impl<'a> Aliases<'a> {
    /// The name of an observation's vulnerability; `None` where it names none.
    pub(super) fn name(&self, observation: usize) -> Option<&Id<'a>> {
        self.of[observation].map(|name| &self.names[index(name)])
    }

    pub(super) fn of(observations: &[Arc<Observation<'a>>]) -> Self {
        let mut numbers: HashMap<&Id<'a>, u32, RandomState> = HashMap::default();
        let mut names: Vec<&Id<'a>> = Vec::new();
        // The names of all observations one after the other, and where each
        // observation's end.
        let mut all: Vec<u32> = Vec::new();
        let mut ends = Vec::with_capacity(observations.len());
        for one in observations {
            all.extend(one.ids.iter().map(|id| {
                *numbers.entry(id).or_insert_with(|| {
                    names.push(id);
                    u32::try_from(names.len() - 1).unwrap_or(u32::MAX)
                })
            }));
            ends.push(all.len());
        }
        drop(numbers);
        let starts = std::iter::once(&0).chain(&ends);
        let named = || {
            starts
                .clone()
                .zip(&ends)
                .map(|(start, end)| &all[*start..*end])
        };
        let is_cve = |name: u32| names[index(name)].kind() == IdKind::Cve;
        let cves_of = |ids: &[u32]| {
            let mut cves = Cves::None;
            ids.iter()
                .filter(|id| is_cve(**id))
                .for_each(|id| cves.add(Cves::One(*id)));
            cves
        };

        // What each name goes with directly; a name with several joins nothing.
        let mut direct = vec![Cves::None; names.len()];
        for ids in named() {
            let cves = cves_of(ids);
            ids.iter().for_each(|id| direct[index(*id)].add(cves));
        }
        let joins = |id: u32| !is_cve(id) && direct[index(id)] != Cves::Many;

        let mut sets = Sets::new(names.len());
        for ids in named() {
            let mut joined = ids.iter().filter(|id| joins(**id));
            if let Some(first) = joined.next() {
                joined.for_each(|id| sets.join(index(*first), index(*id)));
            }
        }
        // What a set of names goes with, and the best name in it.
        let mut of_set = vec![Cves::None; names.len()];
        let mut best: Vec<Option<u32>> = vec![None; names.len()];
        for id in (0..names.len())
            .filter_map(|id| u32::try_from(id).ok())
            .filter(|id| joins(*id))
        {
            let set = sets.find(index(id));
            of_set[set].add(direct[index(id)]);
            best[set] = match best[set] {
                Some(known) if names[index(known)] <= names[index(id)] => Some(known),
                _ => Some(id),
            };
        }

        let least = |ids: &mut dyn Iterator<Item = u32>| ids.min_by_key(|id| names[index(*id)]);
        let of = named()
            .map(|ids| {
                let own = || least(&mut ids.iter().copied());
                match cves_of(ids) {
                    Cves::One(cve) => Some(cve),
                    Cves::Many => {
                        least(&mut ids.iter().copied().filter(|id| !is_cve(*id))).or_else(own)
                    }
                    Cves::None => match ids
                        .iter()
                        .find(|id| joins(**id))
                        .map(|id| sets.find(index(*id)))
                    {
                        Some(set) => match of_set[set] {
                            Cves::One(cve) => Some(cve),
                            Cves::None => best[set],
                            Cves::Many => own(),
                        },
                        None => own(),
                    },
                }
            })
            .collect();
        Self {
            names: names.into_iter().cloned().collect(),
            of,
        }
    }
}

/// A name's number as an index.
const fn index(name: u32) -> usize {
    name as usize
}

/// Union-find with path halving; the smaller number leads, so that the result
/// does not depend on ranks.
struct Sets(Vec<usize>);

impl Sets {
    fn new(len: usize) -> Self {
        Self((0..len).collect())
    }

    fn find(&mut self, mut of: usize) -> usize {
        while self.0[of] != of {
            self.0[of] = self.0[self.0[of]];
            of = self.0[of];
        }
        of
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.find(a), self.find(b));
        self.0[a.max(b)] = a.min(b);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::{Kind, Severity};

    fn names(of: &[&[&'static str]]) -> Vec<String> {
        let observations: Vec<Arc<Observation<'static>>> = of
            .iter()
            .map(|ids| {
                let mut one = Observation::new(
                    Arc::default(),
                    Arc::default(),
                    Kind::Vulnerability,
                    Severity::High,
                    "",
                );
                one.ids = ids.iter().map(|id| Id::new(*id)).collect();
                Arc::new(one)
            })
            .collect();
        let aliases = Aliases::of(&observations);
        let names = (0..observations.len()).map(|at| aliases.name(at));
        names
            .map(|id| id.map_or(String::new(), ToString::to_string))
            .collect()
    }

    const GHSA: &str = "GHSA-jfh8-c2jp-5v3q";
    const GHSA2: &str = "GHSA-aaaa-c2jp-5v3q";

    #[test]
    fn aliases_of_aliases_are_aliases_in_any_order() {
        // A chain whose ends share nothing: min-label propagation over pairs
        // leaves one of them alone.
        let chain: [&[&str]; 4] = [
            &["CVE-2021-0001", "PYSEC-2021-4"],
            &["OSV-2021-2", "SNYK-JS-A-1"],
            &["SNYK-JS-A-1", "PYSEC-2021-4"],
            &["OSV-2021-2"],
        ];
        assert_eq!(names(&chain), ["CVE-2021-0001"; 4]);
        let mut reversed = chain;
        reversed.reverse();
        assert_eq!(names(&reversed), ["CVE-2021-0001"; 4]);
    }

    #[test]
    fn a_bulletin_for_several_cves_does_not_join_them() {
        let got = names(&[
            &["CVE-2021-0001", "DSA-5000-1", GHSA],
            &["CVE-2021-0002", "DSA-5000-1"],
            &["DSA-5000-1"],
            &[GHSA],
        ]);
        assert_eq!(
            got,
            [
                "CVE-2021-0001",
                "CVE-2021-0002",
                "DSA-5000-1",
                "CVE-2021-0001"
            ]
        );
    }

    #[test]
    fn a_bulletin_for_one_cve_is_its_alias() {
        let got = names(&[&["CVE-2021-0001", "DLA-1-1"], &["DLA-1-1"]]);
        assert_eq!(got, ["CVE-2021-0001", "CVE-2021-0001"]);
    }

    #[test]
    fn a_chain_between_two_cves_joins_neither() {
        let got = names(&[
            &["CVE-2021-0001", GHSA],
            &[GHSA, GHSA2],
            &["CVE-2021-0002", GHSA2],
        ]);
        assert_eq!(got, ["CVE-2021-0001", GHSA2, "CVE-2021-0002"]);
    }

    #[test]
    fn an_advisory_with_two_cves_keeps_its_own_name() {
        let got = names(&[
            &["SNYK-JS-A-1", "CVE-2021-0001", "CVE-2021-0002"],
            &["CVE-2021-0001"],
            &["CVE-2021-0002"],
            &[],
        ]);
        assert_eq!(got, ["SNYK-JS-A-1", "CVE-2021-0001", "CVE-2021-0002", ""]);
    }
}
