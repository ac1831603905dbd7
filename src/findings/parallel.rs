//! Work on many findings at once.

/// Fewer items than this are not worth a thread: it saves less than a tenth of a second, and
/// threads that wait for the same memory take a tenth more of the processors.
const LEAST: usize = 50_000;

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
        let mut parts = items.chunks(size).enumerate();
        let first = parts.next();
        let started: Vec<_> = parts
            .map(|(at, chunk)| scope.spawn(move || of(at * size, chunk)))
            .collect();
        // A thread less, and what it allocates is found by whoever comes after.
        let first = first.map(|(_, chunk)| of(0, chunk));
        first
            .into_iter()
            .chain(started.into_iter().map(joined))
            .collect()
    })
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
        }
    }
}
