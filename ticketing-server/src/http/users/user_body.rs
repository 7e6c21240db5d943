//! How an account looks.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Serialize;
use ticketing_core::values::UserId;
use utoipa::ToSchema;

use super::cookie;
use crate::auth::{Accounts, SignedInNow};
use crate::http::error::ApiError;
use crate::http::noted;

/// An account.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = User)]
pub(super) struct UserBody {
    #[schema(value_type = String)]
    pub(super) id: UserId,
    pub(super) email: String,
}

/// The account, and the cookie that signs its browser in.
pub(super) fn signed_in(
    status: StatusCode,
    accounts: &Accounts,
    now: SignedInNow,
) -> Result<Response, ApiError> {
    let cookie = cookie::session(accounts, &now)?;
    let email = now.account.email.as_str().to_owned();
    let noted = Extension(noted::User(now.account.id.clone()));
    let body = UserBody { id: now.account.id, email };
    Ok((status, [(header::SET_COOKIE, cookie)], noted, Json(body)).into_response())
}
