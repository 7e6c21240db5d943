//! Headers that every answer has, also one that tells of a failure.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;

use crate::http::api::is_of_api;
use crate::http::upstream::ClientsOwn;

/// What browsers may do with an answer. One that needs more, such as a page, says so itself.
const ALWAYS: [(HeaderName, &str); 7] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
];

/// Two years.
const HSTS: &str = "max-age=63072000";

const JSON: &str = "application/json";
const JSON_IN_UTF8: &str = "application/json; charset=utf-8";

/// What is added to answers.
#[derive(Debug, Clone, Copy)]
pub(super) struct AnswerHeaders {
    secure: bool,
}

impl AnswerHeaders {
    pub(super) fn new(secure: bool) -> Self {
        Self { secure }
    }
}

/// Adds what the answer does not say itself. Pages of a client behind the server need more than the
/// API does, and only they know what: they get what is true of the whole origin.
pub(super) async fn add(
    State(headers): State<AnswerHeaders>,
    request: Request,
    next: Next,
) -> Response {
    let is_api = is_of_api(request.uri().path());
    let mut response = next.run(request).await;
    let is_clients_own = response.extensions().get::<ClientsOwn>().is_some();
    let said = response.headers_mut();
    if headers.secure {
        unless_said(said, &header::STRICT_TRANSPORT_SECURITY, HSTS);
    }
    if is_clients_own {
        return response;
    }
    for (name, value) in &ALWAYS {
        unless_said(said, name, value);
    }
    if is_api {
        unless_said(said, &header::CACHE_CONTROL, "no-store");
    }
    if said.get(header::CONTENT_TYPE).is_some_and(|kind| kind == JSON) {
        said.insert(header::CONTENT_TYPE, HeaderValue::from_static(JSON_IN_UTF8));
    }
    response
}

fn unless_said(headers: &mut HeaderMap, name: &HeaderName, value: &'static str) {
    headers.entry(name).or_insert(HeaderValue::from_static(value));
}
