//! `POST /api/users/signin`: opens a session.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;

use super::caller::Visitor;
use super::fields;
use super::user_body::{UserBody, signed_in};
use crate::auth::Accounts;
use crate::http::detached::detached;
use crate::http::error::{ApiError, ErrorBody};
use crate::http::extract::Body;
use crate::http::given::Given;

/// Who signs in.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = SignIn)]
pub(super) struct SignInBody {
    #[serde(default)]
    #[schema(value_type = String, format = Email, required)]
    email: Given<String>,
    #[serde(default)]
    #[schema(value_type = String, format = Password, required, min_length = 1)]
    password: Given<SecretString>,
}

/// Opens a session, in the place of the one that the request came with.
#[utoipa::path(
    post,
    path = "/signin",
    tag = "users",
    operation_id = "signIn",
    request_body = SignInBody,
    responses(
        (status = OK, body = UserBody, headers(("Set-Cookie" = String))),
        (status = BAD_REQUEST, body = ErrorBody),
    ),
)]
pub(super) async fn sign_in(
    State(accounts): State<Accounts>,
    Visitor(visit): Visitor,
    Body(body): Body<SignInBody>,
) -> Result<Response, ApiError> {
    let (email, password) = fields::credentials(body.email, body.password)?;
    let all = accounts.clone();
    let now = detached(async move { all.sign_in(email, password, visit).await }).await?;
    signed_in(StatusCode::OK, &accounts, now)
}
