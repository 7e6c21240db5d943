//! `GET /readyz`: whether requests are welcome.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use ticketing_core::Error;

use super::HealthState;
use super::healthz::HealthBody;
use crate::http::error::{ApiError, ErrorBody};

/// Whether requests are welcome: the storage and the accounts answer, and the server is not about
/// to end.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "health",
    operation_id = "readyz",
    responses(
        (status = OK, body = HealthBody),
        (status = SERVICE_UNAVAILABLE, body = ErrorBody, description = "Ask another server"),
    ),
)]
pub(super) async fn readyz(State(state): State<HealthState>) -> Result<Json<HealthBody>, ApiError> {
    if state.draining.is_cancelled() {
        let message = "The server is about to end";
        return Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "draining", message)
            .after(Error::RETRY_AFTER));
    }
    state.engine.health().await?;
    if state.accounts.is_some_and(|accounts| !accounts.is_up_to_date()) {
        return Err(ApiError::unavailable(Error::RETRY_AFTER));
    }
    Ok(Json(HealthBody { status: "ok" }))
}
