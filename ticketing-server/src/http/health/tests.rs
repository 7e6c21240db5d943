//! The routes over an engine whose storage can be made to fail.

use std::sync::Arc;

use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt as _;
use ticketing_core::memory::{MemoryGateway, MemoryStorage};
use ticketing_core::ports::TokioRuntime;
use ticketing_core::testing::{FaultKind, Faults, FaultyStorage, Operation};
use ticketing_core::values::{Money, UserId};
use ticketing_core::{Duties, NewTicket};
use tower::ServiceExt as _;

use super::*;

async fn ask(router: &Router, path: &str) -> (u16, String) {
    let request = Request::get(path).body(Body::empty()).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

struct Fixture {
    router: Router,
    faults: Faults,
    draining: CancellationToken,
}

/// Without background work, so that no call but those of the routes meets a fault.
async fn fixture() -> Fixture {
    let faults = Faults::new(1, Arc::new(TokioRuntime::current().unwrap()));
    let storage = FaultyStorage::new(Arc::new(MemoryStorage::new()), &faults);
    let engine = Ticketing::builder().storage(storage).gateway(MemoryGateway::new());
    let engine = engine.duties(Duties::NONE).start().await.unwrap();
    let draining = CancellationToken::new();
    let router = router(engine, Metrics::new(), draining.clone());
    Fixture { router, faults, draining }
}

const OK: (u16, &str) = (200, r#"{"status":"ok"}"#);

#[tokio::test]
async fn a_server_without_its_storage_is_alive_and_not_ready() {
    let Fixture { router, faults, .. } = fixture().await;
    assert_eq!(ask(&router, "/readyz").await, (OK.0, OK.1.to_owned()));
    faults.next(Operation::StorageNow, FaultKind::Before);
    let (status, body) = ask(&router, "/readyz").await;
    assert_eq!(status, 503);
    assert!(body.contains(r#""code":"unavailable""#), "{body}");
    assert_eq!(ask(&router, "/healthz").await, (OK.0, OK.1.to_owned()));
    assert_eq!(ask(&router, "/readyz").await.0, 200, "it is ready again");
}

#[tokio::test]
async fn a_server_that_ends_is_not_ready() {
    let Fixture { router, draining, .. } = fixture().await;
    draining.cancel();
    let (status, body) = ask(&router, "/readyz").await;
    assert_eq!(status, 503);
    assert!(body.contains(r#""code":"draining""#), "{body}");
    assert_eq!(ask(&router, "/healthz").await, (OK.0, OK.1.to_owned()));
}

#[tokio::test]
async fn numbers_are_told_even_if_the_storage_does_not_answer() {
    let Fixture { router, faults, .. } = fixture().await;
    let (status, text) = ask(&router, "/metrics").await;
    assert_eq!(status, 200);
    assert!(text.contains("\nticketing_storage_answers 1\n"), "{text}");
    assert!(text.contains("\nticketing_outbox_rows 0\n"), "{text}");
    faults.next(Operation::OutboxDepth, FaultKind::Before);
    let (status, text) = ask(&router, "/metrics").await;
    assert_eq!(status, 200);
    assert!(text.contains("\nticketing_storage_answers 0\n"), "{text}");
}

#[tokio::test]
async fn what_is_held_is_right_from_the_first_number_on() {
    let storage = MemoryStorage::new();
    let engine = async || {
        let builder = Ticketing::builder().storage(storage.clone()).gateway(MemoryGateway::new());
        builder.duties(Duties::NONE).start().await.unwrap()
    };
    let before = engine().await;
    let (seller, buyer) = (UserId::new("seller").unwrap(), UserId::new("buyer").unwrap());
    let new = NewTicket::new("Front row", Money::usd(20_00)).quantity(9);
    let ticket = before.tickets().list_for_sale(seller, new).await.unwrap();
    before.orders().reserve(buyer.clone(), [(ticket.id, 2)]).await.unwrap();
    before.orders().reserve(buyer, [(ticket.id, 3)]).await.unwrap();
    before.shutdown().await.unwrap();

    // Another process over the same storage has counted nothing yet.
    let router = router(engine().await, Metrics::new(), CancellationToken::new());
    let (_, text) = ask(&router, "/metrics").await;
    assert!(text.contains("\nticketing_live_orders 2\n"), "{text}");
    assert!(text.contains("\nticketing_held_units 5\n"), "{text}");
}
