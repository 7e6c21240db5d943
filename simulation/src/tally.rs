//! How often each kind of mischief happened that is no fault of a call.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// What is counted. Clones count together.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally {
    counted: Arc<Mutex<BTreeMap<&'static str, u64>>>,
}

impl Tally {
    pub(crate) fn note(&self, what: &'static str) {
        self.note_many(what, 1);
    }

    pub(crate) fn note_many(&self, what: &'static str, times: u64) {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let sum = counted.entry(what).or_default();
        *sum = sum.saturating_add(times);
    }

    pub(crate) fn counted(&self) -> BTreeMap<&'static str, u64> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
