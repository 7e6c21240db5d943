//! Many histories side by side. Each of them runs in one thread and knows of no other, so that
//! how many threads there are changes nothing but the time it takes.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// As many threads as there are cores.
pub fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// Does the same to every item, in `threads` threads, and tells `watch` of each result as it
/// comes, one at a time. Stops giving out items once `watch` answers `false`.
pub fn each<T: Sync, R: Send>(
    items: &[T],
    threads: usize,
    work: impl Fn(&T) -> R + Sync,
    watch: impl FnMut(&T, R) -> bool + Send,
) {
    let next = AtomicUsize::new(0);
    let watch = Mutex::new((watch, true));
    let worker = || {
        while let Some(item) = items.get(next.fetch_add(1, Ordering::SeqCst)) {
            let result = work(item);
            let mut guard = watch.lock().unwrap_or_else(PoisonError::into_inner);
            let (watch, goes_on) = &mut *guard;
            if !*goes_on {
                return;
            }
            *goes_on = watch(item, result);
        }
    };
    thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(worker);
        }
    });
}
