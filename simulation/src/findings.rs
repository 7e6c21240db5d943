//! What a history has been found guilty of.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ticketing_core::testing::Violation;

/// The most that are kept of one history: the first is the one that matters.
const MOST: usize = 20;

/// Everything that was found wrong. Clones are the same list.
#[derive(Debug, Clone, Default)]
pub(crate) struct Findings {
    found: Arc<Mutex<Vec<Violation>>>,
}

impl Findings {
    /// Notes something that must not be.
    pub(crate) fn add(&self, code: &'static str, what: impl FnOnce() -> String) {
        let mut found = self.lock();
        if found.len() < MOST {
            found.push(Violation { code, what: what() });
        }
    }

    /// Notes it unless `holds`.
    pub(crate) fn check(&self, holds: bool, code: &'static str, what: impl FnOnce() -> String) {
        if !holds {
            self.add(code, what);
        }
    }

    /// Notes what another checker found.
    pub(crate) fn extend(&self, more: Vec<Violation>) {
        let mut found = self.lock();
        let room = MOST.saturating_sub(found.len());
        found.extend(more.into_iter().take(room));
    }

    /// Whether nothing was found.
    pub(crate) fn is_clean(&self) -> bool {
        self.lock().is_empty()
    }

    /// What was found.
    pub(crate) fn all(&self) -> Vec<Violation> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Violation>> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
