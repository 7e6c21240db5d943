//! Bugs of the core that the simulation must find, one at a time.
//!
//! A guard that no bug was ever planted behind is not known to guard anything. Each bug here is
//! one condition in one place, which asks `is`. Without the feature `planted-bugs` that is
//! `false` before the program is compiled; with it, nothing happens until somebody chooses a bug for
//! a thread, which only the simulation does. Most bugs need no place here: they are planted
//! in ports, in the simulation itself.

/// A bug of the core.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CoreBug {
    /// B1: units are checked when the listing is read, and taken without another look.
    CheckThenInsert,
    /// B7: a refusal for want of units is repeated for ever.
    SoldOutForEver,
    /// B8: units are released whatever became of their order meanwhile.
    UnconditionalRelease,
    /// B9: an order expires by the process's own clock.
    OwnClock,
    /// B12: what was refunded counts only once it has succeeded.
    PendingRefundsDontCount,
    /// B17: a hold is extended whenever somebody asks.
    HoldsExtendedAgain,
    /// B18: a sale is undone by a cancellation that comes late.
    LateCancelUnsells,
    /// B20: a listing that was read before decides, whatever it has become.
    StaleListingDecides,
}

#[cfg(feature = "planted-bugs")]
std::thread_local! {
    static CHOSEN: std::cell::Cell<Option<CoreBug>> = const { std::cell::Cell::new(None) };
}

/// From now on this thread has that bug, or none.
#[cfg(feature = "planted-bugs")]
pub fn choose(bug: Option<CoreBug>) {
    CHOSEN.set(bug);
}

/// Whether this thread has that bug.
#[cfg(feature = "planted-bugs")]
pub(crate) fn is(bug: CoreBug) -> bool {
    CHOSEN.get() == Some(bug)
}

/// Never.
#[cfg(not(feature = "planted-bugs"))]
pub(crate) const fn is(_bug: CoreBug) -> bool {
    false
}
