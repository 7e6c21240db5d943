//! `POST /api/payments/intents`: opens a payment that the buyer's browser confirms.

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;

use super::pay::order_id;
use super::payment_body::{PaymentBody, answer};
use crate::http::detached::detached;
use crate::http::error::{ApiError, ErrorBody};
use crate::http::extract::{Body, Command, KeyHeader, Problems};
use crate::http::given::Given;
use crate::http::identity::SignedIn;
use crate::http::state::ApiState;

/// Which order.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = IntentTerms)]
pub(super) struct IntentBody {
    #[serde(default)]
    #[schema(value_type = String, format = Uuid, required)]
    order_id: Given<String>,
}

/// Opens a payment that the buyer's browser confirms, with what it needs for that in
/// `clientSecret`.
#[utoipa::path(
    post,
    path = "/intents",
    tag = "payments",
    operation_id = "openIntent",
    params(KeyHeader),
    request_body = IntentBody,
    responses(
        (status = CREATED, body = PaymentBody),
        (status = BAD_REQUEST, body = ErrorBody),
        (status = UNAUTHORIZED, body = ErrorBody),
        (status = PAYMENT_REQUIRED, body = ErrorBody, description = "The card was declined"),
        (status = NOT_FOUND, body = ErrorBody),
    ),
)]
pub(super) async fn open_intent(
    State(state): State<ApiState>,
    SignedIn(buyer): SignedIn,
    Command(caller): Command,
    Body(body): Body<IntentBody>,
) -> Result<Response, ApiError> {
    let mut problems = Problems::default();
    let order = order_id(body.order_id, &mut problems);
    problems.refuse()?;
    let order = order.ok_or_else(ApiError::not_found)?;
    let payments = state.engine.caller(caller).payments();
    let receipt = detached(async move { payments.open(&buyer.user, order).await }).await?;
    answer(&receipt)
}
