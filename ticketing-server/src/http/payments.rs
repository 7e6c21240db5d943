//! Payments over HTTP.

use std::sync::Arc;

use axum::Router;
use ticketing_core::Ticketing;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::identity::Authenticator;
use super::state::ApiState;

mod attempt_body;
mod open_intent;
mod pay;
mod payment_body;

pub(crate) use attempt_body::AttemptBody;
pub(crate) use pay::is_token;

/// The routes of payments, to be nested where an application wants them, such as at
/// `/api/payments`.
pub fn router(engine: Ticketing, authenticator: Arc<dyn Authenticator>) -> Router {
    routes().with_state(ApiState::new(engine, authenticator)).into()
}

pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(pay::pay)).routes(routes!(open_intent::open_intent))
}
