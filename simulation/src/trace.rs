//! What happened in a history, line by line, for whoever replays it.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ticketing_core::testing::Step;

/// The lines of a history; none unless somebody wants to read them. Clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Trace {
    state: Arc<Mutex<State>>,
    wanted: bool,
}

#[derive(Debug, Default)]
struct State {
    step: u64,
    at: Duration,
    lines: Vec<String>,
}

impl Trace {
    pub(crate) fn new(wanted: bool) -> Self {
        Self { state: Arc::default(), wanted }
    }

    /// Whether anybody wants to read it.
    pub(crate) fn is_wanted(&self) -> bool {
        self.wanted
    }

    /// Where the history stands from now on.
    pub(crate) fn stands_at(&self, step: &Step) {
        if self.wanted {
            let mut state = self.lock();
            state.step = step.number;
            state.at = step.at;
        }
    }

    /// Adds a line about a process, if it is about one.
    pub(crate) fn line(&self, node: Option<u32>, what: impl FnOnce() -> String) {
        if !self.wanted {
            return;
        }
        let mut state = self.lock();
        let mut line = format!("step {:>6}  {:>10.3?}  ", state.step, state.at);
        match node {
            // Writing to a string can't fail.
            Some(node) => write!(line, "node {node:<3} ").unwrap_or_default(),
            None => line.push_str("world    "),
        }
        line.push_str(&what());
        state.lines.push(line);
    }

    /// All lines.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.lock().lines.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
