use std::time::Duration;

use super::*;
use crate::ports::payment_gateway::{Notice, WebhookError};

fn read(desk: &Desk, request: &WebhookRequest) -> Result<Notice, WebhookError> {
    desk.gateway.read_webhook(request, desk.clock.now())
}

#[tokio::test]
async fn every_change_is_told_once() {
    let desk = Desk::new();
    let intent = desk.open(1).await;
    assert_eq!(desk.gateway.notices(), []);
    desk.confirm(&intent, "tok_visa").await.unwrap();
    for _ in 0..2 {
        desk.gateway.capture(&intent, PRICE, "capture").await.unwrap();
        desk.gateway.void(&intent, "void").await.unwrap();
    }
    let refund = desk.gateway.refund_at_gateway(&intent, PRICE).unwrap();
    desk.gateway.dispute(&intent, Dispute::Opened);
    let waiting = desk.gateway.notices();
    assert_eq!(desk.gateway.drain_webhooks(), waiting);
    assert_eq!(desk.gateway.drain_webhooks(), []);
    let notices: Vec<Notice> =
        waiting.iter().map(|request| read(&desk, request).unwrap()).collect();
    let told: Vec<NoticeAbout> = notices.iter().map(|notice| notice.about.clone()).collect();
    let expected = [
        NoticeAbout::Intent,
        NoticeAbout::Intent,
        NoticeAbout::Refund(refund.reference),
        NoticeAbout::Dispute(Dispute::Opened),
    ];
    assert_eq!(told, expected);
    for (number, notice) in (1..).zip(&notices) {
        assert_eq!(notice.intent.as_ref(), Some(&intent));
        assert_eq!(notice.id.as_str(), format!("evt_mem_{number}"));
    }
}

#[tokio::test]
async fn a_webhook_that_was_changed_is_not_believed() {
    let desk = Desk::new();
    desk.used(1, "tok_visa").await;
    let request = desk.gateway.drain_webhooks().remove(0);
    assert!(read(&desk, &request).is_ok());
    let mut body = request.clone();
    body.body.push(b' ');
    let mut later = request.clone();
    for (name, value) in &mut later.headers {
        if name == "x-memory-signed-at" {
            value.push('0');
        }
    }
    let mut unsigned = request.clone();
    unsigned.headers.clear();
    for changed in [body, later, unsigned] {
        assert_eq!(read(&desk, &changed), Err(WebhookError::BadSignature));
    }
}

#[tokio::test]
async fn a_webhook_must_be_of_now() {
    let desk = Desk::new();
    desk.used(1, "tok_visa").await;
    let request = desk.gateway.drain_webhooks().remove(0);
    let limit = Duration::from_mins(5);
    let micro = Duration::from_micros(1);
    for (now, fresh) in [
        (START.plus(limit), true),
        (START.minus(limit), true),
        (START.plus(limit).plus(micro), false),
        (START.minus(limit).minus(micro), false),
    ] {
        desk.clock.set(now);
        let out_of_date = read(&desk, &request) == Err(WebhookError::OutOfDate);
        assert_eq!(out_of_date, !fresh, "{now:?}");
    }
}

#[test]
fn an_authentic_webhook_of_an_odd_shape_is_malformed() {
    let desk = Desk::new();
    for body in ["", "{}", r#"{"id":"","intent":null,"about":"intent"}"#] {
        let request = MemoryGateway::sign(body.into(), START);
        assert_eq!(read(&desk, &request), Err(WebhookError::Malformed), "{body}");
    }
    let body = r#"{"id":"evt_1","intent":null,"about":"payout"}"#;
    let request = MemoryGateway::sign(body.into(), START);
    assert_eq!(read(&desk, &request).unwrap().about, NoticeAbout::Other);
}
