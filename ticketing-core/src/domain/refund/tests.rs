//! The refund: the table of its documentation, its keys, and any sequence of answers.

use std::time::Duration;

use proptest::prelude::*;
use uuid::Uuid;

use crate::domain::laws::assert_lawful;
use crate::domain::order::fixtures::{ATTEMPT, DEADLINE, ORDER, PLACED, sides_of_the_deadline};
use crate::domain::payment::Payment;
use crate::domain::refund::{Refund, RefundCommand as Command, RefundState as State, RefundStep};
use crate::domain::transition_table::{Outcome, Side, TransitionTable};
use crate::values::{Money, Note, RefundId, RefundRef, Timestamp, Version};

const REFUND: RefundId = RefundId::from_uuid(Uuid::from_u128(0x5e));

fn reference() -> RefundRef {
    RefundRef::new("re_1").unwrap()
}

fn requested() -> Refund {
    let reason = Some(Note::new("Rained off").unwrap());
    let amount = Money::usd(12_34);
    Refund::request(REFUND, ATTEMPT, Some(ORDER), amount, reason, PLACED).into_next()
}

fn after(refund: Refund, command: Command) -> Refund {
    refund.decide(command, PLACED).into_next()
}

fn all_states() -> [Refund; 5] {
    [
        requested(),
        after(requested(), Command::GivenBack),
        after(requested(), Command::Pending(reference())),
        after(requested(), Command::Succeeded(reference())),
        after(requested(), Command::Failed),
    ]
}

fn column(refund: &Refund) -> &'static str {
    if refund.is_nameless() { "succeeded, nameless" } else { word(refund.state) }
}

fn word(state: State) -> &'static str {
    match state {
        State::Requested => "requested",
        State::Pending => "pending",
        State::Succeeded => "succeeded",
        State::Failed => "failed",
    }
}

fn rows() -> [(&'static str, Command); 9] {
    let another = || RefundRef::new("re_2").unwrap();
    [
        ("pending", Command::Pending(reference())),
        ("pending", Command::Pending(another())),
        ("succeeded", Command::Succeeded(reference())),
        ("succeeded", Command::Succeeded(another())),
        ("failed", Command::Failed),
        ("given back", Command::GivenBack),
        ("not given back", Command::NotGivenBack),
        ("next key", Command::NextKey),
        ("retry", Command::Retry),
    ]
}

#[test]
fn every_step_is_the_documented_one() {
    let mut table = TransitionTable::of(include_str!("../refund.rs"));
    for refund in all_states() {
        for (row, command) in rows() {
            for now in sides_of_the_deadline() {
                let promised = table.outcome(row, column(&refund), Side::Before);
                let decision = refund.clone().decide(command.clone(), now);
                let next = decision.next().clone();
                assert_lawful(&refund, &Ok(decision));
                let outcome = if next == refund {
                    Outcome::Same
                } else if next.state == refund.state {
                    Outcome::Becomes("noted".to_owned())
                } else {
                    Outcome::Becomes(word(next.state).to_owned())
                };
                assert_eq!(outcome, promised, "{row} of {}", column(&refund));
            }
        }
    }
    table.assert_all_seen();
}

#[test]
fn a_request_is_owed_at_once() {
    let refund = requested();
    assert_eq!(refund.version, Version::FIRST);
    assert_eq!(refund.next_action_at, Some(PLACED));
    assert_eq!(refund.next_step(PLACED), Some(RefundStep::Send));
    assert_eq!(refund.key(), format!("refund:{REFUND}:0"));
}

#[test]
fn a_refund_by_hand_is_written_down_as_done() {
    let amount = Money::usd(5_00);
    let decision = Refund::noted(REFUND, ATTEMPT, Some(ORDER), amount, PLACED);
    let event = decision.event().expect("it is told").key();
    assert_eq!(event.version, Version::FIRST, "one event for one version");
    let refund = decision.into_next();
    assert_eq!((refund.state, refund.amount), (State::Succeeded, amount));
    assert_eq!((refund.next_step(PLACED), refund.next_action_at), (None, None));
}

#[test]
fn a_pending_refund_is_asked_about_and_keeps_its_name() {
    let refund = requested().decide(Command::Pending(reference()), DEADLINE);
    let refund = refund.into_next();
    assert_eq!(refund.reference, Some(reference()));
    assert_eq!(refund.next_step(DEADLINE), Some(RefundStep::LookUp));
    let then = DEADLINE.plus(Refund::ASK_AGAIN_AFTER);
    assert_eq!(refund.next_action_at, Some(then));
}

/// R17: a refund fails, at once or after the bank had taken it.
#[test]
fn a_failed_refund_stays_owed_until_it_is_sent_again() {
    let succeeded = after(requested(), Command::Succeeded(reference()));
    let failed = after(succeeded, Command::Failed);
    assert_eq!((failed.state, failed.next_step(PLACED)), (State::Failed, None));
    assert_eq!(failed.amount, requested().amount, "nothing moves back");
    let again = after(failed, Command::Retry);
    assert_eq!(again.next_step(PLACED), Some(RefundStep::Send));
    assert_eq!(again.key(), format!("refund:{REFUND}:1"));
    assert_eq!(again.reference, None, "the old try's name is not the new one's");
}

/// Every try has a key of its own, and the gateway forgets each in its own time.
#[test]
fn a_try_is_given_up_when_its_key_is_forgotten() {
    let step = |refund: &Refund, since: Timestamp, late: Duration| {
        refund.next_step(since.plus(Payment::KEY_LASTS).plus(late))
    };
    let just_before = |refund: &Refund, since: Timestamp| {
        refund.next_step(since.plus(Payment::KEY_LASTS).minus(Duration::from_micros(1)))
    };
    let first = requested();
    assert_eq!(just_before(&first, PLACED), Some(RefundStep::Send));
    assert_eq!(step(&first, PLACED, Duration::ZERO), Some(RefundStep::GiveUp));
    for again in [
        after(first.clone(), Command::Failed).decide(Command::Retry, DEADLINE).into_next(),
        first.decide(Command::NextKey, DEADLINE).into_next(),
    ] {
        assert_eq!(again.key(), format!("refund:{REFUND}:1"));
        assert_eq!(just_before(&again, DEADLINE), Some(RefundStep::Send));
        assert_eq!(step(&again, DEADLINE, Duration::ZERO), Some(RefundStep::GiveUp));
    }
}

/// What is in work has arrived: its key does not matter any more.
#[test]
fn a_pending_refund_is_never_given_up() {
    let pending = after(requested(), Command::Pending(reference()));
    let late = PLACED.plus(2 * Payment::KEY_LASTS);
    assert_eq!(pending.next_step(late), Some(RefundStep::LookUp));
}

fn any_command() -> impl Strategy<Value = Command> {
    prop::sample::select(rows().map(|(_, command)| command).to_vec())
}

proptest! {
    #[test]
    fn any_sequence_of_answers_keeps_what_is_owed(
        commands in prop::collection::vec(any_command(), 0..40)
    ) {
        let mut refund = requested();
        let mut tries = 0;
        for command in commands {
            let before = refund.clone();
            let again = match before.state {
                State::Failed => command == Command::Retry,
                State::Requested => command == Command::NextKey,
                State::Pending | State::Succeeded => false,
            };
            refund = refund.decide(command, DEADLINE).into_next();
            tries += u32::from(again);
            let fixed = |of: &Refund| (of.id, of.payment, of.order, of.amount, of.reason.clone());
            prop_assert_eq!(fixed(&refund), fixed(&before));
            prop_assert_eq!(refund.attempt, tries, "a new key for a new try only");
            prop_assert_eq!(refund.next_action_at.is_some(), refund.next_step(DEADLINE).is_some());
            let sent = refund.next_step(DEADLINE) != Some(RefundStep::LookUp) || refund.reference.is_some();
            prop_assert!(sent, "nobody can ask about a refund without a name");
        }
    }
}
