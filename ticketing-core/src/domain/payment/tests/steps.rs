//! What is next at the gateway, and when somebody must look.

use std::time::Duration;

use crate::domain::event::{DomainEvent, EventType};
use crate::domain::order::fixtures::{ATTEMPT, ORDER, minutes, user};
use crate::domain::payment::fixtures::{AMOUNT, STARTED, after, all_states, initiated, open};
use crate::domain::payment::{
    ConfirmedBy, DeclineCode, GatewayStep as Step, Payment, PaymentCommand as Command,
    PaymentState as State, VoidReason,
};
use crate::domain::rejection::Reason;
use crate::domain::view::PaymentStatus;
use crate::values::{IntentRef, Money, Timestamp, Version};

const SOON: Timestamp = Timestamp::from_millis(1_767_323_045_678 + 120_000);

/// The step that is next, when the key of the opening is still good.
fn step(payment: &Payment) -> Option<Step> {
    payment.next_step(SOON)
}

fn decided(payment: Payment, command: Command) -> Payment {
    payment.decide(command, SOON).unwrap().into_next()
}

#[test]
fn an_attempt_is_written_down_before_the_gateway_hears_of_it() {
    let owner = (ORDER, user("buyer"));
    let decision = Payment::initiate(ATTEMPT, owner, AMOUNT, ConfirmedBy::Client, STARTED);
    let told = decision.event().map(DomainEvent::event_type);
    assert_eq!(told, Some(EventType::PaymentUpdated));
    let payment = decision.into_next();
    assert_eq!((payment.version, payment.state), (Version::FIRST, State::Initiated));
    assert_eq!((payment.amount, payment.intent.clone()), (AMOUNT, None));
    assert_eq!(payment.refunding, Money::usd(0));
    // Whoever started it has a minute before the reconciler looks.
    assert_eq!(payment.next_action_at, Some(STARTED.plus(minutes(1))));
}

#[test]
fn each_state_has_its_next_step() {
    for payment in all_states(ConfirmedBy::Server) {
        let expected = match payment.state {
            State::Initiated => Some(Step::Open),
            State::Open | State::Confirming | State::NeedsAction => Some(Step::LookUp),
            State::Authorized => Some(Step::Capture),
            State::Voiding { .. } => Some(Step::Void),
            State::Captured
            | State::Declined { .. }
            | State::Voided
            | State::NeedsOperator { .. } => None,
        };
        assert_eq!(step(&payment), expected, "{:?}", payment.state);
    }
}

/// What must be voided must have been opened.
#[test]
fn an_intent_that_nobody_knows_is_opened_or_searched_for_before_it_is_voided() {
    let voiding = decided(initiated(ConfirmedBy::Server), Command::Void(VoidReason::OrderOver));
    assert_eq!(step(&voiding), Some(Step::Open));
    let doubted = decided(voiding, Command::OpenInDoubt);
    assert_eq!(step(&doubted), Some(Step::Search));
    let intent = IntentRef::new("pi_1").unwrap();
    let found = decided(doubted, Command::Opened { intent, confirming: false });
    assert_eq!((step(&found), found.search_only), (Some(Step::Void), false));
}

/// R12: the gateway stored a server error under the attempt's key: sending it again would only
/// be answered with the same error.
#[test]
fn an_opening_in_doubt_is_searched_for_and_never_repeated() {
    let doubted = decided(initiated(ConfirmedBy::Server), Command::OpenInDoubt);
    assert_eq!(step(&doubted), Some(Step::Search));
    assert_eq!(doubted.next_action_at, Some(SOON.plus(Payment::ASK_AGAIN_AFTER)));
}

#[test]
fn an_old_key_is_not_used_again() {
    let payment = initiated(ConfirmedBy::Server);
    let forgotten = STARTED.plus(Duration::from_hours(23));
    assert_eq!(payment.next_step(forgotten.minus(minutes(1))), Some(Step::Open));
    assert_eq!(payment.next_step(forgotten), Some(Step::Search));
}

#[test]
fn only_our_own_confirmations_are_given_up_after_a_minute() {
    let server = open(ConfirmedBy::Server);
    let minute = STARTED.plus(minutes(1));
    assert!(!server.is_abandoned(minute.minus(Duration::from_micros(1))));
    assert!(server.is_abandoned(minute));
    assert!(!open(ConfirmedBy::Client).is_abandoned(STARTED.plus(minutes(600))));
}

#[test]
fn what_may_take_money_is_live() {
    for payment in all_states(ConfirmedBy::Client) {
        let over = matches!(
            payment.state,
            State::Captured | State::Declined { .. } | State::Voided | State::NeedsOperator { .. }
        );
        assert_eq!(payment.is_live(), !over, "{:?}", payment.state);
        let asked = decided(payment.clone(), Command::MarkLate);
        assert_eq!(asked.late_money, !over, "{:?}", payment.state);
    }
}

#[test]
fn a_void_is_tried_at_once_and_keeps_its_reason() {
    let reasons = [
        VoidReason::Abandoned,
        VoidReason::OrderOver,
        VoidReason::Stray,
        VoidReason::Declined(DeclineCode::ExpiredCard),
    ];
    for because in reasons {
        let voiding = decided(open(ConfirmedBy::Server), Command::Void(because));
        assert_eq!(voiding.state, State::Voiding { because });
        assert_eq!(voiding.next_action_at, Some(SOON));
        let again = voiding.clone().decide(Command::Void(VoidReason::OrderOver), SOON).unwrap();
        assert_eq!(again.next(), &voiding, "the first reason stands");
    }
}

#[test]
fn a_decline_is_kept_for_the_buyer() {
    let code = DeclineCode::InsufficientFunds;
    for confirmed_by in [ConfirmedBy::Server, ConfirmedBy::Client] {
        let declined = decided(open(confirmed_by), Command::Declined(code));
        assert_eq!(declined.last_decline, Some(code));
        assert_eq!(declined.view().declined, Some(code));
    }
    let voiding = decided(open(ConfirmedBy::Server), Command::Declined(code));
    assert_eq!(decided(voiding, Command::Gone).state, State::Declined { code });
}

/// SETTLED by the kind of attempt: a browser may try another card on the same intent.
#[test]
fn another_card_is_confirmed_on_the_clients_intent() {
    let declined = Command::Declined(DeclineCode::CardDeclined);
    let payment = after(open(ConfirmedBy::Client), [declined, Command::Confirm]);
    assert_eq!((payment.state, step(&payment)), (State::Confirming, Some(Step::LookUp)));
}

#[test]
fn money_that_is_not_accepted_is_owed_back_whole() {
    let captured = open(ConfirmedBy::Server).decide(Command::Captured { accepted: false }, SOON);
    let captured = captured.unwrap();
    let told = captured.event().map(DomainEvent::event_type);
    assert_eq!(told, Some(EventType::PaymentRefunded));
    assert_eq!(captured.next().refunding, AMOUNT);
    assert_eq!(captured.next().left_to_refund(), Ok(Money::usd(0)));
    let refund = captured.into_next().decide(Command::Refund(Money::usd(1)), SOON);
    let left = Money::usd(0);
    assert_eq!(refund.unwrap_err().reason, Reason::RefundTooLarge { left });
}

#[test]
fn an_authorization_owes_the_capture() {
    let payment = decided(open(ConfirmedBy::Server), Command::Authorized { accepted: true });
    assert_eq!(payment.next_action_at, Some(SOON.plus(Payment::ASK_AGAIN_AFTER)));
    let pending = payment.decide(Command::Refund(Money::usd(1)), SOON).unwrap_err();
    assert_eq!(pending.code(), "capture_pending");
}

#[test]
fn others_see_what_concerns_them() {
    let status = |payment: &Payment| payment.view().status;
    assert_eq!(status(&open(ConfirmedBy::Client)), PaymentStatus::RequiresAction);
    for payment in all_states(ConfirmedBy::Server) {
        let expected = match payment.state {
            State::Initiated | State::Open | State::Confirming => PaymentStatus::Pending,
            State::NeedsAction => PaymentStatus::RequiresAction,
            State::Authorized => PaymentStatus::Authorized,
            State::Captured => PaymentStatus::Captured,
            State::Voiding { .. } => PaymentStatus::Voiding,
            State::Declined { .. } => PaymentStatus::Declined,
            State::Voided => PaymentStatus::Voided,
            State::NeedsOperator { why } => {
                assert_eq!(payment.view().trouble, Some(why));
                PaymentStatus::NeedsOperator
            }
        };
        assert_eq!(status(&payment), expected);
    }
}

/// A confirmation is lost if the gateway still waits for one a minute after it was sent, however
/// long the intent was open before.
#[test]
fn a_confirmation_is_answered_within_a_minute() {
    let sent = STARTED.plus(minutes(9));
    let open = open(ConfirmedBy::Client);
    assert!(!open.is_unanswered(sent), "none was sent");
    let confirming = open.decide(Command::Confirm, sent).unwrap().into_next();
    assert_eq!(confirming.confirmed_at, Some(sent));
    let just_before = sent.plus(minutes(1)).minus(Duration::from_micros(1));
    assert!(!confirming.is_unanswered(just_before));
    assert!(confirming.is_unanswered(sent.plus(minutes(1))));
    let declined = Command::Declined(DeclineCode::CardDeclined);
    assert!(!decided(confirming, declined).is_unanswered(sent.plus(minutes(1))));
}

/// What an earlier card was declined for is not what became of the one that was lost.
#[test]
fn a_lost_confirmation_is_no_decline() {
    let declined = Command::Declined(DeclineCode::CardDeclined);
    let tried = decided(decided(open(ConfirmedBy::Client), declined), Command::Confirm);
    assert_eq!(tried.last_decline, Some(DeclineCode::CardDeclined));
    let lost = decided(tried, Command::ConfirmationLost);
    assert_eq!((lost.state, lost.last_decline), (State::Open, None));
}
