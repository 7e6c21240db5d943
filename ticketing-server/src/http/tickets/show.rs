//! `GET /api/tickets/{id}`: one listing, also one that nothing is left of.

use axum::Json;
use axum::extract::State;
use ticketing_core::values::TicketId;

use super::TicketBody;
use crate::http::error::{ApiError, ErrorBody};
use crate::http::extract::PathId;
use crate::http::state::ApiState;

/// One listing, whether or not anything is left of it.
#[utoipa::path(
    get,
    path = "/{id}",
    tag = "tickets",
    operation_id = "showTicket",
    params(("id" = String, Path)),
    responses((status = OK, body = TicketBody), (status = NOT_FOUND, body = ErrorBody)),
)]
pub(super) async fn show(
    State(state): State<ApiState>,
    id: PathId<TicketId>,
) -> Result<Json<TicketBody>, ApiError> {
    Ok(Json(state.engine.tickets().get(id.known()?).await?.into()))
}
