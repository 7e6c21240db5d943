//! Orders in every state, for the tests of this machine and of whatever works with orders.

use std::time::Duration;

use uuid::Uuid;

use crate::domain::order::{
    CancelReason, Canceller, HoldPolicy, NewOrder, Order, OrderCommand, OrderRefund, OrderState,
};
use crate::domain::ticket::{NewTicket, Ticket};
use crate::values::{Money, OrderId, PaymentId, Quantity, TicketId, Timestamp, UserId};

/// When the orders here are placed.
pub(crate) const PLACED: Timestamp = Timestamp::from_millis(1_767_323_045_678);
/// The deadline of every order here: that of its hold, and of waiting for the gateway.
pub(crate) const DEADLINE: Timestamp = Timestamp::from_millis(1_767_323_045_678 + 15 * 60_000);
/// Fifteen minutes of hold, five of grace, and thirty-five at most.
pub(crate) const POLICY: HoldPolicy =
    HoldPolicy { hold: minutes(15), grace: minutes(5), cap: minutes(35) };
/// How long the gateway is waited for.
pub(crate) const PATIENCE: Duration = minutes(10);
/// The order here.
pub(crate) const ORDER: OrderId = OrderId::from_uuid(Uuid::from_u128(0x0d));
/// The attempt that the orders here wait for, or were paid with.
pub(crate) const ATTEMPT: PaymentId = PaymentId::from_uuid(Uuid::from_u128(0xa1));
/// An attempt that they know nothing of.
pub(crate) const OTHER_ATTEMPT: PaymentId = PaymentId::from_uuid(Uuid::from_u128(0xa2));
/// Three units of it, at 20.00 each, are the first line.
pub(crate) const FRONT_ROW: TicketId = TicketId::from_uuid(Uuid::from_u128(0x71));
/// One unit of it, at 15.50, is the second line.
pub(crate) const BALCONY: TicketId = TicketId::from_uuid(Uuid::from_u128(0x72));

/// The command of a deadline.
pub(crate) const EXPIRE: OrderCommand = OrderCommand::Expire { patience: PATIENCE };

pub(crate) fn cancel(by: Canceller) -> OrderCommand {
    OrderCommand::Cancel { by, patience: PATIENCE }
}

pub(crate) const fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(minutes * 60)
}

pub(crate) fn user(name: &str) -> UserId {
    UserId::new(name).unwrap()
}

pub(crate) fn units(units: u32) -> Quantity {
    Quantity::new(units).unwrap()
}

/// A listing with these terms.
pub(crate) fn listing(id: TicketId, new: NewTicket) -> Ticket {
    let listed = Ticket::list(id, user("seller"), new, PLACED.minus(minutes(60))).unwrap();
    listed.ticket.into_next()
}

/// An order of these listings, placed at [`PLACED`] under [`POLICY`].
pub(crate) fn order_of(lines: &[(&Ticket, Quantity)]) -> Order {
    let new = NewOrder { id: ORDER, buyer: &user("buyer"), lines, policy: POLICY };
    let (decision, _open) = Order::place(new, PLACED).unwrap();
    decision.into_next()
}

/// An order as it is placed: 75.50 dollars for units of two tickets.
pub(crate) fn placed() -> Order {
    let front = listing(FRONT_ROW, NewTicket::new("Front row", Money::usd(20_00)).quantity(50));
    let balcony = listing(BALCONY, NewTicket::new("Balcony", Money::usd(15_50)));
    order_of(&[(&front, units(3)), (&balcony, Quantity::ONE)])
}

/// The same order while [`ATTEMPT`] runs.
pub(crate) fn awaiting() -> Order {
    let pay = OrderCommand::StartPayment { attempt: ATTEMPT, policy: POLICY };
    then(placed(), pay, PLACED.plus(minutes(1)))
}

/// The same order, paid for.
pub(crate) fn complete() -> Order {
    let arrived = OrderCommand::MoneyArrived { attempt: ATTEMPT, captured: false };
    then(awaiting(), arrived, PLACED.plus(minutes(2)))
}

/// The same order while the gateway is asked to end its payment.
pub(crate) fn cancelling(reason: CancelReason) -> Order {
    let order = match reason {
        CancelReason::Buyer => then(awaiting(), cancel(Canceller::Buyer), PLACED),
        CancelReason::Seller => then(awaiting(), cancel(Canceller::Seller), PLACED),
        CancelReason::Expired => then(awaiting(), EXPIRE, DEADLINE),
        CancelReason::Payment => panic!("no order waits for the end of a failed capture"),
    };
    let state = OrderState::Cancelling { reason, attempt: ATTEMPT, release_at: DEADLINE };
    Order { state, ..order }
}

/// The same order, ended without a sale.
pub(crate) fn cancelled(reason: CancelReason) -> Order {
    let now = PLACED.plus(minutes(3));
    match reason {
        CancelReason::Buyer => then(placed(), cancel(Canceller::Buyer), now),
        CancelReason::Seller => then(placed(), cancel(Canceller::Seller), now),
        CancelReason::Expired => then(placed(), EXPIRE, DEADLINE),
        CancelReason::Payment => {
            let attempt = ATTEMPT;
            then(complete(), OrderCommand::CaptureFailed { attempt }, now)
        }
    }
}

/// The same order, all of its money given back.
pub(crate) fn refunded() -> Order {
    let refund =
        OrderRefund { amount: placed().total, lines: Vec::new(), restock: false, reason: None };
    let now = PLACED.plus(minutes(4));
    then(complete(), OrderCommand::Refund(refund), now)
}

/// An order in every state there is, each with the deadline [`DEADLINE`], and its state in words.
pub(crate) fn all_states() -> Vec<(&'static str, Order)> {
    use CancelReason::{Buyer, Expired, Payment, Seller};
    let waiting = [Expired, Buyer, Seller].map(cancelling);
    let ended = [Expired, Buyer, Seller, Payment].map(cancelled);
    [placed(), awaiting(), complete(), refunded()]
        .into_iter()
        .chain(waiting)
        .chain(ended)
        .map(|order| (order.state.name(), order))
        .collect()
}

/// Just before the deadline, at it, and just after it.
pub(crate) fn sides_of_the_deadline() -> [Timestamp; 3] {
    let instant = Duration::from_micros(1);
    [DEADLINE.minus(instant), DEADLINE, DEADLINE.plus(instant)]
}

/// What becomes of the order by a command that it can't refuse.
pub(crate) fn then(order: Order, command: OrderCommand, now: Timestamp) -> Order {
    order.decide(command, now).unwrap().into_next()
}
