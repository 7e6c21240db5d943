//! A handler that panics.

use std::any::Any;

use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

use crate::http::error::Told;

/// The answer of a handler that panicked. The process goes on, and the layer around this one writes
/// the body.
#[expect(clippy::needless_pass_by_value, reason = "the layer hands it over like this")]
pub(super) fn answer(panic: Box<dyn Any + Send + 'static>) -> Response {
    let words = panic.downcast_ref::<String>().map(String::as_str);
    let words = words.or_else(|| panic.downcast_ref::<&str>().copied());
    let why = format!("a handler panicked: {}", words.unwrap_or("without words"));
    let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
    response.extensions_mut().insert(Told::internal(why));
    response
}
