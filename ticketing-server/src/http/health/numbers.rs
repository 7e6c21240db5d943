//! `GET /metrics`: the server's numbers.

use axum::extract::State;
use axum::http::{HeaderName, header};

use super::HealthState;
use crate::http::error::{ApiError, ErrorBody};

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The server's numbers, in the text format that Prometheus reads.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "health",
    operation_id = "metrics",
    responses(
        (status = OK, body = String, content_type = "application/openmetrics-text"),
        (status = INTERNAL_SERVER_ERROR, body = ErrorBody),
    ),
)]
pub(super) async fn numbers(
    State(state): State<HealthState>,
) -> Result<([(HeaderName, &'static str); 1], String), ApiError> {
    let depth = state.engine.operator().outbox().await;
    if let Err(error) = &depth {
        tracing::warn!(%error, "it can't be told what waits to be published");
    }
    state.metrics.engine().note_outbox(depth.ok(), state.engine.now());
    if let Some(accounts) = &state.accounts {
        state.metrics.accounts().note_owed(accounts.owed_sign_outs());
    }
    let text = state.metrics.text().map_err(|error| ApiError::internal(&error))?;
    Ok(([(header::CONTENT_TYPE, OPEN_METRICS)], text))
}
