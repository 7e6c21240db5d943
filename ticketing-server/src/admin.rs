//! What an operator asks of a running server: through a socket that only its user can reach.
//!
//! One line of JSON is the request, one the answer.

use std::fmt;

use serde::{Deserialize, Serialize};
use ticketing_core::values::{PaymentId, RefundId, Timestamp};

mod client;
mod server;
#[cfg(test)]
mod tests;

pub use client::ask;
pub(crate) use client::is_there;
pub use server::AdminDoor;

/// What can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum AdminRequest {
    /// Sends a payment back to be settled.
    Resume {
        /// Which.
        payment: PaymentId,
    },
    /// Sends a failed refund once more.
    RetryRefund {
        /// Which.
        refund: RefundId,
    },
    /// Publishes once more what was committed since then.
    Replay {
        /// Since when.
        since: Timestamp,
    },
}

impl fmt::Display for AdminRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resume { payment } => write!(f, "resume payment {payment}"),
            Self::RetryRefund { refund } => write!(f, "retry refund {refund}"),
            Self::Replay { since } => write!(f, "replay since {since}"),
        }
    }
}

/// What came of it, in words for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AdminAnswer {
    /// It is done.
    Done(String),
    /// It is not.
    Failed(String),
}

/// Where the socket is, below the folder for data: in a folder of its own, which nobody else may
/// enter.
const FOLDER: &str = "admin";
const SOCKET: &str = "socket";

/// The most bytes of a request or an answer.
const LINE_MAX: u64 = 64 * 1024;
