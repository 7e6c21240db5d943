//! Orders over HTTP.

use std::sync::Arc;

use axum::Router;
use ticketing_core::Ticketing;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::identity::Authenticator;
use super::state::ApiState;

mod cancel;
mod extend;
mod list;
mod order_body;
mod refund;
mod reserve;
mod show;
mod units_body;

pub(crate) use order_body::OrderBody;

/// The routes of orders, to be nested where an application wants them, such as at `/api/orders`.
pub fn router(engine: Ticketing, authenticator: Arc<dyn Authenticator>) -> Router {
    routes().with_state(ApiState::new(engine, authenticator)).into()
}

pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list::list, reserve::reserve))
        .routes(routes!(show::show, cancel::cancel))
        .routes(routes!(extend::extend))
        .routes(routes!(refund::refund))
}
