//! Who sends a request.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use ticketing_core::values::UserId;

use super::error::ApiError;
use super::noted::note_user;
use super::state::ApiState;

/// Somebody who is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Who it is: the engine's buyer or seller.
    pub user: UserId,
    /// Whether this is an operator, who may give any money back.
    pub operator: bool,
}

/// Tells who sends a request. The server has one over its own accounts; who nests the routers in an
/// application brings the application's.
#[async_trait]
pub trait Authenticator: fmt::Debug + Send + Sync + 'static {
    /// Who it is, or nobody: without credentials, or with such as are not good any more.
    ///
    /// Where the answer for a request that changes something (see [`Method::is_safe`]) needs
    /// more certainty than that for one that only reads, the method is in `request`.
    ///
    /// [`Method::is_safe`]: axum::http::Method::is_safe
    ///
    /// # Errors
    /// It can't be told now.
    async fn authenticate(&self, request: &Parts) -> Result<Option<Identity>, AuthUnavailable>;
}

/// Who sends a request can't be told now.
#[derive(Debug, Clone, thiserror::Error)]
#[error("it can't be told who is signed in")]
pub struct AuthUnavailable {
    /// What failed.
    #[source]
    pub source: Arc<dyn std::error::Error + Send + Sync>,
}

/// Whoever sends the request; 401 if that is nobody.
#[derive(Debug, Clone)]
pub(crate) struct SignedIn(pub(crate) Identity);

/// Whoever sends the request, if it is somebody.
#[derive(Debug, Clone)]
pub(crate) struct Visitor(pub(crate) Option<Identity>);

impl<S: Send + Sync> FromRequestParts<S> for SignedIn
where
    ApiState: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Visitor(identity) = Visitor::from_request_parts(parts, state).await?;
        identity.map(Self).ok_or_else(ApiError::not_signed_in)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Visitor
where
    ApiState: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let state = ApiState::from_ref(state);
        let identity = state.authenticator.authenticate(parts).await?;
        if let Some(identity) = &identity {
            note_user(&parts.extensions, &identity.user);
        }
        Ok(Self(identity))
    }
}
