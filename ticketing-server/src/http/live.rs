//! Live streams: an order's state and countdown, and what is left of tickets, as server-sent events.
//!
//! The bus says what changed; it may lose, repeat and reorder. So every stream begins with what the
//! storage says and keeps the highest version that it saw, and what streams show is read again every
//! few seconds, once for all of them.

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
mod options;
mod order;
mod stream;
#[cfg(test)]
mod tests;

use hub::LiveHub;
pub use options::LiveOptions;

/// What the handlers of live streams work with.
#[derive(Debug, Clone)]
pub(crate) struct LiveState {
    api: ApiState,
    hub: LiveHub,
}

impl LiveState {
    /// Begins to listen to what changes, until `closing`.
    pub(crate) fn start(api: ApiState, closing: CancellationToken, options: &LiveOptions) -> Self {
        let hub = LiveHub::start(api.engine.clone(), options, closing);
        Self { api, hub }
    }
}

impl FromRef<LiveState> for ApiState {
    fn from_ref(state: &LiveState) -> Self {
        state.api.clone()
    }
}

/// The live streams of an application: those of orders at `/{id}/live`, to be nested where the
/// orders are, and those of tickets at `/live`, to be nested where the tickets are. They share what
/// they read. Streams end when `closing` is cancelled.
///
/// Limits by address need to know the peer: serve them with `into_make_service_with_connect_info`.
pub fn routers(
    engine: Ticketing,
    authenticator: Arc<dyn Authenticator>,
    options: &LiveOptions,
    closing: CancellationToken,
) -> LiveRouters {
    let state = LiveState::start(ApiState::new(engine, authenticator), closing, options);
    LiveRouters {
        orders: order_routes().with_state(state.clone()).into(),
        tickets: ticket_routes().with_state(state).into(),
    }
}

/// The live streams of an application.
#[derive(Debug, Clone)]
pub struct LiveRouters {
    /// Those of orders, at `/{id}/live`.
    pub orders: Router,
    /// Those of tickets, at `/live`.
    pub tickets: Router,
}

pub(crate) fn order_routes() -> OpenApiRouter<LiveState> {
    OpenApiRouter::new().routes(routes!(order::order))
}

pub(crate) fn ticket_routes() -> OpenApiRouter<LiveState> {
    OpenApiRouter::new().routes(routes!(availability::availability))
}
