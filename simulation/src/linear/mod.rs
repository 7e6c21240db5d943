//! Whether what clients saw of a pool could have happened one command after the other.
//!
//! The checker is that of Wing and Gong with Lowe's memory: it looks for an order of all commands
//! that keeps to what was sent after what was heard, and in which each answer is right. Pools are
//! looked at one by one, which is enough: linearizability is local.
//!
//! Commands without an answer stay pending: they may take effect at any time after they were sent,
//! or never. So do the engine's own steps, which nobody sends: a hold ends, money arrives.

mod history;
mod pool;
mod search;

use ticketing_core::memory::Books;

use crate::clients::Sent;
use crate::findings::Findings;

use self::search::{Verdict, search};

/// How much was checked.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Checked {
    pub(crate) histories: u64,
    pub(crate) ops: u64,
    pub(crate) given_up: u64,
}

/// Checks the history of every pool.
pub(crate) fn check(books: &Books, sent: &[Sent], findings: &Findings) -> Checked {
    let mut checked = Checked::default();
    for pool in &books.pools {
        let Some(history) = history::of_pool(books, sent, pool.id) else { continue };
        let verdict = search(&history.ops, &history.start);
        findings.check(verdict != Verdict::Impossible, "LIN", || {
            format!("no order of commands explains pool {}: {:#?}", pool.id, history.ops)
        });
        let ops = u64::try_from(history.ops.len()).unwrap_or(u64::MAX);
        checked.histories = checked.histories.saturating_add(1);
        checked.ops = checked.ops.saturating_add(ops);
        checked.given_up = checked.given_up.saturating_add(u64::from(verdict == Verdict::GivenUp));
    }
    checked
}
