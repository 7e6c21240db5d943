//! The layers around a small router, asked without a network.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::Path;
use axum::http::{HeaderMap, Method, Request, header};
use axum::response::sse::{Event, Sse};
use axum::routing::{get, post};
use axum::{Extension, Json};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tower::ServiceExt as _;

use super::*;
use crate::http::extract::{Body as JsonBody, RequestCorrelation};

/// What the layers made of a request.
struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    fn code(&self) -> String {
        self.json()["errors"][0]["code"].as_str().unwrap().to_owned()
    }
}

fn router() -> Router {
    let panics = async || -> &'static str { panic!("on purpose") };
    let echo = async |JsonBody(body): JsonBody<Value>| Json(body);
    let affair =
        async |Extension(RequestCorrelation(id)): Extension<RequestCorrelation>| id.to_string();
    let forever = async || std::future::pending::<()>().await;
    let events = async || {
        let event = async { Ok::<_, std::io::Error>(Event::default().data("x".repeat(500))) };
        Sse::new(futures_util::stream::once(event))
    };
    Router::new()
        .route("/api/tickets", post(echo).get(async || Json(json!({"text": "x".repeat(500)}))))
        .route("/api/tickets/{id}", get(async |Path(id): Path<String>| id))
        .route("/api/panics", get(panics))
        .route("/api/affair", get(affair))
        .route("/api/forever", get(forever))
        .route("/api/events", get(events))
        .route("/api/cached", get(async || ([(header::CACHE_CONTROL, "max-age=5")], "kept")))
}

fn request(method: Method, path: &str) -> Request<Body> {
    Request::builder().method(method).uri(path).header("host", "here").body(Body::empty()).unwrap()
}

fn posted(body: impl Into<Body>) -> Request<Body> {
    let request = Request::post("/api/tickets").header("host", "here");
    request.header("content-type", "application/json").body(body.into()).unwrap()
}

async fn ask(options: &LayerOptions, request: Request<Body>) -> Answer {
    ask_dressed(dress(router(), options), request).await
}

async fn ask_dressed(router: Router, request: Request<Body>) -> Answer {
    let response = router.oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes().to_vec();
    Answer { status: parts.status.as_u16(), headers: parts.headers, body }
}

async fn get_default(path: &str) -> Answer {
    ask(&LayerOptions::default(), request(Method::GET, path)).await
}

#[tokio::test]
async fn every_answer_has_the_same_headers() {
    let expected = [
        "content-security-policy: default-src 'none'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'",
        "cross-origin-opener-policy: same-origin",
        "cross-origin-resource-policy: same-origin",
        "permissions-policy: camera=(), geolocation=(), microphone=(), payment=(), usb=()",
        "referrer-policy: no-referrer",
        "strict-transport-security: max-age=63072000",
        "x-content-type-options: nosniff",
        "x-frame-options: DENY",
    ];
    let paths = ["/api/tickets", "/api/tickets/7", "/nowhere", "/api/panics", "/api/events"];
    for path in paths {
        let answer = get_default(path).await;
        let of_itself = ["content-type", "content-length", "cache-control", "vary", "x-request-id"];
        let others = answer.headers.iter().filter(|(name, _)| {
            !of_itself.contains(&name.as_str()) && name.as_str() != "x-correlation-id"
        });
        let mut others: Vec<String> =
            others.map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
        others.sort();
        assert_eq!(others, expected, "{path}");
    }
}

#[tokio::test]
async fn browsers_are_not_told_to_insist_on_what_is_not_there() {
    let options = LayerOptions { secure: false, ..LayerOptions::default() };
    let answer = ask(&options, request(Method::GET, "/api/tickets")).await;
    assert_eq!(answer.header("strict-transport-security"), None);
}

#[tokio::test]
async fn answers_of_the_api_are_kept_nowhere_unless_they_say_so() {
    assert_eq!(get_default("/api/tickets").await.header("cache-control"), Some("no-store"));
    assert_eq!(get_default("/api/nowhere").await.header("cache-control"), Some("no-store"));
    assert_eq!(get_default("/api/cached").await.header("cache-control"), Some("max-age=5"));
    assert_eq!(get_default("/nowhere").await.header("cache-control"), None);
}

#[tokio::test]
async fn json_says_how_it_is_written() {
    for path in ["/api/tickets", "/api/nowhere", "/api/panics"] {
        let kind = get_default(path).await.headers[header::CONTENT_TYPE].clone();
        assert_eq!(kind, "application/json; charset=utf-8", "{path}");
    }
}

#[tokio::test]
async fn routes_and_methods_that_are_not_there_are_told_alike() {
    let answer = get_default("/api/nowhere").await;
    assert_eq!((answer.status, answer.code().as_str()), (404, "not_found"));
    let answer = ask(&LayerOptions::default(), request(Method::DELETE, "/api/tickets")).await;
    assert_eq!((answer.status, answer.code().as_str()), (405, "method_not_allowed"));
    assert_eq!(answer.header("allow"), Some("POST,GET,HEAD"));
}

#[tokio::test]
async fn a_slash_at_the_end_changes_nothing() {
    for path in ["/api/tickets/7", "/api/tickets/7/"] {
        let answer = get_default(path).await;
        assert_eq!((answer.status, answer.body.as_slice()), (200, b"7".as_slice()), "{path}");
    }
}

#[tokio::test]
async fn a_panic_is_a_failure_with_an_id_to_quote() {
    let mut asked = request(Method::GET, "/api/panics");
    let id = "0189f7a4-6f6a-7000-8000-000000000007";
    asked.headers_mut().insert("x-correlation-id", id.parse().unwrap());
    let answer = ask(&LayerOptions::default(), asked).await;
    let entry = json!({"message": "Something went wrong", "code": "internal", "correlationId": id});
    assert_eq!((answer.status, answer.json()), (500, json!({"errors": [entry]})));
}

#[tokio::test]
async fn ids_are_taken_from_outside_only_if_they_are_uuids() {
    let id = "0189f7a4-6f6a-7000-8000-000000000007";
    for (name, sent, is_taken) in [
        ("x-request-id", id, true),
        ("x-correlation-id", id, true),
        ("x-request-id", "0189f7a46f6a70008000000000000007", false),
        ("x-correlation-id", "\u{1b}[31mred", false),
        ("x-correlation-id", "", false),
    ] {
        let mut asked = request(Method::GET, "/api/affair");
        let sent = axum::http::HeaderValue::from_bytes(sent.as_bytes());
        let Ok(sent) = sent else { continue };
        asked.headers_mut().insert(name, sent.clone());
        let answer = ask(&LayerOptions::default(), asked).await;
        assert_eq!(answer.headers[name] == sent, is_taken, "{name}: {sent:?}");
        let affair = answer.header("x-correlation-id").unwrap();
        assert_eq!(String::from_utf8(answer.body.clone()).unwrap(), affair);
        if name == "x-request-id" {
            assert_eq!(answer.header(name), Some(affair), "an affair begins with its request");
        }
    }
}

#[tokio::test]
async fn other_sites_can_change_nothing() {
    for (name, value, status) in [
        ("sec-fetch-site", "cross-site", 403),
        ("sec-fetch-site", "same-site", 403),
        ("sec-fetch-site", "same-origin", 200),
        ("origin", "https://elsewhere", 403),
        ("origin", "null", 403),
        ("origin", "https://here", 200),
        ("x-none-of-both", "1", 200),
    ] {
        let mut asked = posted("{}");
        asked.headers_mut().insert(name, value.parse().unwrap());
        let answer = ask(&LayerOptions::default(), asked).await;
        assert_eq!(answer.status, status, "{name}: {value}");
        if status == 403 {
            assert_eq!(answer.code(), "cross_site_request");
        }
    }
}

#[tokio::test]
async fn large_bodies_are_refused() {
    let body = |length: usize| format!("{{\"x\":\"{}\"}}", "x".repeat(length - 8));
    let answer = ask(&LayerOptions::default(), posted(body(64 * 1024))).await;
    assert_eq!(answer.status, 200);
    let answer = ask(&LayerOptions::default(), posted(body(64 * 1024 + 1))).await;
    assert_eq!((answer.status, answer.code().as_str()), (413, "body_too_large"));
    let parts = std::iter::repeat_with(|| Ok::<_, std::io::Error>("x".repeat(1024))).take(65);
    let endless = Body::from_stream(futures_util::stream::iter(parts));
    let answer = ask(&LayerOptions::default(), posted(endless)).await;
    assert_eq!((answer.status, answer.code().as_str()), (413, "body_too_large"));
}

#[tokio::test]
async fn a_handler_that_takes_too_long_is_given_up() {
    assert_eq!(LayerOptions::default().answer_within, Duration::from_secs(10));
    let answer_within = Duration::from_millis(20);
    let options = LayerOptions { answer_within, ..LayerOptions::default() };
    let answer = ask(&options, request(Method::GET, "/api/forever")).await;
    assert_eq!((answer.status, answer.code().as_str()), (503, "unavailable"));
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(ask(&options, request(Method::GET, "/api/events")).await.status, 200);
}

#[tokio::test]
async fn long_answers_are_compressed_but_events_are_not() {
    for (path, encoding) in [("/api/tickets", Some("gzip")), ("/api/events", None)] {
        let mut asked = request(Method::GET, path);
        asked.headers_mut().insert("accept-encoding", "gzip".parse().unwrap());
        let answer = ask(&LayerOptions::default(), asked).await;
        assert_eq!(answer.header("content-encoding"), encoding, "{path}");
    }
}

/// A router whose reads wait until they are told to go on.
fn waiting(begun: &Arc<Notify>, go_on: &Arc<Notify>, options: &LayerOptions) -> Router {
    let (begun, go_on) = (Arc::clone(begun), Arc::clone(go_on));
    let read = async move || {
        begun.notify_one();
        go_on.notified().await;
    };
    dress(Router::new().route("/api/tickets", get(read).post(async || "made")), options)
}

#[tokio::test]
async fn a_crowd_of_one_priority_is_refused_at_once_and_in_nobodys_way() {
    let priorities = PriorityLimits { browse: 1, ..PriorityLimits::default() };
    let options = LayerOptions { priorities, ..LayerOptions::default() };
    let (begun, go_on) = (Arc::default(), Arc::default());
    let router = waiting(&begun, &go_on, &options);
    let read = || request(Method::GET, "/api/tickets");
    let first = tokio::spawn(ask_dressed(router.clone(), read()));
    begun.notified().await;

    let asked = Instant::now();
    let refused = ask_dressed(router.clone(), read()).await;
    assert!(asked.elapsed() < Duration::from_millis(50), "{:?}", asked.elapsed());
    assert_eq!((refused.status, refused.code().as_str()), (503, "overloaded"));
    assert_eq!(refused.header("retry-after"), Some("1"));
    let other = request(Method::POST, "/api/tickets");
    assert_eq!(ask_dressed(router.clone(), other).await.status, 200);

    go_on.notify_one();
    assert_eq!(first.await.unwrap().status, 200);
    go_on.notify_one();
    assert_eq!(ask_dressed(router, read()).await.status, 200);
}

#[tokio::test]
async fn one_address_may_be_limited() {
    let options = LayerOptions { per_address: NonZeroU32::new(2), ..LayerOptions::default() };
    let router = dress(router(), &options);
    let from = |address: &str| {
        let mut asked = request(Method::GET, "/api/tickets");
        let peer: std::net::SocketAddr = address.parse().unwrap();
        asked.extensions_mut().insert(axum::extract::ConnectInfo(peer));
        ask_dressed(router.clone(), asked)
    };
    assert_eq!(from("1.1.1.1:1").await.status, 200);
    assert_eq!(from("1.1.1.1:2").await.status, 200);
    let refused = from("1.1.1.1:3").await;
    assert_eq!((refused.status, refused.code().as_str()), (429, "too_many_requests"));
    assert!(refused.header("retry-after").is_some());
    assert_eq!(from("2.2.2.2:1").await.status, 200);
}

/// Who watches the server asks from one address, and so does a gateway that tells of payments.
#[tokio::test]
async fn probes_and_webhooks_are_not_limited() {
    let options = LayerOptions { per_address: NonZeroU32::new(1), ..LayerOptions::default() };
    let router = dress(router(), &options);
    let ask = |method: Method, path: &'static str| {
        let mut asked = request(method, path);
        let peer: std::net::SocketAddr = "1.1.1.1:1".parse().unwrap();
        asked.extensions_mut().insert(axum::extract::ConnectInfo(peer));
        ask_dressed(router.clone(), asked)
    };
    assert_eq!(ask(Method::GET, "/api/tickets").await.status, 200);
    for path in ["/healthz", "/readyz", "/metrics", "/api/webhooks/sandbox"] {
        assert_eq!(ask(Method::POST, path).await.status, 404, "it came as far as the routes");
    }
    for path in ["/healthz/", "/healthzz", "/api/webhooks", "/api/tickets"] {
        assert_eq!(ask(Method::GET, path).await.status, 429, "{path}");
    }
}

#[tokio::test]
async fn requests_are_counted_by_route_and_not_by_path() {
    let options = LayerOptions::default();
    for path in ["/api/tickets/1", "/api/tickets/2/", "/nowhere", "/api/panics"] {
        ask(&options, request(Method::GET, path)).await;
    }
    ask(&options, request(Method::from_bytes(b"BREW").unwrap(), "/api/tickets")).await;
    let mut registry = prometheus_client::registry::Registry::default();
    options.metrics.register(&mut registry);
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
    for line in [
        r#"http_requests_total{method="GET",route="/api/tickets/{id}",status="2xx"} 2"#,
        r#"http_requests_total{method="GET",route="none",status="4xx"} 1"#,
        r#"http_requests_total{method="GET",route="/api/panics",status="5xx"} 1"#,
        r#"http_requests_total{method="other",route="/api/tickets",status="4xx"} 1"#,
        "http_requests_in_flight 0",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in:\n{text}");
    }
}
