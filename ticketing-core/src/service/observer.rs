//! Who is told how the writer is doing.

use std::fmt;
use std::time::Duration;

use crate::ports::batch::Receipt;
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
}

impl GroupReport {
    /// What became of so many batches. Those without an outcome failed.
    pub(crate) fn of(
        batches: usize,
        outcomes: &[Result<Receipt, CommitError>],
        waited: Duration,
        took: Duration,
    ) -> Self {
        let mut report = Self { batches, applied: 0, refused: 0, failed: 0, waited, took };
        for outcome in outcomes {
            let count = report.count_of(outcome);
            *count = count.saturating_add(1);
        }
        let missing = batches.saturating_sub(outcomes.len());
        report.failed = report.failed.saturating_add(missing);
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
