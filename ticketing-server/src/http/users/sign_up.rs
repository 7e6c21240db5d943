//! `POST /api/users/signup`: makes an account and signs it in.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;

use super::caller::Visitor;
use super::fields;
use super::user_body::{UserBody, signed_in};
use crate::auth::{AcceptedPassword, Accounts, Email};
use crate::http::detached::detached;
use crate::http::error::{ApiError, ErrorBody};
use crate::http::extract::{Body, Problems};
use crate::http::given::Given;

/// What an account is made of.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = SignUp)]
pub(super) struct SignUpBody {
    #[serde(default)]
    #[schema(value_type = String, format = Email, required)]
    email: Given<String>,
    #[serde(default)]
    #[schema(value_type = String, format = Password, required, min_length = 8, max_length = 128)]
    password: Given<SecretString>,
}

/// Makes an account and signs it in.
#[utoipa::path(
    post,
    path = "/signup",
    tag = "users",
    operation_id = "signUp",
    request_body = SignUpBody,
    responses(
        (status = CREATED, body = UserBody, headers(("Set-Cookie" = String))),
        (status = BAD_REQUEST, body = ErrorBody),
    ),
)]
pub(super) async fn sign_up(
    State(accounts): State<Accounts>,
    Visitor(visit): Visitor,
    Body(body): Body<SignUpBody>,
) -> Result<Response, ApiError> {
    let (email, password) = body.checked(&accounts)?;
    let all = accounts.clone();
    let now = detached(async move { all.sign_up(email, password, visit).await }).await?;
    signed_in(StatusCode::CREATED, &accounts, now)
}

impl SignUpBody {
    fn checked(self, accounts: &Accounts) -> Result<(Email, AcceptedPassword), ApiError> {
        let mut problems = Problems::default();
        let email = fields::email(self.email, &mut problems);
        let given = self.password;
        let password =
            fields::new_password("password", given, email.as_ref(), accounts, &mut problems);
        problems.unless_any(email.zip(password))
    }
}
