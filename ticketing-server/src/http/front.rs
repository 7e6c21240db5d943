//! What a person finds who opens the server's address in a browser while there is no web client.

use axum::Router;
use axum::response::Html;
use axum::routing::get;

/// Plain on purpose: it needs nothing that the policy for answers of the API forbids.
const PAGE: &str = "<!doctype html>
<html lang=\"en\">
<title>ticketing</title>
<p>This is the API of a ticket shop. <a href=\"/docs/\">/docs</a> shows what it can do.
</html>
";

/// The page at `/`.
pub(crate) fn page() -> Router {
    Router::new().route("/", get(async || Html(PAGE)))
}
