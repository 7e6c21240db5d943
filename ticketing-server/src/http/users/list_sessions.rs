//! `GET /api/users/sessions`: where an account is signed in.

use axum::Json;
use axum::extract::State;

use super::caller::Member;
use super::session_body::SessionBody;
use crate::auth::Accounts;
use crate::http::error::{ApiError, ErrorBody};

/// Where the account is signed in, newest first.
#[utoipa::path(
    get,
    path = "/sessions",
    tag = "users",
    operation_id = "listSessions",
    responses(
        (status = OK, body = Vec<SessionBody>),
        (status = UNAUTHORIZED, body = ErrorBody),
    ),
)]
pub(super) async fn list(
    State(accounts): State<Accounts>,
    Member(member): Member,
) -> Result<Json<Vec<SessionBody>>, ApiError> {
    let sessions = accounts.sessions(&member).await?.into_iter();
    Ok(Json(sessions.map(|session| SessionBody::new(session, member.session)).collect()))
}
