//! The storage's time, as this process knows it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::planted::{self, CoreBug};
use crate::ports::clock::Clock;
use crate::values::Timestamp;

/// The process's clock, corrected by what the storage last said.
///
/// The storage decides deadlines; what is shown and decided here must be in its time, or a
/// process whose clock is off would propose what can't be committed.
#[derive(Debug)]
pub(crate) struct StorageTime {
    clock: Arc<dyn Clock>,
    offset_micros: AtomicI64,
}

/// A question for the storage's time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    at: Timestamp,
}

impl StorageTime {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, offset_micros: AtomicI64::new(0) }
    }

    /// Whole milliseconds: what is decided at this time reads the same in a row, which keeps
    /// microseconds, and in an event, which does not.
    pub(crate) fn now(&self) -> Timestamp {
        let known = self.offset_micros.load(Ordering::Relaxed);
        let offset = if planted::is(CoreBug::OwnClock) { 0 } else { known };
        let micros = self.clock.now().as_micros().saturating_add(offset);
        Timestamp::from_micros(micros).truncated_to_millis()
    }

    /// Begins to ask the storage for its time.
    pub(crate) fn ask(&self) -> Asked {
        Asked { at: self.clock.now() }
    }

    /// Notes the storage's time, which it read at some time between the question and now.
    ///
    /// An answer that took long tells little: what is known already stays as it is, as far as it
    /// agrees with it. A slow disk must not move the time.
    pub(crate) fn observe(&self, asked: Asked, storage_now: Timestamp) {
        let heard = self.clock.now();
        // A clock that was set meanwhile tells nothing of how long the answer took.
        let asked = asked.at.min(heard);
        let (least, most) = (heard.offset_to(storage_now), asked.offset_to(storage_now));
        let known = self.offset_micros.load(Ordering::Relaxed);
        self.offset_micros.store(known.clamp(least, most), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::testing::ManualClock;
    use crate::testing::builders::START;

    const SECOND: Duration = Duration::from_secs(1);

    fn known() -> (ManualClock, StorageTime) {
        let clock = ManualClock::new(START);
        let time = StorageTime::new(Arc::new(clock.clone()));
        (clock, time)
    }

    #[test]
    fn a_prompt_answer_tells_the_offset() {
        let (_clock, time) = known();
        for storage in [START.plus(5 * SECOND), START.minus(7 * SECOND), START] {
            time.observe(time.ask(), storage);
            assert_eq!(time.now(), storage);
        }
    }

    #[test]
    fn an_answer_that_took_long_does_not_move_what_it_agrees_with() {
        let (clock, time) = known();
        time.observe(time.ask(), START.plus(5 * SECOND));
        let asked = time.ask();
        clock.advance(3 * SECOND);
        // Read right after the question, written for three seconds.
        time.observe(asked, START.plus(5 * SECOND));
        assert_eq!(time.now(), START.plus(8 * SECOND));
        let asked = time.ask();
        clock.advance(3 * SECOND);
        // Read right before the answer.
        time.observe(asked, START.plus(11 * SECOND));
        assert_eq!(time.now(), START.plus(11 * SECOND));
    }

    #[test]
    fn an_answer_that_contradicts_moves_it_no_further_than_it_must() {
        let (clock, time) = known();
        let asked = time.ask();
        clock.advance(SECOND);
        time.observe(asked, START.plus(10 * SECOND));
        assert_eq!(time.now(), START.plus(10 * SECOND), "a second of ten may have passed since");
        let asked = time.ask();
        clock.advance(SECOND);
        time.observe(asked, START.plus(5 * SECOND));
        assert_eq!(time.now(), START.plus(6 * SECOND));
    }

    #[test]
    fn a_clock_that_was_set_back_is_followed() {
        let (clock, time) = known();
        let asked = time.ask();
        clock.set(START.minus(60 * SECOND));
        time.observe(asked, START);
        assert_eq!(time.now(), START);
    }

    #[test]
    fn time_is_told_in_whole_milliseconds() {
        let clock = ManualClock::new(Timestamp::from_micros(1_234_567));
        assert_eq!(StorageTime::new(Arc::new(clock)).now(), Timestamp::from_millis(1_234));
    }
}
