//! What every request passes on its way to a handler, and every answer on its way back.
//!
//! From the outside in: ids, the span, the line in the log and the numbers, headers of every answer, compression, failures as
//! pages where the pages are the server's own, the one body of failures, panics, the limit per address, shedding, and the optional slash at the end of a
//! path. Then, for what has a route: cross-site requests, the time limit and the size limit.

use std::num::NonZeroU32;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{Extensions, HeaderMap, StatusCode, Version};
use axum::middleware::{from_fn, from_fn_with_state};
use ipnet::IpNet;
use tower::Layer as _;
use tower::util::MapRequestLayer;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, Predicate as _};
use tower_http::csrf::CsrfLayer;
use tower_http::timeout::TimeoutLayer;

use super::error::uniform_errors;
use super::unreadable;
use super::upstream::{ClientsOwn, Upstream};
use crate::metrics::HttpMetrics;
use crate::web::{self, Web};

mod address_limit;
mod answer_headers;
mod correlation;
mod observed;
mod panics;
mod shedding;
mod slashes;
#[cfg(test)]
mod tests;

use address_limit::AddressLimit;
use answer_headers::AnswerHeaders;
use observed::Observer;
pub use shedding::PriorityLimits;
use shedding::Shedding;

/// What the layers around a router can be told.
#[derive(Debug, Clone)]
pub struct LayerOptions {
    /// Whether clients reach the server over HTTPS, so that browsers may be told to insist on it.
    pub secure: bool,
    /// The most bytes of a request's body: 64 KiB unless said otherwise.
    pub body_max: usize,
    /// How long a handler may take to begin its answer: 10 seconds unless said otherwise. A stream of
    /// events has begun its answer, so it goes on.
    pub answer_within: Duration,
    /// How many requests of each priority are worked on at once.
    pub priorities: PriorityLimits,
    /// How many requests a second one address may send; as many as it likes unless said otherwise.
    pub per_address: Option<NonZeroU32>,
    /// The proxies whose word is taken for the address of a client.
    pub trusted_proxies: Vec<IpNet>,
    /// Where requests are counted.
    pub metrics: HttpMetrics,
}

impl Default for LayerOptions {
    fn default() -> Self {
        Self {
            secure: true,
            body_max: 64 * 1024,
            answer_within: Duration::from_secs(10),
            priorities: PriorityLimits::default(),
            per_address: None,
            trusted_proxies: Vec::new(),
            metrics: HttpMetrics::default(),
        }
    }
}

/// The router with everything around it that a server in the open needs.
pub fn dress(router: Router, options: &LayerOptions) -> Router {
    around_all(around_routes(router, options), options, None)
}

/// The same with the pages of the web client, which show failures as pages too.
pub(crate) fn dress_with_pages(web: Web, router: Router, options: &LayerOptions) -> Router {
    let all = router.merge(web::router(web.clone()));
    around_all(around_routes(all, options), options, Some(web))
}

/// The same before a web client, which gets whatever has no route.
pub(crate) fn dress_before(client: Upstream, router: Router, options: &LayerOptions) -> Router {
    let pass_on = async move |request: Request| client.answer(request).await;
    around_all(around_routes(router, options).fallback(pass_on), options, None)
}

/// What is around the routes alone. How long a page may take, how much may be sent to it and by whom,
/// is for the web client to say.
fn around_routes(router: Router, options: &LayerOptions) -> Router {
    let late =
        TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, options.answer_within);
    router
        .layer(from_fn(observed::note_route))
        .layer(DefaultBodyLimit::max(options.body_max))
        .layer(late)
        .layer(CsrfLayer::new())
}

/// What is around everything.
fn around_all(routes: Router, options: &LayerOptions, pages: Option<Web>) -> Router {
    // Outside of the routing, which would otherwise not know the path.
    let inner = MapRequestLayer::new(slashes::optional).layer(routes);
    let shedding = Shedding::new(options.priorities, pages.is_some(), options.metrics.clone());
    let addresses = AddressLimit::new(options.per_address);
    let observer = Observer::new(options.metrics.clone(), options.trusted_proxies.clone());
    let compressible = DefaultPredicate::new().and(is_ours);
    let compression = CompressionLayer::new().gzip(true).compress_when(compressible);
    let answering = Router::new()
        .fallback_service(inner)
        .layer(from_fn_with_state(shedding, shedding::shed))
        .layer(from_fn_with_state(addresses, address_limit::limit_addresses))
        .layer(from_fn(unreadable::answer))
        .layer(CatchPanicLayer::custom(panics::answer))
        .layer(from_fn(uniform_errors));
    let answering = match pages {
        Some(web) => answering.layer(from_fn_with_state(web, web::failures_as_pages)),
        None => answering,
    };
    answering
        .layer(compression)
        .layer(from_fn_with_state(AnswerHeaders::new(options.secure), answer_headers::add))
        .layer(from_fn_with_state(observer, observed::observe))
        .layer(from_fn(correlation::identify))
}

/// Whether the answer is not that of a client behind the server, which compresses as it likes.
fn is_ours(_: StatusCode, _: Version, _: &HeaderMap, extensions: &Extensions) -> bool {
    extensions.get::<ClientsOwn>().is_none()
}
