//! The storage's time, as this process knows it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

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

impl StorageTime {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, offset_micros: AtomicI64::new(0) }
    }

    /// Whole milliseconds: what is decided at this time reads the same in a row, which keeps
    /// microseconds, and in an event, which does not.
    pub(crate) fn now(&self) -> Timestamp {
        let offset = self.offset_micros.load(Ordering::Relaxed);
        let micros = self.clock.now().as_micros().saturating_add(offset);
        Timestamp::from_micros(micros).truncated_to_millis()
    }

    /// Notes the storage's time.
    pub(crate) fn observe(&self, storage_now: Timestamp) {
        let offset = self.clock.now().offset_to(storage_now);
        self.offset_micros.store(offset, Ordering::Relaxed);
    }
}
