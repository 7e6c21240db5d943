//! What the server counts. Each server has numbers of its own: there is no global registry.

use std::sync::Arc;

use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use ticketing_core::Observer;

mod accounts;
mod engine;
mod http;
#[cfg(test)]
mod tests;

pub use accounts::AccountMetrics;
pub use engine::EngineMetrics;
pub use http::HttpMetrics;
pub(crate) use http::{Counted, InFlight};

/// Everything that one server counts. Clones count together.
#[derive(Debug, Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    http: HttpMetrics,
    engine: Arc<EngineMetrics>,
    accounts: AccountMetrics,
}

impl Metrics {
    /// Nothing counted yet.
    pub fn new() -> Self {
        let (http, engine) = (HttpMetrics::default(), EngineMetrics::default());
        let accounts = AccountMetrics::default();
        let mut registry = Registry::default();
        http.register(&mut registry);
        engine.register(registry.sub_registry_with_prefix("ticketing"));
        accounts.register(registry.sub_registry_with_prefix("ticketing"));
        Self { registry: Arc::new(registry), http, engine: Arc::new(engine), accounts }
    }

    /// Where requests are counted.
    pub fn http(&self) -> HttpMetrics {
        self.http.clone()
    }

    /// Where the engine counts: for [`Builder::observer`](ticketing_core::Builder::observer).
    pub fn observer(&self) -> Arc<dyn Observer> {
        Arc::<EngineMetrics>::clone(&self.engine)
    }

    /// What is asked for when the numbers are.
    pub(crate) fn engine(&self) -> &EngineMetrics {
        &self.engine
    }

    /// The same for accounts.
    pub(crate) fn accounts(&self) -> &AccountMetrics {
        &self.accounts
    }

    /// All numbers, in the text format of `OpenMetrics`.
    pub(crate) fn text(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry).map(|()| text)
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}
