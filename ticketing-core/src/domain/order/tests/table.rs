//! Every state, every command and every side of the deadline, against the table in the
//! documentation of the machine.

use std::collections::BTreeMap;

use crate::domain::decision::{Decision, Units};
use crate::domain::event::{DomainEvent, EventType};
use crate::domain::laws::assert_lawful;
use crate::domain::order::fixtures::{
    ATTEMPT, BALCONY, DEADLINE, EXPIRE, FRONT_ROW, OTHER_ATTEMPT, POLICY, all_states, cancel,
    minutes, sides_of_the_deadline, units,
};
use crate::domain::order::{
    CancelReason, Canceller, HoldPolicy, Line, Order, OrderCommand as Command, OrderRefund,
    OrderState as State, ReturnedLine,
};
use crate::domain::rejection::Rejection;
use crate::domain::transition_table::{Outcome, Side, TransitionTable};
use crate::values::{Money, TicketId};

/// A row of the table: a command, and the order that it is put to.
struct Row {
    name: &'static str,
    order: Order,
    command: Command,
}

#[test]
fn every_step_is_the_documented_one() {
    let mut table = TransitionTable::of(include_str!("../../order.rs"));
    for (name, order) in all_states() {
        assert_eq!(order.deadline(), DEADLINE, "{name}");
        for row in rows(&order) {
            for now in sides_of_the_deadline() {
                let side = if now < DEADLINE { Side::Before } else { Side::AtOrAfter };
                let promised = table.outcome(row.name, column(&order), side);
                let verdict = row.order.clone().decide(row.command.clone(), now);
                let case = format!("{} of {name}, {side:?}", row.name);
                assert_eq!(outcome(&verdict), with_reason(promised, &order), "{case}");
                assert_laws(&row.order, &verdict);
            }
        }
    }
    table.assert_all_seen();
}

/// The rows of the table for an order; some put a command to it in more than one way.
fn rows(order: &Order) -> Vec<Row> {
    let row = |name, command| Row { name, order: order.clone(), command };
    let extended = Order { extended: true, ..order.clone() };
    let mut rows = vec![
        row("extend", Command::Extend(POLICY)),
        row("extend again, or beyond the cap", Command::Extend(capped())),
        Row { order: extended, ..row("extend again, or beyond the cap", Command::Extend(POLICY)) },
        row("cancel (buyer)", cancel(Canceller::Buyer)),
        row("cancel (seller)", cancel(Canceller::Seller)),
        row("expire", EXPIRE),
        row("release unpaid", Command::ReleaseUnpaid),
    ];
    rows.extend(payment_rows().map(|(name, command)| row(name, command)));
    rows.extend(refund_rows().map(|(name, command)| row(name, command)));
    rows
}

fn payment_rows() -> impl Iterator<Item = (&'static str, Command)> {
    let pay = |attempt| Command::StartPayment { attempt, policy: POLICY };
    let money = |attempt, captured| Command::MoneyArrived { attempt, captured };
    let ended = |attempt| Command::PaymentEnded { attempt };
    let capture_failed = |attempt| Command::CaptureFailed { attempt };
    [
        ("pay", pay(ATTEMPT)),
        ("pay", pay(OTHER_ATTEMPT)),
        ("money authorized", money(ATTEMPT, false)),
        ("money captured", money(ATTEMPT, true)),
        ("money of another attempt", money(OTHER_ATTEMPT, false)),
        ("money of another attempt", money(OTHER_ATTEMPT, true)),
        ("payment ended", ended(ATTEMPT)),
        ("another attempt ended", ended(OTHER_ATTEMPT)),
        ("capture failed", capture_failed(ATTEMPT)),
        ("capture of another failed", capture_failed(OTHER_ATTEMPT)),
    ]
    .into_iter()
}

fn refund_rows() -> impl Iterator<Item = (&'static str, Command)> {
    let refund = |amount, lines: &[ReturnedLine], restock| {
        Command::Refund(OrderRefund { amount, lines: lines.to_vec(), restock, reason: None })
    };
    let two = [returned(FRONT_ROW, 2)];
    let most = [returned(FRONT_ROW, 3), returned(BALCONY, 1)];
    let too_many = [returned(FRONT_ROW, 2), returned(FRONT_ROW, 2)];
    let stranger = [returned(TicketId::from_uuid(uuid::Uuid::nil()), 1)];
    [
        ("refund a part", refund(Money::usd(75_49), &[], false)),
        ("refund a part", refund(Money::usd(20_00), &two, false)),
        ("refund a part", refund(Money::usd(40_00), &two, true)),
        ("refund what is left", refund(Money::usd(75_50), &[], true)),
        ("refund what is left", refund(Money::usd(75_50), &most, true)),
        ("refund more", refund(Money::usd(75_51), &[], false)),
        ("refund more", refund(Money::eur(1), &[], false)),
        ("refund nothing", refund(Money::usd(0), &two, true)),
        ("return more units than are kept", refund(Money::usd(75_50), &too_many, true)),
        ("return more units than are kept", refund(Money::usd(1), &stranger, false)),
    ]
    .into_iter()
}

fn returned(ticket: TicketId, quantity: u32) -> ReturnedLine {
    ReturnedLine { ticket, quantity: units(quantity) }
}

/// No longer than the hold that the order has already.
fn capped() -> HoldPolicy {
    HoldPolicy { cap: minutes(15), ..POLICY }
}

/// The column of the table that an order belongs to.
fn column(order: &Order) -> &'static str {
    match order.state {
        State::Created => "created",
        State::AwaitingPayment { .. } => "awaiting payment",
        State::Cancelling { reason: CancelReason::Expired, .. } => "cancelling (expired)",
        State::Cancelling { .. } => "cancelling (buyer, seller)",
        State::Complete { .. } => "complete",
        State::Cancelled { reason: CancelReason::Expired } => "cancelled (expired)",
        State::Cancelled { .. } => "cancelled (else)",
        State::Refunded { .. } => "refunded",
    }
}

fn state_name(order: &Order) -> String {
    match order.state {
        State::Cancelling { reason, .. } | State::Cancelled { reason } => {
            format!("{} ({reason})", order.state.name())
        }
        State::Created
        | State::AwaitingPayment { .. }
        | State::Complete { .. }
        | State::Refunded { .. } => order.state.name().to_owned(),
    }
}

/// The table's *same reason*, in the words of this order.
fn with_reason(promised: Outcome, order: &Order) -> Outcome {
    match (promised, order.state) {
        (Outcome::Becomes(state), State::Cancelling { reason, .. }) => {
            Outcome::Becomes(state.replace("same reason", &reason.to_string()))
        }
        (promised, _) => promised,
    }
}

fn outcome(verdict: &Result<Decision<Order>, Rejection>) -> Outcome {
    match verdict {
        Ok(decision) if decision.is_change() => Outcome::Becomes(state_name(decision.next())),
        Ok(_) => Outcome::Same,
        Err(rejection) => Outcome::Refused(rejection.code().to_owned()),
    }
}

/// What holds of every step of an order, besides the table.
pub(super) fn assert_laws(before: &Order, verdict: &Result<Decision<Order>, Rejection>) {
    assert_lawful(before, verdict);
    let Ok(decision) = verdict else { return };
    let next = decision.next();
    assert_eq!(next.total, before.total, "the total is frozen");
    assert_eq!(next.buyer, before.buyer, "an order keeps its buyer");
    assert_eq!(next.created_at, before.created_at);
    assert!(next.deadline() >= before.deadline(), "a hold never shrinks");
    let longest = before.created_at.plus(POLICY.cap.max(POLICY.hold));
    assert!(next.deadline() <= longest, "no hold outlives the cap");
    assert!(next.left_to_refund().is_ok(), "never more back than paid");
    if decision.is_change() {
        assert_eq!(summed(decision.units()), summed(&moved(before, next)));
        let event = decision.event().map(DomainEvent::event_type);
        assert_eq!(event, Some(told_as(next)));
    }
    let over = !before.is_live() && !matches!(before.state, State::Complete { .. });
    assert!(!over || !decision.is_change(), "an ended order stays ended");
}

/// The units that go with a step, in the words of the documentation.
fn moved(before: &Order, next: &Order) -> Units {
    match (before.state, next.state) {
        (State::AwaitingPayment { .. } | State::Cancelling { .. }, State::Complete { .. }) => {
            Units::Sell
        }
        (State::Complete { .. }, State::Cancelled { .. }) => {
            let left = |line: &Line| (line.ticket_id, line.quantity.get() - line.restocked);
            Units::Return(before.lines.iter().map(left).collect())
        }
        (_, State::Cancelled { .. }) => Units::Release,
        (State::Complete { .. }, State::Complete { .. } | State::Refunded { .. }) => {
            let lines = before.lines.iter().zip(next.lines.iter());
            let restocked =
                |(old, new): (&Line, &Line)| (new.ticket_id, new.restocked - old.restocked);
            Units::Return(lines.map(restocked).collect())
        }
        (_, _) => Units::Stay,
    }
}

/// The same movement, each ticket named once; returning nothing is staying.
fn summed(units: &Units) -> Units {
    let Units::Return(lines) = units else {
        return units.clone();
    };
    let mut sums = BTreeMap::new();
    for (ticket, units) in lines {
        *sums.entry(*ticket).or_insert(0) += units;
    }
    sums.retain(|_, units| *units > 0);
    if sums.is_empty() {
        return Units::Stay;
    }
    Units::Return(sums.into_iter().collect())
}

fn told_as(next: &Order) -> EventType {
    match next.state {
        State::Complete { .. } if next.refunded.is_zero() => EventType::OrderCompleted,
        State::Cancelled { .. } => EventType::OrderCancelled,
        State::Refunded { .. } => EventType::OrderRefunded,
        State::Created
        | State::AwaitingPayment { .. }
        | State::Cancelling { .. }
        | State::Complete { .. } => EventType::OrderUpdated,
    }
}
