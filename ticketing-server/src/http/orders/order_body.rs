//! How an order looks.

use serde::Serialize;
use ticketing_core::domain::order::{CancelReason, Line};
use ticketing_core::domain::view::{OrderStatus, OrderView};
use ticketing_core::values::{
    Currency, JsonAmount, OrderId, PaymentId, Quantity, TicketId, Timestamp, Title, UserId, Version,
};
use utoipa::ToSchema;

/// An order.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Order)]
pub(crate) struct OrderBody {
    #[schema(value_type = String, format = Uuid)]
    id: OrderId,
    #[schema(value_type = StatusWord, inline)]
    status: OrderStatus,
    /// Why it was cancelled; with `awaiting:payment`: why it is being cancelled.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<ReasonWord>, inline)]
    cancel_reason: Option<CancelReason>,
    /// Who buys.
    #[schema(value_type = String)]
    user_id: UserId,
    /// When its units go back on sale if it is not paid.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// Counts its changes, from 0.
    #[schema(value_type = u64)]
    version: Version,
    /// The sum of its lines, in major units.
    #[schema(value_type = f64)]
    total: JsonAmount,
    /// What was given back of it, or is owed.
    #[schema(value_type = f64)]
    refunded_amount: JsonAmount,
    #[schema(value_type = String, example = "USD")]
    currency: Currency,
    /// The attempt that runs, or that paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = Uuid)]
    payment_id: Option<PaymentId>,
    lines: Vec<LineBody>,
    /// The first line's.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required)]
    ticket: Option<OrderedTicket>,
}

/// One ticket of an order, on the terms of when it was reserved.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OrderLine)]
struct LineBody {
    #[schema(value_type = String, format = Uuid)]
    ticket_id: TicketId,
    #[schema(value_type = String)]
    title: Title,
    #[schema(value_type = f64)]
    price: JsonAmount,
    #[schema(value_type = u32)]
    quantity: Quantity,
    /// How many came back with a refund.
    returned: u32,
}

/// The ticket of an order's first line.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct OrderedTicket {
    #[schema(value_type = String, format = Uuid)]
    id: TicketId,
    #[schema(value_type = String)]
    title: Title,
    #[schema(value_type = f64)]
    price: JsonAmount,
    /// The version of the listing that was reserved.
    #[schema(value_type = u64)]
    version: Version,
}

/// The words of [`OrderStatus`], for the API's description.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes how another type is written")]
enum StatusWord {
    #[schema(rename = "created")]
    Created,
    #[schema(rename = "awaiting:payment")]
    AwaitingPayment,
    #[schema(rename = "complete")]
    Complete,
    #[schema(rename = "cancelled")]
    Cancelled,
    #[schema(rename = "refunded")]
    Refunded,
}

/// The words of [`CancelReason`], for the API's description.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "describes how another type is written")]
enum ReasonWord {
    Buyer,
    Expired,
    Seller,
    Payment,
}

impl From<&Line> for LineBody {
    fn from(line: &Line) -> Self {
        Self {
            ticket_id: line.ticket_id,
            title: line.title.clone(),
            price: line.price.as_json_number(),
            quantity: line.quantity,
            returned: line.returned,
        }
    }
}

impl From<&Line> for OrderedTicket {
    fn from(line: &Line) -> Self {
        Self {
            id: line.ticket_id,
            title: line.title.clone(),
            price: line.price.as_json_number(),
            version: line.listing_version,
        }
    }
}

impl From<OrderView> for OrderBody {
    fn from(order: OrderView) -> Self {
        Self {
            id: order.id,
            status: order.status,
            cancel_reason: order.cancel_reason,
            user_id: order.buyer_id,
            expires_at: order.expires_at,
            created_at: order.created_at,
            version: order.version,
            total: order.total.as_json_number(),
            refunded_amount: order.refunded.as_json_number(),
            currency: order.total.currency(),
            payment_id: order.payment_id,
            lines: order.lines.iter().map(LineBody::from).collect(),
            ticket: order.lines.first().map(OrderedTicket::from),
        }
    }
}
