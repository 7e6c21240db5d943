//! What live streams can be told.

use std::time::Duration;

use ipnet::IpNet;

use crate::metrics::HttpMetrics;

/// What live streams may take, and where they are counted.
#[derive(Debug, Clone)]
pub struct LiveOptions {
    /// How many are open at once; 5,000 unless said otherwise. One costs a connection and some ten
    /// kilobytes: what they show is read once for all of them.
    pub streams: usize,
    /// How many of them one address has; 200 unless said otherwise. Together they name ten times as
    /// many different tickets, and 100 at least.
    pub streams_per_address: usize,
    /// How often what streams show is read again, once for all of them; every 5 seconds unless said
    /// otherwise.
    pub refresh: Duration,
    /// Proxies that are believed about whom they connect for.
    pub trusted_proxies: Vec<IpNet>,
    /// Where open streams are counted.
    pub metrics: HttpMetrics,
}

impl Default for LiveOptions {
    fn default() -> Self {
        Self {
            streams: 5_000,
            streams_per_address: 200,
            refresh: Duration::from_secs(5),
            trusted_proxies: Vec::new(),
            metrics: HttpMetrics::default(),
        }
    }
}
