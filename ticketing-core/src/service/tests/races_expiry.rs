//! Races about the end of an order: deadlines, late timers, a gateway that is away.

use std::time::Duration;

use crate::domain::expiration::Expiration;
use crate::domain::order::{CancelReason, OrderState};
use crate::domain::payment::PaymentState;
use crate::domain::refund::RefundState;
use crate::domain::settlement::IntentStatus;
use crate::domain::view::OrderView;
use crate::ports::{Timers, Wakeup};
use crate::service::duty::Duty;
use crate::service::payment_receipt::PaymentOutcome;
use crate::service::tests::people::{ann, bob, token};
use crate::service::tests::state::{assert_sold_once, code_of};
use crate::service::tests::world::{GRACE, HOLD, MILLI, NOTHING, PATIENCE, PRICE, World};
use crate::testing::builders::user;

const EXPIRED: OrderState = OrderState::Cancelled { reason: CancelReason::Expired };
const A_MINUTE: Duration = Duration::from_mins(1);

/// The timer of the hold goes off while a payment has moved the deadline.
#[test]
fn r02_timer_of_the_hold_goes_off_during_the_payment() {
    let mut world = World::new();
    let order = world.held_by(&ann());
    world.wait_until(order.expires_at.minus(MILLI));
    world.opened(&order);
    world.wait_until(order.expires_at);
    world.timer_fires(&order);
    let pays_until = order.expires_at.minus(MILLI).plus(GRACE);
    assert_eq!(world.expire(&order), Expiration::Rearm(pays_until));
    let attempt = world.only_attempt(&order).id;
    assert_eq!(world.state(&order), OrderState::AwaitingPayment { attempt });
    assert_eq!(world.units(&order), (1, 0));
    world.rest();
    assert_eq!(world.state(&order), EXPIRED);
}

/// Up to the deadline of an order whose browser has paid, while the gateway is away, and beyond
/// the time that it is waited for.
fn gateway_away_at_expiry(card: &str) -> (World, OrderView) {
    let mut world = World::new();
    let order = world.held_by(&ann());
    let intent = world.opened(&order);
    world.line.cut(true);
    world.gateway.confirm_as_client(&intent, &token(card)).unwrap();
    drop(world.gateway.drain_webhooks());

    world.pass(HOLD.saturating_sub(MILLI));
    assert!(matches!(world.state(&order), OrderState::AwaitingPayment { .. }));
    world.pass(MILLI);
    let OrderState::Cancelling { reason, release_at, .. } = world.state(&order) else {
        panic!("{:?}", world.state(&order));
    };
    assert_eq!(reason, CancelReason::Expired);
    assert_eq!(release_at, order.expires_at.plus(PATIENCE));
    assert_eq!(world.units(&order), (1, 0), "held until the gateway was asked");
    (world, order)
}

fn released(card: &str) -> (World, OrderView) {
    let (mut world, order) = gateway_away_at_expiry(card);
    world.pass(PATIENCE.saturating_sub(MILLI));
    assert_eq!(world.units(&order), (1, 0));
    assert!(!world.only_attempt(&order).late_money);
    world.pass(MILLI);
    assert_eq!(world.state(&order), EXPIRED);
    assert_eq!(world.units(&order), (0, 0));
    assert!(world.only_attempt(&order).late_money);
    (world, order)
}

#[test]
fn r13_gateway_down_at_expiry_with_authorized_money() {
    let (mut world, order) = released("tok_visa");
    world.line.cut(false);
    world.pass(A_MINUTE);
    assert_eq!(world.payment_states(&order), [PaymentState::Voided]);
    assert_eq!(world.ledger(), [(IntentStatus::Gone, NOTHING)]);
    world.rest();
    assert_eq!(world.refunds(), []);
    assert_eq!(world.story(&order), ["created", "updated", "updated", "cancelled"]);
}

#[test]
fn r13_gateway_down_at_expiry_with_captured_money() {
    let (mut world, order) = released("tok_automatic");
    world.line.cut(false);
    world.pass(A_MINUTE);
    assert_eq!(world.state(&order), EXPIRED, "the units may be another's by now");
    let late = world.only_attempt(&order);
    assert_eq!((late.state, late.refunding), (PaymentState::Captured, PRICE));
    assert_eq!(world.ledger(), [(IntentStatus::Captured, PRICE)]);
    world.rest();
    let refunds = world.refunds();
    assert_eq!(refunds.len(), 1);
    assert_eq!((refunds[0].state, refunds[0].amount), (RefundState::Succeeded, PRICE));
}

/// The gateway comes back in time: captured money completes the order, its units are still held.
#[test]
fn r13_gateway_back_within_patience_with_captured_money() {
    let (mut world, order) = gateway_away_at_expiry("tok_automatic");
    world.pass(PATIENCE.saturating_sub(A_MINUTE));
    world.line.cut(false);
    world.pass(A_MINUTE / 2);
    assert_sold_once(&world, &order);
    world.rest();
    assert_eq!(world.story(&order), ["created", "updated", "updated", "completed"]);
}

/// The same with authorized money: it is voided, the buyer is not charged.
#[test]
fn r13_gateway_back_within_patience_with_authorized_money() {
    let (mut world, order) = gateway_away_at_expiry("tok_visa");
    world.pass(PATIENCE.saturating_sub(A_MINUTE));
    world.line.cut(false);
    world.pass(A_MINUTE / 2);
    assert_eq!(world.state(&order), EXPIRED);
    assert_eq!(world.units(&order), (0, 0));
    assert!(!world.only_attempt(&order).late_money);
    assert_eq!(world.ledger(), [(IntentStatus::Gone, NOTHING)]);
    world.rest();
}

/// The bus is empty and no timer ever goes off: the sweeper is enough.
#[test]
fn the_sweeper_alone_ends_overdue_orders() {
    let mut world = World::new();
    let idle = world.held_by(&ann());
    let paying = world.held_by(&bob());
    world.opened(&paying);
    world.wait_until(idle.expires_at);
    world.sweep();
    assert_eq!(world.state(&idle), EXPIRED);
    assert_eq!(world.units(&idle), (0, 0));
    world.wait_until(world.order(paying.id).deadline());
    world.sweep();
    assert_eq!(world.state(&paying), EXPIRED);
    assert_eq!(world.units(&paying), (0, 0));
    assert_eq!(world.ledger(), [(IntentStatus::Gone, NOTHING)]);
    world.rest();
}

/// The timer of an order that is over says nothing about the next order of its unit.
#[test]
fn r20_late_timer_of_a_cancelled_order_whose_unit_is_anothers() {
    let mut world = World::new();
    let first = world.held_by(&ann());
    world.wait(A_MINUTE);
    world.cancel(&first).unwrap();
    let second = world.reserve(&bob(), first.lines[0].ticket_id);
    world.wait_until(first.expires_at);
    for _ in 0..3 {
        world.timer_fires(&first);
        assert_eq!(world.expire(&first), Expiration::Nothing);
    }
    assert_eq!(world.state(&second), OrderState::Created);
    assert_eq!(world.units(&second), (1, 0));
    let reason = CancelReason::Buyer;
    assert_eq!(world.state(&first), OrderState::Cancelled { reason });
    assert_eq!(world.story(&first), ["created", "cancelled"]);

    assert_eq!(world.pays(&second, "tok_visa"), PaymentOutcome::Complete);
    world.timer_fires(&second);
    world.rest();
    assert_sold_once(&world, &second);
}

/// Timers that come early, late and often end an order once.
#[test]
fn timers_in_any_number_end_an_order_once() {
    let mut world = World::new();
    let order = world.held_by(&ann());
    world.timer_fires(&order);
    assert_eq!(world.state(&order), OrderState::Created, "too early");
    world.wait_until(order.expires_at);
    for _ in 0..3 {
        world.timer_fires(&order);
        assert_eq!(world.state(&order), EXPIRED);
    }
    assert_eq!(world.story(&order), ["created", "cancelled"]);
    world.rest();
}

/// Overdue holds whose owners come back too late, and then all want what is free again.
#[test]
fn p07_overdue_holds_compete_for_one_unit() {
    for seed in 0..20 {
        let mut world = World::seeded(seed);
        let ticket = world.list(1);
        let overdue = world.reserve(&ann(), ticket.id);
        world.wait_until(overdue.expires_at);
        let buyers: Vec<_> = (0..10).map(|number| user(&format!("buyer {number}"))).collect();
        let orders = world.process.engine.orders();
        let payments = world.process.engine.payments();
        let payments = &payments;
        let too_late = payments.pay(&overdue.buyer_id, overdue.id, token("tok_visa"));
        let want = |buyer: &_| orders.reserve(Clone::clone(buyer), [(ticket.id, 1)]);
        let (too_late, got) = world.run(futures_util::future::join(
            too_late,
            futures_util::future::join_all(buyers.iter().map(want)),
        ));
        assert!(["order_expired", "order_cancelled"].contains(&code_of(too_late)));
        let won: Vec<_> = got.into_iter().filter_map(Result::ok).collect();
        assert_eq!(won.len(), 1);
        assert_eq!(world.pays(&won[0], "tok_visa"), PaymentOutcome::Complete);
        assert_eq!(world.state(&overdue), EXPIRED);
        world.rest();
        assert_sold_once(&world, &won[0]);
    }
}

/// Late money of released orders beside the payment of the order that has the unit now.
#[test]
fn p11_late_payments_compete_for_one_unit() {
    for card in ["tok_visa", "tok_automatic"] {
        let mut world = World::new();
        let ticket = world.list(1);
        world.line.cut(false);
        let mut late = Vec::new();
        for number in 0..3 {
            let order = world.reserve(&user(&format!("late {number}")), ticket.id);
            let intent = world.opened(&order);
            world.line.cut(true);
            world.pass(HOLD + PATIENCE);
            assert_eq!(world.state(&order), EXPIRED);
            world.line.cut(false);
            late.push((order, intent));
        }
        let order = world.reserve(&bob(), ticket.id);
        let intent = world.opened(&order);
        for (_, intent) in &late {
            world.gateway.confirm_as_client(intent, &token(card)).unwrap();
        }
        world.gateway.confirm_as_client(&intent, &token(card)).unwrap();
        world.webhooks();
        world.rest();
        let payment = world.only_attempt(&order).id;
        assert_eq!(world.state(&order), OrderState::Complete { payment });
        assert_eq!(world.units(&order), (0, 1));
        for (order, _) in &late {
            assert_eq!(world.state(order), EXPIRED);
        }
        let kept = world.intents().into_iter().filter(|one| one.captured != one.refunded);
        assert_eq!(kept.count(), 1, "one is charged, all others have their money");
    }
}

impl World {
    fn expire(&self, order: &OrderView) -> Expiration {
        self.run(self.process.engine.orders().expire(order.id)).unwrap()
    }

    /// The timer of an order's hold goes off now, whatever became of the order.
    fn timer_fires(&mut self, order: &OrderView) {
        let (order, version, at) = (order.id, order.version, self.clock.now());
        self.run(self.timers.arm(Wakeup { order, version, at })).unwrap();
        let process = &mut self.process;
        self.steps
            .block_on(
                async {
                    process.listener.step().await?;
                    process.waker.step().await?;
                    process.listener.idle().await;
                    process.listener.step().await
                },
                10_000,
            )
            .unwrap()
            .unwrap();
    }
}
