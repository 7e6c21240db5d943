//! The lines of a ledger: what happened, one line for each accepted call.
//!
//! These shapes are on disk. A shape that changes is a new [format](super::header::FORMAT).

use serde::{Deserialize, Serialize};
use ticketing_core::domain::payment::{ConfirmedBy, DeclineCode};
use ticketing_core::domain::settlement::IntentStatus;
use ticketing_core::values::{IntentRef, Money, OrderId, PaymentId, RefundRef, StoreId, Timestamp};
use uuid::Uuid;

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    /// Counts the lines after the header, from 1: a line that is missing is missed.
    pub(crate) number: u64,
    pub(crate) at: Timestamp,
    /// The call that caused it, if it was sent under a key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) under: Option<Key>,
    pub(crate) what: Effect,
}

/// A key, and what was sent under it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Key {
    pub(crate) key: String,
    /// The fingerprint of the call: its card token is nobody's business.
    pub(crate) call: Uuid,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Effect {
    /// An intent was opened.
    Opened { intent: IntentRef, terms: Terms },
    /// An intent changed.
    Changed { intent: IntentRef, became: Became },
    /// A call under a key found nothing left to do: its answer is remembered.
    Unchanged { intent: IntentRef },
    /// Money went back.
    Refunded { refund: RefundRef, intent: IntentRef, amount: Money },
    /// Whoever listens has these webhooks.
    Delivered { webhooks: Vec<u64> },
}

/// What an intent is opened with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Terms {
    pub(crate) attempt: PaymentId,
    pub(crate) order: OrderId,
    pub(crate) store: StoreId,
    pub(crate) amount: Money,
    pub(crate) confirmed_by: ConfirmedBy,
}

/// What became of an intent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Became {
    Authorized,
    Captured,
    Declined(DeclineCode),
    NeedsAction,
    Gone,
}

impl Became {
    pub(crate) fn status(self) -> IntentStatus {
        match self {
            Self::Authorized => IntentStatus::Authorized,
            Self::Captured => IntentStatus::Captured,
            Self::Declined(code) => IntentStatus::NeedsMethod { declined: Some(code) },
            Self::NeedsAction => IntentStatus::NeedsAction,
            Self::Gone => IntentStatus::Gone,
        }
    }
}
