//! How many requests one address may send.

use std::net::IpAddr;
use std::num::NonZeroU32;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use governor::Quota;

use crate::http::client_address::{ClientAddress, network};
use crate::http::error::ApiError;
use crate::http::health::PROBES;
use crate::rate_limit::KeyedLimit;

/// The limit of requests from one address, if there is one.
#[derive(Debug, Clone)]
pub(super) struct AddressLimit {
    /// Nothing where there is none: then nobody is looked at.
    requests: Option<KeyedLimit<IpAddr>>,
}

impl AddressLimit {
    pub(super) fn new(per_second: Option<NonZeroU32>) -> Self {
        let requests = per_second.map(|rate| KeyedLimit::new(Some(Quota::per_second(rate))));
        Self { requests }
    }

    /// Refuses a request too many.
    fn check(&self, request: &Request) -> Result<(), ApiError> {
        let Some(requests) = &self.requests else { return Ok(()) };
        if is_never_too_many(request.uri().path()) {
            return Ok(());
        }
        let Some(ClientAddress(Some(client))) = request.extensions().get().copied() else {
            return Ok(());
        };
        requests.count(&network(client)).map_err(ApiError::too_many)
    }
}

/// Whether saying no would do harm: a server whose probe is refused is ended, and a gateway whose
/// webhooks are refused gives up. Neither has another address to ask from.
fn is_never_too_many(path: &str) -> bool {
    PROBES.contains(&path) || path.starts_with("/api/webhooks/")
}

/// Refuses a request too many.
pub(super) async fn limit_addresses(
    State(limit): State<AddressLimit>,
    request: Request,
    next: Next,
) -> Response {
    match limit.check(&request) {
        Ok(()) => next.run(request).await,
        Err(refused) => refused.into_response(),
    }
}
