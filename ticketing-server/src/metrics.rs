//! What the server counts. Each server has numbers of its own: there is no global registry.

mod http;

pub use http::HttpMetrics;
pub(crate) use http::InFlight;
