//! Holds: extended, paid for at the last moment, given up.

use super::*;
use crate::domain::order::{CancelReason, OrderState};
use crate::domain::settlement::IntentStatus;
use crate::domain::view::OrderStatus;
use crate::ports::storage::OrderDirection;
use crate::testing::SkewedClock;
use crate::testing::builders::{a_buyer, a_new_ticket};
use crate::values::{Page, Version};

/// The least time that the engine tells apart.
const INSTANT: Duration = Duration::from_millis(1);

impl Market {
    fn extend(&self, order: &OrderView) -> Result<OrderView, Error> {
        self.run(self.engine.orders().extend(&order.buyer_id, order.id))
    }

    fn cancel(&self, order: &OrderView) -> Result<OrderView, Error> {
        self.run(self.engine.orders().cancel(&order.buyer_id, order.id))
    }
}

#[test]
fn a_hold_is_extended_once_by_one_more_hold() {
    let market = Market::new();
    let order = market.an_order();
    market.pass(HOLD.saturating_sub(INSTANT));
    let extended = market.extend(&order).unwrap();
    assert_eq!(extended.expires_at, order.expires_at.plus(HOLD));
    assert_eq!(extended.version, Version::new(1));
    assert_eq!(code(market.extend(&order)), "already_extended");
    assert_eq!(market.story(order.id), [EventType::OrderCreated, EventType::OrderUpdated]);
}

#[test]
fn a_hold_is_extended_up_to_the_cap() {
    let cap = HOLD + MINUTE;
    let market = Market::with(Duties::NONE, |settings| settings.holds.cap = cap);
    let order = market.an_order();
    assert_eq!(market.extend(&order).unwrap().expires_at, START.plus(cap));
    let tight = Market::with(Duties::NONE, |settings| settings.holds.cap = HOLD);
    let order = tight.an_order();
    assert_eq!(code(tight.extend(&order)), "already_extended", "there is nothing to gain");
}

#[test]
fn at_its_deadline_a_hold_is_over() {
    let market = Market::new();
    let order = market.an_order();
    market.pass(HOLD);
    assert_eq!(code(market.extend(&order)), "order_expired");
    let pay = market.engine.payments();
    let method = PaymentMethod::card_token("tok_visa");
    assert_eq!(code(market.run(pay.pay(&a_buyer(), order.id, method))), "order_expired");
    assert_eq!(market.order(order.id).version, Version::FIRST);
    assert!(market.gateway.ledger().intents.is_empty());
}

#[test]
fn a_slow_clock_extends_nothing_late() {
    let market = Market::new();
    let order = market.an_order();
    let clock = SkewedClock::new(Arc::clone(&market.clock));
    let other = market.another_engine(Arc::new(clock.clone()));
    clock.set_behind(MINUTE);
    market.pass(HOLD);
    assert_eq!(code(market.run(other.orders().extend(&a_buyer(), order.id))), "order_expired");
    assert_eq!(market.order(order.id).version, Version::FIRST);
}

#[test]
fn a_cancelled_order_gives_its_units_back_once() {
    let market = Market::new();
    let order = market.an_order();
    let ticket = order.lines[0].ticket_id;
    let cancelled = market.cancel(&order).unwrap();
    assert_eq!(cancelled.status, OrderStatus::Cancelled);
    assert_eq!(cancelled.cancel_reason, Some(CancelReason::Buyer));
    assert_eq!(market.claimed(ticket), (0, 0));
    assert_eq!(market.cancel(&order).unwrap(), cancelled, "again is no change");
    assert_eq!(market.claimed(ticket), (0, 0));
    assert_eq!(code(market.extend(&order)), "order_cancelled");
}

#[test]
fn an_overdue_order_can_be_cancelled_until_somebody_ends_it() {
    let market = Market::new();
    let order = market.an_order();
    market.pass(HOLD + HOLD);
    let cancelled = market.cancel(&order).unwrap();
    assert_eq!(cancelled.cancel_reason, Some(CancelReason::Buyer));
    let expired = market.an_order();
    market.pass(HOLD);
    market.run(market.engine.orders().expire(expired.id)).unwrap();
    let told = market.cancel(&expired).unwrap();
    assert_eq!(told.cancel_reason, Some(CancelReason::Expired), "what is over stays as it is");
}

#[test]
fn what_is_paid_is_neither_extended_nor_cancelled() {
    let market = Market::new();
    let order = market.an_order();
    market.pay("buyer", order.id, "tok_visa");
    assert_eq!(code(market.extend(&order)), "order_complete");
    assert_eq!(code(market.cancel(&order)), "order_complete");
    assert_eq!(market.claimed(order.lines[0].ticket_id), (0, 2));
}

#[test]
fn a_payment_at_the_last_moment_gets_its_grace() {
    let market = Market::new();
    let grace = market.engine.engine.settings.holds.grace;
    let order = market.an_order();
    market.pass(HOLD.saturating_sub(INSTANT));
    market.pay("buyer", order.id, "tok_threeDSecure");
    assert_eq!(code(market.extend(&order)), "payment_running");
    let deadline = order.expires_at.plus(grace).minus(INSTANT);
    assert_eq!(market.order(order.id).deadline(), deadline);
    let expire = || market.run(market.engine.orders().expire(order.id)).unwrap();
    market.pass(grace.saturating_sub(INSTANT));
    assert_eq!(expire(), crate::domain::expiration::Expiration::Rearm(deadline));
    market.pass(INSTANT);
    assert_eq!(expire(), crate::domain::expiration::Expiration::Due);
    market.settle();
    let expired = OrderState::Cancelled { reason: CancelReason::Expired };
    assert_eq!(market.order(order.id).state, expired, "voided, and released");
    assert_eq!(market.claimed(order.lines[0].ticket_id), (0, 0));
}

#[test]
fn grace_stops_at_the_cap() {
    let cap = HOLD + MINUTE;
    let market = Market::with(Duties::NONE, |settings| settings.holds.cap = cap);
    let order = market.an_order();
    market.pass(HOLD.saturating_sub(INSTANT));
    market.pay("buyer", order.id, "tok_threeDSecure");
    assert_eq!(market.order(order.id).deadline(), START.plus(cap));
}

#[test]
fn a_decline_leaves_the_time_that_the_first_payment_got() {
    let market = Market::new();
    let grace = market.engine.engine.settings.holds.grace;
    let order = market.an_order();
    market.pass(HOLD.saturating_sub(SECOND));
    let first_deadline = market.now().plus(grace);
    market.pay("buyer", order.id, "tok_chargeDeclined");
    let declined = market.order(order.id);
    assert_eq!((declined.state, declined.deadline()), (OrderState::Created, first_deadline));
    market.pass(grace.saturating_sub(SECOND));
    market.pay("buyer", order.id, "tok_threeDSecure");
    assert_eq!(market.order(order.id).deadline(), first_deadline, "no second grace");
}

#[test]
fn cancelling_while_a_payment_runs_voids_it_first() {
    let market = Market::new();
    let order = market.an_order();
    market.pay("buyer", order.id, "tok_threeDSecure");
    let cancelled = market.cancel(&order).unwrap();
    assert_eq!(cancelled.status, OrderStatus::Cancelled);
    assert_eq!(cancelled.cancel_reason, Some(CancelReason::Buyer));
    assert_eq!(market.gateway.ledger().intents[0].status, IntentStatus::Gone);
    assert_eq!(market.claimed(order.lines[0].ticket_id), (0, 0));
    let story = market.story(order.id);
    assert_eq!(story.len(), 4, "created, awaiting, cancelling, cancelled: {story:?}");
}

#[test]
fn an_order_is_its_buyers_alone() {
    let market = Market::new();
    let order = market.an_order();
    let orders = market.engine.orders();
    let stranger = user("stranger");
    assert_eq!(code(market.run(orders.get(&stranger, order.id))), "not_owner");
    assert_eq!(code(market.run(orders.extend(&stranger, order.id))), "not_owner");
    assert_eq!(code(market.run(orders.cancel(&stranger, order.id))), "not_owner");
    let unknown = OrderId::from_uuid(uuid::Uuid::nil());
    assert_eq!(code(market.run(orders.get(&a_buyer(), unknown))), "not_found");
    assert_eq!(market.run(orders.get(&a_buyer(), order.id)).unwrap(), order);
}

#[test]
fn a_buyer_sees_the_own_orders_from_either_end() {
    let market = Market::new();
    let ticket = market.list(a_new_ticket()).id;
    let own: Vec<OrderView> = (0..3).map(|_| market.reserved("buyer", ticket, 1)).collect();
    market.reserved("another", ticket, 1);
    let orders = market.engine.orders();
    let list =
        |direction| market.run(orders.list(&a_buyer(), direction, Page::default())).unwrap().items;
    assert_eq!(list(OrderDirection::OldestFirst), own);
    let newest: Vec<OrderView> = own.into_iter().rev().collect();
    assert_eq!(list(OrderDirection::NewestFirst), newest);
}
