//! The API's description, as a document and as a page.

use axum::Router;
use axum::http::{HeaderValue, header};
use axum::middleware;
use axum::response::Response;
use utoipa::OpenApi;
use utoipa::openapi::OpenApi as Document;
use utoipa_swagger_ui::{Config, SwaggerUi};

mod around;
mod sessions;
mod summaries;

/// What the description says before its routes.
#[derive(Debug, OpenApi)]
#[openapi(
    info(
        title = "ticketing",
        description = "Sells tickets, and none of them twice. Prices are in major units. Every failure has the body \
            `{\"errors\":[{\"message\",\"field\"?,\"code\"}]}`. Sessions are a cookie, or the same token as Bearer.",
        license(name = "MIT OR Apache-2.0")
    ),
    tags(
        (name = "users", description = "Accounts and sessions"),
        (name = "tickets", description = "Listings"),
        (name = "orders", description = "Reservations and what becomes of them"),
        (name = "payments", description = "Money"),
        (name = "webhooks", description = "What payment gateways say"),
        (name = "live", description = "Server-sent events"),
        (name = "health", description = "For whoever runs the server"),
    ),
)]
pub(super) struct Description;

/// What the page may load: its own files, and styles that its scripts write.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// `/openapi.json`, and a page at `/docs` that needs no other host.
pub(super) fn page(mut document: Document) -> Router {
    around::add_refusals(&mut document);
    sessions::add_sessions(&mut document);
    summaries::shorten(&mut document);
    // There is nothing else to look at: the bar in which to name another document stays away.
    let looks = Config::default().use_base_layout();
    let page = SwaggerUi::new("/docs").url("/openapi.json", document).config(looks);
    let page: Router = page.into();
    page.layer(middleware::map_response(async |mut response: Response| {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, POLICY);
        response
    }))
}
