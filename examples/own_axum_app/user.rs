//! Who calls. A toy: an application takes this from its session or token.

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use ticketing_core::Caller;
use ticketing_core::values::{IdempotencyKey, UserId};

/// Whoever the header `x-user` names, and is believed.
pub(crate) struct User(pub(crate) UserId);

impl<S: Sync> FromRequestParts<S> for User {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, StatusCode> {
        let name = header(parts, "x-user").ok_or(StatusCode::UNAUTHORIZED)?;
        UserId::new(name).map(Self).map_err(|_invalid| StatusCode::UNAUTHORIZED)
    }
}

/// The key under which a request may be repeated, where the header `idempotency-key` has one.
pub(crate) struct Once(pub(crate) Caller);

impl<S: Sync> FromRequestParts<S> for Once {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, StatusCode> {
        let Some(key) = header(parts, "idempotency-key") else {
            return Ok(Self(Caller::default()));
        };
        let key = IdempotencyKey::new(key).map_err(|_invalid| StatusCode::BAD_REQUEST)?;
        Ok(Self(Caller::default().with_key(key)))
    }
}

fn header<'a>(parts: &'a Parts, name: &str) -> Option<&'a str> {
    parts.headers.get(name)?.to_str().ok()
}
