//! What others see of an aggregate: the payload of its events, and what the services answer.
//!
//! A view is a snapshot of one version. Whoever keeps the highest version seen of an aggregate
//! and drops the rest needs neither order nor exactly-once delivery. The field names are part of
//! the event contract: golden files keep them as they are.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::domain::inventory::{Pool, PoolState};
use crate::domain::order::{CancelReason, Line, Order, OrderState};
use crate::domain::payment::{ConfirmedBy, DeclineCode, Dispute, Payment, PaymentState, Trouble};
use crate::domain::refund::{Refund, RefundState};
use crate::domain::ticket::{Ticket, TicketState};
use crate::values::{
    Description, IntentRef, Money, Note, OrderId, PaymentId, PoolId, Quantity, RefundId, RefundRef,
    TicketId, Timestamp, Title, UserId, Venue, Version,
};

/// A listing, as others see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TicketView {
    /// Its id.
    pub id: TicketId,
    /// The listing's version.
    pub version: Version,
    /// Who sells.
    pub seller_id: UserId,
    /// Whether it is on sale.
    pub status: TicketStatus,
    /// What it is called.
    pub title: Title,
    /// What else there is to say.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub description: Option<Description>,
    /// Where.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub venue: Option<Venue>,
    /// When the event starts.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub starts_at: Option<Timestamp>,
    /// The price of one unit.
    pub price: Money,
    /// How many units there are in all.
    pub quantity: Quantity,
    /// The most units of one order.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub max_per_order: Option<Quantity>,
    /// The most units of one buyer.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub max_per_buyer: Option<Quantity>,
    /// When the sale opens.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sale_starts_at: Option<Timestamp>,
    /// When the sale closes.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sale_ends_at: Option<Timestamp>,
    /// When it was listed.
    pub listed_at: Timestamp,
}

/// Whether a listing is on sale, on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TicketStatus {
    /// It can be bought.
    OnSale,
    /// It was taken back.
    Withdrawn,
}

impl TicketView {
    pub(in crate::domain) fn of(ticket: &Ticket) -> Self {
        let terms = ticket.terms.clone();
        Self {
            id: ticket.id,
            version: ticket.version,
            seller_id: ticket.seller.clone(),
            status: match ticket.state {
                TicketState::OnSale => TicketStatus::OnSale,
                TicketState::Withdrawn => TicketStatus::Withdrawn,
            },
            title: terms.title,
            description: terms.description,
            venue: terms.venue,
            starts_at: terms.starts_at,
            price: terms.price,
            quantity: terms.capacity,
            max_per_order: terms.max_per_order,
            max_per_buyer: terms.max_per_buyer,
            sale_starts_at: terms.sale.from(),
            sale_ends_at: terms.sale.until(),
            listed_at: ticket.listed_at,
        }
    }
}

impl Ticket {
    /// What others see of it.
    pub fn view(&self) -> TicketView {
        TicketView::of(self)
    }
}

/// The units of a listing, as others see them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InventoryView {
    /// The ticket.
    pub ticket_id: PoolId,
    /// The pool's version.
    pub version: Version,
    /// Whether units can be claimed, sale times aside.
    pub on_sale: bool,
    /// Units in all.
    pub capacity: u32,
    /// Units in unpaid orders.
    pub held: u32,
    /// Units in paid orders.
    pub sold: u32,
    /// Units that can be claimed.
    pub available: u32,
}

impl InventoryView {
    pub(in crate::domain) fn of(pool: &Pool) -> Self {
        Self {
            ticket_id: pool.id,
            version: pool.version,
            on_sale: pool.state == PoolState::OnSale,
            capacity: pool.terms.capacity,
            held: pool.held,
            sold: pool.sold,
            available: pool.available(),
        }
    }
}

/// An order, as others see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderView {
    /// Its id.
    pub id: OrderId,
    /// Counts its changes.
    pub version: Version,
    /// Who buys.
    pub buyer_id: UserId,
    /// Where it stands.
    pub status: OrderStatus,
    /// Why it is, or is being, cancelled.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cancel_reason: Option<CancelReason>,
    /// The attempt that runs, or that paid.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub payment_id: Option<PaymentId>,
    /// The deadline in force.
    pub expires_at: Timestamp,
    /// The sum of the lines.
    pub total: Money,
    /// What was given back of it, or is owed.
    pub refunded: Money,
    /// What is bought.
    pub lines: Arc<[Line]>,
    /// When it was placed.
    pub created_at: Timestamp,
}

/// Where an order stands, on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum OrderStatus {
    /// Its units are held; it can be paid.
    #[serde(rename = "created")]
    Created,
    /// A payment runs, or is being voided.
    #[serde(rename = "awaiting:payment")]
    AwaitingPayment,
    /// It is paid for.
    #[serde(rename = "complete")]
    Complete,
    /// It ended without a sale.
    #[serde(rename = "cancelled")]
    Cancelled,
    /// All of its money went back.
    #[serde(rename = "refunded")]
    Refunded,
}

impl OrderView {
    pub(in crate::domain) fn of(order: &Order) -> Self {
        let (status, cancel_reason) = match order.state {
            OrderState::Created => (OrderStatus::Created, None),
            OrderState::AwaitingPayment { .. } => (OrderStatus::AwaitingPayment, None),
            OrderState::Cancelling { reason, .. } => (OrderStatus::AwaitingPayment, Some(reason)),
            OrderState::Complete { .. } => (OrderStatus::Complete, None),
            OrderState::Cancelled { reason } => (OrderStatus::Cancelled, Some(reason)),
            OrderState::Refunded { .. } => (OrderStatus::Refunded, None),
        };
        Self {
            id: order.id,
            version: order.version,
            buyer_id: order.buyer.clone(),
            status,
            cancel_reason,
            payment_id: order.attempt(),
            expires_at: order.deadline(),
            total: order.total,
            refunded: order.refunded,
            lines: Arc::clone(&order.lines),
            created_at: order.created_at,
        }
    }
}

/// A payment, as others see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PaymentView {
    /// Its id.
    pub id: PaymentId,
    /// Counts its changes.
    pub version: Version,
    /// The order it pays for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub order_id: Option<OrderId>,
    /// Where it stands.
    pub status: PaymentStatus,
    /// The sum.
    pub amount: Money,
    /// What is refunded or owed back.
    pub refunded: Money,
    /// The gateway's name for it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub gateway_id: Option<IntentRef>,
    /// The last decline.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub declined: Option<DeclineCode>,
    /// Why it needs an operator.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub trouble: Option<Trouble>,
    /// Who confirms it.
    pub confirmed_by: ConfirmedBy,
    /// Whether the buyer disputes it.
    pub dispute: Dispute,
    /// Its order was released without the gateway's answer.
    pub late_money: bool,
}

/// Where a payment stands, on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentStatus {
    /// It runs.
    Pending,
    /// The buyer must do something.
    RequiresAction,
    /// The money is reserved, and will be captured.
    Authorized,
    /// The money is ours.
    Captured,
    /// It is being voided.
    Voiding,
    /// The card was declined.
    Declined,
    /// It ended, no money moved.
    Voided,
    /// An operator must look at it.
    NeedsOperator,
}

impl PaymentView {
    pub(in crate::domain) fn of(payment: &Payment) -> Self {
        let trouble = match payment.state {
            PaymentState::NeedsOperator { why } => Some(why),
            PaymentState::Initiated
            | PaymentState::Open
            | PaymentState::Confirming
            | PaymentState::NeedsAction
            | PaymentState::Authorized
            | PaymentState::Captured
            | PaymentState::Voiding { .. }
            | PaymentState::Declined { .. }
            | PaymentState::Voided => None,
        };
        Self {
            id: payment.id,
            version: payment.version,
            order_id: payment.order,
            status: PaymentStatus::of(payment),
            amount: payment.amount,
            refunded: payment.refunding,
            gateway_id: payment.intent.clone(),
            declined: payment.last_decline,
            trouble,
            confirmed_by: payment.confirmed_by,
            dispute: payment.dispute,
            late_money: payment.late_money,
        }
    }
}

impl PaymentStatus {
    fn of(payment: &Payment) -> Self {
        match payment.state {
            PaymentState::Open if payment.confirmed_by == ConfirmedBy::Client => {
                Self::RequiresAction
            }
            PaymentState::Initiated | PaymentState::Open | PaymentState::Confirming => {
                Self::Pending
            }
            PaymentState::NeedsAction => Self::RequiresAction,
            PaymentState::Authorized => Self::Authorized,
            PaymentState::Captured => Self::Captured,
            PaymentState::Voiding { .. } => Self::Voiding,
            PaymentState::Declined { .. } => Self::Declined,
            PaymentState::Voided => Self::Voided,
            PaymentState::NeedsOperator { .. } => Self::NeedsOperator,
        }
    }
}

/// A refund, as others see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RefundView {
    /// Its id.
    pub id: RefundId,
    /// Counts its changes.
    pub version: Version,
    /// The payment it goes back on.
    pub payment_id: PaymentId,
    /// The order it is for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub order_id: Option<OrderId>,
    /// The sum.
    pub amount: Money,
    /// Where it stands.
    pub status: RefundState,
    /// Why, in the refunder's words.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<Note>,
    /// The gateway's name for it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub gateway_id: Option<RefundRef>,
}

impl RefundView {
    pub(in crate::domain) fn of(refund: &Refund) -> Self {
        Self {
            id: refund.id,
            version: refund.version,
            payment_id: refund.payment,
            order_id: refund.order,
            amount: refund.amount,
            status: refund.state,
            reason: refund.reason.clone(),
            gateway_id: refund.reference.clone(),
        }
    }
}

#[cfg(test)]
mod tests;
