//! Live streams: an order's state and countdown, and what is left of tickets, as server-sent events.
//!
//! The bus says what changed; it may lose, repeat and reorder. So every stream begins with what the
//! storage says, keeps the highest version that it saw, and reads again what it shows every few
//! seconds.

use std::sync::Arc;

use axum::Router;
use axum::extract::FromRef;
use ticketing_core::Ticketing;
use tokio_util::sync::CancellationToken;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::identity::Authenticator;
use super::state::ApiState;

mod availability;
mod described;
mod hub;
mod order;
mod stream;

use hub::LiveHub;

/// What the handlers of live streams work with.
#[derive(Debug, Clone)]
pub(crate) struct LiveState {
    api: ApiState,
    hub: LiveHub,
}

impl LiveState {
    /// Begins to listen to what changes, until `closing`.
    pub(crate) fn start(api: ApiState, closing: CancellationToken) -> Self {
        let hub = LiveHub::start(api.engine.clone(), closing);
        Self { api, hub }
    }
}

impl FromRef<LiveState> for ApiState {
    fn from_ref(state: &LiveState) -> Self {
        state.api.clone()
    }
}

/// The live streams of orders, at `/{id}/live`: to be nested where the orders are. Streams end
/// when `closing` is cancelled.
pub fn order_router(
    engine: Ticketing,
    authenticator: Arc<dyn Authenticator>,
    closing: CancellationToken,
) -> Router {
    let state = LiveState::start(ApiState::new(engine, authenticator), closing);
    order_routes().with_state(state).into()
}

/// The live stream of tickets, at `/live`: to be nested where the tickets are.
pub fn ticket_router(
    engine: Ticketing,
    authenticator: Arc<dyn Authenticator>,
    closing: CancellationToken,
) -> Router {
    let state = LiveState::start(ApiState::new(engine, authenticator), closing);
    ticket_routes().with_state(state).into()
}

pub(crate) fn order_routes() -> OpenApiRouter<LiveState> {
    OpenApiRouter::new().routes(routes!(order::order))
}

pub(crate) fn ticket_routes() -> OpenApiRouter<LiveState> {
    OpenApiRouter::new().routes(routes!(availability::availability))
}
