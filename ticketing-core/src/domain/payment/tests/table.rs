//! Every state, every command, whoever confirms and whether the intent is known, against the
//! tables in the documentation of the machine.

use crate::domain::decision::Decision;
use crate::domain::event::{DomainEvent, EventType};
use crate::domain::laws::assert_lawful;
use crate::domain::order::fixtures::sides_of_the_deadline;
use crate::domain::payment::fixtures::{all_states, intent};
use crate::domain::payment::tests::rows::rows;
use crate::domain::payment::{
    ConfirmedBy, Payment, PaymentCommand as Command, PaymentState as State, VoidReason,
};
use crate::domain::rejection::Rejection;
use crate::domain::transition_table::{Outcome, Side, TransitionTable};

#[test]
fn every_step_is_the_documented_one() {
    let mut table = TransitionTable::of(include_str!("../../payment.rs"));
    for payment in payments() {
        for row in rows(&payment) {
            let promised = table.outcome(row.name, column(payment.state), Side::Before);
            for now in sides_of_the_deadline() {
                let verdict = row.payment.clone().decide(row.command.clone(), now);
                let case = format!("{} of {:?}", row.name, row.payment);
                assert_eq!(outcome(&row.payment, &verdict), promised, "{case}");
                assert_laws(&row.payment, &row.command, &verdict);
            }
        }
    }
    table.assert_all_seen();
}

/// Payments in every state, confirmed by either side, with and without an intent.
fn payments() -> impl Iterator<Item = Payment> {
    let by_either = [ConfirmedBy::Server, ConfirmedBy::Client];
    let payments = by_either.into_iter().flat_map(all_states);
    payments.flat_map(|payment| {
        [None, Some(intent())].map(|intent| Payment { intent, ..payment.clone() })
    })
}

/// The column of the tables that a state belongs to.
fn column(state: State) -> &'static str {
    match state {
        State::Initiated
        | State::Open
        | State::Confirming
        | State::NeedsAction
        | State::Authorized
        | State::Captured
        | State::NeedsOperator { .. } => state.name(),
        State::Voiding { because: VoidReason::Declined(_) } => "voiding (declined)",
        State::Voiding { .. } => "voiding (else)",
        State::Declined { .. } | State::Voided => "declined, voided",
    }
}

fn state_name(state: State) -> String {
    match state {
        State::Voiding { because } => format!("voiding ({})", reason(because)),
        State::Initiated
        | State::Open
        | State::Confirming
        | State::NeedsAction
        | State::Authorized
        | State::Captured
        | State::Declined { .. }
        | State::Voided
        | State::NeedsOperator { .. } => state.name().to_owned(),
    }
}

fn reason(because: VoidReason) -> &'static str {
    match because {
        VoidReason::Declined(_) => "declined",
        VoidReason::Abandoned => "abandoned",
        VoidReason::OrderOver => "order over",
        VoidReason::CaptureFailed => "capture failed",
        VoidReason::Stray => "stray",
    }
}

fn outcome(before: &Payment, verdict: &Result<Decision<Payment>, Rejection>) -> Outcome {
    match verdict {
        Ok(decision) if !decision.is_change() => Outcome::Same,
        Ok(decision) if decision.next().state == before.state => {
            Outcome::Becomes("noted".to_owned())
        }
        Ok(decision) => Outcome::Becomes(state_name(decision.next().state)),
        Err(rejection) => Outcome::Refused(rejection.code().to_owned()),
    }
}

/// What holds of every step of a payment, besides the tables.
pub(super) fn assert_laws(
    before: &Payment,
    command: &Command,
    verdict: &Result<Decision<Payment>, Rejection>,
) {
    assert_lawful(before, verdict);
    let Ok(decision) = verdict else { return };
    let next = decision.next();
    let fixed = |of: &Payment| (of.order, of.buyer.clone(), of.amount, of.confirmed_by);
    assert_eq!(fixed(next), fixed(before), "what is paid, for what, by whom");
    assert!(before.intent.is_none() || next.intent == before.intent);
    let sum = next.refunding.minor();
    assert!(sum >= before.refunding.minor(), "what is owed back stays so");
    assert!(sum <= next.amount.minor(), "never more back than captured");
    let kept = matches!(next.state, State::Captured | State::NeedsOperator { .. });
    assert!(before.state != State::Captured || kept, "taken is taken");
    if decision.is_change() {
        let due = next.next_step(next.created_at).is_some();
        assert_eq!(next.next_action_at.is_some(), due, "what is owed is due");
        let told = decision.event().map(DomainEvent::event_type);
        assert_eq!(told, Some(told_as(before, command, next)));
    }
}

/// The name under which a step is told.
fn told_as(before: &Payment, command: &Command, next: &Payment) -> EventType {
    let taken = |state: State| matches!(state, State::Authorized | State::Captured);
    let over = |state: State| matches!(state, State::Declined { .. } | State::Voided);
    if next.refunding != before.refunding || *command == (Command::Captured { accepted: false }) {
        EventType::PaymentRefunded
    } else if taken(next.state) && !taken(before.state) {
        EventType::PaymentCreated
    } else if over(next.state) && !over(before.state) {
        EventType::PaymentFailed
    } else {
        EventType::PaymentUpdated
    }
}
