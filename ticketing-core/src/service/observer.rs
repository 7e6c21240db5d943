//! Who is told how the writer is doing.

use std::fmt;
use std::time::Duration;

use crate::domain::inventory::PoolCommand;
use crate::ports::batch::{Receipt, WriteBatch};
use crate::ports::error::CommitError;

/// Is told how the writer is doing, so that it can be counted.
///
/// # Contract
/// It is called from the task that writes: what it takes, every commit waits for. It must neither
/// block nor panic.
///
/// ```
/// use std::sync::atomic::{AtomicUsize, Ordering};
/// use ticketing_core::{GroupReport, Observer};
///
/// #[derive(Debug, Default)]
/// struct Applied(AtomicUsize);
///
/// impl Observer for Applied {
///     fn group_committed(&self, report: &GroupReport) {
///         self.0.fetch_add(report.applied, Ordering::Relaxed);
///     }
/// }
/// ```
pub trait Observer: fmt::Debug + Send + Sync + 'static {
    /// The storage has answered for a group. One that is committed again, since its outcome was
    /// unknown, is told of again.
    fn group_committed(&self, report: &GroupReport) {
        let _: &GroupReport = report;
    }

    /// A commit was refused because too many wait before it, or too much waits to be published.
    fn overloaded(&self) {}

    /// The time of an order was up, and it was ended.
    fn order_expired(&self, found: ExpiryFound) {
        let _: ExpiryFound = found;
    }
}

/// Who found that the time of an order was up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ExpiryFound {
    /// A timer went off, and that was told over the bus.
    ByTimer,
    /// The sweep over the storage came across it.
    BySweep,
}

/// How one group fared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct GroupReport {
    /// How many batches it had.
    pub batches: usize,
    /// How many of them were applied, now or by a try before.
    pub applied: usize,
    /// How many were refused: somebody was quicker, nothing was left, it was too late.
    pub refused: usize,
    /// For how many the storage could not tell, or failed.
    pub failed: usize,
    /// How long the one that waited longest had been in the queue.
    pub waited: Duration,
    /// How long the storage took.
    pub took: Duration,
    /// The units that those which were applied moved.
    pub units: UnitsMoved,
}

/// Units that changed hands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnitsMoved {
    /// Held for an order.
    pub held: u64,
    /// Given back by an order that was not paid.
    pub released: u64,
    /// Held before, and paid for now.
    pub sold: u64,
    /// Sold before, and on sale again.
    pub returned: u64,
}

impl UnitsMoved {
    fn add(&mut self, command: &PoolCommand) {
        let (sum, units) = match command {
            PoolCommand::Hold { units, .. } => (&mut self.held, *units),
            PoolCommand::Release(units) => (&mut self.released, *units),
            PoolCommand::Sell(units) => (&mut self.sold, *units),
            PoolCommand::Return(units) => (&mut self.returned, *units),
            PoolCommand::Open(_)
            | PoolCommand::Restate { .. }
            | PoolCommand::Withdraw { .. }
            | PoolCommand::Cleared => return,
        };
        *sum = sum.saturating_add(units.into());
    }
}

impl GroupReport {
    /// What became of the batches. Those without an outcome failed.
    pub(crate) fn of(
        batches: &[WriteBatch],
        outcomes: &[Result<Receipt, CommitError>],
        waited: Duration,
        took: Duration,
    ) -> Self {
        let units = UnitsMoved::default();
        let (batches_sent, failed) = (batches.len(), batches.len().saturating_sub(outcomes.len()));
        let mut report =
            Self { batches: batches_sent, applied: 0, refused: 0, failed, waited, took, units };
        for (batch, outcome) in batches.iter().zip(outcomes) {
            let count = report.count_of(outcome);
            *count = count.saturating_add(1);
            if matches!(outcome, Ok(_) | Err(CommitError::Duplicate(_))) {
                batch.moves().iter().for_each(|step| report.units.add(&step.command));
            }
        }
        report
    }

    /// Where such an outcome is counted.
    fn count_of(&mut self, outcome: &Result<Receipt, CommitError>) -> &mut usize {
        match outcome {
            Ok(_) | Err(CommitError::Duplicate(_)) => &mut self.applied,
            Err(
                CommitError::KeyTaken(_)
                | CommitError::OutOfTime { .. }
                | CommitError::Conflict(_)
                | CommitError::ClaimRefused { .. },
            ) => &mut self.refused,
            Err(CommitError::NotApplied(_) | CommitError::OutcomeUnknown(_)) => &mut self.failed,
        }
    }
}

/// Tells nobody.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NoObserver;

impl Observer for NoObserver {}
