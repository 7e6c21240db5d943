//! Commands that outlive their connection.

use std::future::Future;

use super::error::ApiError;

/// Runs a command in a task of its own: a client that hangs up, or a deadline that passes, ends the
/// waiting and not the command.
pub(crate) async fn detached<T, E>(
    command: impl Future<Output = Result<T, E>> + Send + 'static,
) -> Result<T, ApiError>
where
    T: Send + 'static,
    E: Into<ApiError> + Send + 'static,
{
    let span = tracing::Span::current();
    match tokio::spawn(tracing::Instrument::instrument(command, span)).await {
        Ok(done) => done.map_err(Into::into),
        Err(died) => Err(ApiError::internal(&died)),
    }
}
