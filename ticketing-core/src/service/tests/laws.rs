//! What must be true of books and ledger: always, and when everything has come to rest.

use std::collections::BTreeMap;

use crate::domain::event::AggregateRef;
use crate::domain::order::{Order, OrderState};
use crate::domain::payment::{Payment, PaymentState};
use crate::domain::refund::RefundState;
use crate::domain::settlement::IntentStatus;
use crate::memory::Books;
use crate::memory::gateway::Ledger;
use crate::values::{Money, PaymentId, StoreId, TicketId};

/// What must be true between any two commits.
pub(super) fn hold(books: &Books) {
    units_are_where_orders_say(books);
    complete_orders_have_one_paying_attempt(books);
    no_order_is_charged_twice(books);
    refunds_are_within_what_was_captured(books);
    versions_have_one_event_each(books);
}

/// What must be true once nothing is under way any more.
pub(super) fn hold_at_rest(books: &Books, ledger: &Ledger, store: StoreId) {
    hold(books);
    nothing_is_left_to_do(books);
    the_ledger_is_ours(books, ledger, store);
}

fn minor(money: Money) -> i64 {
    money.minor()
}

fn is_sold(order: &Order) -> bool {
    matches!(order.state, OrderState::Complete { .. } | OrderState::Refunded { .. })
}

fn units_are_where_orders_say(books: &Books) {
    let mut held: BTreeMap<TicketId, u32> = BTreeMap::new();
    let mut sold = held.clone();
    for order in &books.orders {
        for line in order.lines.iter() {
            if order.is_live() {
                *held.entry(line.ticket_id).or_default() += line.quantity.get();
            } else if is_sold(order) {
                *sold.entry(line.ticket_id).or_default() += line.counted_as_sold();
            }
        }
    }
    for pool in &books.pools {
        let of = |units: &BTreeMap<TicketId, u32>| units.get(&pool.id).copied().unwrap_or(0);
        assert_eq!((pool.held, pool.sold), (of(&held), of(&sold)), "{pool:?}");
        assert!(pool.held + pool.sold <= pool.terms.capacity, "{pool:?}");
    }
}

fn payment(books: &Books, id: PaymentId) -> &Payment {
    let found = books.payments.iter().find(|payment| payment.id == id);
    found.expect("a payment is named that has no row")
}

/// O6: an order is complete exactly if one attempt took its whole price.
fn complete_orders_have_one_paying_attempt(books: &Books) {
    for order in books.orders.iter().filter(|order| is_sold(order)) {
        let paid = payment(books, order.attempt().unwrap());
        assert_eq!(paid.order, Some(order.id));
        assert_eq!(paid.amount, order.total);
        let took = matches!(paid.state, PaymentState::Authorized | PaymentState::Captured);
        assert!(took, "{order:?} {paid:?}");
    }
    for taking in books.payments.iter().filter(|payment| took_money(payment)) {
        let order = books.orders.iter().find(|order| Some(order.id) == taking.order);
        let order = order.expect("money is kept for no order");
        assert!(is_sold(order), "{order:?} {taking:?}");
        assert_eq!(order.attempt(), Some(taking.id));
    }
}

/// It has money that it does not owe back whole.
fn took_money(payment: &Payment) -> bool {
    payment.state == PaymentState::Authorized
        || payment.state == PaymentState::Captured && payment.refunding != payment.amount
}

fn no_order_is_charged_twice(books: &Books) {
    for order in &books.orders {
        let attempts = || books.payments.iter().filter(|one| one.order == Some(order.id));
        assert!(attempts().filter(|one| one.is_live()).count() <= 1);
        assert!(attempts().filter(|one| took_money(one)).count() <= 1);
    }
}

/// M4, and that the payment counts what its refunds say.
fn refunds_are_within_what_was_captured(books: &Books) {
    for payment in &books.payments {
        let refunds = books.refunds.iter().filter(|one| one.payment == payment.id);
        let sum: i64 = refunds.map(|one| minor(one.amount)).sum();
        assert_eq!(sum, minor(payment.refunding), "{payment:?}");
        assert!(sum <= minor(payment.amount));
        assert!(sum == 0 || payment.state == PaymentState::Captured);
    }
}

/// E1, E3: versions from 0 to the stored one, and one event for each.
fn versions_have_one_event_each(books: &Books) {
    let mut versions: BTreeMap<AggregateRef, Vec<u64>> = BTreeMap::new();
    for event in &books.events {
        let key = event.key();
        versions.entry(key.aggregate).or_default().push(key.version.get());
    }
    let tickets = books.tickets.iter().map(|one| (one.id.into(), one.version));
    let pools = books.pools.iter().map(|one| (AggregateRef::pool(one.id), one.version));
    let orders = books.orders.iter().map(|one| (one.id.into(), one.version));
    let payments = books.payments.iter().map(|one| (one.id.into(), one.version));
    let refunds = books.refunds.iter().map(|one| (one.id.into(), one.version));
    let rows = tickets.chain(pools).chain(orders).chain(payments).chain(refunds);
    for (aggregate, version) in rows {
        let told = versions.remove(&aggregate).unwrap_or_default();
        assert!(told.into_iter().eq(0..=version.get()), "{aggregate}");
    }
    assert!(versions.is_empty(), "{versions:?}");
}

fn nothing_is_left_to_do(books: &Books) {
    assert_eq!(books.unpublished, 0);
    assert_eq!(books.open_webhooks, 0);
    assert_eq!(books.dead_letters, Vec::new());
    for order in &books.orders {
        assert!(!order.is_live(), "{order:?}");
    }
    for payment in &books.payments {
        assert!(!payment.is_live(), "{payment:?}");
        assert_eq!(payment.next_action_at, None, "{payment:?}");
    }
    for refund in &books.refunds {
        let ended = matches!(refund.state, RefundState::Succeeded | RefundState::Failed);
        assert!(ended, "{refund:?}");
    }
}

/// M1, M2, M9: what the gateway has is what our books say, intent by intent and in sum.
fn the_ledger_is_ours(books: &Books, ledger: &Ledger, store: StoreId) {
    let mut kept = 0;
    for intent in &ledger.intents {
        let row = books.payments.iter().find(|one| one.intent.as_ref() == Some(&intent.intent));
        let ours = intent.opened.store == store;
        match (row, intent.status) {
            _ if !ours => assert_eq!(row, None, "another's intent was touched"),
            (Some(row), _) if matches!(row.state, PaymentState::NeedsOperator { .. }) => {}
            (Some(row), IntentStatus::Captured) => {
                assert_eq!(row.state, PaymentState::Captured);
                assert_eq!(row.amount, intent.captured);
                kept += minor(intent.captured) - minor(intent.refunded);
            }
            (row, IntentStatus::Gone) => {
                let took = row.is_some_and(|row| row.state == PaymentState::Captured);
                assert!(!took, "{row:?}");
            }
            (row, status) => panic!("{status:?} at rest: {row:?}"),
        }
    }
    let sold = books.orders.iter().filter(|order| is_sold(order));
    let retained: i64 = sold.map(|order| minor(order.total) - minor(order.refunded)).sum();
    let owed = books.refunds.iter().filter(|one| one.state != RefundState::Succeeded);
    let owed: i64 = owed.map(|one| minor(one.amount)).sum();
    assert_eq!(kept, retained + owed, "money without an order, or an order without money");
}
