//! `DELETE /api/users/sessions/{id}`: ends one of an account's own sessions.

use axum::extract::State;
use axum::http::StatusCode;

use super::caller::Member;
use crate::auth::{Accounts, SessionId};
use crate::http::detached::detached;
use crate::http::error::{ApiError, ErrorBody};
use crate::http::extract::PathId;

/// Ends one of the account's own sessions.
#[utoipa::path(
    delete,
    path = "/sessions/{id}",
    tag = "users",
    operation_id = "revokeSession",
    params(("id" = String, Path)),
    responses(
        (status = NO_CONTENT),
        (status = UNAUTHORIZED, body = ErrorBody),
        (status = NOT_FOUND, body = ErrorBody),
    ),
)]
pub(super) async fn revoke(
    State(accounts): State<Accounts>,
    Member(member): Member,
    id: PathId<SessionId>,
) -> Result<StatusCode, ApiError> {
    let id = id.known()?;
    detached(async move { accounts.end_session(&member, id).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}
