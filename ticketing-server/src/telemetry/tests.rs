//! What stands in the log.

use std::io;
use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};
use ticketing_core::Error;
use ticketing_core::ports::PortError;
use ticketing_core::values::UserId;
use tower::ServiceExt as _;
use tracing::instrument::WithSubscriber as _;

use super::testing::{Kept, kept};
use super::*;
use crate::http::error::ApiError;
use crate::http::layers::{LayerOptions, dress};
use crate::http::noted::note_user;

const AFFAIR: &str = "0189f7a4-6f6a-7000-8000-000000000007";

/// Handlers that end in every way.
fn router() -> Router {
    let fine = async |request: Request<Body>| {
        note_user(request.extensions(), &UserId::new("user-7").unwrap());
        tracing::info!(title = "red\u{1b}[31m\r\nforged", "handled");
    };
    let down = async || -> Response {
        let why = PortError::unavailable("listings").with_source(io::Error::other("disk on fire"));
        ApiError::from(Error::from(why)).into_response()
    };
    let bug = async || ApiError::internal(&io::Error::other("it can't be")).into_response();
    let panics = async || -> Response { panic!("on purpose") };
    Router::new()
        .route("/things/{id}", post(fine))
        .route("/down", get(down))
        .route("/bug", get(bug))
        .route("/panics", get(panics))
        .route("/refused", get(async || ApiError::not_owner().into_response()))
        .route("/healthz", get(async || "fine"))
        .route("/forever", get(async || std::future::pending::<()>().await))
}

async fn ask(log: Box<dyn Subscriber + Send + Sync>, request: Request<Body>) -> StatusCode {
    let router = dress(router(), &LayerOptions::default());
    router.oneshot(request).with_subscriber(log).await.unwrap().status()
}

fn asked(path: &str) -> Request<Body> {
    let mut request = Request::get(path).header("x-correlation-id", AFFAIR).body(Body::empty());
    let peer: SocketAddr = "192.0.2.7:4711".parse().unwrap();
    request.as_mut().unwrap().extensions_mut().insert(ConnectInfo(peer));
    request.unwrap()
}

/// Asks for something with secrets wherever a request has room for them.
async fn logged(format: LogFormat) -> Kept {
    let (kept, log) = kept("debug", format);
    let mut request = asked("/things/secret-id?token=secret-query");
    *request.method_mut() = axum::http::Method::POST;
    let headers = request.headers_mut();
    headers.insert("cookie", "session=secret-cookie".parse().unwrap());
    headers.insert("authorization", "Bearer secret-token".parse().unwrap());
    ask(log, request.map(|_| Body::from("secret-body"))).await;
    kept
}

#[tokio::test]
async fn a_request_has_one_line_with_all_that_is_known_of_it() {
    let lines = logged(LogFormat::Json).await.lines();
    let [handled, answered] = lines.as_slice() else { panic!("{lines:?}") };
    let span = &handled["spans"][0];
    for (line, name) in [(span, "of the handler"), (answered, "of the request")] {
        assert_eq!(line["correlation.id"], AFFAIR, "{name}: {line}");
        assert_eq!(line["http.method"], "POST", "{name}: {line}");
        assert_eq!(line["http.route"], "/things/{id}", "{name}: {line}");
        assert_eq!(line["user.id"], "user-7", "{name}: {line}");
        assert!(line["request.id"].is_string(), "{name}: {line}");
    }
    assert_eq!(answered["message"], "answered");
    assert_eq!(answered["level"], "INFO");
    assert_eq!(answered["http.status"], 200);
    assert_eq!(answered["client.address"], "192.0.2.7");
    assert!(answered["duration_ms"].is_f64(), "{answered}");
    assert_eq!(answered.get("code"), None);
}

#[tokio::test]
async fn a_failure_is_told_once_with_its_word_and_every_cause() {
    for (path, level, status, code, error) in [
        ("/refused", "INFO", 401, json!("not_owner"), Value::Null),
        ("/nowhere", "INFO", 404, json!("not_found"), Value::Null),
        ("/down", "WARN", 503, json!("unavailable"), json!("listings: unavailable: disk on fire")),
        ("/bug", "ERROR", 500, json!("internal"), json!("it can't be")),
        ("/panics", "ERROR", 500, json!("internal"), json!("a handler panicked: on purpose")),
    ] {
        let (kept, log) = kept("debug", LogFormat::Json);
        assert_eq!(ask(log, asked(path)).await, status);
        let lines = kept.lines();
        let [line] = lines.as_slice() else { panic!("{path}: {lines:?}") };
        assert_eq!((&line["level"], &line["http.status"]), (&json!(level), &json!(status)));
        assert_eq!((&line["code"], &line["error"]), (&code, &error), "{path}");
    }
}

#[tokio::test]
async fn a_client_that_hangs_up_has_a_line_without_a_status() {
    let (kept, log) = kept("info", LogFormat::Json);
    // A future that is dropped is out of its own log by then.
    let _logging = tracing::subscriber::set_default(log);
    let router = dress(router(), &LayerOptions::default());
    let answer = router.oneshot(asked("/forever"));
    tokio::time::timeout(std::time::Duration::ZERO, answer).await.unwrap_err();
    let lines = kept.lines();
    assert_eq!(lines[0]["message"], "the client did not wait");
    assert_eq!((lines.len(), lines[0].get("http.status")), (1, None));
}

#[tokio::test]
async fn probes_that_find_all_well_are_not_worth_a_line() {
    for (filter, lines) in [("info", 0), ("debug", 1)] {
        let (kept, log) = kept(filter, LogFormat::Json);
        ask(log, asked("/healthz")).await;
        assert_eq!(kept.lines().len(), lines, "{filter}");
    }
}

#[tokio::test]
async fn secrets_are_not_logged_and_lines_can_not_be_forged() {
    for format in [LogFormat::Text, LogFormat::Json] {
        let text = logged(format).await.text();
        assert!(text.contains("handled"), "{text}");
        assert!(!text.contains("secret"), "{text}");
        assert!(!text.contains("\r\nforged") && !text.contains("red\u{1b}"), "{text}");
    }
}

#[test]
fn filters_are_checked() {
    assert!(matches!(log_to_stderr("no=such=filter", LogFormat::Json), Err(LogError::Filter(_))));
    let (text, quiet) = kept("warn", LogFormat::Json);
    tracing::subscriber::with_default(quiet, || tracing::info!("not wanted"));
    assert_eq!(text.text(), "");
}
