//! How an order stands, in a word.

use ticketing_core::domain::order::CancelReason;
use ticketing_core::domain::view::{OrderStatus, OrderView};

use super::texts::Texts;

/// A word with its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chip {
    pub(super) word: &'static str,
    /// The class that colours it.
    pub(super) tone: &'static str,
}

pub(super) fn chip(t: &'static Texts, order: &OrderView) -> Chip {
    let (word, tone) = match (order.status, order.cancel_reason) {
        (OrderStatus::Created, _) => (t.chip_reserved, "warn"),
        (OrderStatus::AwaitingPayment, None) => (t.chip_paying, "warn"),
        (OrderStatus::Complete, _) => (t.chip_complete, "good"),
        (OrderStatus::Cancelled, Some(CancelReason::Expired)) => (t.chip_expired, "quiet"),
        (OrderStatus::AwaitingPayment, Some(_)) | (OrderStatus::Cancelled, _) => {
            (t.chip_cancelled, "quiet")
        }
        (OrderStatus::Refunded, _) => (t.chip_refunded, "quiet"),
    };
    Chip { word, tone }
}
