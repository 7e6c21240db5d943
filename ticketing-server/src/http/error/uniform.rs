//! The one body of failures, also for those that come from a layer around the handlers.

use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use ticketing_core::Error;

use super::{ApiError, INTERNAL, Told};
use crate::http::extract::RequestCorrelation;
use crate::http::upstream::ClientsOwn;

/// Gives every failure that has a body of its own the contract's instead. A failure of ours gets the
/// id of the request's affair. Those of a client behind the server are its own.
pub(crate) async fn uniform_errors(request: Request, next: Next) -> Response {
    let correlation = request.extensions().get().map(|RequestCorrelation(id)| *id);
    let response = next.run(request).await;
    let status = response.status();
    let is_failure = status.is_client_error() || status.is_server_error();
    let told: Option<Told> = response.extensions().get().cloned();
    let is_clients_own = response.extensions().get::<ClientsOwn>().is_some();
    let is_ours = status == StatusCode::INTERNAL_SERVER_ERROR;
    if !is_failure || is_clients_own || (told.is_some() && !is_ours) {
        return response;
    }
    let (parts, _body) = response.into_parts();
    let mut error = of_status(status);
    error.why = told.and_then(|told| told.why);
    if let Some(id) = correlation.filter(|_| is_ours) {
        error = error.correlated(id);
    }
    let mut uniform = error.into_response();
    if parts.headers.contains_key(header::RETRY_AFTER) {
        uniform.headers_mut().remove(header::RETRY_AFTER);
    }
    for (name, value) in &parts.headers {
        if *name != header::CONTENT_TYPE && *name != header::CONTENT_LENGTH {
            uniform.headers_mut().append(name, value.clone());
        }
    }
    uniform
}

fn of_status(status: StatusCode) -> ApiError {
    let (code, message) = match status {
        StatusCode::FORBIDDEN => ("cross_site_request", "Cross-site requests are refused"),
        StatusCode::NOT_FOUND => ("not_found", "Not Found"),
        StatusCode::METHOD_NOT_ALLOWED => ("method_not_allowed", "Method Not Allowed"),
        StatusCode::PAYLOAD_TOO_LARGE => ("body_too_large", "The request is too large"),
        StatusCode::URI_TOO_LONG => ("uri_too_long", "The address is too long"),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => ("unsupported_media_type", "Send application/json"),
        StatusCode::TOO_MANY_REQUESTS => {
            ("too_many_requests", "Too many requests, try again later")
        }
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => {
            ("headers_too_large", "The request's headers are too large")
        }
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
            ("unavailable", "The service is unavailable, try again")
        }
        status if status.is_server_error() => (INTERNAL, "Something went wrong"),
        _ => ("bad_request", "Bad Request"),
    };
    let error = ApiError::new(status, code, message);
    if status == StatusCode::SERVICE_UNAVAILABLE { error.after(Error::RETRY_AFTER) } else { error }
}
