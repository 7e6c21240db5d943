//! Who gets a stream, and how many there are.

use std::net::SocketAddr;
use std::ops::Range;

use async_trait::async_trait;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::request::Parts;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use prometheus_client::registry::Registry;
use ticketing_core::NewTicket;
use ticketing_core::memory::{MemoryGateway, MemoryStorage};
use ticketing_core::values::{Money, OrderId, UserId};
use tower::ServiceExt as _;

use super::*;
use crate::http::identity::{AuthUnavailable, Identity};

/// Believes everybody to be whom a header names.
#[derive(Debug)]
struct Credulous;

#[async_trait]
impl Authenticator for Credulous {
    async fn authenticate(&self, request: &Parts) -> Result<Option<Identity>, AuthUnavailable> {
        let named = request.headers.get("user").and_then(|name| name.to_str().ok());
        Ok(named.map(|name| Identity { user: user(name), operator: false }))
    }
}

fn user(name: &str) -> UserId {
    UserId::new(name).unwrap()
}

async fn engine() -> Ticketing {
    let builder = Ticketing::builder().storage(MemoryStorage::new()).gateway(MemoryGateway::new());
    builder.start().await.unwrap()
}

fn live(engine: Ticketing, options: &LiveOptions) -> LiveRouters {
    routers(engine, Arc::new(Credulous), options, CancellationToken::new())
}

/// Asks for the stream of tickets from an address, perhaps through a proxy.
async fn watch(router: &Router, peer: &str, forwarded: &str) -> axum::response::Response {
    let mut request = Request::get("/live").body(Body::empty()).unwrap();
    request.headers_mut().insert("x-forwarded-for", forwarded.parse().unwrap());
    ask(router, peer, request).await
}

/// Asks for the stream of these tickets, of which there is none.
async fn watch_named(router: &Router, peer: &str, names: Range<u128>) -> axum::response::Response {
    let ids: Vec<String> = names.map(|id| uuid::Uuid::from_u128(id).to_string()).collect();
    let request = Request::get(format!("/live?ids={}", ids.join(",")));
    ask(router, peer, request.body(Body::empty()).unwrap()).await
}

async fn ask(router: &Router, peer: &str, mut request: Request<Body>) -> axum::response::Response {
    let peer: SocketAddr = format!("{peer}:5000").parse().unwrap();
    request.extensions_mut().insert(ConnectInfo(peer));
    router.clone().oneshot(request).await.unwrap()
}

fn refused(answer: &axum::response::Response) -> StatusCode {
    assert!(answer.headers().contains_key("retry-after"), "{answer:?}");
    answer.status()
}

#[tokio::test]
async fn there_are_so_many_streams() {
    let options = LiveOptions { streams: 2, ..LiveOptions::default() };
    let router = live(engine().await, &options).tickets;
    let first = watch(&router, "1.1.1.1", "-").await;
    let second = watch(&router, "2.2.2.2", "-").await;
    assert_eq!((first.status(), second.status()), (StatusCode::OK, StatusCode::OK));
    let third = watch(&router, "3.3.3.3", "-").await;
    assert_eq!(refused(&third), StatusCode::SERVICE_UNAVAILABLE);
    assert!(numbers(&options).contains("http_live_streams 2\n"), "{}", numbers(&options));
    drop(first);
    assert_eq!(watch(&router, "3.3.3.3", "-").await.status(), StatusCode::OK);
}

fn numbers(options: &LiveOptions) -> String {
    let mut registry = Registry::default();
    options.metrics.register(&mut registry);
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
    text
}

#[tokio::test]
async fn one_address_does_not_take_them_all() {
    let trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()];
    let options = LiveOptions { streams_per_address: 1, trusted_proxies, ..Default::default() };
    let router = live(engine().await, &options).tickets;
    let first = watch(&router, "1.1.1.1", "-").await;
    assert_eq!(first.status(), StatusCode::OK);
    // What a client says of itself does not help it.
    let second = watch(&router, "1.1.1.1", "9.9.9.9").await;
    assert_eq!(refused(&second), StatusCode::TOO_MANY_REQUESTS);
    let behind = watch(&router, "10.0.0.1", "2.2.2.2").await;
    assert_eq!(behind.status(), StatusCode::OK);
    let behind_too = watch(&router, "10.0.0.1", "3.3.3.3").await;
    assert_eq!(behind_too.status(), StatusCode::OK);
    let same = watch(&router, "10.0.0.2", "1.1.1.1").await;
    assert_eq!(refused(&same), StatusCode::TOO_MANY_REQUESTS);
    drop(first);
    assert_eq!(watch(&router, "10.0.0.2", "1.1.1.1").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn one_address_does_not_name_all_tickets() {
    // Ten for each stream, and enough for one with all that it may name.
    for (streams_per_address, names) in [(20, [0..100, 100..199]), (4, [0..60, 60..99])] {
        let options = LiveOptions { streams_per_address, ..LiveOptions::default() };
        let router = live(engine().await, &options).tickets;
        let mut open = Vec::new();
        for names in names {
            open.push(watch_named(&router, "1.1.1.1", names).await);
        }
        assert!(open.iter().all(|it| it.status() == StatusCode::OK), "{open:?}");
        // Whoever is refused keeps nothing.
        for _ in 0..streams_per_address {
            let one_more = watch_named(&router, "1.1.1.1", 500..502).await;
            assert_eq!(refused(&one_more), StatusCode::TOO_MANY_REQUESTS);
        }
        assert_eq!(watch(&router, "1.1.1.1", "-").await.status(), StatusCode::OK, "it names none");
        assert_eq!(
            watch_named(&router, "1.1.1.1", 0..60).await.status(),
            StatusCode::OK,
            "the same"
        );
        assert_eq!(watch_named(&router, "2.2.2.2", 0..100).await.status(), StatusCode::OK);
        drop(open.remove(0));
        assert_eq!(watch_named(&router, "1.1.1.1", 500..502).await.status(), StatusCode::OK);
    }
}

#[tokio::test]
async fn streams_of_orders_and_of_tickets_share_their_places() {
    let engine = engine().await;
    let new = NewTicket::new("Front row", Money::usd(20_00)).quantity(5);
    let ticket = engine.tickets().list_for_sale(user("seller"), new).await.unwrap().id;
    let order = engine.orders().reserve(user("buyer"), [(ticket, 1)]).await.unwrap().id;
    let routers = live(engine, &LiveOptions { streams: 1, ..LiveOptions::default() });
    let watch_order = async |who: &str, order: OrderId| {
        let request = Request::get(format!("/{order}/live")).header("user", who);
        routers.orders.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
    };
    // Whoever is refused keeps no place.
    for _ in 0..3 {
        assert_eq!(watch_order("stranger", order).await.status(), StatusCode::UNAUTHORIZED);
    }
    let mut first = watch_order("buyer", order).await;
    assert_eq!(first.status(), StatusCode::OK);
    let told = first.body_mut().frame().await.unwrap().unwrap().into_data().unwrap();
    assert!(told.starts_with(b"event: order\n"), "{told:?}");
    let none_left = watch(&routers.tickets, "1.1.1.1", "-").await;
    assert_eq!(refused(&none_left), StatusCode::SERVICE_UNAVAILABLE);
}
