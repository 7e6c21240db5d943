//! How calls look and travel.

use ticketing_core::domain::payment::DeclineCode;
use ticketing_core::domain::settlement::IntentStatus;
use ticketing_core::ports::{GatewayErrorKind, OpenIntent, PaymentGateway as _};
use ticketing_core::values::{IntentRef, Money, Timestamp};
use ticketing_stripe_stand_in::{Call, Fault};

use crate::desk::{Desk, an_intent, card, config};

#[tokio::test]
async fn an_intent_is_opened_as_stripe_wants_it() {
    let desk = Desk::open().await;
    let wanted = an_intent(Money::usd(19_99));
    desk.gateway.open(&wanted).await.unwrap();
    let request = desk.stripe.requests().pop().unwrap();
    assert_eq!(request.key.as_deref(), Some(wanted.key.as_str()));
    for part in ["amount=1999", "currency=usd", "capture_method=manual"] {
        assert!(request.parameters.split('&').any(|given| given == part), "{request:?}");
    }
    let intent = desk.stripe.ledger().intents.pop().unwrap();
    let noted = |name: &str| intent.metadata[name].clone();
    assert_eq!(noted("ticketing_store"), wanted.store.to_string());
    assert_eq!(noted("ticketing_order"), wanted.order.to_string());
    assert_eq!(noted("ticketing_attempt"), wanted.attempt.to_string());
}

#[tokio::test]
async fn connections_are_used_again() {
    let desk = Desk::open().await;
    for _ in 0..10 {
        desk.opened().await;
    }
    assert_eq!(desk.stripe.connections(), 1);
}

#[tokio::test]
async fn a_call_without_an_answer_is_sent_again_under_its_key() {
    for fault in [Fault::CutBefore, Fault::CutAfter, Fault::SilenceBefore, Fault::SilenceAfter] {
        let desk = Desk::open().await;
        desk.stripe.next(Call::Create, fault);
        desk.opened().await;
        let keys: Vec<_> = desk.stripe.requests().into_iter().map(|request| request.key).collect();
        assert_eq!(keys.len(), 2, "{fault:?}");
        assert_eq!(keys[0], keys[1], "{fault:?}");
        assert_eq!(desk.stripe.ledger().intents.len(), 1, "{fault:?}");
    }
}

#[tokio::test]
async fn too_many_calls_are_sent_again_later() {
    let desk = Desk::open().await;
    desk.stripe.next(Call::Create, Fault::TooMany);
    desk.stripe.next(Call::Create, Fault::TooMany);
    desk.opened().await;
    assert_eq!(desk.stripe.calls(Call::Create), 3);
}

#[tokio::test]
async fn a_charge_whose_answer_is_lost_is_made_once() {
    let desk = Desk::open().await;
    let intent = desk.opened().await;
    desk.stripe.next(Call::Confirm, Fault::CutAfter);
    let report = desk.gateway.confirm(&intent, &card("tok_visa"), "confirm").await.unwrap();
    assert_eq!(report.status, IntentStatus::Authorized);
    assert_eq!(desk.stripe.ledger().charges.len(), 1);
    assert_eq!(desk.stripe.calls(Call::Method), 1, "the same method was confirmed again");
}

#[tokio::test]
async fn an_error_that_was_answered_is_not_sent_again() {
    for fault in [Fault::ErrorBefore, Fault::ErrorAfter] {
        let desk = Desk::open().await;
        desk.stripe.next(Call::Create, fault);
        let wanted = an_intent(Money::usd(19_99));
        for _time in 0..2 {
            let error = desk.gateway.open(&wanted).await.unwrap_err();
            assert_eq!(error.kind(), GatewayErrorKind::ServerError, "{fault:?}");
        }
        assert_eq!(desk.stripe.calls(Call::Create), 2, "once for each");
    }
}

#[tokio::test]
async fn a_key_that_is_in_use_is_waited_for() {
    let desk = Desk::open().await;
    let wanted = an_intent(Money::usd(19_99));
    let late = std::time::Duration::from_millis(100);
    desk.stripe.next(Call::Create, Fault::Delay(late));
    let patient = config(&desk.stripe).tries(10).pause(late).open().unwrap();
    let (first, second) = tokio::join!(patient.open(&wanted), patient.open(&wanted));
    assert_eq!(first.unwrap(), second.unwrap());
    assert_eq!(desk.stripe.ledger().intents.len(), 1);
}

/// Declines have a word that tells a buyer what to do.
#[tokio::test]
async fn a_decline_says_what_a_buyer_can_do() {
    for (method, code) in [
        ("pm_card_visa_chargeDeclined", DeclineCode::CardDeclined),
        ("pm_card_visa_chargeDeclinedLostCard", DeclineCode::CardDeclined),
        ("tok_chargeDeclinedInsufficientFunds", DeclineCode::InsufficientFunds),
        ("pm_card_chargeDeclinedExpiredCard", DeclineCode::ExpiredCard),
        ("pm_card_chargeDeclinedIncorrectCvc", DeclineCode::IncorrectCvc),
        ("pm_card_chargeDeclinedProcessingError", DeclineCode::ProcessingError),
    ] {
        let desk = Desk::open().await;
        let intent = desk.opened().await;
        let report = desk.gateway.confirm(&intent, &card(method), "confirm").await.unwrap();
        assert_eq!(report.status, IntentStatus::NeedsMethod { declined: Some(code) }, "{method}");
    }
}

#[tokio::test]
async fn a_buyer_who_does_not_pass_is_told_so() {
    let desk = Desk::open().await;
    let intent = desk.opened().await;
    let asks = card("pm_card_threeDSecure2Required");
    let report = desk.gateway.confirm(&intent, &asks, "confirm").await.unwrap();
    assert_eq!(report.status, IntentStatus::NeedsAction);
    desk.stripe.authenticate(intent.as_str(), false).unwrap();
    let found = desk.gateway.look_up(&intent).await.unwrap().unwrap();
    let declined = Some(DeclineCode::AuthenticationFailed);
    assert_eq!(found.report.status, IntentStatus::NeedsMethod { declined });
    assert!(found.client_secret.is_some());
}

/// Somebody else confirmed it already: what counts is how it stands.
#[tokio::test]
async fn a_confirmation_that_comes_second_is_told_how_it_stands() {
    let desk = Desk::open().await;
    let intent = desk.opened().await;
    desk.stripe.confirm_as_client(intent.as_str(), "tok_visa").unwrap();
    let report = desk.gateway.confirm(&intent, &card("tok_visa"), "confirm").await.unwrap();
    assert_eq!(report.status, IntentStatus::Authorized);
    assert_eq!(desk.stripe.ledger().charges.len(), 1);
}

#[tokio::test]
async fn a_name_that_stripe_can_not_have_is_not_sent() {
    let desk = Desk::open().await;
    for odd in ["pi_1/../../v1/refunds", "pi_1?x=y", "pi-1", "#"] {
        let odd = IntentRef::new(odd).unwrap();
        assert_eq!(desk.gateway.look_up(&odd).await.unwrap(), None);
        let error = desk.gateway.void(&odd, "void").await.unwrap_err();
        assert_eq!(error.kind(), GatewayErrorKind::Refused);
    }
    assert_eq!(desk.stripe.requests(), []);
}

/// The list begins at the oldest, over pages, whether or not there is something older.
#[tokio::test]
async fn a_long_list_is_walked_from_its_oldest_end() {
    let desk = Desk::open().await;
    for older in [0, 3] {
        for _ in 0..older {
            desk.opened().await;
        }
        desk.stripe.advance(std::time::Duration::from_hours(1));
        let since = Timestamp::from_micros(desk.stripe.now() * 1_000_000);
        let mut opened = Vec::new();
        for _ in 0..230 {
            opened.push(desk.opened().await);
        }
        let (mut listed, mut sizes, mut after) = (Vec::new(), Vec::new(), None);
        loop {
            let page = desk.gateway.list_since(since, after).await.unwrap();
            sizes.push(page.intents.len());
            listed.extend(page.intents.into_iter().map(|found| found.intent));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(listed, opened, "{sizes:?}");
        assert!(sizes.iter().all(|size| *size <= 100), "{sizes:?}");
    }
}

/// An account is shared with others, whose intents are not looked at.
#[tokio::test]
async fn what_no_engine_of_ours_opened_is_not_listed() {
    let desk = Desk::open().await;
    let since = Timestamp::from_micros((desk.stripe.now() - 60) * 1_000_000);
    let ours = desk.opened().await;
    desk.stripe.create_by_hand(5000, "xaf").unwrap();
    let page = desk.gateway.list_since(since, None).await.unwrap();
    let listed: Vec<_> = page.intents.into_iter().map(|found| found.intent).collect();
    assert_eq!((listed, page.next), (vec![ours], None));
}

/// The same attempt under another sum would hide a changed price.
#[tokio::test]
async fn a_key_with_other_parameters_is_refused() {
    let desk = Desk::open().await;
    let wanted = an_intent(Money::usd(19_99));
    desk.gateway.open(&wanted).await.unwrap();
    let other = OpenIntent { amount: Money::usd(20_00), ..wanted };
    let error = desk.gateway.open(&other).await.unwrap_err();
    assert_eq!(error.kind(), GatewayErrorKind::Refused);
}
