//! The model's orders move as the real ones do.

use std::time::Duration;

use ticketing_core::domain::order::{Canceller, HoldPolicy};
use ticketing_core::domain::{CancelReason as RealReason, Order, OrderCommand, OrderState as Real};
use ticketing_core::ports::IdSource;
use ticketing_core::testing::SeededIds;
use ticketing_core::testing::builders::an_order;
use ticketing_core::values::{PaymentId, Timestamp};

use super::decide::gone;
use super::state::{CancelReason, OrderState, PaymentState, Rows, Time, Word};
use super::{Command, Purchase};
use crate::models::{Checked, Size};

const PATIENCE: Duration = Duration::from_mins(1);

/// All states of an order that has been placed, with its only attempt in a state that goes with it.
const STATES: [(OrderState, PaymentState); 8] = [
    (OrderState::Created, PaymentState::NotStarted),
    (OrderState::AwaitingPayment { attempt: 0 }, PaymentState::Confirming),
    (cancelling(CancelReason::Buyer), PaymentState::Confirming),
    (cancelling(CancelReason::Expired), PaymentState::Confirming),
    (OrderState::Complete { payment: 0 }, PaymentState::Authorized),
    (OrderState::Cancelled { reason: CancelReason::Buyer }, PaymentState::Voided),
    (OrderState::Cancelled { reason: CancelReason::Expired }, PaymentState::Voided),
    (OrderState::Cancelled { reason: CancelReason::Payment }, PaymentState::Voided),
];

const fn cancelling(reason: CancelReason) -> OrderState {
    OrderState::Cancelling { reason, attempt: 0 }
}

/// The only attempt that orders have here.
fn attempt() -> PaymentId {
    PaymentId::from_uuid(SeededIds::new(1, 0).next())
}

fn real(state: OrderState) -> Order {
    let order = an_order();
    let release_at = order.deadline();
    let state = match state {
        OrderState::NotPlaced => unreachable!("an order that is not placed is no order"),
        OrderState::Created => Real::Created,
        OrderState::AwaitingPayment { attempt: _ } => Real::AwaitingPayment { attempt: attempt() },
        OrderState::Cancelling { reason, attempt: _ } => {
            Real::Cancelling { reason: reason_of(reason), attempt: attempt(), release_at }
        }
        OrderState::Complete { payment: _ } => Real::Complete { payment: attempt() },
        OrderState::Cancelled { reason } => Real::Cancelled { reason: reason_of(reason) },
    };
    Order { state, ..order }
}

fn reason_of(reason: CancelReason) -> RealReason {
    match reason {
        CancelReason::Buyer => RealReason::Buyer,
        CancelReason::Expired => RealReason::Expired,
        CancelReason::Payment => RealReason::Payment,
    }
}

/// What the real order becomes, in words; nothing where it refuses or stays as it is.
fn moved(before: &Order, command: OrderCommand, now: Timestamp) -> Option<String> {
    let decision = before.clone().decide(command, now).ok()?;
    let parts = decision.next().state.parts();
    decision.is_change().then(|| format!("{} {:?}", parts.word, parts.reason))
}

/// The same of the model's.
fn moves(before: OrderState, after: OrderState) -> Option<String> {
    let parts = real(after).state.parts();
    (before != after).then(|| format!("{} {:?}", parts.word, parts.reason))
}

#[test]
fn orders_move_as_the_real_ones_do() {
    let model = Purchase::of(Size::Large, None);
    let hold = Duration::from_mins(15);
    let policy = HoldPolicy { hold, grace: hold, cap: 4 * hold };
    for (state, payment) in STATES {
        let rows = Rows::default().with_order(state);
        let commanded = |command| {
            let decided = model.decide(0, rows, command);
            moves(state, decided.map_or(state, |(rows, _)| rows.order))
        };
        let order = real(state);
        let (early, due) = (order.created_at, order.deadline());
        let pay = OrderCommand::StartPayment { attempt: attempt(), policy };
        let cancel = OrderCommand::Cancel { by: Canceller::Buyer, patience: PATIENCE };
        let expire = OrderCommand::Expire { patience: PATIENCE };
        assert_eq!(commanded(Command::Pay), moved(&order, pay, early), "pay {state:?}");
        assert_eq!(commanded(Command::Cancel), moved(&order, cancel, early), "cancel {state:?}");
        assert_eq!(commanded(Command::Expire), moved(&order, expire, due), "expire {state:?}");
        let release = moved(&order, OrderCommand::ReleaseUnpaid, due);
        assert_eq!(commanded(Command::Release), release, "release {state:?}");
        hears(&model, (state, payment));
    }
}

fn hears(model: &Purchase, (state, payment): (OrderState, PaymentState)) {
    let rows = Rows::default().with_order(state).with_payment(0, payment);
    let order = real(state);
    for captured in [false, true] {
        let word = if captured { Word::Captured } else { Word::Authorized };
        let (after, _) = model.settle(rows, Time::default(), 0, word);
        let arrived = OrderCommand::MoneyArrived { attempt: attempt(), captured };
        let ended = OrderCommand::PaymentEnded { attempt: attempt() };
        let now = order.created_at;
        let real = moved(&order, arrived, now);
        let real = real.or_else(|| moved(&order, ended, now).filter(|_| captured));
        assert_eq!(moves(state, after.order), real, "captured: {captured}, {state:?}");
    }
    for deadline in [false, true] {
        let now = if deadline { order.deadline() } else { order.created_at };
        let (after, _) = gone(rows, Time { deadline, release: false }, 0);
        let attempt = attempt();
        let command = if state == (OrderState::Complete { payment: 0 }) {
            OrderCommand::CaptureFailed { attempt }
        } else {
            OrderCommand::PaymentEnded { attempt }
        };
        assert_eq!(moves(state, after.order), moved(&order, command, now), "gone {state:?}");
    }
}
