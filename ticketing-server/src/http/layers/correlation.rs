//! The ids of a request: its own, and that of the affair it belongs to.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use ticketing_core::values::CorrelationId;
use uuid::Uuid;

use crate::http::extract::RequestCorrelation;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const CORRELATION_ID: HeaderName = HeaderName::from_static("x-correlation-id");

/// The id of one request.
#[derive(Debug, Clone, Copy)]
pub(super) struct RequestId(pub(super) Uuid);

/// Gives the request its ids, and tells them in the answer. What a client sends is taken only if it
/// is a UUID: it goes into logs and events.
pub(super) async fn identify(mut request: Request, next: Next) -> Response {
    let id = sent(request.headers(), &REQUEST_ID).unwrap_or_else(Uuid::now_v7);
    let affair = sent(request.headers(), &CORRELATION_ID).unwrap_or(id);
    let extensions = request.extensions_mut();
    extensions.insert(RequestId(id));
    extensions.insert(RequestCorrelation(CorrelationId::from_uuid(affair)));
    let mut response = next.run(request).await;
    for (name, id) in [(REQUEST_ID, id), (CORRELATION_ID, affair)] {
        if let Ok(id) = HeaderValue::try_from(id.to_string()) {
            response.headers_mut().insert(name, id);
        }
    }
    response
}

fn sent(headers: &HeaderMap, name: &HeaderName) -> Option<Uuid> {
    let text = headers.get(name)?.to_str().ok()?;
    // The hyphenated form alone, so that an id is found again as it was sent.
    let id = Uuid::try_parse(text).ok()?;
    text.eq_ignore_ascii_case(&id.to_string()).then_some(id)
}
