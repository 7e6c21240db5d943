//! Books in which rows find each other.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::envelope::Event;
use crate::domain::event::{AggregateRef, DomainEvent};
use crate::domain::inventory::Pool;
use crate::domain::order::{Line, Order, OrderState};
use crate::domain::payment::Payment;
use crate::domain::refund::Refund;
use crate::domain::ticket::Ticket;
use crate::domain::view::{OrderView, PaymentStatus, PaymentView};
use crate::memory::Books;
use crate::testing::invariants::History;
use crate::values::{OrderId, PaymentId, PoolId, TicketId, Version};

/// The books, and what belongs to what in them.
pub(super) struct Indexed<'a> {
    pub(super) books: &'a Books,
    pub(super) history: History,
    pub(super) tickets: BTreeMap<TicketId, &'a Ticket>,
    pub(super) pools: BTreeMap<PoolId, &'a Pool>,
    pub(super) orders: BTreeMap<OrderId, &'a Order>,
    pub(super) payments: BTreeMap<PaymentId, &'a Payment>,
    pub(super) payments_of: BTreeMap<OrderId, Vec<&'a Payment>>,
    pub(super) refunds_of: BTreeMap<PaymentId, Vec<&'a Refund>>,
    /// The payments that are, or once were, with an operator, who may send them back to be looked
    /// up: they may be in a state that belies what became of them before.
    pub(super) operated: BTreeSet<PaymentId>,
}

impl<'a> Indexed<'a> {
    pub(super) fn of(books: &'a Books, history: History) -> Self {
        let mut payments_of: BTreeMap<OrderId, Vec<&Payment>> = BTreeMap::new();
        for payment in &books.payments {
            if let Some(order) = payment.order {
                payments_of.entry(order).or_default().push(payment);
            }
        }
        let mut refunds_of: BTreeMap<PaymentId, Vec<&Refund>> = BTreeMap::new();
        for refund in &books.refunds {
            refunds_of.entry(refund.payment).or_default().push(refund);
        }
        Self {
            books,
            history,
            tickets: books.tickets.iter().map(|ticket| (ticket.id, ticket)).collect(),
            pools: books.pools.iter().map(|pool| (pool.id, pool)).collect(),
            orders: books.orders.iter().map(|order| (order.id, order)).collect(),
            payments: books.payments.iter().map(|payment| (payment.id, payment)).collect(),
            payments_of,
            refunds_of,
            operated: books.events.iter().filter_map(parked).collect(),
        }
    }

    /// The events of each aggregate, oldest first.
    pub(super) fn histories(&self) -> impl Iterator<Item = (AggregateRef, &'a [Event])> {
        let same = |one: &Event, next: &Event| one.key().aggregate == next.key().aggregate;
        self.books
            .events
            .chunk_by(same)
            .filter_map(|events| Some((events.first()?.key().aggregate, events)))
    }

    /// Every stored aggregate, with its version.
    pub(super) fn versions(&self) -> BTreeMap<AggregateRef, Version> {
        let books = self.books;
        let tickets = books.tickets.iter().map(|row| (row.id.into(), row.version));
        let pools = books.pools.iter().map(|row| (AggregateRef::pool(row.id), row.version));
        let orders = books.orders.iter().map(|row| (row.id.into(), row.version));
        let payments = books.payments.iter().map(|row| (row.id.into(), row.version));
        let refunds = books.refunds.iter().map(|row| (row.id.into(), row.version));
        tickets.chain(pools).chain(orders).chain(payments).chain(refunds).collect()
    }
}

/// The payment that the event gives to an operator.
fn parked(event: &Event) -> Option<PaymentId> {
    let view = payment_view(&event.data)?;
    (view.status == PaymentStatus::NeedsOperator).then_some(view.id)
}

/// Units of a line that its order holds.
pub(super) fn held(order: &Order, line: &Line) -> u32 {
    if order.is_live() { line.quantity.get() } else { 0 }
}

/// Units of a line that count as sold.
pub(super) fn sold(order: &Order, line: &Line) -> u32 {
    match order.state {
        OrderState::Complete { .. } | OrderState::Refunded { .. } => line.counted_as_sold(),
        OrderState::Created
        | OrderState::AwaitingPayment { .. }
        | OrderState::Cancelling { .. }
        | OrderState::Cancelled { .. } => 0,
    }
}

/// The order that the event shows, if it is of one.
pub(super) fn order_view(event: &DomainEvent) -> Option<&OrderView> {
    match event {
        DomainEvent::OrderCreated(view)
        | DomainEvent::OrderUpdated(view)
        | DomainEvent::OrderCancelled(view)
        | DomainEvent::OrderCompleted(view)
        | DomainEvent::OrderRefunded(view) => Some(view),
        DomainEvent::TicketCreated(_)
        | DomainEvent::TicketUpdated(_)
        | DomainEvent::TicketWithdrawn(_)
        | DomainEvent::InventoryChanged(_)
        | DomainEvent::PaymentCreated(_)
        | DomainEvent::PaymentUpdated(_)
        | DomainEvent::PaymentFailed(_)
        | DomainEvent::PaymentRefunded(_)
        | DomainEvent::RefundUpdated(_)
        | DomainEvent::ExpirationCompleted(_) => None,
    }
}

/// The payment that the event shows, if it is of one.
pub(super) fn payment_view(event: &DomainEvent) -> Option<&PaymentView> {
    match event {
        DomainEvent::PaymentCreated(view)
        | DomainEvent::PaymentUpdated(view)
        | DomainEvent::PaymentFailed(view)
        | DomainEvent::PaymentRefunded(view) => Some(view),
        DomainEvent::TicketCreated(_)
        | DomainEvent::TicketUpdated(_)
        | DomainEvent::TicketWithdrawn(_)
        | DomainEvent::InventoryChanged(_)
        | DomainEvent::OrderCreated(_)
        | DomainEvent::OrderUpdated(_)
        | DomainEvent::OrderCancelled(_)
        | DomainEvent::OrderCompleted(_)
        | DomainEvent::OrderRefunded(_)
        | DomainEvent::RefundUpdated(_)
        | DomainEvent::ExpirationCompleted(_) => None,
    }
}
