//! `GET /api/orders/{id}`: one of a buyer's own orders.

use axum::Json;
use axum::extract::State;
use ticketing_core::values::OrderId;

use super::OrderBody;
use crate::http::error::{ApiError, ErrorBody};
use crate::http::extract::PathId;
use crate::http::identity::SignedIn;
use crate::http::state::ApiState;

/// One of the buyer's own orders.
#[utoipa::path(
    get,
    path = "/{id}",
    tag = "orders",
    operation_id = "showOrder",
    params(("id" = String, Path)),
    responses(
        (status = OK, body = OrderBody),
        (status = UNAUTHORIZED, body = ErrorBody),
        (status = NOT_FOUND, body = ErrorBody),
    ),
)]
pub(super) async fn show(
    State(state): State<ApiState>,
    SignedIn(buyer): SignedIn,
    id: PathId<OrderId>,
) -> Result<Json<OrderBody>, ApiError> {
    Ok(Json(state.engine.orders().get(&buyer.user, id.known()?).await?.into()))
}
