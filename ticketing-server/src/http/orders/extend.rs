//! `POST /api/orders/{id}/extend`: holds an order's units for one more hold time, once.

use axum::Json;
use axum::extract::State;
use ticketing_core::values::OrderId;

use super::OrderBody;
use crate::http::detached::detached;
use crate::http::error::{ApiError, ErrorBody};
use crate::http::extract::{Command, KeyHeader, PathId};
use crate::http::identity::SignedIn;
use crate::http::state::ApiState;

/// Holds an order's units for one more hold time, once.
#[utoipa::path(
    post,
    path = "/{id}/extend",
    tag = "orders",
    operation_id = "extendOrder",
    params(("id" = String, Path), KeyHeader),
    responses(
        (status = OK, body = OrderBody),
        (status = BAD_REQUEST, body = ErrorBody),
        (status = UNAUTHORIZED, body = ErrorBody),
        (status = NOT_FOUND, body = ErrorBody),
    ),
)]
pub(super) async fn extend(
    State(state): State<ApiState>,
    SignedIn(buyer): SignedIn,
    id: PathId<OrderId>,
    Command(caller): Command,
) -> Result<Json<OrderBody>, ApiError> {
    let id = id.known()?;
    let orders = state.engine.caller(caller).orders();
    let order = detached(async move { orders.extend(&buyer.user, id).await }).await?;
    Ok(Json(order.into()))
}
