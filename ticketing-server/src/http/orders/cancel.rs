//! `DELETE /api/orders/{id}`: cancels an order.

use axum::extract::State;
use axum::http::StatusCode;
use ticketing_core::values::OrderId;

use crate::http::detached::detached;
use crate::http::error::{ApiError, ErrorBody};
use crate::http::extract::{Command, KeyHeader, PathId};
use crate::http::identity::SignedIn;
use crate::http::state::ApiState;

/// Cancels an order that is not paid; its units go back on sale. A payment that runs is voided
/// first: if the gateway takes its time, the order reads `awaiting:payment` with a `cancelReason`
/// until it has answered.
#[utoipa::path(
    delete,
    path = "/{id}",
    tag = "orders",
    operation_id = "cancelOrder",
    params(("id" = String, Path), KeyHeader),
    responses(
        (status = NO_CONTENT),
        (status = BAD_REQUEST, body = ErrorBody),
        (status = UNAUTHORIZED, body = ErrorBody),
        (status = NOT_FOUND, body = ErrorBody),
    ),
)]
pub(super) async fn cancel(
    State(state): State<ApiState>,
    SignedIn(buyer): SignedIn,
    id: PathId<OrderId>,
    Command(caller): Command,
) -> Result<StatusCode, ApiError> {
    let id = id.known()?;
    let orders = state.engine.caller(caller).orders();
    detached(async move { orders.cancel(&buyer.user, id).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}
