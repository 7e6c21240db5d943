//! What the engine's errors are over HTTP.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use ticketing_core::{Error, Reason};

/// An error of the engine, as an answer: a status, its stable code, and a sentence.
pub(crate) struct Failed(Error);

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        let body = json!({ "code": self.0.code(), "message": self.0.to_string() });
        (status_of(&self.0), Json(body)).into_response()
    }
}

fn status_of(error: &Error) -> StatusCode {
    match error {
        Error::Rejected(rejection) => status_of_rejection(&rejection.reason),
        Error::NotFound(_) => StatusCode::NOT_FOUND,
        Error::Conflict => StatusCode::CONFLICT,
        Error::Overloaded { .. } | Error::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
        // A bug, or an error that a later engine adds.
        Error::Bug { .. } | _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn status_of_rejection(reason: &Reason) -> StatusCode {
    if let Reason::Invalid(_) = reason {
        return StatusCode::UNPROCESSABLE_ENTITY;
    }
    if let Reason::NotOwner = reason {
        return StatusCode::FORBIDDEN;
    }
    // Everything else is refused for what happened before.
    StatusCode::CONFLICT
}
