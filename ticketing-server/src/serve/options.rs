//! What a connection may take.

use std::time::Duration;

use ipnet::IpNet;

use crate::metrics::HttpMetrics;

/// What a connection may take, and what all of them together.
#[derive(Debug, Clone)]
pub struct ServingOptions {
    /// How many connections are open at once. Beyond it, new ones wait to be accepted.
    ///
    /// 10,000 unless said otherwise: an idle connection costs some 20 KiB, so that all of them fit
    /// into 200 MiB. One whose client does not read costs what waits for it, too, until it is cut: over
    /// HTTP/1 one answer and what compresses it; over HTTP/2 384 KiB and one answer, and more only out
    /// of [`unread`](Self::unread). The limit on open files must be higher.
    pub connections: usize,
    /// How many of them one address has; 2,000 unless said otherwise. One more is closed at once.
    pub connections_per_address: usize,
    /// Peers that have as many connections as they like: they connect for many.
    pub trusted_proxies: Vec<IpNet>,
    /// How long a request's head may take to arrive, the wait for its first byte included. An HTTP/1
    /// connection that is kept alive is closed after the same time without a request.
    pub head_within: Duration,
    /// How long an HTTP/2 connection may be without a request; a minute unless said otherwise.
    pub idle_within: Duration,
    /// How long a client may take nothing of what waits to be sent to it, whether that is an answer
    /// or the next event of a stream; half a minute unless said otherwise.
    pub taken_within: Duration,
    /// How many bytes of answers may wait for all clients together; 256 MiB unless said otherwise.
    /// Once so many do, a connection that has its 384 KiB and gets more is cut.
    pub unread: usize,
    /// Where connections are counted.
    pub metrics: HttpMetrics,
}

impl Default for ServingOptions {
    fn default() -> Self {
        Self {
            connections: 10_000,
            connections_per_address: 2_000,
            trusted_proxies: Vec::new(),
            head_within: Duration::from_secs(5),
            idle_within: Duration::from_mins(1),
            taken_within: Duration::from_secs(30),
            unread: 256 * 1024 * 1024,
            metrics: HttpMetrics::default(),
        }
    }
}
