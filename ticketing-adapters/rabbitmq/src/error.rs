//! What can go wrong, at opening and later.

use std::io;
use std::path::PathBuf;

use lapin::ErrorKind;
use lapin::protocol::{AMQPErrorKind, AMQPHardError, AMQPSoftError};
use ticketing_core::domain::envelope::EnvelopeError;
use ticketing_core::ports::{PortError, PortErrorKind};

/// Why a bus could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The URL is not one of a RabbitMQ. What is in it is not shown: it may be a password.
    #[error("this is not the URL of a RabbitMQ, such as amqp://user:password@host/%2f")]
    NotAUrl,
    /// The URL has a parameter that is not known.
    #[error("there is no parameter {0:?}, only: prefix, ca")]
    UnknownParameter(String),
    /// The URL has a parameter that is not as it must be.
    #[error("write {0} as {1}")]
    WrongParameter(&'static str, &'static str),
    /// The certificates that are to be trusted can't be read.
    #[error("the certificates in {file} can't be read")]
    Authority {
        /// The file that was named.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The server refuses, and will.
    #[error("the server can't be used")]
    Server(#[source] lapin::Error),
    /// The server did not answer in time.
    #[error("the server did not answer in time")]
    Late,
}

/// Why something inside failed, before it is known which call of the port it was for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// There is no connection just now.
    #[error("there is no connection to the server")]
    Away,
    /// The server did not answer in time. What it was told may still happen.
    #[error("the server did not answer in time")]
    Late,
    /// The server has told that it takes nothing just now.
    #[error("the server takes nothing just now: its memory or its disk is full")]
    NoRoom,
    /// The server refused, or the connection ended.
    #[error("the server refused, or the connection ended")]
    Server(#[from] lapin::Error),
    /// The server could not store an event, or has no room for it in a queue.
    #[error("the server did not take the event")]
    NotTaken,
    /// The server has nowhere to put an event: what was declared is gone.
    #[error("the server has no queue for the event")]
    Returned,
    /// A group can't bear that name.
    #[error("a group can't be called {0:?}: letters, digits and dashes are fine")]
    Name(String),
    /// An event can't be written down: a bug.
    #[error("the event can't be written down")]
    Unwritable(#[source] EnvelopeError),
}

impl Failure {
    /// The failure as the port tells it.
    pub(crate) fn of(self, operation: &'static str) -> PortError {
        let kind = match &self {
            Self::Server(error) if is_for_the_operator(error) => PortErrorKind::Misconfigured,
            Self::Away
            | Self::Late
            | Self::NoRoom
            | Self::Server(_)
            | Self::NotTaken
            | Self::Returned => PortErrorKind::Unavailable,
            Self::Name(_) => PortErrorKind::Misconfigured,
            Self::Unwritable(_) => PortErrorKind::Refused,
        };
        PortError::new(kind, operation).with_source(self)
    }
}

/// Whether waiting mends nothing: who we are, what we may, or a queue of that name that is another.
pub(crate) fn is_for_the_operator(error: &lapin::Error) -> bool {
    let ErrorKind::ProtocolError(error) = error.kind() else {
        return false;
    };
    match error.kind() {
        AMQPErrorKind::Soft(error) => {
            matches!(error, AMQPSoftError::ACCESSREFUSED | AMQPSoftError::PRECONDITIONFAILED)
        }
        AMQPErrorKind::Hard(error) => matches!(error, AMQPHardError::NOTALLOWED),
    }
}
