//! `DELETE /api/users/me`: removes an account.

use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::StatusCode;
use axum::http::header::{HeaderName, SET_COOKIE};
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;

use super::caller::Member;
use super::{cookie, fields};
use crate::auth::Accounts;
use crate::http::detached::detached;
use crate::http::error::{ApiError, ErrorBody};
use crate::http::extract::{Body, Problems};
use crate::http::given::Given;

/// The password, to be sure.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = AccountRemoval)]
pub(super) struct RemovalBody {
    #[serde(default)]
    #[schema(value_type = String, format = Password, required, min_length = 1)]
    password: Given<SecretString>,
}

/// Removes the account: its listings go off sale, its unpaid orders are cancelled and its sessions
/// end. What was sold stays sold. While one of its orders is being paid, that is refused.
#[utoipa::path(
    delete,
    path = "/me",
    tag = "users",
    operation_id = "deleteAccount",
    request_body = RemovalBody,
    responses(
        (status = NO_CONTENT, headers(("Set-Cookie" = String))),
        (status = BAD_REQUEST, body = ErrorBody),
        (status = UNAUTHORIZED, body = ErrorBody),
        (status = CONFLICT, body = ErrorBody),
    ),
)]
pub(super) async fn delete(
    State(accounts): State<Accounts>,
    Member(member): Member,
    Body(body): Body<RemovalBody>,
) -> Result<(StatusCode, [(HeaderName, HeaderValue); 1]), ApiError> {
    let mut problems = Problems::default();
    let password = fields::password("password", body.password, &mut problems);
    let password = problems.unless_any(password)?;
    let cleared = cookie::cleared(&accounts)?;
    detached(async move { accounts.delete(&member, password).await }).await?;
    Ok((StatusCode::NO_CONTENT, [(SET_COOKIE, cleared)]))
}
