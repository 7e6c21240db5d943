//! What stands in the log.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::routing::post;
use serde_json::Value;
use tower::ServiceExt as _;
use tracing::instrument::WithSubscriber as _;

use super::*;
use crate::http::layers::{LayerOptions, dress};

/// A log that is kept.
#[derive(Debug, Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Kept {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

fn kept(filter: &str, format: LogFormat) -> (Kept, Box<dyn Subscriber + Send + Sync>) {
    let kept = Kept::default();
    let writer = kept.clone();
    let log = log(filter, format, move || writer.clone()).unwrap();
    (kept, log)
}

/// Asks a router whose handler logs, with secrets wherever a request has room for them.
async fn logged(format: LogFormat) -> String {
    let (kept, log) = kept("info", format);
    let handler = async || tracing::info!(title = "red\u{1b}[31m\r\nforged", "handled");
    let router = Router::new().route("/things/{id}", post(handler));
    let router = dress(router, &LayerOptions::default());
    let request = Request::post("/things/secret-id?token=secret-query")
        .header("cookie", "session=secret-cookie")
        .header("authorization", "Bearer secret-token")
        .header("x-correlation-id", "0189f7a4-6f6a-7000-8000-000000000007")
        .body(Body::from("secret-body"))
        .unwrap();
    router.oneshot(request).with_subscriber(log).await.unwrap();
    kept.text()
}

#[tokio::test]
async fn every_line_of_a_request_has_its_ids() {
    let text = logged(LogFormat::Json).await;
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2, "{text}");
    for line in &lines {
        let span = &line["spans"][0];
        assert_eq!(span["correlation.id"], "0189f7a4-6f6a-7000-8000-000000000007", "{line}");
        assert_eq!(span["http.route"], "/things/{id}", "{line}");
        assert!(span["request.id"].is_string(), "{line}");
    }
    assert_eq!(lines[1]["http.status"], 200);
}

#[tokio::test]
async fn secrets_are_not_logged_and_lines_can_not_be_forged() {
    for format in [LogFormat::Text, LogFormat::Json] {
        let text = logged(format).await;
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
