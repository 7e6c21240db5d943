//! How an attempt to pay looks to its buyer, afterwards.

use serde::Serialize;
use ticketing_core::PaymentEntry;
use ticketing_core::domain::view::PaymentStatus;
use ticketing_core::values::{Currency, IntentRef, JsonAmount, OrderId, PaymentId, Timestamp};
use utoipa::ToSchema;

/// An attempt to pay for an order.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PaymentAttempt)]
pub(crate) struct AttemptBody {
    #[schema(value_type = String, format = Uuid)]
    id: PaymentId,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = Uuid, required)]
    order_id: Option<OrderId>,
    /// How it stands.
    #[schema(value_type = String, example = "captured")]
    status: PaymentStatus,
    #[schema(value_type = f64)]
    amount: JsonAmount,
    /// What of it was given back, or is owed.
    #[schema(value_type = f64)]
    refunded_amount: JsonAmount,
    #[schema(value_type = String, example = "USD")]
    currency: Currency,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// What the payment gateway calls it, once it has told.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    gateway_id: Option<IntentRef>,
}

impl From<PaymentEntry> for AttemptBody {
    fn from(entry: PaymentEntry) -> Self {
        let payment = entry.payment;
        Self {
            id: payment.id,
            order_id: payment.order_id,
            status: payment.status,
            amount: payment.amount.as_json_number(),
            refunded_amount: payment.refunded.as_json_number(),
            currency: payment.amount.currency(),
            created_at: entry.begun_at,
            gateway_id: payment.gateway_id,
        }
    }
}
