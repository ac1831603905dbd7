//! What a step says now, held against what was frozen.

use serde::Serialize;

use super::readers::{Place, Seen};
use super::{Debt, LEFT_OUT};

/// A complaint whose number is not the frozen one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Change {
    /// What is complained about: a file with a rule, or a test.
    pub what: String,
    /// How often it was frozen.
    pub frozen: u64,
    /// How often it is there now.
    pub now: u64,
    /// Where it is now, as far as the tool tells.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<Place>,
}

/// A step against its debt.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Comparison {
    /// What is more than was frozen.
    pub grown: Vec<Change>,
    /// What is less than was frozen, and must be taken out of the file.
    pub fixed: Vec<Change>,
    /// How many complaints are there as they were frozen.
    pub unchanged: u64,
}

impl Comparison {
    /// Compares.
    pub fn of(debt: &Debt, seen: &Seen) -> Self {
        let mut comparison = Self::default();
        for (what, places) in &seen.complaints {
            let now = places.len() as u64;
            let frozen = debt.known.get(what).copied().unwrap_or(0);
            if debt.flaky.contains(what) && frozen == 0 {
                comparison.unchanged += now;
                continue;
            }
            comparison.unchanged += now.min(frozen);
            if now > frozen {
                comparison.grown.push(Change {
                    what: what.clone(),
                    frozen,
                    now,
                    places: places.clone(),
                });
            }
        }
        if debt.reader == LEFT_OUT {
            return comparison;
        }
        for (what, frozen) in &debt.known {
            let places = seen.complaints.get(what);
            let now = places.map_or(0, |places| places.len() as u64);
            if now < *frozen {
                comparison.fixed.push(Change {
                    what: what.clone(),
                    frozen: *frozen,
                    now,
                    places: Vec::new(),
                });
            }
        }
        comparison
    }

    /// Whether the step is as it was frozen.
    pub fn is_same(&self) -> bool {
        self.grown.is_empty() && self.fixed.is_empty()
    }

    /// The debt without what is fixed; never with what is new.
    pub fn pruned(&self, debt: &Debt) -> Debt {
        let mut pruned = debt.clone();
        for change in &self.fixed {
            if change.now == 0 {
                pruned.known.remove(&change.what);
            } else {
                pruned.known.insert(change.what.clone(), change.now);
            }
        }
        pruned
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::debt::file::tests::sample;

    fn seen(complaints: &[(&str, usize)]) -> Seen {
        let mut seen = Seen::default();
        for (what, count) in complaints {
            for line in 1..=*count {
                seen.add(
                    *what,
                    Place {
                        path: "a.py".to_owned(),
                        line: line as u64,
                        message: "no".to_owned(),
                        detail: String::new(),
                    },
                );
            }
        }
        seen
    }

    #[test]
    fn more_is_grown_less_is_fixed_and_flaky_is_neither() {
        let mut debt = sample();
        debt.known = [("a", 2), ("b", 1), ("c", 3)]
            .map(|(what, count)| (what.to_owned(), count))
            .into();
        debt.flaky = ["f".to_owned()].into();
        let same = Comparison::of(&debt, &seen(&[("a", 2), ("b", 1), ("c", 3)]));
        assert!(same.is_same(), "{same:?}");
        assert_eq!(same.unchanged, 6);
        let flaky = Comparison::of(&debt, &seen(&[("a", 2), ("b", 1), ("c", 3), ("f", 1)]));
        assert!(flaky.is_same(), "{flaky:?}");
        let other = Comparison::of(&debt, &seen(&[("a", 3), ("c", 1), ("d", 1)]));
        let names = |changes: &[Change]| -> Vec<(String, u64, u64)> {
            let each = changes.iter();
            each.map(|change| (change.what.clone(), change.frozen, change.now))
                .collect()
        };
        assert_eq!(
            names(&other.grown),
            [("a".to_owned(), 2, 3), ("d".to_owned(), 0, 1)]
        );
        assert_eq!(
            names(&other.fixed),
            [("b".to_owned(), 1, 0), ("c".to_owned(), 3, 1)]
        );
        let pruned = other.pruned(&debt);
        assert_eq!(
            pruned.known,
            [("a", 2), ("c", 1)]
                .map(|(what, count)| (what.to_owned(), count))
                .into()
        );
    }
}
