//! Webhooks: which are believed, and what they are about.

use std::time::Duration;

use serde_json::{Value, json};
use ticketing_core::domain::payment::Dispute;
use ticketing_core::ports::{
    Notice, NoticeAbout, PaymentGateway as _, WebhookError, WebhookRequest,
};
use ticketing_core::values::Timestamp;
use ticketing_stripe::{SecretKey, StripeConfig, StripeGateway, WebhookSecret};
use ticketing_stripe_stand_in::{DisputeStatus, Event, RefundStatus, SignedEvent};

use crate::desk::Desk;

const NOW: i64 = 1_900_000_000;
const OLD: &str = "whsec_old";
const NEW: &str = "whsec_new";

fn gateway(secrets: &[&str]) -> StripeGateway {
    let config = StripeConfig::new(SecretKey::new("sk_test_a").unwrap());
    let config = secrets
        .iter()
        .fold(config, |config, secret| config.webhook_secret(WebhookSecret::new(*secret).unwrap()));
    config.open().unwrap()
}

fn read(gateway: &StripeGateway, signed: SignedEvent) -> Result<Notice, WebhookError> {
    read_at(gateway, signed, NOW)
}

fn read_at(
    gateway: &StripeGateway,
    signed: SignedEvent,
    seconds: i64,
) -> Result<Notice, WebhookError> {
    let headers = vec![("stripe-signature".to_owned(), signed.signature)];
    let request = WebhookRequest { body: signed.body, headers };
    gateway.read_webhook(&request, Timestamp::from_micros(seconds * 1_000_000))
}

fn event(kind: &str, object: &Value, livemode: bool) -> Vec<u8> {
    let event = json!({
        "id": "evt_1", "type": kind, "livemode": livemode, "data": { "object": object },
    });
    event.to_string().into_bytes()
}

fn an_event() -> Vec<u8> {
    event("payment_intent.succeeded", &json!({ "id": "pi_1" }), false)
}

#[test]
fn either_secret_counts_while_one_replaces_the_other() {
    let both = gateway(&[OLD, NEW]);
    for secret in [OLD, NEW] {
        let signed = SignedEvent::sign(an_event(), secret, NOW);
        assert!(read(&both, signed).is_ok(), "{secret}");
    }
    let signed_with_both = || {
        let (old, new) =
            (SignedEvent::sign(an_event(), OLD, NOW), SignedEvent::sign(an_event(), NEW, NOW));
        let (_, new) = new.signature.split_once(',').unwrap();
        SignedEvent { signature: format!("{},{new},v0=00", old.signature), ..old }
    };
    assert!(read(&gateway(&[NEW]), signed_with_both()).is_ok());
    assert!(read(&gateway(&[OLD]), signed_with_both()).is_ok());
    let other = read(&gateway(&["whsec_other"]), signed_with_both());
    assert_eq!(other, Err(WebhookError::BadSignature));
    assert_eq!(read(&gateway(&[]), signed_with_both()), Err(WebhookError::BadSignature));
}

#[test]
fn a_signature_is_believed_for_five_minutes() {
    let gateway = gateway(&[NEW]);
    let at = |seconds| read_at(&gateway, SignedEvent::sign(an_event(), NEW, NOW), seconds);
    for good in [NOW, NOW + 300, NOW - 300] {
        assert!(at(good).is_ok(), "{good}");
    }
    for bad in [NOW + 301, NOW - 301, NOW + 259_200] {
        assert_eq!(at(bad), Err(WebhookError::OutOfDate), "{bad}");
    }
    let stricter = StripeConfig::new(SecretKey::new("sk_test_a").unwrap())
        .webhook_secret(WebhookSecret::new(NEW).unwrap())
        .tolerance(Duration::from_secs(10))
        .open()
        .unwrap();
    let signed = SignedEvent::sign(an_event(), NEW, NOW - 11);
    assert_eq!(read(&stricter, signed), Err(WebhookError::OutOfDate));
}

#[test]
fn odd_signatures_are_not_believed() {
    let gateway = gateway(&[NEW]);
    let good = SignedEvent::sign(an_event(), NEW, NOW);
    let (time, v1) = good.signature.split_once(',').unwrap();
    let tampered = good.body.iter().copied().chain([b'\n']).collect();
    assert_eq!(
        read(&gateway, SignedEvent { body: tampered, ..good.clone() }),
        Err(WebhookError::BadSignature),
        "the bytes count, not what they mean"
    );
    for odd in [
        String::new(),
        time.to_owned(),
        v1.to_owned(),
        format!("{time},v1="),
        format!("{time},v1=zz"),
        format!("{time},{}", v1.get(..v1.len() - 2).unwrap()),
        format!("{time},{}", v1.replace("v1", "v0")),
        format!("{time},{time},{v1}"),
        format!("t={},{v1}", NOW + 1),
        format!("t=+{NOW},{v1}"),
        "t,v1".to_owned(),
    ] {
        let signed = SignedEvent { signature: odd.clone(), ..good.clone() };
        assert_eq!(read(&gateway, signed), Err(WebhookError::BadSignature), "{odd:?}");
    }
    let twice = ("stripe-signature".to_owned(), good.signature.clone());
    let request = WebhookRequest { body: good.body, headers: vec![twice.clone(), twice] };
    let read = gateway.read_webhook(&request, Timestamp::from_micros(NOW * 1_000_000));
    assert_eq!(read, Err(WebhookError::BadSignature));
}

#[test]
fn the_other_mode_is_refused() {
    let test = gateway(&[NEW]);
    let live = StripeConfig::new(SecretKey::new("sk_live_a").unwrap())
        .webhook_secret(WebhookSecret::new(NEW).unwrap())
        .open()
        .unwrap();
    let body = |livemode| event("payment_intent.succeeded", &json!({ "id": "pi_1" }), livemode);
    let sign = |livemode| SignedEvent::sign(body(livemode), NEW, NOW);
    assert_eq!(read(&test, sign(true)), Err(WebhookError::WrongMode));
    assert_eq!(read(&live, sign(false)), Err(WebhookError::WrongMode));
    assert!(read(&live, sign(true)).is_ok());
}

#[test]
fn an_event_is_about_its_intent() {
    let gateway = gateway(&[NEW]);
    let about = |kind: &str, object: Value| {
        let signed = SignedEvent::sign(event(kind, &object, false), NEW, NOW);
        let notice = read(&gateway, signed).unwrap();
        (notice.intent.map(|intent| intent.to_string()), notice.about)
    };
    let of = |about| (Some("pi_1".to_owned()), about);
    let charge = json!({ "id": "ch_1", "payment_intent": "pi_1" });
    let expanded = json!({ "id": "ch_1", "payment_intent": { "id": "pi_1", "amount": 7 } });
    for (kind, object) in [
        ("payment_intent.succeeded", json!({ "id": "pi_1", "amount": 1 })),
        ("payment_intent.from_the_future", json!({ "id": "pi_1" })),
        ("charge.refunded", charge.clone()),
        ("charge.captured", expanded),
    ] {
        assert_eq!(about(kind, object), of(NoticeAbout::Intent), "{kind}");
    }
    for (status, dispute) in [
        ("needs_response", NoticeAbout::Dispute(Dispute::Opened)),
        ("under_review", NoticeAbout::Dispute(Dispute::Opened)),
        ("won", NoticeAbout::Dispute(Dispute::Won)),
        ("lost", NoticeAbout::Dispute(Dispute::Lost)),
        // The bank only asks, or was kept from more.
        ("warning_needs_response", NoticeAbout::Intent),
        ("warning_under_review", NoticeAbout::Intent),
        ("warning_closed", NoticeAbout::Intent),
        ("prevented", NoticeAbout::Intent),
    ] {
        let object = json!({ "id": "dp_1", "payment_intent": "pi_1", "status": status });
        assert_eq!(about("charge.dispute.updated", object), of(dispute), "{status}");
    }
    let nothing = (None, NoticeAbout::Other);
    assert_eq!(about("customer.created", json!({ "id": "cus_1" })), nothing);
    let no_intent = json!({ "id": "ch_1", "payment_intent": null });
    assert_eq!(about("charge.refunded", no_intent), nothing);
}

#[test]
fn names_that_stripe_can_not_have_are_malformed() {
    let gateway = gateway(&[NEW]);
    for (kind, object) in [
        ("payment_intent.succeeded", json!({ "id": "pi_1/../x" })),
        ("charge.refunded", json!({ "payment_intent": "pi 1" })),
        ("refund.updated", json!({ "payment_intent": "pi_1" })),
    ] {
        let signed = SignedEvent::sign(event(kind, &object, false), NEW, NOW);
        assert_eq!(read(&gateway, signed), Err(WebhookError::Malformed), "{kind}");
    }
}

/// Everything that the stand-in tells is read, and names the intent it is about.
#[tokio::test]
async fn what_stripe_tells_of_a_payment_is_understood() {
    let desk = Desk::open().await;
    let intent = desk.captured().await;
    let refund = desk.stripe.refund_by_hand(intent.as_str(), Some(500)).unwrap();
    desk.stripe.settle_refund(&refund, RefundStatus::Failed);
    desk.stripe.dispute(intent.as_str()).unwrap();
    desk.stripe.decide_dispute(intent.as_str(), DisputeStatus::Lost);
    let mut told = Vec::new();
    for event in desk.stripe.take_events() {
        let notice = read_at(&desk.gateway, desk.stripe.sign(&event), desk.stripe.now()).unwrap();
        assert_eq!(notice.intent, Some(intent.clone()), "{event:?}");
        let Event { kind, .. } = event;
        told.push((kind, notice.about));
    }
    let of_refund =
        |about: &NoticeAbout| matches!(about, NoticeAbout::Refund(name) if name.as_str() == refund);
    let about = |kind: &str| told.iter().find(|(told, _)| told == kind).unwrap().1.clone();
    assert_eq!(about("payment_intent.succeeded"), NoticeAbout::Intent);
    assert_eq!(about("charge.refunded"), NoticeAbout::Intent);
    assert!(of_refund(&about("refund.created")) && of_refund(&about("refund.failed")));
    assert_eq!(about("charge.dispute.created"), NoticeAbout::Dispute(Dispute::Opened));
    assert_eq!(about("charge.dispute.closed"), NoticeAbout::Dispute(Dispute::Lost));
}
