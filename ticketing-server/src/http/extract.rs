//! What handlers take from a request. Everything here fails with an [`ApiError`], never with a
//! framework's own words.

use std::fmt;
use std::str::FromStr;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;
use ticketing_core::Caller;
use ticketing_core::domain::rejection::FieldError;
use ticketing_core::values::{CorrelationId, IdempotencyKey};

use super::error::ApiError;

/// An id from the path. One of a foreign shape names nothing, which is told only when the handler
/// comes to look for it: signing in and the body are checked first.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PathId<T>(Option<T>);

impl<T> PathId<T> {
    /// The id; 404 for one that can't be.
    pub(crate) fn known(self) -> Result<T, ApiError> {
        self.0.ok_or_else(ApiError::not_found)
    }
}

impl<S: Send + Sync, T: FromStr + Send> FromRequestParts<S> for PathId<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        // Percent-encoding that is no text names nothing either.
        let text = Path::<String>::from_request_parts(parts, state).await.ok();
        Ok(Self(text.and_then(|Path(text)| text.parse().ok())))
    }
}

/// The query's parameters.
#[derive(Debug, Clone)]
pub(crate) struct Parameters<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Parameters<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match Query::<T>::from_request_parts(parts, state).await {
            Ok(Query(parameters)) => Ok(Self(parameters)),
            Err(_unreadable) => {
                Err(ApiError::bad_request("malformed_query", "The query can't be read"))
            }
        }
    }
}

/// A JSON object as the body. A body that is none at all reads as an empty object, so that each
/// missing field is told.
#[derive(Debug, Clone)]
pub(crate) struct Body<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let sent = sent(request, state).await?;
        object(sent.as_deref().unwrap_or(b"{}")).map(Self)
    }
}

/// A JSON object as the body, which must be there: what does everything unless told otherwise is not
/// begun by a slip of the finger.
#[derive(Debug, Clone)]
pub(crate) struct SentBody<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for SentBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let sent = sent(request, state).await?;
        let sent = sent.ok_or_else(|| {
            ApiError::bad_request("body_required", "Send a JSON object, if only an empty one")
        })?;
        object(&sent).map(Self)
    }
}

/// The body, if there is one; it must be declared as JSON.
async fn sent(request: Request, state: &(impl Send + Sync)) -> Result<Option<Bytes>, ApiError> {
    let declared = declares_json(request.headers());
    let sent = Bytes::from_request(request, state).await;
    let sent = sent.map_err(|unread| match unread.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            let message = "The request is too large";
            ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", message)
        }
        _ => ApiError::bad_request("malformed_body", "The body can't be read"),
    })?;
    if sent.is_empty() {
        return Ok(None);
    }
    if declared {
        return Ok(Some(sent));
    }
    let message = "Send application/json";
    Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", message))
}

/// What a JSON object says. An array would do as well for the derived reading of a struct.
fn object<T: DeserializeOwned>(json: &[u8]) -> Result<T, ApiError> {
    let is_object = json.trim_ascii_start().starts_with(b"{");
    let read = if is_object { serde_json::from_slice(json).ok() } else { None };
    read.ok_or_else(|| {
        ApiError::bad_request("malformed_json", "The body is not a JSON object as expected")
    })
}

/// `application/json`, with whatever parameters.
fn declares_json(headers: &HeaderMap) -> bool {
    let declared = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    declared.is_some_and(|value| {
        let kind = value.split(';').next().unwrap_or_default().trim();
        kind.eq_ignore_ascii_case("application/json")
    })
}

/// What the request says of itself, for the engine: its idempotency key and its correlation id.
#[derive(Debug, Clone)]
pub(crate) struct Command(pub(crate) Caller);

/// How an idempotency key is sent, for the API's description.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "describes what a command is read from")]
pub(crate) struct KeyHeader {
    /// A command that is sent again under its key is answered as it was at first, and done once. A
    /// key is kept for three days.
    #[param(rename = "Idempotency-Key", max_length = 255, pattern = "^[!-~]+$")]
    idempotency_key: Option<String>,
}

/// The id that the outermost layer gave the request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RequestCorrelation(pub(crate) CorrelationId);

impl<S: Send + Sync> FromRequestParts<S> for Command {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        let mut caller = Caller::default();
        if let Some(RequestCorrelation(id)) = parts.extensions.get() {
            caller = caller.with_correlation(*id);
        }
        let Some(key) = parts.headers.get("idempotency-key") else {
            return Ok(Self(caller));
        };
        let key = key.to_str().ok().and_then(|key| IdempotencyKey::new(key).ok());
        let key = key.ok_or_else(|| {
            let message = "An idempotency key has 1 to 255 visible ASCII characters";
            ApiError::bad_request("invalid_idempotency_key", message)
        })?;
        Ok(Self(caller.with_key(key)))
    }
}

/// Gathers what is wrong with a request, field by field.
#[derive(Debug, Default)]
pub(crate) struct Problems(Vec<FieldError>);

impl Problems {
    pub(crate) fn add(
        &mut self,
        field: &'static str,
        code: &'static str,
        message: impl fmt::Display,
    ) {
        self.0.push(FieldError::new(field, code, message.to_string()));
    }

    /// The problems of fields that have none yet.
    pub(crate) fn add_others(&mut self, checked: Result<(), Vec<FieldError>>) {
        for error in checked.err().unwrap_or_default() {
            if !self.0.iter().any(|known| known.field == error.field) {
                self.0.push(error);
            }
        }
    }

    /// 400 with every wrong field, if there is one.
    pub(crate) fn refuse(self) -> Result<(), ApiError> {
        if self.0.is_empty() { Ok(()) } else { Err(ApiError::invalid(self.0)) }
    }

    /// What was read, which is missing only if there is a problem.
    pub(crate) fn unless_any<T>(self, read: Option<T>) -> Result<T, ApiError> {
        match read {
            Some(read) if self.0.is_empty() => Ok(read),
            Some(_) | None => Err(ApiError::invalid(self.0)),
        }
    }
}
