//! What these handlers know of whoever calls.

use std::convert::Infallible;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::header::USER_AGENT;
use axum::http::request::Parts;

use crate::auth::{Accounts, Recognised, Visit};
use crate::http::error::ApiError;
use crate::http::noted::note_user;

/// Whoever is signed in, and by which session; 401 if that is nobody.
#[derive(Debug, Clone)]
pub(crate) struct Member(pub(crate) Recognised);

/// Whoever is signed in, if that is somebody, as far as this process knows. Who signs out, or signs
/// in anew, needs no more.
#[derive(Debug, Clone)]
pub(crate) struct PerhapsMember(pub(crate) Option<Recognised>);

/// Where somebody who signs in or up comes from.
#[derive(Debug, Clone)]
pub(crate) struct Visitor(pub(crate) Visit);

impl<S: Send + Sync> FromRequestParts<S> for Member
where
    Accounts: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let accounts = Accounts::from_ref(state);
        let member = accounts.recognise(parts).await?.ok_or_else(ApiError::not_signed_in)?;
        note_user(&parts.extensions, &member.user);
        Ok(Self(member))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for PerhapsMember
where
    Accounts: FromRef<S>,
{
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let accounts = Accounts::from_ref(state);
        let member = accounts.known(parts);
        if let Some(member) = &member {
            note_user(&parts.extensions, &member.user);
        }
        Ok(Self(member))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Visitor
where
    Accounts: FromRef<S>,
{
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let accounts = Accounts::from_ref(state);
        let user_agent = parts.headers.get(USER_AGENT).and_then(|value| value.to_str().ok());
        let mut visit = Visit::new(accounts.address_of(parts).0, user_agent);
        visit.replaces = accounts.known(parts).map(|member| member.session);
        Ok(Self(visit))
    }
}
