//! How many requests one address may send.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::extract::{ConnectInfo, Request, State};
use axum::http::HeaderMap;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::http::error::ApiError;

/// After how many requests those are forgotten who have not sent one lately.
const FORGET_EVERY: u32 = 4_096;

/// The limit of requests from one address, if there is one.
#[derive(Debug, Clone)]
pub(super) struct AddressLimit {
    limiter: Option<Arc<DefaultKeyedRateLimiter<IpAddr>>>,
    trusted: Arc<[IpAddr]>,
    asked: Arc<AtomicU32>,
}

impl AddressLimit {
    pub(super) fn new(per_second: Option<NonZeroU32>, trusted: Vec<IpAddr>) -> Self {
        let limiter = per_second.map(|rate| Arc::new(RateLimiter::keyed(Quota::per_second(rate))));
        Self { limiter, trusted: trusted.into(), asked: Arc::default() }
    }

    /// Refuses a request too many.
    fn check(&self, request: &Request) -> Result<(), ApiError> {
        let Some(limiter) = &self.limiter else { return Ok(()) };
        let Some(ConnectInfo(peer)) = request.extensions().get::<ConnectInfo<SocketAddr>>() else {
            return Ok(());
        };
        if self.asked.fetch_add(1, Ordering::Relaxed) % FORGET_EVERY == FORGET_EVERY - 1 {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
        let client = client_behind(peer.ip(), request.headers(), &self.trusted);
        limiter.check_key(&neighbourhood(client)).map_err(|early| {
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

/// The client itself: the peer, or whom a trusted proxy names. A header of anybody else is not
/// believed.
fn client_behind(peer: IpAddr, headers: &HeaderMap, trusted: &[IpAddr]) -> IpAddr {
    let mut client = peer.to_canonical();
    let lines = headers.get_all("x-forwarded-for").iter().rev();
    let mut named = lines.filter_map(|line| line.to_str().ok()).flat_map(|line| line.rsplit(','));
    while trusted.contains(&client) {
        match named.next().and_then(|name| name.trim().parse::<IpAddr>().ok()) {
            Some(before) => client = before.to_canonical(),
            None => break,
        }
    }
    client
}

/// One customer has a whole network of the newer addresses.
fn neighbourhood(client: IpAddr) -> IpAddr {
    match client {
        IpAddr::V4(_) => client,
        IpAddr::V6(address) => {
            let network = address.to_bits() & (u128::MAX << 64);
            IpAddr::V6(Ipv6Addr::from_bits(network))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, forwarded: &[&str], trusted: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        let trusted: Vec<IpAddr> = trusted.iter().map(|it| it.parse().unwrap()).collect();
        client_behind(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        assert_eq!(client("9.9.9.9", &["1.1.1.1"], &[]), "9.9.9.9");
        assert_eq!(client("10.0.0.1", &["1.1.1.1"], &["10.0.0.1"]), "1.1.1.1");
        assert_eq!(client("::ffff:10.0.0.1", &["1.1.1.1"], &["10.0.0.1"]), "1.1.1.1");
        // What the client itself put in front is not looked at.
        assert_eq!(client("10.0.0.1", &["6.6.6.6, 1.1.1.1"], &["10.0.0.1"]), "1.1.1.1");
        let two = ["10.0.0.1", "10.0.0.2"];
        assert_eq!(client("10.0.0.1", &["6.6.6.6, 1.1.1.1", "10.0.0.2"], &two), "1.1.1.1");
        assert_eq!(client("10.0.0.1", &["nonsense"], &two), "10.0.0.1");
        assert_eq!(client("10.0.0.1", &[], &two), "10.0.0.1");
    }

    #[test]
    fn a_network_counts_as_one() {
        let of = |text: &str| neighbourhood(text.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_ne!(of("1.1.1.1"), of("1.1.1.2"));
    }
}
