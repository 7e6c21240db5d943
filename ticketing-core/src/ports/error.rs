//! The shape of a port's failure, and the ways in which a commit can end.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use crate::domain::event::AggregateRef;
use crate::domain::inventory::Refusal;
use crate::ports::batch::{KeyRecord, Receipt};
use crate::values::{PoolId, Timestamp};

/// A port that did not do what it was asked.
///
/// The driver's own error is the [`source`](Error::source), and only there: `Display` never
/// repeats it, so that a chain can be printed once, at the boundary.
#[derive(Debug, Clone)]
pub struct PortError {
    kind: PortErrorKind,
    operation: &'static str,
    retry: Retry,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

/// What went wrong, in a port's terms.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PortErrorKind {
    /// It can't be reached, is overloaded, or took too long.
    Unavailable,
    /// A row can't be read as what it should be.
    Corrupt {
        /// Where it is.
        table: &'static str,
        /// Which column is wrong.
        column: &'static str,
        /// Which row.
        id: String,
    },
    /// It refuses for a reason that only its operator can mend.
    Misconfigured,
    /// It refuses what it never should: a bug, ours or its own.
    Refused,
    /// It was shut down.
    Closed,
}

/// Whether the same call may work later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// It may.
    Later,
    /// It will not.
    Never,
}

impl PortError {
    /// A failure of `operation`. It may work later if the port is merely unavailable.
    pub fn new(kind: PortErrorKind, operation: &'static str) -> Self {
        let retry = match kind {
            PortErrorKind::Unavailable => Retry::Later,
            PortErrorKind::Corrupt { .. }
            | PortErrorKind::Misconfigured
            | PortErrorKind::Refused
            | PortErrorKind::Closed => Retry::Never,
        };
        Self { kind, operation, retry, source: None }
    }

    /// The same failure, with the driver's own error.
    #[must_use]
    pub fn with_source(self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { source: Some(Arc::from(source.into())), ..self }
    }

    /// A port that can't be reached just now.
    pub fn unavailable(operation: &'static str) -> Self {
        Self::new(PortErrorKind::Unavailable, operation)
    }

    /// What went wrong.
    pub fn kind(&self) -> &PortErrorKind {
        &self.kind
    }

    /// What was asked.
    pub fn operation(&self) -> &'static str {
        self.operation
    }

    /// Whether the same call may work later.
    pub fn retry(&self) -> Retry {
        self.retry
    }
}

impl fmt::Display for PortError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.operation)?;
        match &self.kind {
            PortErrorKind::Unavailable => f.write_str("unavailable"),
            PortErrorKind::Corrupt { table, column, id } => {
                write!(f, "{table} {id} can't be read: wrong {column}")
            }
            PortErrorKind::Misconfigured => f.write_str("misconfigured"),
            PortErrorKind::Refused => f.write_str("refused"),
            PortErrorKind::Closed => f.write_str("closed"),
        }
    }
}

impl Error for PortError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.source {
            Some(source) => Some(source.as_ref()),
            None => None,
        }
    }
}

/// How a batch can end, other than applied.
///
/// All but [`OutcomeUnknown`](Self::OutcomeUnknown) are certain: the batch had no effect now.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum CommitError {
    /// The batch was applied before; this is its receipt.
    #[error("the batch was committed before")]
    Duplicate(Receipt),
    /// Another command used the idempotency key; this is its record.
    #[error("the idempotency key is taken")]
    KeyTaken(KeyRecord),
    /// The batch may not be applied at this time, or was decided too long ago.
    #[error("the batch is out of time at {now}")]
    OutOfTime {
        /// The storage's time.
        now: Timestamp,
    },
    /// An aggregate is not at the version that the batch was decided on.
    #[error("{0} has changed")]
    Conflict(AggregateRef),
    /// A pool refused a claim.
    #[error("pool {pool} refused: {refusal}")]
    ClaimRefused {
        /// Which pool.
        pool: PoolId,
        /// Why.
        refusal: Refusal,
    },
    /// The storage failed, and is certain that it wrote nothing.
    #[error("the batch was not applied")]
    NotApplied(#[source] PortError),
    /// The storage failed, and can't tell whether it wrote. Commit the same batch again.
    #[error("nobody knows whether the batch was applied")]
    OutcomeUnknown(#[source] PortError),
}

/// An error and what it came of, each once, for a line that somebody reads: in the log, or where a
/// program ends. What only repeats the words before it is left out.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut told = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        if !told.ends_with(&words) {
            told = format!("{told}: {words}");
        }
        cause = error.source();
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Told(&'static str, #[source] Option<Box<Self>>);

    #[test]
    fn every_cause_is_told_once() {
        let disk = Told("the disk is full", None);
        let same = Told("the disk is full", Some(disk.into()));
        let write = Told("it can't be written", Some(same.into()));
        assert_eq!(chain(&write), "it can't be written: the disk is full");
        assert_eq!(chain(&Told("alone", None)), "alone");
    }
}
