//! Pages as answers.

use askama::Template;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};

use super::StripeForm;
use super::forms::Refused;
use super::frame::Frame;
use crate::http::error::{ApiError, Told};

/// The policy of a page with Stripe's form for cards: also Stripe's script, the frames that it opens,
/// and whom it talks to.
fn policy_with(stripe: &StripeForm) -> HeaderValue {
    let (scheme, rest) = stripe.script.split_once("://").unwrap_or(("https", &stripe.script));
    let host = rest.split('/').next().unwrap_or_default();
    let policy = format!(
        "default-src 'none'; style-src 'self'; script-src 'self' {scheme}://{host}; \
         connect-src 'self' {scheme}://{host} https://api.stripe.com; \
         frame-src {scheme}://{host} https://hooks.stripe.com; img-src 'self'; \
         form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    );
    HeaderValue::from_str(&policy).unwrap_or(POLICY)
}

/// What a page may load, and whom it may talk to: this server alone.
pub(super) const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
);
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
const NOBODY_KEEPS_IT: HeaderValue = HeaderValue::from_static("no-store");
/// A crowd that loads the same page asks once a second for all of it, where a cache stands between.
const A_SECOND: HeaderValue = HeaderValue::from_static("public, max-age=1");
/// With no referrer at all, an older browser does not say where a form comes from either, and it is
/// refused as a stranger's.
const OWN_FORMS: HeaderValue = HeaderValue::from_static("same-origin");
const VARIES: HeaderValue = HeaderValue::from_static("accept-language, cookie");

/// A page that is its visitor's alone.
pub(super) fn page(status: StatusCode, page: &impl Template) -> Result<Response, ApiError> {
    kept(status, page, NOBODY_KEEPS_IT)
}

/// The page of a form that was refused.
pub(super) fn refused(refused: &Refused, page: &impl Template) -> Result<Response, ApiError> {
    let mut response = kept(refused.status, page, NOBODY_KEEPS_IT)?;
    let message = refused.text.clone().into();
    response.extensions_mut().insert(Told { code: refused.code, message, why: None });
    if let Some(seconds) = refused.retry_after.map(HeaderValue::from) {
        response.headers_mut().insert(header::RETRY_AFTER, seconds);
    }
    Ok(response)
}

/// Opens an answer for Stripe's form for cards, if the page has it.
pub(super) fn with_stripe(mut response: Response, stripe: Option<&StripeForm>) -> Response {
    if let Some(stripe) = stripe {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy_with(stripe));
    }
    response
}

/// A page that anybody may keep for a second, if it shows nothing of its visitor.
pub(super) fn shared(frame: &Frame, page: &impl Template) -> Result<Response, ApiError> {
    let kept_for = if frame.is_everybodys() { A_SECOND } else { NOBODY_KEEPS_IT };
    kept(StatusCode::OK, page, kept_for)
}

fn kept(
    status: StatusCode,
    page: &impl Template,
    kept_for: HeaderValue,
) -> Result<Response, ApiError> {
    let text = page.render().map_err(|error| ApiError::internal(&error))?;
    let headers: [(HeaderName, HeaderValue); 5] = [
        (header::CONTENT_TYPE, HTML),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, kept_for),
        (header::VARY, VARIES),
        (header::REFERRER_POLICY, OWN_FORMS),
    ];
    Ok((status, headers, text).into_response())
}

/// Sends a visitor whose form worked on to another page.
pub(super) fn on_to(path: &str) -> Response {
    Redirect::to(path).into_response()
}
