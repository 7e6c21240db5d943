//! What these handlers know of whoever calls.

use axum::extract::FromRequestParts;
use axum::http::header::USER_AGENT;
use axum::http::request::Parts;

use crate::auth::{Accounts, Recognised, Visit};
use crate::http::error::ApiError;

/// Whoever is signed in, and by which session; 401 if that is nobody.
#[derive(Debug, Clone)]
pub(super) struct Member(pub(super) Recognised);

/// Whoever is signed in, if that is somebody and it can be told.
#[derive(Debug, Clone)]
pub(super) struct PerhapsMember(pub(super) Option<Recognised>);

/// Where somebody who signs in or up comes from.
#[derive(Debug, Clone)]
pub(super) struct Visitor(pub(super) Visit);

impl FromRequestParts<Accounts> for Member {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, accounts: &Accounts) -> Result<Self, ApiError> {
        accounts.recognise(parts).await?.map(Self).ok_or_else(ApiError::not_signed_in)
    }
}

impl FromRequestParts<Accounts> for PerhapsMember {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, accounts: &Accounts) -> Result<Self, ApiError> {
        let recognised = accounts.recognise(parts).await;
        Ok(Self(recognised.unwrap_or_else(|error| {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "a caller passes for nobody");
            None
        })))
    }
}

impl FromRequestParts<Accounts> for Visitor {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, accounts: &Accounts) -> Result<Self, ApiError> {
        let PerhapsMember(before) = PerhapsMember::from_request_parts(parts, accounts).await?;
        let user_agent = parts.headers.get(USER_AGENT).and_then(|value| value.to_str().ok());
        let mut visit = Visit::new(accounts.address_of(parts).0, user_agent);
        visit.replaces = before.map(|member| member.session);
        Ok(Self(visit))
    }
}
