//! `POST /api/orders`: holds units for a limited time.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use ticketing_core::values::TicketId;
use utoipa::ToSchema;

use super::OrderBody;
use super::units_body::UnitsBody;
use crate::http::detached::detached;
use crate::http::error::{ApiError, ErrorBody};
use crate::http::extract::{Body, Command, KeyHeader, Problems};
use crate::http::given::Given;
use crate::http::identity::SignedIn;
use crate::http::state::ApiState;

/// What to reserve: one ticket, or several in `lines`.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Reservation)]
pub(super) struct ReserveBody {
    /// The ticket; needed without `lines`.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Uuid)]
    ticket_id: Given<String>,
    /// How many units of it; 1 unless named.
    #[serde(default)]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 4_294_967_295_u32)]
    quantity: Given<u32>,
    /// Several tickets at once, all of them or none.
    #[serde(default)]
    #[schema(value_type = Option<Vec<UnitsBody>>)]
    lines: Given<Vec<UnitsBody>>,
}

/// Holds units for a limited time.
#[utoipa::path(
    post,
    path = "/",
    tag = "orders",
    operation_id = "reserve",
    params(KeyHeader),
    request_body = ReserveBody,
    responses(
        (status = CREATED, body = OrderBody),
        (status = BAD_REQUEST, body = ErrorBody),
        (status = UNAUTHORIZED, body = ErrorBody),
        (status = NOT_FOUND, body = ErrorBody),
    ),
)]
pub(super) async fn reserve(
    State(state): State<ApiState>,
    SignedIn(buyer): SignedIn,
    Command(caller): Command,
    Body(wanted): Body<ReserveBody>,
) -> Result<(StatusCode, Json<OrderBody>), ApiError> {
    let lines = wanted.into_lines()?;
    let orders = state.engine.caller(caller).orders();
    let order = detached(async move { orders.reserve(buyer.user, lines).await }).await?;
    Ok((StatusCode::CREATED, Json(order.into())))
}

impl ReserveBody {
    fn into_lines(self) -> Result<Vec<(TicketId, u32)>, ApiError> {
        let mut problems = Problems::default();
        let named = self.lines.optional("lines", "a list of tickets", &mut problems);
        let single = UnitsBody { ticket_id: self.ticket_id, quantity: self.quantity };
        let lines = named.unwrap_or_else(|| vec![single]);
        let lines: Vec<_> = lines.into_iter().map(|line| line.checked(&mut problems)).collect();
        problems.refuse()?;
        // A ticket of a foreign shape is one that does not exist.
        lines.into_iter().map(|line| line.ok_or_else(ApiError::not_found)).collect()
    }
}
