//! Work on many findings at once.

use std::cmp::Ordering;

/// Fewer items than this are not worth a thread.
const LEAST: usize = 4_000;

/// Works out something of each item, on as many threads as there are processors; in the
/// order of the items, whose numbers are told.
pub(super) fn map<'i, T: Sync, R: Send>(
    items: &'i [T],
    of: impl Fn(usize, &'i T) -> R + Sync,
) -> Vec<R> {
    let parts = chunks(items, |start, chunk| -> Vec<R> {
        let numbered = chunk.iter().enumerate();
        numbered
            .map(|(offset, item)| of(start + offset, item))
            .collect()
    });
    let mut parts = parts.into_iter();
    let mut all = parts.next().unwrap_or_default();
    all.reserve_exact(items.len() - all.len());
    parts.for_each(|part| all.extend(part));
    all
}

/// Works out something of as many parts of the items as there are processors; in their order,
/// with the number of the first item of each.
pub fn chunks<'i, T: Sync, R: Send>(
    items: &'i [T],
    of: impl Fn(usize, &'i [T]) -> R + Sync,
) -> Vec<R> {
    let size = share(items.len());
    if items.len() <= size {
        return vec![of(0, items)];
    }
    std::thread::scope(|scope| {
        let of = &of;
        let parts = items.chunks(size).enumerate();
        let started: Vec<_> = parts
            .map(|(at, chunk)| scope.spawn(move || of(at * size, chunk)))
            .collect();
        started.into_iter().map(joined).collect()
    })
}

/// Sorts, each part on a thread of its own. Items that compare equal may change places.
pub(super) fn sort<T: Copy + Send>(items: &mut [T], compare: impl Fn(&T, &T) -> Ordering + Sync) {
    let size = share(items.len());
    if items.len() <= size {
        items.sort_unstable_by(compare);
        return;
    }
    std::thread::scope(|scope| {
        let compare = &compare;
        let parts = items.chunks_mut(size);
        let started: Vec<_> = parts
            .map(|part| scope.spawn(move || part.sort_unstable_by(compare)))
            .collect();
        started.into_iter().for_each(joined);
    });
    // What is sorted in parts takes a stable sort one pass.
    items.sort_by(compare);
}

/// How many items are a thread's.
fn share(count: usize) -> usize {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    count.div_ceil(threads).max(LEAST)
}

fn joined<R>(thread: std::thread::ScopedJoinHandle<'_, R>) -> R {
    thread
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_stays_whatever_the_number() {
        for count in [0, 1, LEAST, LEAST + 1, 5 * LEAST + 7] {
            let items: Vec<usize> = (0..count).collect();
            let doubled = map(&items, |at, item| (at, item * 2));
            assert!(
                doubled
                    .iter()
                    .copied()
                    .eq((0..count).map(|at| (at, at * 2)))
            );
            assert_eq!(doubled.len(), count);
            let mut mixed: Vec<usize> = items.iter().map(|at| at * 7919 % 10_007).collect();
            let mut expected = mixed.clone();
            expected.sort_unstable();
            sort(&mut mixed, Ord::cmp);
            assert_eq!(mixed, expected);
        }
    }
}
