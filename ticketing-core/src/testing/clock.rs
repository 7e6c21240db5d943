//! Clocks that a test moves.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use crate::ports::Clock;
use crate::values::Timestamp;

/// A clock that stands still until it is told to move. Its clones show the same time.
///
/// ```
/// use std::time::Duration;
/// use ticketing_core::ports::Clock;
/// use ticketing_core::testing::ManualClock;
/// use ticketing_core::values::Timestamp;
///
/// let clock = ManualClock::new(Timestamp::EPOCH);
/// let shown = clock.clone();
/// clock.advance(Duration::from_mins(1));
/// assert_eq!(shown.now(), Timestamp::from_millis(60_000));
/// ```
#[derive(Debug, Clone)]
pub struct ManualClock {
    micros: Arc<AtomicI64>,
}

impl ManualClock {
    /// A clock that shows `at`.
    pub fn new(at: Timestamp) -> Self {
        Self { micros: Arc::new(AtomicI64::new(at.as_micros())) }
    }

    /// Moves it forward.
    pub fn advance(&self, by: Duration) {
        let by = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        // Between two calls the clock may be moved by another thread: both moves count.
        let mut shown = self.micros.load(Ordering::SeqCst);
        while let Err(other) = self.micros.compare_exchange_weak(
            shown,
            shown.saturating_add(by),
            Ordering::SeqCst,
            Ordering::SeqCst,
        ) {
            shown = other;
        }
    }

    /// Sets it, backwards too.
    pub fn set(&self, at: Timestamp) {
        self.micros.store(at.as_micros(), Ordering::SeqCst);
    }

    /// The time it shows.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.micros.load(Ordering::SeqCst))
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Self::now(self)
    }
}

/// A clock that is wrong by as much as it is told. Its clones are wrong together.
#[derive(Debug, Clone)]
pub struct SkewedClock {
    right: Arc<dyn Clock>,
    ahead_by: Arc<AtomicI64>,
}

impl SkewedClock {
    /// A clock that shows what `right` shows, for now.
    pub fn new(right: Arc<dyn Clock>) -> Self {
        Self { right, ahead_by: Arc::new(AtomicI64::new(0)) }
    }

    /// Makes it show so many microseconds more than the right clock, or less than it.
    pub fn set_offset(&self, micros: i64) {
        self.ahead_by.store(micros, Ordering::SeqCst);
    }

    /// Makes it fast by this much.
    pub fn set_ahead(&self, by: Duration) {
        self.set_offset(i64::try_from(by.as_micros()).unwrap_or(i64::MAX));
    }

    /// Makes it slow by this much.
    pub fn set_behind(&self, by: Duration) {
        self.set_offset(i64::try_from(by.as_micros()).map_or(i64::MIN, i64::wrapping_neg));
    }
}

impl Clock for SkewedClock {
    fn now(&self) -> Timestamp {
        let right = self.right.now().as_micros();
        Timestamp::from_micros(right.saturating_add(self.ahead_by.load(Ordering::SeqCst)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Timestamp = Timestamp::from_millis(1_767_355_200_000);
    const MINUTE: Duration = Duration::from_mins(1);

    #[test]
    fn a_manual_clock_moves_only_when_told() {
        let clock = ManualClock::new(NOON);
        let handle: Arc<dyn Clock> = Arc::new(clock.clone());
        assert_eq!(handle.now(), NOON);
        clock.advance(MINUTE);
        assert_eq!(handle.now(), NOON.plus(MINUTE));
        clock.set(NOON.minus(MINUTE));
        assert_eq!(handle.now(), NOON.minus(MINUTE));
    }

    #[test]
    fn a_manual_clock_stops_at_the_ends_of_time() {
        let clock = ManualClock::new(NOON);
        clock.advance(Duration::MAX);
        assert_eq!(clock.now(), Timestamp::MAX);
    }

    #[test]
    fn a_skewed_clock_follows_the_right_one_at_a_distance() {
        let right = ManualClock::new(NOON);
        let skewed = SkewedClock::new(Arc::new(right.clone()));
        assert_eq!(skewed.now(), NOON);
        skewed.clone().set_ahead(MINUTE);
        assert_eq!(skewed.now(), NOON.plus(MINUTE));
        skewed.set_behind(MINUTE);
        right.advance(MINUTE);
        assert_eq!(skewed.now(), NOON);
        skewed.set_behind(Duration::MAX);
        assert_eq!(skewed.now(), Timestamp::MIN);
        skewed.set_offset(0);
        assert_eq!(skewed.now(), right.now());
    }
}
