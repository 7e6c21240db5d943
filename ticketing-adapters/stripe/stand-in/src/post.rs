//! How an event is delivered.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

use crate::events::SignedEvent;

/// How long an endpoint may take.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) async fn post(event: &SignedEvent, url: &str) -> Option<u16> {
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let request = Request::post(url)
        .header("content-type", "application/json; charset=utf-8")
        .header("stripe-signature", event.signature.as_str())
        .body(Full::new(Bytes::from(event.body.clone())))
        .ok()?;
    let answer = tokio::time::timeout(PATIENCE, client.request(request)).await.ok()?.ok()?;
    Some(answer.status().as_u16())
}
