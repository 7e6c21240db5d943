//! All routes together, as the server has them, and their description.

use axum::Router;
use tokio_util::sync::CancellationToken;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use super::state::ApiState;
use super::{description, live, orders, payments, tickets, webhooks};
use crate::services::{Service, Services};

/// What the whole API is made of.
pub(crate) struct Api {
    pub(crate) state: ApiState,
    /// The account routes, which have a state of their own.
    pub(crate) users: OpenApiRouter,
    /// Which of the services this process has.
    pub(crate) services: Services,
    /// Cancelled when live streams must end.
    pub(crate) closing: CancellationToken,
}

impl Api {
    /// The routes of these services, with the description of all that are there.
    pub(crate) fn into_router(self) -> Router {
        let live = live::LiveState::start(self.state.clone(), self.closing);
        let mut all = OpenApiRouter::with_openapi(description::Description::openapi());
        if self.services.has(Service::Auth) {
            all = all.nest("/api/users", self.users);
        }
        if self.services.has(Service::Tickets) {
            let tickets = tickets::routes().with_state(self.state.clone());
            let tickets = tickets.merge(live::ticket_routes().with_state(live.clone()));
            all = all.nest("/api/tickets", tickets);
        }
        if self.services.has(Service::Orders) {
            let orders = orders::routes().with_state(self.state.clone());
            let orders = orders.merge(live::order_routes().with_state(live));
            all = all.nest("/api/orders", orders);
        }
        if self.services.has(Service::Payments) {
            let webhooks = webhooks::routes().with_state(self.state.engine.clone());
            all = all.nest("/api/webhooks", webhooks);
            all = all.nest("/api/payments", payments::routes().with_state(self.state));
        }
        let (routes, document) = all.split_for_parts();
        routes.merge(description::page(document))
    }
}
