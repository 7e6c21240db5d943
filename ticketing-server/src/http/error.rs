//! How every failure looks: `{"errors":[{"message","field"?,"code"}]}`.

use std::borrow::Cow;
use std::error::Error as Cause;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use ticketing_core::domain::rejection::FieldError;
use ticketing_core::ports::chain;
use ticketing_core::values::CorrelationId;
use ticketing_core::{Error, WebhookFailure};
use utoipa::ToSchema;

use super::identity::AuthUnavailable;

mod refusals;
mod uniform;

pub(crate) use refusals::capitalized;
pub(crate) use uniform::uniform_errors;

/// A request that failed.
#[derive(Debug, Clone)]
pub(crate) struct ApiError {
    status: StatusCode,
    entries: Vec<ErrorEntry>,
    retry_after: Option<Duration>,
    /// What it came of, for the log alone.
    why: Option<Arc<str>>,
}

/// The body of every failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ErrorBody {
    /// What is wrong; one entry for each field that is.
    errors: Vec<ErrorEntry>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ErrorEntry {
    /// A sentence for people.
    #[schema(value_type = String)]
    pub(crate) message: Cow<'static, str>,
    /// The field of the request that is wrong, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) field: Option<&'static str>,
    /// A stable word for programs.
    pub(crate) code: &'static str,
    /// What to quote when asking about a failure of ours.
    #[serde(rename = "correlationId", skip_serializing_if = "Option::is_none")]
    correlation_id: Option<String>,
}

/// Marks a response whose body is an [`ErrorBody`] already, with what the log says of it.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    /// The stable word of its first entry.
    pub(crate) code: &'static str,
    /// Its sentence.
    pub(crate) message: Cow<'static, str>,
    /// What it came of, with every cause; nothing where the code says it all.
    pub(crate) why: Option<Arc<str>>,
}

impl Told {
    /// A failure of ours.
    pub(crate) fn internal(why: String) -> Self {
        Self { code: INTERNAL, message: SOMETHING_WENT_WRONG.into(), why: Some(why.into()) }
    }
}

/// The word for a failure of ours.
const INTERNAL: &str = "internal";
const SOMETHING_WENT_WRONG: &str = "Something went wrong";

impl ErrorEntry {
    fn new(code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self { message: message.into(), field: None, code, correlation_id: None }
    }
}

impl From<FieldError> for ErrorEntry {
    fn from(error: FieldError) -> Self {
        Self { field: Some(error.field), ..Self::new(error.code, error.message) }
    }
}

impl ApiError {
    pub(crate) fn new(
        status: StatusCode,
        code: &'static str,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { status, entries: vec![ErrorEntry::new(code, message)], retry_after: None, why: None }
    }

    /// Fields of the request are wrong.
    pub(crate) fn invalid(fields: impl IntoIterator<Item = FieldError>) -> Self {
        let entries = fields.into_iter().map(ErrorEntry::from).collect();
        Self { status: StatusCode::BAD_REQUEST, entries, retry_after: None, why: None }
    }

    pub(crate) fn bad_request(code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    pub(crate) fn not_signed_in() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "not_signed_in", "Not authorized")
    }

    pub(crate) fn not_owner() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "not_owner", "Not authorized")
    }

    pub(crate) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "Not Found")
    }

    /// It can't be done now.
    pub(crate) fn unavailable(retry_after: Duration) -> Self {
        let message = "The service is unavailable, try again";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message).after(retry_after)
    }

    /// Too many requests.
    pub(crate) fn too_many(retry_after: Duration) -> Self {
        let message = "Too many attempts, try again later";
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", message).after(retry_after)
    }

    /// A failure of ours, which is told to the log and not to the client.
    pub(crate) fn internal(what: &(dyn Cause + 'static)) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, INTERNAL, SOMETHING_WENT_WRONG).because(what)
    }

    /// Its status over HTTP.
    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// After how many whole seconds it may be tried again, and never none.
    pub(crate) fn retry_after(&self) -> Option<u64> {
        let millis = self.retry_after?.as_millis();
        u64::try_from(millis.div_ceil(1000).max(1)).ok()
    }

    /// Each thing that is wrong.
    pub(crate) fn entries(&self) -> &[ErrorEntry] {
        &self.entries
    }

    /// The same, with what it came of, which stands in the line that the log has of the request.
    pub(crate) fn because(self, what: &(dyn Cause + 'static)) -> Self {
        Self { why: Some(chain(what).into()), ..self }
    }

    pub(crate) fn after(self, retry_after: Duration) -> Self {
        Self { retry_after: Some(retry_after), ..self }
    }

    /// With what to quote when asking about it.
    fn correlated(mut self, id: CorrelationId) -> Self {
        for entry in &mut self.entries {
            entry.correlation_id = Some(id.to_string());
        }
        self
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        match error {
            Error::Rejected(rejection) => refusals::of(rejection),
            Error::NotFound(_) => Self::not_found(),
            Error::Conflict => {
                let message = "Others are changing the same, try again";
                Self::new(StatusCode::CONFLICT, "conflict", message)
            }
            Error::Overloaded { retry_after } => {
                let message = "Too many are waiting already, try again";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded", message).after(retry_after)
            }
            Error::Unavailable { retry_after, ref source } => {
                Self::unavailable(retry_after).because(source)
            }
            bug @ (Error::Bug { .. } | _) => Self::internal(&bug),
        }
    }
}

impl From<WebhookFailure> for ApiError {
    fn from(failure: WebhookFailure) -> Self {
        match failure {
            WebhookFailure::NotBelieved(why) => {
                Self::bad_request("webhook_not_believed", why.to_string())
            }
            WebhookFailure::NotKept(error) => error.into(),
            unknown => Self::internal(&unknown),
        }
    }
}

impl From<AuthUnavailable> for ApiError {
    fn from(failure: AuthUnavailable) -> Self {
        Self::unavailable(Error::RETRY_AFTER).because(&failure)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let retry_after = self.retry_after();
        let Self { status, entries, why, .. } = self;
        let first = entries.first().map(|entry| (entry.code, entry.message.clone()));
        let (code, message) = first.unwrap_or(("bad_request", Cow::Borrowed("Bad Request")));
        let mut response = (status, Json(ErrorBody { errors: entries })).into_response();
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response.extensions_mut().insert(Told { code, message, why });
        response
    }
}
