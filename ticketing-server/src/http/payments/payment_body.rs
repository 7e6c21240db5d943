//! How a payment looks.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use ticketing_core::values::PaymentId;
use ticketing_core::{PaymentOutcome, PaymentReceipt};
use utoipa::ToSchema;

use crate::http::error::ApiError;

/// A payment attempt.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Payment)]
pub(super) struct PaymentBody {
    #[schema(value_type = String, format = Uuid)]
    id: PaymentId,
    #[schema(inline)]
    status: StatusWord,
    /// What the buyer's browser needs to go on.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<String>,
}

#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum StatusWord {
    Complete,
    RequiresAction,
    Pending,
}

/// The answer to an attempt: 201 with how it stands, or 402 if the card was declined.
pub(super) fn answer(receipt: &PaymentReceipt) -> Result<Response, ApiError> {
    let status = match receipt.outcome() {
        PaymentOutcome::Complete => StatusWord::Complete,
        PaymentOutcome::RequiresAction => StatusWord::RequiresAction,
        PaymentOutcome::Pending => StatusWord::Pending,
        PaymentOutcome::Declined(code) => {
            return Err(declined(code.code(), format!("Payment failed: {code}")));
        }
        PaymentOutcome::Ended => {
            return Err(declined(
                "payment_ended",
                "The payment has ended without paying for the order",
            ));
        }
    };
    let client_secret = receipt.client_secret.as_ref().map(|secret| secret.expose().to_owned());
    let body = PaymentBody { id: receipt.payment.id, status, client_secret };
    Ok((StatusCode::CREATED, Json(body)).into_response())
}

fn declined(code: &'static str, message: impl Into<std::borrow::Cow<'static, str>>) -> ApiError {
    ApiError::new(StatusCode::PAYMENT_REQUIRED, code, message)
}
