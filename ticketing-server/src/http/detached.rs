//! Commands that outlive their connection.

use std::future::Future;

use ticketing_core::Error;

use super::error::ApiError;

/// Runs a command in a task of its own: a client that hangs up, or a deadline that passes, ends the
/// waiting and not the command.
pub(crate) async fn detached<T: Send + 'static>(
    command: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, ApiError> {
    let span = tracing::Span::current();
    match tokio::spawn(tracing::Instrument::instrument(command, span)).await {
        Ok(done) => done.map_err(ApiError::from),
        Err(died) => Err(ApiError::internal(&died)),
    }
}
