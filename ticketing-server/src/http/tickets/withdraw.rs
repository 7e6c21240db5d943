//! `DELETE /api/tickets/{id}`: takes a listing off sale.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use ticketing_core::values::TicketId;

use crate::http::detached::detached;
use crate::http::error::{ApiError, ErrorBody};
use crate::http::extract::{Command, KeyHeader, Parameters, PathId};
use crate::http::identity::SignedIn;
use crate::http::state::ApiState;

#[derive(Debug, Clone, Copy, Default, Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase", default)]
#[into_params(parameter_in = Query)]
pub(super) struct Options {
    /// Cancels the unpaid orders too; without it, held units refuse the withdrawal.
    cancel_holds: bool,
}

/// Takes a listing off sale. Sold units stay sold.
#[utoipa::path(
    delete,
    path = "/{id}",
    tag = "tickets",
    operation_id = "withdrawTicket",
    params(("id" = String, Path), Options, KeyHeader),
    responses(
        (status = NO_CONTENT),
        (status = BAD_REQUEST, body = ErrorBody),
        (status = UNAUTHORIZED, body = ErrorBody),
        (status = NOT_FOUND, body = ErrorBody),
    ),
)]
pub(super) async fn withdraw(
    State(state): State<ApiState>,
    SignedIn(seller): SignedIn,
    Parameters(options): Parameters<Options>,
    id: PathId<TicketId>,
    Command(caller): Command,
) -> Result<StatusCode, ApiError> {
    let id = id.known()?;
    let tickets = state.engine.caller(caller).tickets();
    let cancel_holds = options.cancel_holds;
    detached(async move { tickets.withdraw(&seller.user, id, cancel_holds).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}
