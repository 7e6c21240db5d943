//! `POST /api/payments`: pays for an order with a card token.

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use ticketing_core::PaymentMethod;
use ticketing_core::values::OrderId;
use utoipa::ToSchema;

use super::payment_body::{PaymentBody, answer};
use crate::http::detached::detached;
use crate::http::error::{ApiError, ErrorBody};
use crate::http::extract::{Body, Command, KeyHeader, Problems};
use crate::http::given::Given;
use crate::http::identity::SignedIn;
use crate::http::state::ApiState;

/// Which order, and with what card.
#[derive(Clone, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CardPayment)]
pub(super) struct PayBody {
    #[serde(default)]
    #[schema(value_type = String, format = Uuid, required)]
    order_id: Given<String>,
    /// What the gateway made of the card: `tok_...` or `pm_...`.
    #[serde(default)]
    #[schema(value_type = String, required, max_length = 255, pattern = "^[!-~]+$")]
    token: Given<String>,
}

/// The longest token: as long as any name of a gateway's.
const LONGEST_TOKEN: usize = 255;

/// Pays for an order with a card token. While an attempt runs, that one is answered.
#[utoipa::path(
    post,
    path = "/",
    tag = "payments",
    operation_id = "pay",
    params(KeyHeader),
    request_body = PayBody,
    responses(
        (status = CREATED, body = PaymentBody),
        (status = BAD_REQUEST, body = ErrorBody),
        (status = UNAUTHORIZED, body = ErrorBody),
        (status = PAYMENT_REQUIRED, body = ErrorBody, description = "The card was declined"),
        (status = NOT_FOUND, body = ErrorBody),
    ),
)]
pub(super) async fn pay(
    State(state): State<ApiState>,
    SignedIn(buyer): SignedIn,
    Command(caller): Command,
    Body(body): Body<PayBody>,
) -> Result<Response, ApiError> {
    let (order, card) = body.checked()?;
    let payments = state.engine.caller(caller).payments();
    let receipt = detached(async move { payments.pay(&buyer.user, order, card).await }).await?;
    answer(&receipt)
}

impl PayBody {
    fn checked(self) -> Result<(OrderId, PaymentMethod), ApiError> {
        let mut problems = Problems::default();
        let order = order_id(self.order_id, &mut problems);
        let token = self.token.required_text("token", "Token is required", &mut problems);
        if token.as_ref().is_some_and(|token| !is_token(token)) {
            problems.add("token", "invalid_token", "Token is required");
        }
        problems.refuse()?;
        let card = PaymentMethod::card_token(token.unwrap_or_default());
        Ok((order.ok_or_else(ApiError::not_found)?, card))
    }
}

pub(crate) fn is_token(token: &str) -> bool {
    (1..=LONGEST_TOKEN).contains(&token.len()) && token.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The order's id, if it is one; none at all is a problem.
pub(super) fn order_id(given: Given<String>, problems: &mut Problems) -> Option<OrderId> {
    const ORDER: &str = "OrderId must be provided";
    given.required_text("orderId", ORDER, problems)?.parse().ok()
}
