//! The span of a request, its one line in the log, and its numbers. None of them ever has a query, a
//! header or a body in it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use ipnet::IpNet;
use tracing::{Instrument as _, Level, Span, field};

use super::correlation::RequestId;
use crate::http::client_address::ClientAddress;
use crate::http::error::Told;
use crate::http::extract::RequestCorrelation;
use crate::http::health::PROBES;
use crate::http::noted::{self, Noted};
use crate::metrics::{HttpMetrics, InFlight};

/// What requests are observed with.
#[derive(Debug, Clone)]
pub(super) struct Observer {
    metrics: HttpMetrics,
    trusted: Arc<[IpNet]>,
}

impl Observer {
    pub(super) fn new(metrics: HttpMetrics, trusted: Vec<IpNet>) -> Self {
        Self { metrics, trusted: trusted.into() }
    }
}

/// Notes the route, inside of the routing.
pub(super) async fn note_route(
    matched: Option<MatchedPath>,
    request: Request,
    next: Next,
) -> Response {
    if let Some(matched) = matched {
        noted::note_route(request.extensions(), matched.as_str());
    }
    next.run(request).await
}

/// Puts a span around the request, counts it and logs it, also one whose client does not wait for the
/// end. From here on the request knows where it comes from.
pub(super) async fn observe(
    State(Observer { metrics, trusted }): State<Observer>,
    mut request: Request,
    next: Next,
) -> Response {
    let client = ClientAddress::of(request.extensions(), request.headers(), &trusted);
    let noted = Noted::default();
    request.extensions_mut().insert(client);
    request.extensions_mut().insert(noted.clone());
    let about = About::of(&request, client);
    let span = about.span();
    let mut observed = Observed {
        metrics: metrics.begin(),
        about,
        noted,
        began: Instant::now(),
        status: None,
        told: None,
    };
    let response = next.run(request).instrument(span).await;
    observed.status = Some(response.status().as_u16());
    observed.told = response.extensions().get().cloned();
    if let Some(noted::User(user)) = response.extensions().get() {
        observed.noted.set_user(user);
    }
    response
}

/// What is known of a request from the beginning.
struct About {
    method: &'static str,
    client: Option<field::DisplayValue<std::net::IpAddr>>,
    request: Option<field::DisplayValue<uuid::Uuid>>,
    correlation: Option<field::DisplayValue<ticketing_core::values::CorrelationId>>,
}

impl About {
    fn of(request: &Request, ClientAddress(client): ClientAddress) -> Self {
        let extensions = request.extensions();
        Self {
            method: method_of(request),
            client: client.map(field::display),
            request: extensions.get().map(|RequestId(id)| field::display(*id)),
            correlation: extensions.get().map(|RequestCorrelation(id)| field::display(*id)),
        }
    }

    /// Around every other line of the request.
    fn span(&self) -> Span {
        tracing::info_span!(
            "request",
            http.method = self.method,
            http.route = field::Empty,
            user.id = field::Empty,
            request.id = self.request,
            correlation.id = self.correlation,
        )
    }
}

/// The method, unless somebody made one up: names of numbers must not grow without end.
fn method_of(request: &Request) -> &'static str {
    let known = ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"];
    known.into_iter().find(|known| request.method() == *known).unwrap_or("other")
}

/// A request that is being worked on. Dropped before it is answered, its client was gone.
struct Observed {
    metrics: InFlight,
    about: About,
    noted: Noted,
    began: Instant,
    status: Option<u16>,
    told: Option<Told>,
}

/// How much a request's line matters: failures of ours most, what somebody else must mend less, what
/// probes ask the least.
fn level(status: Option<u16>, route: &str) -> Level {
    match status {
        Some(503) => Level::WARN,
        Some(status) if status >= 500 => Level::ERROR,
        Some(status) if status < 400 && PROBES.contains(&route) => Level::DEBUG,
        Some(_) | None => Level::INFO,
    }
}

/// The one line of a request. It stands alone, without a span around it: all that is known of the
/// request is in its fields.
macro_rules! line {
    ($log:ident, $observed:expr, $route:expr, $took:expr) => {{
        let Observed { about, noted, status, told, .. } = $observed;
        tracing::$log!(
            parent: None,
            http.method = about.method,
            http.route = $route,
            http.status = *status,
            duration_ms = $took.div_duration_f64(Duration::from_millis(1)),
            client.address = about.client,
            user.id = noted.user().map(|user| user.as_str()),
            code = told.as_ref().map(|told| told.code),
            error = told.as_ref().and_then(|told| told.why.as_deref()),
            request.id = about.request,
            correlation.id = about.correlation,
            "{}",
            if status.is_some() { "answered" } else { "the client did not wait" },
        );
    }};
}

impl Drop for Observed {
    fn drop(&mut self) {
        let took = self.began.elapsed();
        let route = self.noted.route().unwrap_or("none");
        self.metrics.end(self.about.method, route, self.status, took);
        match level(self.status, route) {
            Level::ERROR => line!(error, &*self, route, took),
            Level::WARN => line!(warn, &*self, route, took),
            Level::DEBUG => line!(debug, &*self, route, took),
            _ => line!(info, &*self, route, took),
        }
    }
}
