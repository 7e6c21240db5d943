//! `GET /metrics`: the server's numbers.

use axum::extract::State;
use axum::http::{HeaderName, header};

use ticketing_core::Error;
use ticketing_core::ports::chain;

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
    let (numbers, engine) = (state.metrics.engine(), &state.engine);
    let depth = told(engine.operator().outbox().await);
    let holds = told(state.holds.of(engine).await);
    numbers.note_storage(depth.is_some() && holds.is_some());
    if let Some(depth) = depth {
        numbers.note_outbox(depth, engine.now());
    }
    if let Some(holds) = holds {
        numbers.note_holds(holds);
    }
    if let Some(accounts) = &state.accounts {
        state.metrics.accounts().note_owed(accounts.owed_sign_outs());
    }
    let text = state.metrics.text().map_err(|error| ApiError::internal(&error))?;
    Ok(([(header::CONTENT_TYPE, OPEN_METRICS)], text))
}

/// What the storage says; nothing, and a line in the log, if it does not. The other numbers are told
/// all the same.
fn told<T>(answer: Result<T, Error>) -> Option<T> {
    answer
        .inspect_err(|error| {
            let (code, error) = (error.code(), chain(error));
            tracing::warn!(code, error, "the storage did not answer to be counted");
        })
        .ok()
}
