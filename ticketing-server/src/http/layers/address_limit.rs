//! How many requests one address may send.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use ipnet::IpNet;

use crate::http::client_address::{ClientAddress, network};
use crate::http::error::ApiError;

/// After how many requests those are forgotten who have not sent one lately.
const FORGET_EVERY: u32 = 4_096;

/// The limit of requests from one address, if there is one.
#[derive(Debug, Clone)]
pub(super) struct AddressLimit {
    limiter: Option<Arc<DefaultKeyedRateLimiter<IpAddr>>>,
    trusted: Arc<[IpNet]>,
    asked: Arc<AtomicU32>,
}

impl AddressLimit {
    pub(super) fn new(per_second: Option<NonZeroU32>, trusted: Vec<IpNet>) -> Self {
        let limiter = per_second.map(|rate| Arc::new(RateLimiter::keyed(Quota::per_second(rate))));
        Self { limiter, trusted: trusted.into(), asked: Arc::default() }
    }

    /// Refuses a request too many.
    fn check(&self, request: &Request) -> Result<(), ApiError> {
        let Some(limiter) = &self.limiter else { return Ok(()) };
        let (extensions, headers) = (request.extensions(), request.headers());
        let ClientAddress(client) = ClientAddress::of(extensions, headers, &self.trusted);
        let Some(client) = client else { return Ok(()) };
        if self.asked.fetch_add(1, Ordering::Relaxed) % FORGET_EVERY == FORGET_EVERY - 1 {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
        limiter.check_key(&network(client)).map_err(|early| {
            ApiError::too_many(early.wait_time_from(DefaultClock::default().now()))
        })
    }
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
