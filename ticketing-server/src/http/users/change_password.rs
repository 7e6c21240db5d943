//! `PUT /api/users/password`: another password.

use axum::extract::State;
use axum::http::StatusCode;
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;

use super::caller::Member;
use super::fields;
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

/// Gives the account another password, and ends all of its sessions but this one.
#[utoipa::path(
    put,
    path = "/password",
    tag = "users",
    operation_id = "changePassword",
    request_body = PasswordBody,
    responses(
        (status = NO_CONTENT),
        (status = BAD_REQUEST, body = ErrorBody),
        (status = UNAUTHORIZED, body = ErrorBody),
    ),
)]
pub(super) async fn change_password(
    State(accounts): State<Accounts>,
    Member(member): Member,
    Body(body): Body<PasswordBody>,
) -> Result<StatusCode, ApiError> {
    let email: Option<Email> = member.email.parse().ok();
    let (current, new) = body.checked(email.as_ref(), &accounts)?;
    detached(async move { accounts.change_password(&member, current, new).await }).await?;
    Ok(StatusCode::NO_CONTENT)
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
