//! `POST /api/users/sessions/revoke-others`: ends all of an account's sessions but this one.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::caller::Member;
use crate::auth::Accounts;
use crate::http::detached::detached;
use crate::http::error::{ApiError, ErrorBody};

/// What ended.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub(super) struct RevokedBody {
    /// How many sessions ended.
    revoked: usize,
}

/// Ends all of the account's sessions but this one.
#[utoipa::path(
    post,
    path = "/sessions/revoke-others",
    tag = "users",
    operation_id = "revokeOtherSessions",
    responses(
        (status = OK, body = RevokedBody),
        (status = UNAUTHORIZED, body = ErrorBody),
    ),
)]
pub(super) async fn revoke_others(
    State(accounts): State<Accounts>,
    Member(member): Member,
) -> Result<Json<RevokedBody>, ApiError> {
    let revoked = detached(async move { accounts.end_other_sessions(&member).await }).await?;
    Ok(Json(RevokedBody { revoked }))
}
