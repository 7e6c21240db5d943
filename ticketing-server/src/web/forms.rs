//! Forms: what was sent, and what is wrong with it, beside its fields.

use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use serde::de::DeserializeOwned;
use ticketing_core::Caller;
use ticketing_core::values::IdempotencyKey;
use uuid::Uuid;

use super::frame::Frame;
use super::texts::Texts;
use crate::http::error::ApiError;
use crate::http::extract::Command;

/// What a form sent. Fields that are missing read as empty ones do.
#[derive(Debug, Clone)]
pub(super) struct Form<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Form<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        match axum::Form::<T>::from_request(request, state).await {
            Ok(axum::Form(sent)) => Ok(Self(sent)),
            Err(unread) => Err(match unread.status() {
                StatusCode::PAYLOAD_TOO_LARGE => {
                    let message = "The request is too large";
                    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", message)
                }
                _ => ApiError::bad_request("malformed_form", "The form can't be read"),
            }),
        }
    }
}

/// What is wrong with a form.
#[derive(Debug, Clone, Default)]
pub(super) struct Wrong(Vec<(String, String)>);

impl Wrong {
    /// What is wrong with a field.
    pub(super) fn with(&self, field: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| name == field).map(|(_, text)| text.as_str())
    }

    pub(super) fn add(&mut self, field: &str, text: impl Into<String>) {
        self.0.push((field.to_owned(), text.into()));
    }
}

/// What a form that was refused is shown again with.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) status: StatusCode,
    /// The stable word for it, which the log has.
    pub(super) code: &'static str,
    /// After how many seconds it may be tried again, if that was said.
    pub(super) retry_after: Option<u64>,
    pub(super) wrong: Wrong,
    /// The whole of it, for the top of the page.
    pub(super) text: String,
}

impl Refused {
    /// What a visitor can do something about. Everything else is a page of its own.
    pub(super) fn by(error: ApiError, t: &Texts) -> Result<Self, ApiError> {
        const MENDABLE: [StatusCode; 5] = [
            StatusCode::BAD_REQUEST,
            StatusCode::PAYMENT_REQUIRED,
            StatusCode::CONFLICT,
            StatusCode::UNPROCESSABLE_ENTITY,
            StatusCode::TOO_MANY_REQUESTS,
        ];
        if !MENDABLE.contains(&error.status()) {
            return Err(error);
        }
        let mut wrong = Wrong::default();
        let mut text = t.look_at_fields.to_owned();
        for entry in error.entries() {
            let said = t.refusal(entry.code, &entry.message);
            match entry.field {
                Some(field) => wrong.add(field, said),
                None => text = said,
            }
        }
        let code = error.entries().first().map_or("invalid", |entry| entry.code);
        if let [entry] = error.entries() {
            // The page may have no place for this one field.
            text = t.refusal(entry.code, &entry.message);
        }
        let (status, retry_after) = (error.status(), error.retry_after());
        Ok(Self { status, code, retry_after, wrong, text })
    }

    /// A refusal of the whole form.
    pub(super) fn whole(status: StatusCode, code: &'static str, text: impl Into<String>) -> Self {
        let (wrong, text) = (Wrong::default(), text.into());
        Self { status, code, retry_after: None, wrong, text }
    }

    /// The frame that says so.
    pub(super) fn frame(&self, frame: Frame) -> Frame {
        frame.refused(self.text.clone())
    }
}

/// A key for a form, so that one that is sent twice is done once.
pub(super) fn fresh_key() -> String {
    Uuid::new_v4().to_string()
}

/// The command of a form, under the key that came with it.
pub(super) fn under_key(Command(caller): Command, key: &str) -> Result<Caller, ApiError> {
    if key.is_empty() {
        return Ok(caller);
    }
    let key = IdempotencyKey::new(key)
        .map_err(|_unfit| ApiError::bad_request("malformed_form", "The form can't be read"))?;
    Ok(caller.with_key(key))
}

/// The text of a field, unless it is empty.
pub(super) fn given(text: &str) -> Option<&str> {
    let text = text.trim();
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::texts::ENGLISH;

    #[test]
    fn what_can_be_mended_is_shown_beside_its_field() {
        let mut problems = crate::http::extract::Problems::default();
        problems.add("title", "text_empty", "Title is required");
        let refused = Refused::by(problems.refuse().unwrap_err(), &ENGLISH).unwrap();
        assert_eq!(refused.wrong.with("title"), Some("Title is required"));
        assert_eq!(refused.wrong.with("price"), None);
        assert_eq!(refused.text, "Title is required");
    }

    #[test]
    fn several_fields_are_told_as_such() {
        let mut problems = crate::http::extract::Problems::default();
        problems.add("title", "text_empty", "Title is required");
        problems.add("price", "not_a_number", "Price must be a number");
        let refused = Refused::by(problems.refuse().unwrap_err(), &ENGLISH).unwrap();
        assert_eq!(refused.text, ENGLISH.look_at_fields);
    }

    #[test]
    fn what_cannot_be_mended_is_no_matter_of_the_form() {
        assert!(Refused::by(ApiError::not_found(), &ENGLISH).is_err());
    }

    #[test]
    fn a_refusal_of_the_whole_is_at_the_top() {
        let error = ApiError::bad_request("sold_out", "Ticket is already reserved");
        let refused = Refused::by(error, &ENGLISH).unwrap();
        assert_eq!(refused.text, "Ticket is already reserved");
        assert_eq!(refused.wrong.with("quantity"), None);
    }
}
