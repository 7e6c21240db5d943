//! A withdrawn listing whose live orders are to be cancelled, a group at a time.

use super::*;
use crate::domain::event::Actor;
use crate::domain::inventory::PoolState;
use crate::domain::order::{CancelReason, OrderState};
use crate::testing::builders::a_new_ticket;

const BY_SELLER: OrderState = OrderState::Cancelled { reason: CancelReason::Seller };

impl Market {
    fn withdraw_all(&self, ticket: TicketId) {
        let tickets = self.engine.tickets();
        self.run(tickets.withdraw(&a_seller(), ticket, true)).unwrap();
    }

    fn is_clearing(&self, ticket: TicketId) -> bool {
        match self.pool(ticket).state {
            PoolState::Withdrawn { clearing } => clearing,
            PoolState::OnSale => panic!("it was withdrawn"),
        }
    }
}

#[test]
fn live_holds_are_cancelled_in_groups_until_none_is_left() {
    let market = Market::new();
    let ticket = market.list(a_new_ticket().quantity(1_000)).id;
    let orders: Vec<OrderId> =
        (0..600).map(|buyer| market.reserved(&format!("buyer-{buyer}"), ticket, 1).id).collect();
    market.withdraw_all(ticket);
    assert!(market.is_clearing(ticket));
    assert_eq!(market.claimed(ticket), (600, 0), "withdrawing itself is quick");
    assert_eq!(code(market.reserve("late", &[(ticket, 1)])), "not_on_sale");

    market.storage.take_groups();
    let mut sweeper = market.sweeper();
    assert_eq!(market.step(&mut sweeper).unwrap(), Progress::Busy);
    assert!(!market.is_clearing(ticket));
    assert_eq!(market.claimed(ticket), (0, 0));
    assert!(orders.iter().all(|id| market.order(*id).state == BY_SELLER));
    let sizes: Vec<usize> =
        market.storage.take_groups().iter().map(|group| group.batches.len()).collect();
    // The first of them commits while the others gather; the last ends the clearing.
    assert!(sizes.iter().all(|size| *size <= 256), "{sizes:?}");
    assert!(sizes.len() < 10, "they share commits: {sizes:?}");
    assert_eq!(market.step(&mut sweeper).unwrap(), Progress::Idle);
}

#[test]
fn what_is_cleared_says_why_and_by_whom() {
    let market = Market::new();
    let ticket = market.list(a_new_ticket()).id;
    let order = market.reserved("buyer", ticket, 2);
    market.withdraw_all(ticket);
    market.step(&mut market.sweeper()).unwrap();
    assert_eq!(market.story(order.id), [EventType::OrderCreated, EventType::OrderCancelled]);
    let events = market.books().events;
    let last = events.iter().rfind(|event| event.key().aggregate == order.id.into()).unwrap();
    assert_eq!(last.header.actor, Actor::Engine);
}

#[test]
fn a_listing_without_holds_needs_no_clearing() {
    let market = Market::new();
    let ticket = market.list(a_new_ticket()).id;
    market.withdraw_all(ticket);
    assert!(!market.is_clearing(ticket));
    assert_eq!(market.step(&mut market.sweeper()).unwrap(), Progress::Idle);
}

#[test]
fn what_is_sold_stays_sold() {
    let market = Market::new();
    let ticket = market.list(a_new_ticket()).id;
    let paid = market.reserved("payer", ticket, 2);
    market.pay("payer", paid.id, "tok_visa");
    market.reserved("another", ticket, 3);
    market.withdraw_all(ticket);
    market.step(&mut market.sweeper()).unwrap();
    assert_eq!(market.claimed(ticket), (0, 2));
    assert!(matches!(market.order(paid.id).state, OrderState::Complete { .. }));
    assert!(!market.is_clearing(ticket));
}

#[test]
fn an_order_of_several_tickets_ends_whole() {
    let market = Market::new();
    let withdrawn = market.list(a_new_ticket()).id;
    let other = market.list(a_new_ticket()).id;
    market.reserve("buyer", &[(withdrawn, 1), (other, 2)]).unwrap();
    market.withdraw_all(withdrawn);
    market.step(&mut market.sweeper()).unwrap();
    assert_eq!((market.claimed(withdrawn), market.claimed(other)), ((0, 0), (0, 0)));
}

#[test]
fn a_running_payment_is_voided_before_its_units_are_free() {
    let market = Market::new();
    let ticket = market.list(a_new_ticket()).id;
    let paying = market.reserved("payer", ticket, 1);
    market.pay("payer", paying.id, "tok_threeDSecure");
    market.reserved("another", ticket, 1);
    market.withdraw_all(ticket);
    let mut sweeper = market.sweeper();
    assert_eq!(market.step(&mut sweeper).unwrap(), Progress::Busy);
    market.settle();
    assert_eq!(market.order(paying.id).state, BY_SELLER, "voided right away");
    assert_eq!(market.claimed(ticket), (0, 0));
    assert_eq!(market.step(&mut sweeper).unwrap(), Progress::Busy, "the clearing is over");
    assert!(!market.is_clearing(ticket));
}

/// Waiting is no work: a sweeper that called it so would spin, and pester the gateway.
#[test]
fn a_clearing_that_waits_for_the_gateway_is_idle() {
    let market = Market::new();
    let ticket = market.list(a_new_ticket()).id;
    let paying = market.reserved("payer", ticket, 1);
    market.pay("payer", paying.id, "tok_threeDSecure");
    market.withdraw_all(ticket);
    // The void finds no payment to read, as if the gateway were out of reach.
    let mut sweeper = market.sweeper();
    market.storage.fail("payment_by_intent");
    assert_eq!(market.step(&mut sweeper).unwrap(), Progress::Busy);
    market.storage.fail("payment");
    market.settle();
    assert!(matches!(market.order(paying.id).state, OrderState::Cancelling { .. }));
    market.storage.take_calls();
    assert_eq!(market.step(&mut sweeper).unwrap(), Progress::Idle);
    market.settle();
    assert!(!market.storage.take_calls().contains(&"payment"), "nobody is told again");
    assert!(market.is_clearing(ticket));
}

/// As many listings as one look of the sweeper finds can't be cleared.
#[test]
fn many_listings_that_can_not_be_cleared_keep_no_other_waiting() {
    let market = Market::new();
    for number in 0..16 {
        let ticket = market.list(a_new_ticket()).id;
        let buyer = format!("payer-{number}");
        let order = market.reserved(&buyer, ticket, 1);
        market.pay(&buyer, order.id, "tok_threeDSecure");
        market.withdraw_all(ticket);
    }
    let last = market.list(a_new_ticket()).id;
    market.reserved("buyer", last, 1);
    market.withdraw_all(last);
    let mut sweeper = market.sweeper();
    market.storage.fail("payment");
    assert_eq!(code(market.step(&mut sweeper)), "unavailable");
    assert_eq!(market.step(&mut sweeper).unwrap(), Progress::Busy, "others have their turn");
    assert!(!market.is_clearing(last));
}

#[test]
fn one_order_that_can_not_be_ended_keeps_no_other_waiting() {
    let market = Market::new();
    let ticket = market.list(a_new_ticket().quantity(1_000)).id;
    let stuck = market.reserved("payer", ticket, 1);
    market.pay("payer", stuck.id, "tok_threeDSecure");
    for buyer in 0..300 {
        market.reserved(&format!("buyer-{buyer}"), ticket, 1);
    }
    let overdue = market.list(a_new_ticket()).id;
    market.reserved("slow", overdue, 1);
    market.withdraw_all(ticket);
    market.storage.fail("payment");
    let mut sweeper = market.sweeper();
    assert_eq!(market.step(&mut sweeper).unwrap(), Progress::Busy);
    assert_eq!(market.claimed(ticket), (1, 0), "all but the stuck one");
    assert_eq!(code(market.step(&mut sweeper)), "unavailable", "nothing else is left to do");
    market.pass(HOLD);
    assert_eq!(
        market.step(&mut sweeper).map(|_| ()).map_err(|error| error.code()),
        Err("unavailable")
    );
    assert_eq!(market.claimed(overdue), (0, 0), "overdue orders are ended all the same");
    market.storage.mend();
    market.step(&mut sweeper).unwrap();
    market.settle();
    market.step(&mut sweeper).unwrap();
    assert!(!market.is_clearing(ticket));
}
