//! What can go wrong, at opening and later.

use std::io;
use std::path::PathBuf;

use async_nats::ConnectError;
use async_nats::jetstream::context::{AccountError, PublishError, PublishErrorKind};
use ticketing_core::ports::{PortError, PortErrorKind};

/// Why a bus could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The URL is not one of a NATS server. What is in it is not shown: it may be a password.
    #[error("this is not the URL of a NATS server, such as nats://user:password@host:4222")]
    NotAUrl,
    /// The URL has a parameter that is not known.
    #[error("there is no parameter {0:?}, only: prefix, replicas, ack_wait, creds, ca")]
    UnknownParameter(String),
    /// The URL has a parameter that is not as it must be.
    #[error("write {0} as {1}")]
    WrongParameter(&'static str, &'static str),
    /// The credentials can't be read.
    #[error("the credentials in {file} can't be read")]
    Credentials {
        /// The file that was named.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The server refuses, and will.
    #[error("the server can't be used")]
    Server(#[source] ConnectError),
    /// There is a server, and no `JetStream` on it for this user.
    #[error("there is no JetStream")]
    NoJetStream(#[source] AccountError),
}

/// Why something inside failed, before it is known which call of the port it was for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// There is no connection just now.
    #[error("there is no connection to a server")]
    Away,
    /// The server did what it was asked for other than wanted, or said nothing.
    #[error("the server refused, or did not answer")]
    Server(#[source] async_nats::Error),
    /// The server did not take events in time. It may do so still.
    #[error("the server did not answer in time")]
    Late,
    /// The server did not say that it heard an acknowledgement.
    #[error("the server did not say that it has heard")]
    Unheard,
    /// A group can't bear that name.
    #[error("a group can't be called {0:?}: letters, digits and dashes are fine")]
    Name(String),
    /// An event can't be written down: a bug.
    #[error("the event can't be written down")]
    Unwritable(#[source] async_nats::Error),
}

impl Failure {
    /// What the driver said.
    pub(crate) fn server(error: impl Into<async_nats::Error>) -> Self {
        Self::Server(error.into())
    }

    /// The failure as the port tells it.
    pub(crate) fn of(self, operation: &'static str) -> PortError {
        let kind = match self {
            Self::Away | Self::Late | Self::Server(_) | Self::Unheard => PortErrorKind::Unavailable,
            Self::Name(_) => PortErrorKind::Misconfigured,
            Self::Unwritable(_) => PortErrorKind::Refused,
        };
        PortError::new(kind, operation).with_source(self)
    }
}

/// Why an event was not taken. One that is larger than the server takes never will be.
pub(crate) fn not_published(error: PublishError) -> PortError {
    let kind = match error.kind() {
        PublishErrorKind::MaxPayloadExceeded => PortErrorKind::Refused,
        PublishErrorKind::StreamNotFound
        | PublishErrorKind::WrongLastMessageId
        | PublishErrorKind::WrongLastSequence
        | PublishErrorKind::TimedOut
        | PublishErrorKind::BrokenPipe
        | PublishErrorKind::MaxAckPending
        | PublishErrorKind::Other => PortErrorKind::Unavailable,
    };
    PortError::new(kind, "publish").with_source(error)
}
