//! How a use case can fail.

use std::time::Duration;

use crate::domain::rejection::Rejection;
use crate::ports::error::{PortError, PortErrorKind};

/// How a use case can fail.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The rules say no; nothing has changed.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// There is no such thing.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// Others changed the same thing again and again; nothing has changed here.
    #[error("too many others changed the same at once")]
    Conflict,
    /// It can't be done now. Whether it was done may be unknown; an idempotency key tells later.
    #[error("unavailable, try again in {} ms", retry_after.as_millis())]
    Unavailable {
        /// When to try again.
        retry_after: Duration,
        /// What failed.
        #[source]
        source: PortError,
    },
    /// Too much is waiting already. Nothing was begun.
    #[error("overloaded, try again in {} ms", retry_after.as_millis())]
    Overloaded {
        /// When to try again.
        retry_after: Duration,
    },
    /// A part of the engine broke its own contract.
    #[error("a bug: {what}")]
    Bug {
        /// What is broken.
        what: &'static str,
        /// What came of it.
        #[source]
        source: Option<PortError>,
    },
}

impl Error {
    /// When to try again after something was unavailable.
    pub const RETRY_AFTER: Duration = Duration::from_secs(1);

    /// The stable, machine-readable word.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Rejected(rejection) => rejection.code(),
            Self::NotFound(_) => "not_found",
            Self::Conflict => "conflict",
            Self::Unavailable { .. } => "unavailable",
            Self::Overloaded { .. } => "overloaded",
            Self::Bug { .. } => "internal",
        }
    }

    /// A bug that no port is to blame for.
    pub(crate) fn bug(what: &'static str) -> Self {
        Self::Bug { what, source: None }
    }

    /// Too much is waiting; nothing was begun.
    pub(crate) fn overloaded() -> Self {
        Self::Overloaded { retry_after: Self::RETRY_AFTER }
    }

    /// The engine was shut down, or its task died with the answer.
    pub(crate) fn closed(operation: &'static str) -> Self {
        PortError::new(PortErrorKind::Closed, operation).into()
    }
}

impl From<PortError> for Error {
    fn from(source: PortError) -> Self {
        match source.kind() {
            PortErrorKind::Unavailable | PortErrorKind::Misconfigured | PortErrorKind::Closed => {
                Self::Unavailable { retry_after: Self::RETRY_AFTER, source }
            }
            PortErrorKind::Corrupt { .. } => {
                Self::Bug { what: "a stored row can't be read", source: Some(source) }
            }
            PortErrorKind::Refused => {
                Self::Bug { what: "a port refused what it must accept", source: Some(source) }
            }
        }
    }
}

#[cfg(test)]
mod tests;
