//! Listings over HTTP.

use std::sync::Arc;

use axum::Router;
use ticketing_core::Ticketing;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::identity::Authenticator;
use super::state::ApiState;

mod create;
mod list;
mod show;
mod terms;
mod ticket_body;
mod update;
mod withdraw;

pub(crate) use ticket_body::TicketBody;

/// The routes of listings, to be nested where an application wants them, such as at `/api/tickets`.
pub fn router(engine: Ticketing, authenticator: Arc<dyn Authenticator>) -> Router {
    routes().with_state(ApiState::new(engine, authenticator)).into()
}

pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list::list, create::create)).routes(routes!(
        show::show,
        update::update,
        withdraw::withdraw
    ))
}
