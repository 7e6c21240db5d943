//! `PUT /api/users/email`: another e-mail address.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;

use super::caller::{Member, Visitor};
use super::fields;
use super::user_body::{UserBody, signed_in};
use crate::auth::Accounts;
use crate::http::detached::detached;
use crate::http::error::{ApiError, ErrorBody};
use crate::http::extract::Body;
use crate::http::given::Given;

/// Another e-mail address, confirmed by the password.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = EmailChange)]
pub(super) struct EmailBody {
    #[serde(default)]
    #[schema(value_type = String, format = Email, required)]
    email: Given<String>,
    #[serde(default)]
    #[schema(value_type = String, format = Password, required, min_length = 1)]
    password: Given<SecretString>,
}

/// Gives the account another e-mail address, and its browser a new session in the place of the one
/// that the request came with. Its other sessions stay.
#[utoipa::path(
    put,
    path = "/email",
    tag = "users",
    operation_id = "changeEmail",
    request_body = EmailBody,
    responses(
        (status = OK, body = UserBody, headers(("Set-Cookie" = String))),
        (status = BAD_REQUEST, body = ErrorBody),
        (status = UNAUTHORIZED, body = ErrorBody),
    ),
)]
pub(super) async fn change_email(
    State(accounts): State<Accounts>,
    Member(member): Member,
    Visitor(visit): Visitor,
    Body(body): Body<EmailBody>,
) -> Result<Response, ApiError> {
    let (email, password) = fields::credentials(body.email, body.password)?;
    let all = accounts.clone();
    let changing =
        async move { all.change_email(&member, email, password, visit.user_agent).await };
    let now = detached(changing).await?;
    signed_in(StatusCode::OK, &accounts, now)
}
