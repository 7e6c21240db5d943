//! The span of a request, and its numbers. Neither ever has a query, a header or a body in it.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use tracing::{Instrument as _, Span, field};

use super::correlation::RequestId;
use crate::http::extract::RequestCorrelation;
use crate::metrics::HttpMetrics;

/// Where the routing notes which route it found, for those outside of it.
#[derive(Debug, Clone, Default)]
struct FoundRoute(Arc<OnceLock<Arc<str>>>);

impl FoundRoute {
    fn template(&self) -> &str {
        self.0.get().map_or("none", AsRef::as_ref)
    }
}

/// Notes the route, inside of the routing.
pub(super) async fn note_route(
    matched: Option<MatchedPath>,
    request: Request,
    next: Next,
) -> Response {
    if let Some(matched) = matched {
        Span::current().record("http.route", matched.as_str());
        if let Some(FoundRoute(found)) = request.extensions().get() {
            found.get_or_init(|| matched.as_str().into());
        }
    }
    next.run(request).await
}

/// Puts a span around the request and counts it, also one whose client does not wait for the end.
pub(super) async fn observe(
    State(metrics): State<HttpMetrics>,
    mut request: Request,
    next: Next,
) -> Response {
    let route = FoundRoute::default();
    request.extensions_mut().insert(route.clone());
    let span = span_of(&request);
    let counted = Counted {
        metrics: metrics.begin(),
        method: method_of(&request),
        route,
        began: Instant::now(),
        status: None,
        span: span.clone(),
    };
    let response = next.run(request).instrument(span).await;
    counted.answered(response.status().as_u16());
    response
}

fn span_of(request: &Request) -> Span {
    let extensions = request.extensions();
    let id = extensions.get().map(|RequestId(id)| field::display(*id));
    let affair = extensions.get().map(|RequestCorrelation(id)| field::display(*id));
    tracing::info_span!(
        "request",
        http.method = method_of(request),
        http.route = field::Empty,
        request.id = id,
        correlation.id = affair,
    )
}

/// The method, unless somebody made one up: names of numbers must not grow without end.
fn method_of(request: &Request) -> &'static str {
    let known = ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"];
    known.into_iter().find(|known| request.method() == *known).unwrap_or("other")
}

/// A request that is being worked on. Dropped before it is answered, its client was gone.
struct Counted {
    metrics: crate::metrics::InFlight,
    method: &'static str,
    route: FoundRoute,
    began: Instant,
    status: Option<u16>,
    span: Span,
}

impl Counted {
    fn answered(mut self, status: u16) {
        self.status = Some(status);
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let took = self.began.elapsed();
        self.metrics.end(self.method, self.route.template(), self.status, took);
        let (status, took) = (self.status, took.as_secs_f64());
        self.span.in_scope(|| {
            if let Some(status) = status {
                tracing::info!(http.status = status, duration_seconds = took, "answered");
            } else {
                tracing::info!(duration_seconds = took, "the client did not wait");
            }
        });
    }
}
