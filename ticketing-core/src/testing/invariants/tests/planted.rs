//! Faults that are planted into healthy books.

mod events;
mod money;
mod orders;
mod units;

use super::*;
use crate::domain::envelope::Event;
use crate::domain::event::{Actor, AggregateKind, DomainEvent};
use crate::domain::order::{CancelReason, Order, OrderState};
use crate::domain::payment::{Payment, PaymentState};
use crate::domain::ticket::TicketState;
use crate::domain::view::{OrderStatus, OrderView};
use crate::ports::DeadLetter;
use crate::testing::builders::{START, intent, user};
use crate::values::{BatchId, Money, PaymentId, TicketId, Timestamp, Version};
use uuid::Uuid;

type Plant = fn(&mut Books);

/// Plants each fault into books of its own, and looks for its code.
fn assert_found(code: &'static str, plants: &[(&str, Plant)]) {
    let healthy = healthy();
    for (what, plant) in plants {
        let mut books = healthy.clone();
        plant(&mut books);
        assert_ne!(books, healthy, "{what}: nothing was planted");
        let found = violations(&books);
        assert!(codes(&found).contains(code), "{what}: {code} is not among {found:?}");
    }
}

fn order_in(books: &mut Books, state: fn(&OrderState) -> bool) -> &mut Order {
    books.orders.iter_mut().find(|order| state(&order.state)).unwrap()
}

fn payment_in(books: &mut Books, state: PaymentState) -> &mut Payment {
    books.payments.iter_mut().find(|payment| payment.state == state).unwrap()
}

fn is_created(state: &OrderState) -> bool {
    *state == OrderState::Created
}

fn is_complete(state: &OrderState) -> bool {
    matches!(state, OrderState::Complete { .. })
}

fn is_refunded(state: &OrderState) -> bool {
    matches!(state, OrderState::Refunded { .. })
}

/// Changes the lines of an order, which are shared with its events.
fn lines_of(order: &mut Order) -> Vec<crate::domain::order::Line> {
    order.lines.to_vec()
}

fn a_payment_id() -> PaymentId {
    PaymentId::from_uuid(Uuid::from_u128(1))
}

/// The versions of an order that has the wanted one, as its events show it.
fn order_views(books: &mut Books, wanted: fn(&OrderView) -> bool) -> Vec<&mut Event> {
    let id = books.events.iter().find_map(|event| view(event).filter(|view| wanted(view)));
    let id = id.unwrap().id;
    books.events.iter_mut().filter(|event| view(event).is_some_and(|view| view.id == id)).collect()
}

fn view(event: &Event) -> Option<&OrderView> {
    indexed::order_view(&event.data)
}

fn view_mut(event: &mut Event) -> &mut OrderView {
    let (DomainEvent::OrderCreated(view)
    | DomainEvent::OrderUpdated(view)
    | DomainEvent::OrderCancelled(view)
    | DomainEvent::OrderCompleted(view)
    | DomainEvent::OrderRefunded(view)) = &mut event.data
    else {
        panic!("not of an order");
    };
    view
}
