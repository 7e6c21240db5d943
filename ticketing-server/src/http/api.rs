//! All routes together, as the server has them, and their description.

use axum::Router;
use ticketing_core::Ticketing;
use tokio_util::sync::CancellationToken;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use super::health::HealthState;
use super::live::{LiveOptions, LiveState};
use super::state::ApiState;
use super::{description, health, live, orders, payments, tickets, users, webhooks};
use crate::auth::Accounts;
use crate::metrics::Metrics;
use crate::services::{Service, Services};

/// Whether a path is the API's. One that it does not know is so too.
pub(crate) fn is_of_api(path: &str) -> bool {
    path.strip_prefix("/api").is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// What the whole API is made of.
pub(crate) struct Api {
    pub(crate) engine: Ticketing,
    pub(crate) accounts: Accounts,
    pub(crate) metrics: Metrics,
    /// Which of the services this process has.
    pub(crate) services: Services,
    /// Cancelled when the server is told to end: it is not ready any more.
    pub(crate) leaving: CancellationToken,
    /// Cancelled when it ends: live streams do, too.
    pub(crate) closing: CancellationToken,
    pub(crate) streams: LiveOptions,
}

impl Api {
    /// The routes of these services, with the description of all that are there.
    pub(crate) fn into_router(self) -> Router {
        let state = ApiState::new(self.engine.clone(), self.accounts.authenticator());
        let live = LiveState::start(state.clone(), self.closing, &self.streams);
        let health = HealthState::new(self.engine.clone(), self.metrics, self.leaving)
            .with_accounts(self.accounts.clone());
        let mut all = OpenApiRouter::with_openapi(description::Description::openapi())
            .merge(health::routes().with_state(health));
        if self.services.has(Service::Auth) {
            all = all.nest("/api/users", users::routes().with_state(self.accounts));
        }
        if self.services.has(Service::Tickets) {
            let tickets = tickets::routes().with_state(state.clone());
            let tickets = tickets.merge(live::ticket_routes().with_state(live.clone()));
            all = all.nest("/api/tickets", tickets);
        }
        if self.services.has(Service::Orders) {
            let orders = orders::routes().with_state(state.clone());
            let orders = orders.merge(live::order_routes().with_state(live));
            all = all.nest("/api/orders", orders);
        }
        if self.services.has(Service::Payments) {
            let webhooks = webhooks::routes().with_state(self.engine);
            all = all.nest("/api/webhooks", webhooks);
            all = all.nest("/api/payments", payments::routes().with_state(state));
        }
        let (routes, document) = all.split_for_parts();
        routes.merge(description::page(document))
    }
}
