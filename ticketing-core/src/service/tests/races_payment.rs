//! Races about paying: answers that come late, get lost, or never come.

use std::time::Duration;

use crate::domain::order::{CancelReason, OrderState};
use crate::domain::payment::{DeclineCode, PaymentState};
use crate::domain::settlement::IntentStatus;
use crate::ports::GatewayErrorKind;
use crate::service::payment_receipt::PaymentOutcome;
use crate::service::tests::people::{ann, token};
use crate::service::tests::state::{assert_sold_once, code_of};
use crate::service::tests::wire::Twist;
use crate::service::tests::world::{GRACE, HOLD, MILLI, NOTHING, World};
use crate::testing::{FaultKind, Operation};

const HALF_A_MINUTE: Duration = Duration::from_secs(30);
const EXPIRED: OrderState = OrderState::Cancelled { reason: CancelReason::Expired };
const CARD_DECLINED: DeclineCode = DeclineCode::CardDeclined;

/// The first payment moves the deadline: who paid in time may wait for the bank.
#[test]
fn r01_pay_just_before_the_deadline_answer_later() {
    let mut world = World::new();
    let order = world.held_by(&ann());
    world.wait_until(order.expires_at.minus(MILLI));
    world.line.next("confirm", Twist::ArrivesAfter(HALF_A_MINUTE));
    let paying = world.start_to_pay(&order, "tok_visa");

    world.wait(Duration::from_secs(10));
    world.work();
    assert!(paying.is_open());
    let attempt = world.only_attempt(&order);
    let waits = OrderState::AwaitingPayment { attempt: attempt.id };
    assert_eq!(world.state(&order), waits, "its time is up, but it pays");
    assert_eq!(world.units(&order), (1, 0));

    world.wait(HALF_A_MINUTE);
    let receipt = paying.answer().unwrap();
    assert_eq!(receipt.outcome(), PaymentOutcome::Complete);
    world.rest();
    assert_sold_once(&world, &order);
    assert_eq!(world.story(&order), ["created", "updated", "completed"]);
}

/// The answer takes longer than even a payment may: what was authorized by then is not kept.
#[test]
fn r01_pay_just_before_the_deadline_answer_after_every_deadline() {
    let mut world = World::new();
    let order = world.held_by(&ann());
    world.wait_until(order.expires_at.minus(MILLI));
    let never = Duration::from_hours(2);
    world.line.next("confirm", Twist::ArrivesAfter(never));
    let paying = world.start_to_pay(&order, "tok_visa");
    world.pass(GRACE + Duration::from_mins(1));
    assert_eq!(world.state(&order), EXPIRED);
    assert_eq!(world.units(&order), (0, 0));

    world.pass(never);
    let receipt = paying.answer().unwrap();
    assert_eq!(receipt.outcome(), PaymentOutcome::Ended);
    world.rest();
    assert_eq!(world.payment_states(&order), [PaymentState::Voided]);
    assert_eq!(world.ledger(), [(IntentStatus::Gone, NOTHING)]);
}

#[test]
fn r02_pay_just_after_the_deadline_before_any_timer() {
    let mut world = World::new();
    let order = world.held_by(&ann());
    for late in [Duration::ZERO, MILLI] {
        world.wait_until(order.expires_at.plus(late));
        let refused = world.pay(&order, "tok_visa");
        assert_eq!(code_of(refused), "order_expired");
    }
    assert_eq!(world.state(&order), OrderState::Created, "nobody swept");
    assert_eq!(world.units(&order), (1, 0));
    world.rest();
    assert_eq!(world.state(&order), EXPIRED);
    assert_eq!(world.units(&order), (0, 0));
    assert_eq!(world.attempts(&order), []);
    assert_eq!(world.intents(), []);
    assert_eq!(world.story(&order), ["created", "cancelled"]);
}

/// The intent is found under the attempt's own key, seen to be unconfirmed, and voided.
#[test]
fn r03_crash_after_the_intent_was_opened_before_its_id_was_stored() {
    let mut world = World::new();
    let order = world.held_by(&ann());
    world.line.next("open", Twist::AnswersAfter(HOLD));
    let paying = world.start_to_pay(&order, "tok_visa");
    assert_eq!(world.ledger().len(), 1);
    assert_eq!(world.only_attempt(&order).intent, None);

    world.crash();
    assert!(paying.is_open());
    world.pass(Duration::from_mins(2));
    assert_eq!(world.ledger(), [(IntentStatus::Gone, NOTHING)], "one intent");
    assert_eq!(world.payment_states(&order), [PaymentState::Voided]);
    assert_eq!(world.state(&order), OrderState::Created, "it can be paid");

    let receipt = world.pay(&order, "tok_visa").unwrap();
    assert_eq!(receipt.outcome(), PaymentOutcome::Complete);
    world.rest();
    let complete = OrderState::Complete { payment: receipt.payment.id };
    assert_eq!(world.state(&order), complete);
    let ledger = [IntentStatus::Gone, IntentStatus::Captured];
    assert_eq!(world.ledger(), ledger.map(|status| (status, NOTHING)));
}

/// The bank has said yes, and nobody was left to hear it.
#[test]
fn r04_crash_after_the_charge_before_its_commit() {
    let mut world = World::new();
    let order = world.held_by(&ann());
    world.line.next("confirm", Twist::AnswersAfter(HOLD));
    let paying = world.start_to_pay(&order, "tok_visa");
    assert_eq!(world.ledger(), [(IntentStatus::Authorized, NOTHING)]);

    world.crash();
    assert!(paying.is_open());
    world.pass(Duration::from_mins(1));
    assert_sold_once(&world, &order);
    assert_eq!(world.line.calls_of("confirm").len(), 1, "sent at most once");
    world.rest();
}

/// The same where the method captures at once.
#[test]
fn r04_crash_after_the_money_was_taken_at_once() {
    let mut world = World::new();
    let order = world.held_by(&ann());
    world.line.next("confirm", Twist::AnswersAfter(HOLD));
    let paying = world.start_to_pay(&order, "tok_automatic");
    world.crash();
    assert!(paying.is_open());
    world.pass(Duration::from_mins(1));
    assert_sold_once(&world, &order);
    assert_eq!(world.line.calls_of("capture"), [""; 0]);
    world.rest();
}

#[test]
fn r10_double_click() {
    let mut world = World::new();
    let order = world.held_by(&ann());
    let slow = Twist::AnswersAfter(HALF_A_MINUTE);
    world.line.next("open", slow);
    let first = world.start_to_pay(&order, "tok_visa");
    let second = world.start_to_pay(&order, "tok_visa");
    let shown = second.answer().unwrap();
    assert_eq!(shown.outcome(), PaymentOutcome::Pending);
    world.wait(HALF_A_MINUTE);
    let paid = first.answer().unwrap();
    assert_eq!(paid.payment.id, shown.payment.id, "one attempt for both");
    assert_eq!(paid.outcome(), PaymentOutcome::Complete);
    world.rest();
    assert_sold_once(&world, &order);
}

/// Clicks that come so close that both read an order which nobody pays yet.
#[test]
fn r10_double_click_in_every_order_of_steps() {
    for seed in 0..200 {
        let mut world = World::seeded(seed);
        let order = world.held_by(&ann());
        let payments = world.process.engine.payments();
        let buyer = ann();
        let visa = || token("tok_visa");
        let (one, other) = world.run(async {
            let one = payments.pay(&buyer, order.id, visa());
            let other = payments.pay(&buyer, order.id, visa());
            futures_util::future::join(one, other).await
        });
        let attempt = world.only_attempt(&order).id;
        for answer in [one, other] {
            match answer {
                Ok(receipt) => assert_eq!(receipt.payment.id, attempt),
                Err(error) => assert_eq!(error.code(), "order_complete"),
            }
        }
        world.work();
        assert_sold_once(&world, &order);
        world.rest();
    }
}

#[test]
fn r11_decline_then_second_card() {
    let mut world = World::new();
    let order = world.held_by(&ann());
    let declined = world.pay(&order, "tok_chargeDeclined").unwrap();
    let outcome = PaymentOutcome::Declined(CARD_DECLINED);
    assert_eq!(declined.outcome(), outcome);
    assert_eq!(world.state(&order), OrderState::Created);
    assert_eq!(world.units(&order), (1, 0));

    let paid = world.pay(&order, "tok_visa").unwrap();
    assert_eq!(paid.outcome(), PaymentOutcome::Complete);
    assert_ne!(paid.payment.id, declined.payment.id);
    world.rest();
    let payment = paid.payment.id;
    assert_eq!(world.state(&order), OrderState::Complete { payment });
    assert_eq!(world.units(&order), (0, 1));
    let code = CARD_DECLINED;
    let states = [PaymentState::Declined { code }, PaymentState::Captured];
    assert_eq!(world.payment_states(&order), states);
    let ledger = [IntentStatus::Gone, IntentStatus::Captured];
    assert_eq!(world.ledger(), ledger.map(|status| (status, NOTHING)));
    let story = ["created", "updated", "updated", "updated", "completed"];
    assert_eq!(world.story(&order), story);
}

/// A second card is tried on a new attempt, even if the first could not be voided at once.
#[test]
fn r11_second_card_while_the_first_could_not_be_voided() {
    let mut world = World::new();
    let order = world.held_by(&ann());
    let lost = Twist::Fails(GatewayErrorKind::Unknown);
    world.line.next("void", lost);
    let declined = world.pay(&order, "tok_chargeDeclined").unwrap();
    let outcome = PaymentOutcome::Declined(CARD_DECLINED);
    assert_eq!(declined.outcome(), outcome);

    let paid = world.pay(&order, "tok_visa").unwrap();
    assert_ne!(paid.payment.id, declined.payment.id);
    assert_eq!(paid.outcome(), PaymentOutcome::Complete);
    world.rest();
    let ledger = [IntentStatus::Gone, IntentStatus::Captured];
    assert_eq!(world.ledger(), ledger.map(|status| (status, NOTHING)));
}

/// The deadline that the first attempt set is in force for the second as well.
#[test]
fn r11_no_second_card_after_the_deadline() {
    let mut world = World::new();
    let order = world.held_by(&ann());
    world.wait_until(order.expires_at.minus(MILLI));
    world.pays(&order, "tok_chargeDeclined");
    let first = world.order(order.id);
    assert_eq!(first.deadline(), world.clock.now().plus(GRACE));
    world.wait(GRACE.saturating_sub(MILLI));
    world.pays(&order, "tok_chargeDeclined");
    assert_eq!(world.order(order.id).deadline(), first.deadline());
    world.wait(MILLI);
    let refused = world.pay(&order, "tok_visa");
    assert_eq!(code_of(refused), "order_expired");
    world.rest();
    assert_eq!(world.state(&order), EXPIRED);
}

/// A stored 500 hides an intent: it is looked for, found and voided, never opened twice.
#[test]
fn r12_stored_500_that_hides_an_intent() {
    let mut world = World::new();
    let order = world.held_by(&ann());
    world.line.next("open", Twist::ErrorKept { happened: true });
    let receipt = world.pay(&order, "tok_visa").unwrap();
    assert_eq!(receipt.outcome(), PaymentOutcome::Pending);
    world.pass(Duration::from_mins(3));
    assert_eq!(world.line.calls_of("open").len(), 1);
    assert_eq!(world.ledger(), [(IntentStatus::Gone, NOTHING)]);
    assert_eq!(world.payment_states(&order), [PaymentState::Voided]);
    assert_eq!(world.state(&order), OrderState::Created);
    world.rest();
    assert_eq!(world.state(&order), EXPIRED);
}

/// A stored 500 that hides nothing: the attempt ends after a minute.
#[test]
fn r12_stored_500_that_hides_nothing() {
    let mut world = World::new();
    let order = world.held_by(&ann());
    world.line.next("open", Twist::ErrorKept { happened: false });
    world.pays(&order, "tok_visa");
    world.pass(Duration::from_mins(2));
    assert_eq!(world.payment_states(&order), [PaymentState::Voided]);
    assert_eq!(world.state(&order), OrderState::Created);
    let paid = world.pay(&order, "tok_visa").unwrap();
    assert_eq!(paid.outcome(), PaymentOutcome::Complete);
    world.rest();
    assert_eq!(world.ledger(), [(IntentStatus::Captured, NOTHING)]);
}

/// A confirmation that took effect behind a stored 500.
#[test]
fn r12_stored_500_that_hides_a_charge() {
    let mut world = World::new();
    let order = world.held_by(&ann());
    world.line.next("confirm", Twist::ErrorKept { happened: true });
    let receipt = world.pay(&order, "tok_visa").unwrap();
    assert_eq!(receipt.outcome(), PaymentOutcome::Complete, "it was asked");
    world.rest();
    assert_sold_once(&world, &order);
    assert_eq!(world.line.calls_of("confirm").len(), 1);
}

/// The gateway repeats its 500 for the capture's key, whether it captured or not.
#[test]
fn r12_stored_500_at_the_capture() {
    for happened in [true, false] {
        let mut world = World::new();
        let order = world.held_by(&ann());
        world.line.next("capture", Twist::ErrorKept { happened });
        world.pays(&order, "tok_visa");
        world.pass(Duration::from_mins(2));
        assert_sold_once(&world, &order);
        world.rest();
    }
}

/// The gateway repeats its 500 for the void's key, whether it voided or not.
#[test]
fn r12_stored_500_at_the_void() {
    for happened in [true, false] {
        let mut world = World::new();
        let order = world.held_by(&ann());
        world.line.next("void", Twist::ErrorKept { happened });
        world.pays(&order, "tok_chargeDeclined");
        world.pass(Duration::from_mins(2));
        let code = CARD_DECLINED;
        assert_eq!(world.payment_states(&order), [PaymentState::Declined { code }]);
        assert_eq!(world.state(&order), OrderState::Created);
        assert_eq!(world.ledger(), [(IntentStatus::Gone, NOTHING)]);
    }
}

/// The attempt was written down; what failed after that is told by how it stands, not by an
/// error that says that nothing happened.
#[test]
fn pay_that_fails_after_the_attempt_was_written_down_shows_the_attempt() {
    for fails in [2, 3] {
        let mut world = World::new();
        let order = world.held_by(&ann());
        world.faults.nth(Operation::Commit, fails, FaultKind::Before);
        let receipt = world.pay(&order, "tok_visa").unwrap();
        assert_eq!(receipt.outcome(), PaymentOutcome::Pending);
        assert_eq!(world.only_attempt(&order).id, receipt.payment.id);
        world.rest();
        let outcome = world.ledger();
        assert!(
            outcome == [(IntentStatus::Gone, NOTHING)]
                || outcome == [(IntentStatus::Captured, NOTHING)]
        );
    }
}
