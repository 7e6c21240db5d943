//! Which webhooks are believed, and what they say.

use std::time::Duration;

use ticketing_core::ports::{NoticeAbout, PaymentGateway, WebhookError, WebhookRequest};
use ticketing_core::testing::ManualClock;
use ticketing_core::testing::builders::START;

use crate::SandboxGateway;

fn gateway() -> SandboxGateway {
    SandboxGateway::with_clock(std::sync::Arc::new(ManualClock::new(START)))
}

fn body(livemode: bool, about: &str) -> Vec<u8> {
    let body = r#"{"id":"evt_1","livemode":LIVE,"created":"2026-01-01T00:00:00.000Z","intent":null,"about":ABOUT}"#;
    body.replace("LIVE", &livemode.to_string()).replace("ABOUT", about).into()
}

#[test]
fn a_signature_is_believed_for_five_minutes_either_way() {
    let gateway = gateway();
    let request = gateway.sign(body(false, "\"intent\""));
    let (limit, micro) = (Duration::from_mins(5), Duration::from_micros(1));
    for at in [START.plus(limit), START.minus(limit)] {
        assert!(gateway.read_webhook(&request, at).is_ok(), "{at}");
    }
    for at in [START.plus(limit).plus(micro), START.minus(limit).minus(micro)] {
        assert_eq!(gateway.read_webhook(&request, at), Err(WebhookError::OutOfDate), "{at}");
    }
}

#[test]
fn a_header_that_was_touched_is_not_believed() {
    let gateway = gateway();
    let good = gateway.sign(body(false, "\"intent\""));
    let value = good.headers[0].1.clone();
    let (time, signature) = value.split_once(",v1=").unwrap();
    let at = START.as_micros();
    for forged in [
        format!("t={},v1={signature}", at + 1),
        format!("t=+{at},v1={signature}"),
        format!("t=0{at},v1={signature}"),
        format!("{time},v1={}", signature.split_at(2).1),
        format!("{time},v1={}", signature.split_at(62).0),
        format!("{time},v1="),
        format!("{time},v0={signature}"),
        time.to_owned(),
        String::new(),
    ] {
        let headers = vec![(good.headers[0].0.clone(), forged.clone())];
        let request = WebhookRequest { headers, ..good.clone() };
        let read = gateway.read_webhook(&request, START);
        assert_eq!(read, Err(WebhookError::BadSignature), "{forged}");
    }
    let of_another = self::gateway().sign(good.body.clone());
    let read = gateway.read_webhook(&of_another, START);
    assert_eq!(read, Err(WebhookError::BadSignature), "each ledger has a secret of its own");
    let secret = gateway.client_secret(&"sandbox_pi_1".parse().unwrap());
    let (_, of_client) = secret.expose().split_once("_secret_").unwrap();
    let headers = vec![(good.headers[0].0.clone(), format!("t=client,v1={of_client}"))];
    let request = WebhookRequest { headers, body: b"sandbox_pi_1".to_vec() };
    assert!(gateway.read_webhook(&request, START).is_err(), "a buyer can't sign webhooks");
}

#[test]
fn what_claims_real_money_comes_from_elsewhere() {
    let gateway = gateway();
    let read = gateway.read_webhook(&gateway.sign(body(true, "\"intent\"")), START);
    assert_eq!(read, Err(WebhookError::WrongMode));
}

#[test]
fn news_of_later_versions_are_of_no_concern() {
    let gateway = gateway();
    let about = |about| gateway.read_webhook(&gateway.sign(body(false, about)), START);
    assert_eq!(about("\"payout\"").unwrap().about, NoticeAbout::Other);
    assert_eq!(about("\"intent\"").unwrap().about, NoticeAbout::Intent);
    let refund = about(r#"{"refund":"sandbox_re_1"}"#).unwrap().about;
    assert_eq!(refund, NoticeAbout::Refund("sandbox_re_1".parse().unwrap()));
    assert_eq!(about("7"), Err(WebhookError::Malformed));
}
