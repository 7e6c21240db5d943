//! `POST /api/tickets`: puts a ticket on sale.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use super::TicketBody;
use super::terms::TermsBody;
use crate::http::detached::detached;
use crate::http::error::{ApiError, ErrorBody};
use crate::http::extract::{Body, Command, KeyHeader};
use crate::http::identity::SignedIn;
use crate::http::state::ApiState;

/// Puts a ticket on sale.
#[utoipa::path(
    post,
    path = "/",
    tag = "tickets",
    operation_id = "listTicket",
    params(KeyHeader),
    request_body = TermsBody,
    responses(
        (status = CREATED, body = TicketBody),
        (status = BAD_REQUEST, body = ErrorBody),
        (status = UNAUTHORIZED, body = ErrorBody),
    ),
)]
pub(super) async fn create(
    State(state): State<ApiState>,
    SignedIn(seller): SignedIn,
    Command(caller): Command,
    Body(terms): Body<TermsBody>,
) -> Result<(StatusCode, Json<TicketBody>), ApiError> {
    let new = terms.into_new()?;
    let tickets = state.engine.caller(caller).tickets();
    let listed = detached(async move { tickets.list_for_sale(seller.user, new).await }).await?;
    Ok((StatusCode::CREATED, Json(TicketBody::unclaimed(listed))))
}
