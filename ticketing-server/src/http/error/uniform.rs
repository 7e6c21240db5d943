//! The one body of failures, also for those that come from a layer around the handlers.

use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::{ApiError, Told};

/// Gives every failure that has a body of its own the contract's instead.
pub(crate) async fn uniform_errors(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let status = response.status();
    let is_failure = status.is_client_error() || status.is_server_error();
    if !is_failure || response.extensions().get::<Told>().is_some() {
        return response;
    }
    let (parts, _body) = response.into_parts();
    let mut told = of_status(status).into_response();
    for (name, value) in &parts.headers {
        if *name != header::CONTENT_TYPE && *name != header::CONTENT_LENGTH {
            told.headers_mut().append(name, value.clone());
        }
    }
    told
}

fn of_status(status: StatusCode) -> ApiError {
    let (code, message) = match status {
        StatusCode::FORBIDDEN => ("cross_site_request", "Cross-site requests are refused"),
        StatusCode::NOT_FOUND => ("not_found", "Not Found"),
        StatusCode::METHOD_NOT_ALLOWED => ("method_not_allowed", "Method Not Allowed"),
        StatusCode::PAYLOAD_TOO_LARGE => ("body_too_large", "The request is too large"),
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
        status if status.is_server_error() => ("internal", "Something went wrong"),
        _ => ("bad_request", "Bad Request"),
    };
    ApiError::new(status, code, message)
}
