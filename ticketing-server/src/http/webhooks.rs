//! `POST /api/webhooks/{gateway}`: what a payment gateway has to say.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use ticketing_core::Ticketing;
use ticketing_core::ports::WebhookRequest;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::detached::detached;
use super::error::{ApiError, ErrorBody};

/// The route of webhooks, to be nested where an application wants it, such as at `/api/webhooks`.
/// Nobody signs in there: a webhook is believed for its signature.
pub fn router(engine: Ticketing) -> Router {
    routes().with_state(engine).into()
}

pub(crate) fn routes() -> OpenApiRouter<Ticketing> {
    OpenApiRouter::new().routes(routes!(receive))
}

/// Takes a gateway's webhook. 200 means that it is kept; whatever comes of it comes of itself.
#[utoipa::path(
    post,
    path = "/{gateway}",
    tag = "webhooks",
    operation_id = "receiveWebhook",
    params(("gateway" = String, Path)),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses(
        (status = OK),
        (status = BAD_REQUEST, body = ErrorBody, description = "It is not to be believed"),
        (status = NOT_FOUND, body = ErrorBody, description = "Another gateway is in use"),
    ),
)]
async fn receive(
    State(engine): State<Ticketing>,
    Path(gateway): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<StatusCode, ApiError> {
    if engine.payments().gateway().as_str() != gateway {
        return Err(ApiError::not_found());
    }
    let request = WebhookRequest { body: body.into(), headers: readable(&headers) };
    let payments = engine.payments();
    detached(async move { payments.webhook(&request).await }).await?;
    Ok(StatusCode::OK)
}

/// Headers that are text; a signature always is.
fn readable(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = headers.iter().filter_map(|(name, value)| Some((name, value.to_str().ok()?)));
    text.map(|(name, value)| (name.as_str().to_owned(), value.to_owned())).collect()
}
