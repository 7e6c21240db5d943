//! The deadlines of an order: of its hold, of its payment, and of waiting for the gateway.

use crate::domain::order::fixtures::{
    ATTEMPT, DEADLINE, EXPIRE, OTHER_ATTEMPT, PATIENCE, PLACED, POLICY, cancel, complete, minutes,
    placed, then,
};
use crate::domain::order::{
    CancelReason, Canceller, HoldPolicy, Order, OrderCommand as Command, OrderState,
};
use crate::values::{PaymentId, Timestamp};

fn at(minute: u64) -> Timestamp {
    PLACED.plus(minutes(minute))
}

fn pay(attempt: PaymentId) -> Command {
    Command::StartPayment { attempt, policy: POLICY }
}

fn declined(order: Order, attempt: PaymentId, now: Timestamp) -> Order {
    then(order, Command::PaymentEnded { attempt }, now)
}

#[test]
fn a_payment_in_good_time_leaves_the_deadline_alone() {
    let order = then(placed(), pay(ATTEMPT), at(1));
    assert_eq!(order.pay_deadline, Some(at(6)));
    assert_eq!(order.deadline(), DEADLINE, "the later of both");
}

#[test]
fn a_late_payment_gets_its_grace() {
    let order = then(placed(), pay(ATTEMPT), at(14));
    assert_eq!(order.deadline(), at(19));
    assert_eq!(order.expires_at, DEADLINE, "the hold itself is no longer");
}

#[test]
fn the_grace_ends_at_the_cap() {
    let policy = HoldPolicy { cap: minutes(17), ..POLICY };
    let pay = Command::StartPayment { attempt: ATTEMPT, policy };
    assert_eq!(then(placed(), pay, at(14)).deadline(), at(17));
}

/// The first payment sets the deadline of all payments: declining does not buy time.
#[test]
fn a_second_payment_gets_no_second_grace() {
    let order = declined(then(placed(), pay(ATTEMPT), at(14)), ATTEMPT, at(15));
    assert_eq!((order.state, order.deadline()), (OrderState::Created, at(19)));
    let order = then(order, pay(OTHER_ATTEMPT), at(18));
    assert_eq!(order.deadline(), at(19));
    assert_eq!(order.clone().decide(EXPIRE, at(18)).unwrap_err().code(), "not_yet_due");
    let order = declined(order, OTHER_ATTEMPT, at(19));
    assert_eq!(order.state, OrderState::Cancelled { reason: CancelReason::Expired });
}

#[test]
fn a_hold_is_extended_once_by_one_hold() {
    let order = then(placed(), Command::Extend(POLICY), at(14));
    assert_eq!((order.expires_at, order.extended), (at(30), true));
    let again = order.decide(Command::Extend(POLICY), at(29)).unwrap_err();
    assert_eq!(again.code(), "already_extended");
}

#[test]
fn an_extension_ends_at_the_cap() {
    let capped = |cap| Command::Extend(HoldPolicy { cap: minutes(cap), ..POLICY });
    assert_eq!(then(placed(), capped(20), at(14)).expires_at, at(20));
    assert_eq!(then(placed(), capped(16), at(14)).expires_at, at(16));
    for cap in [0, 14, 15] {
        let refused = placed().decide(capped(cap), at(14)).unwrap_err();
        assert_eq!(refused.code(), "already_extended", "a cap of {cap} minutes");
    }
}

#[test]
fn an_order_that_is_cancelled_waits_for_the_gateway_and_no_longer() {
    let paying = then(placed(), pay(ATTEMPT), at(14));
    let by_buyer = then(paying.clone(), cancel(Canceller::Buyer), at(16));
    let expired = then(paying, EXPIRE, at(19));
    for (order, since) in [(by_buyer, at(16)), (expired, at(19))] {
        let release_at = since.plus(PATIENCE);
        assert_eq!(order.due_at(), Some(release_at));
        let early = release_at.minus(minutes(1));
        let refused = order.clone().decide(Command::ReleaseUnpaid, early).unwrap_err();
        assert_eq!(refused.code(), "not_yet_due");
        let released = then(order, Command::ReleaseUnpaid, release_at);
        assert!(matches!(released.state, OrderState::Cancelled { .. }));
    }
}

#[test]
fn what_goes_on_by_itself_is_due_some_time() {
    assert_eq!(placed().due_at(), Some(DEADLINE));
    assert_eq!(then(placed(), pay(ATTEMPT), at(14)).due_at(), Some(at(19)));
    assert_eq!(complete().due_at(), None);
    assert_eq!(then(placed(), cancel(Canceller::Seller), at(1)).due_at(), None);
}
