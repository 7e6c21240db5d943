//! Outcomes that can be compared.

use crate::domain::event::AggregateRef;
use crate::domain::inventory::Refusal;
use crate::ports::{CommitError, Committed, KeyRecord, Receipt, WriteBatch};
use crate::values::{BatchId, PoolId, Timestamp};

/// How a batch ended, without the driver's errors, which can't be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Applied now.
    Applied(BatchId),
    /// Applied before.
    Duplicate(Receipt),
    /// The key is taken.
    KeyTaken(KeyRecord),
    /// Not at this time.
    OutOfTime,
    /// An aggregate has changed.
    Conflict(AggregateRef),
    /// A pool refused.
    ClaimRefused(PoolId, Refusal),
    /// The storage failed, without effect.
    NotApplied,
    /// The storage failed, and can't tell.
    Unknown,
}

impl Outcome {
    /// How one batch ended.
    pub fn of(result: &Result<Receipt, CommitError>) -> Self {
        match result {
            Ok(receipt) => Self::Applied(receipt.batch),
            Err(CommitError::Duplicate(receipt)) => Self::Duplicate(*receipt),
            Err(CommitError::KeyTaken(record)) => Self::KeyTaken(record.clone()),
            Err(CommitError::OutOfTime { .. }) => Self::OutOfTime,
            Err(CommitError::Conflict(aggregate)) => Self::Conflict(*aggregate),
            Err(CommitError::ClaimRefused { pool, refusal }) => Self::ClaimRefused(*pool, *refusal),
            Err(CommitError::NotApplied(_)) => Self::NotApplied,
            Err(CommitError::OutcomeUnknown(_)) => Self::Unknown,
        }
    }

    /// How every batch of a group ended.
    pub fn all(committed: &Committed) -> Vec<Self> {
        committed.outcomes.iter().map(Self::of).collect()
    }

    /// The batch was applied.
    pub fn applied(batch: &WriteBatch) -> Self {
        Self::Applied(batch.id())
    }

    /// The batch was applied before.
    pub fn duplicate(batch: &WriteBatch) -> Self {
        Self::Duplicate(batch.receipt())
    }

    /// Whether it is [`Applied`](Self::Applied).
    pub fn is_applied(&self) -> bool {
        match self {
            Self::Applied(_) => true,
            Self::Duplicate(_)
            | Self::KeyTaken(_)
            | Self::OutOfTime
            | Self::Conflict(_)
            | Self::ClaimRefused(..)
            | Self::NotApplied
            | Self::Unknown => false,
        }
    }
}

/// The time that a refusal for time names.
pub(super) fn time_of(error: &CommitError) -> Option<Timestamp> {
    match error {
        CommitError::OutOfTime { now } => Some(*now),
        CommitError::Duplicate(_)
        | CommitError::KeyTaken(_)
        | CommitError::Conflict(_)
        | CommitError::ClaimRefused { .. }
        | CommitError::NotApplied(_)
        | CommitError::OutcomeUnknown(_) => None,
    }
}
