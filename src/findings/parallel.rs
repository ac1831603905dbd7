//! Work on many findings at once.

/// Fewer items than this are not worth a thread.
const LEAST: usize = 4_000;

/// Works out something of each item, on as many threads as there are processors; in the
/// order of the items, whose numbers are told.
pub(super) fn map<T: Sync, R: Send>(items: &[T], of: impl Fn(usize, &T) -> R + Sync) -> Vec<R> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let size = items.len().div_ceil(threads).max(LEAST);
    let part = |at: usize, chunk: &[T]| -> Vec<R> {
        let numbered = chunk.iter().enumerate();
        numbered
            .map(|(offset, item)| of(at * size + offset, item))
            .collect()
    };
    if items.len() <= size {
        return part(0, items);
    }
    std::thread::scope(|scope| {
        let part = &part;
        let started: Vec<_> = items
            .chunks(size)
            .enumerate()
            .map(|(at, chunk)| scope.spawn(move || part(at, chunk)))
            .collect();
        let mut all = Vec::with_capacity(items.len());
        for thread in started {
            match thread.join() {
                Ok(some) => all.extend(some),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        all
    })
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
