//! Sorting many items by a number.

/// The number of an item behind a key that it is sorted by: both in one integer, which sorts in
/// half the time of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Keyed(u128);

impl Keyed {
    pub(super) fn new(key: u64, item: usize) -> Self {
        Self(u128::from(key) << 64 | item as u128)
    }

    /// The number of the item.
    #[allow(clippy::cast_possible_truncation)]
    pub(super) const fn item(self) -> usize {
        self.0 as u64 as usize
    }

    /// Whether another item has the same key.
    pub(super) const fn is_like(&self, other: &Self) -> bool {
        self.0 >> 64 == other.0 >> 64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_decide_and_then_numbers() {
        let mut all =
            [(7, 0), (u64::MAX, 1), (0, usize::MAX), (7, 2)].map(|(k, at)| Keyed::new(k, at));
        all.sort_unstable();
        assert_eq!(all.map(Keyed::item), [usize::MAX, 0, 2, 1]);
        let alike: Vec<usize> = all.chunk_by(Keyed::is_like).map(<[_]>::len).collect();
        assert_eq!(alike, [1, 2, 1]);
    }
}
