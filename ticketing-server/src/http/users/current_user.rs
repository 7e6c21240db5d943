//! `GET /api/users/currentuser`: who is signed in.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use ticketing_core::values::UserId;
use utoipa::ToSchema;

use super::caller::PerhapsMember;
use crate::auth::Accounts;

/// Who is signed in.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct CurrentUserBody {
    /// `null` if nobody is.
    #[schema(required)]
    current_user: Option<CurrentUser>,
}

/// Somebody who is signed in.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct CurrentUser {
    #[schema(value_type = String)]
    id: UserId,
    email: String,
    /// When the token was made, in seconds since 1970.
    iat: i64,
}

/// Who is signed in; `null` if nobody is.
#[utoipa::path(
    get,
    path = "/currentuser",
    tag = "users",
    operation_id = "currentUser",
    responses((status = OK, body = CurrentUserBody)),
)]
pub(super) async fn current_user(
    State(accounts): State<Accounts>,
    PerhapsMember(member): PerhapsMember,
) -> Json<CurrentUserBody> {
    let member = match member {
        Some(member) => accounts.current(member).await,
        None => None,
    };
    let current_user = member.map(|it| CurrentUser { id: it.user, email: it.email, iat: it.iat });
    Json(CurrentUserBody { current_user })
}
