//! What a person finds who opens the server's address in a browser while there is no web client.

use axum::Router;
use axum::http::{HeaderValue, header};
use axum::response::{Html, IntoResponse as _};
use axum::routing::get;

const PAGE: &str = include_str!("front/front.html");
const STYLE: &str = include_str!("front/front.css");

/// What the page may load: its own style.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);
const CSS: HeaderValue = HeaderValue::from_static("text/css; charset=utf-8");

/// The page at `/`, with its style.
pub(crate) fn page() -> Router {
    let page = async || ([(header::CONTENT_SECURITY_POLICY, POLICY)], Html(PAGE)).into_response();
    let style = async || ([(header::CONTENT_TYPE, CSS)], STYLE).into_response();
    Router::new().route("/", get(page)).route("/front.css", get(style))
}
