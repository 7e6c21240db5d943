//! Whether the server is there, whether it can work, and its numbers.

use axum::Router;
use ticketing_core::Ticketing;
use tokio_util::sync::CancellationToken;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::Accounts;
use crate::metrics::Metrics;

mod healthz;
mod holds;
mod numbers;
mod readyz;
#[cfg(test)]
mod tests;

use holds::RecentHolds;

/// What is asked every few seconds as long as all is well.
pub(crate) const PROBES: [&str; 3] = ["/healthz", "/readyz", "/metrics"];

/// What these routes work with.
#[derive(Debug, Clone)]
pub(crate) struct HealthState {
    engine: Ticketing,
    metrics: Metrics,
    draining: CancellationToken,
    accounts: Option<Accounts>,
    holds: RecentHolds,
}

impl HealthState {
    pub(crate) fn new(engine: Ticketing, metrics: Metrics, draining: CancellationToken) -> Self {
        let holds = RecentHolds::default();
        Self { engine, metrics, draining, accounts: None, holds }
    }

    /// The same, for a server with accounts: without them nobody can do much.
    pub(crate) fn with_accounts(self, accounts: Accounts) -> Self {
        Self { accounts: Some(accounts), ..self }
    }
}

/// The routes `/healthz`, `/readyz` and `/metrics`. Once `draining` is cancelled the server is not
/// ready any more, so that nobody sends it new requests while it ends.
pub fn router(engine: Ticketing, metrics: Metrics, draining: CancellationToken) -> Router {
    routes().with_state(HealthState::new(engine, metrics, draining)).into()
}

pub(crate) fn routes() -> OpenApiRouter<HealthState> {
    OpenApiRouter::new()
        .routes(routes!(healthz::healthz))
        .routes(routes!(readyz::readyz))
        .routes(routes!(numbers::numbers))
}
