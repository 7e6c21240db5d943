//! A bug of this storage that tests must find, as `ticketing_core::planted` has those of the core.
//!
//! It is one condition in one place. Without the feature `planted-bugs` that is `false` before the
//! program is compiled; with it, nothing happens until a test chooses the bug for its process.

#[cfg(feature = "planted-bugs")]
static UNSORTED_LOCKS: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);

/// B15: from now on this process locks pools in any order.
#[cfg(feature = "planted-bugs")]
pub fn lock_in_any_order() {
    UNSORTED_LOCKS.store(true, std::sync::atomic::Ordering::Relaxed);
}

/// Whether this process locks pools in any order.
#[cfg(feature = "planted-bugs")]
pub(crate) fn locks_in_any_order() -> bool {
    UNSORTED_LOCKS.load(std::sync::atomic::Ordering::Relaxed)
}

/// Never.
#[cfg(not(feature = "planted-bugs"))]
pub(crate) const fn locks_in_any_order() -> bool {
    false
}
