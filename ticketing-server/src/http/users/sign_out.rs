//! `POST /api/users/signout`: ends the session that the request comes with.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::{HeaderName, SET_COOKIE};
use serde::Serialize;
use utoipa::ToSchema;

use super::caller::PerhapsMember;
use super::cookie;
use crate::auth::Accounts;
use crate::http::detached::detached;
use crate::http::error::ApiError;

/// Nothing.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub(super) struct Nothing {}

/// Ends the session that the request comes with, if it comes with one.
#[utoipa::path(
    post,
    path = "/signout",
    tag = "users",
    operation_id = "signOut",
    responses((status = OK, body = Nothing, headers(("Set-Cookie" = String)))),
)]
pub(super) async fn sign_out(
    State(accounts): State<Accounts>,
    PerhapsMember(member): PerhapsMember,
) -> Result<([(HeaderName, HeaderValue); 1], Json<Nothing>), ApiError> {
    let cleared = cookie::cleared(&accounts)?;
    if let Some(member) = member {
        let ending = async move {
            accounts.sign_out(member.session).await;
            Ok::<(), ApiError>(())
        };
        detached(ending).await?;
    }
    Ok(([(SET_COOKIE, cleared)], Json(Nothing {})))
}
