//! `PUT /api/users/password`: another password.

use axum::extract::State;
use axum::http::header::{HeaderName, SET_COOKIE};
use axum::http::{HeaderValue, StatusCode};
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;

use super::caller::{Member, Visitor};
use super::{cookie, fields};
use crate::auth::{AcceptedPassword, Accounts, Email};
use crate::http::detached::detached;
use crate::http::error::{ApiError, ErrorBody};
use crate::http::extract::{Body, Problems};
use crate::http::given::Given;

/// Another password, confirmed by the one that it replaces.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PasswordChange)]
pub(super) struct PasswordBody {
    #[serde(default)]
    #[schema(value_type = String, format = Password, required, min_length = 1)]
    current_password: Given<SecretString>,
    #[serde(default)]
    #[schema(value_type = String, format = Password, required, min_length = 8, max_length = 128)]
    new_password: Given<SecretString>,
}

/// Gives the account another password, and ends all of its sessions. The browser gets a new one in
/// the place of the one that the request came with.
#[utoipa::path(
    put,
    path = "/password",
    tag = "users",
    operation_id = "changePassword",
    request_body = PasswordBody,
    responses(
        (status = NO_CONTENT, headers(("Set-Cookie" = String))),
        (status = BAD_REQUEST, body = ErrorBody),
        (status = UNAUTHORIZED, body = ErrorBody),
    ),
)]
pub(super) async fn change_password(
    State(accounts): State<Accounts>,
    Member(member): Member,
    Visitor(visit): Visitor,
    Body(body): Body<PasswordBody>,
) -> Result<(StatusCode, [(HeaderName, HeaderValue); 1]), ApiError> {
    let email: Option<Email> = member.email.parse().ok();
    let (current, new) = body.checked(email.as_ref(), &accounts)?;
    let all = accounts.clone();
    let changing =
        async move { all.change_password(&member, current, new, visit.user_agent).await };
    let now = detached(changing).await?;
    Ok((StatusCode::NO_CONTENT, [(SET_COOKIE, cookie::session(&accounts, &now)?)]))
}

impl PasswordBody {
    fn checked(
        self,
        email: Option<&Email>,
        accounts: &Accounts,
    ) -> Result<(SecretString, AcceptedPassword), ApiError> {
        let mut problems = Problems::default();
        let current = fields::password("currentPassword", self.current_password, &mut problems);
        let given = self.new_password;
        let new = fields::new_password("newPassword", given, email, accounts, &mut problems);
        problems.unless_any(current.zip(new))
    }
}
