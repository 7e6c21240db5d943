//! Requests that were none: the protocol can't read their head, and no handler ever sees them.

use axum::extract::Request;
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

/// In the place of a request that could not be read: what the protocol would answer. The layers give
/// it the same words, headers, numbers and line in the log as everything else.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Unreadable(pub(crate) StatusCode);

impl Unreadable {
    /// A request that stands for it. No handler takes its method.
    pub(crate) fn request<B: Default>(self) -> axum::http::Request<B> {
        let mut request = axum::http::Request::new(B::default());
        *request.method_mut() = Method::from_bytes(b"UNREADABLE").unwrap_or(Method::TRACE);
        request.extensions_mut().insert(self);
        request
    }
}

/// Answers in the place of the protocol.
pub(crate) async fn answer(request: Request, next: Next) -> Response {
    match request.extensions().get() {
        Some(Unreadable(status)) => status.into_response(),
        None => next.run(request).await,
    }
}
