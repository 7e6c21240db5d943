//! Which requests are refused first when there are too many.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use tokio::sync::Semaphore;

use crate::http::api::is_of_api;
use crate::http::error::ApiError;
use crate::metrics::HttpMetrics;

/// How many requests of each priority are worked on at once. One beyond that is refused at once:
/// waiting would only make it late.
///
/// Each priority has places of its own, so that a crowd that browses takes none from those who pay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PriorityLimits {
    /// Whether the server is ready, and its numbers: 64.
    pub health: usize,
    /// Paying, cancelling, orders as their buyers see them, and webhooks: 4,096. What was begun is
    /// worth the most.
    pub settle: usize,
    /// Reserving, and everything else that changes something: 2,048. They wait together for one
    /// commit, so many at once cost little.
    pub reserve: usize,
    /// Everything that only reads: 256. Each costs a query.
    pub browse: usize,
    /// Everything that is not the API, but for forms and orders of the server's own pages, which count
    /// as what they do: 256. A web client that does not answer keeps nobody from the API.
    pub pages: usize,
}

impl Default for PriorityLimits {
    fn default() -> Self {
        Self { health: 64, settle: 4_096, reserve: 2_048, browse: 256, pages: 256 }
    }
}

/// What a request is for, by how much it matters that it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Priority {
    Health,
    Settle,
    Reserve,
    Browse,
    Pages,
}

impl Priority {
    /// That the process lives is told in any case: it costs nothing, and saying no ends the process.
    fn of(method: &Method, path: &str) -> Option<Self> {
        match path {
            "/healthz" => return None,
            "/readyz" | "/metrics" => return Some(Self::Health),
            _ if !is_of_api(path) => return Some(Self::Pages),
            _ => {}
        }
        let path = path.trim_end_matches('/');
        let order = path.strip_prefix("/api/orders");
        Some(match (path, order) {
            (_, Some("")) if method == Method::POST => Self::Reserve,
            (_, Some("")) => Self::Browse,
            (_, Some(_)) => Self::Settle,
            _ if path.starts_with("/api/payments") || path.starts_with("/api/webhooks") => {
                Self::Settle
            }
            _ if method.is_safe() => Self::Browse,
            _ => Self::Reserve,
        })
    }

    /// The same for the server's own pages: their forms do what the API does.
    fn of_own_page(method: &Method, path: &str) -> Self {
        if path.strip_prefix("/orders/").is_some_and(|rest| !rest.is_empty()) {
            Self::Settle
        } else if method.is_safe() {
            Self::Pages
        } else {
            Self::Reserve
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Health => "health",
            Self::Settle => "settle",
            Self::Reserve => "reserve",
            Self::Browse => "browse",
            Self::Pages => "pages",
        }
    }
}

/// The places of all priorities.
#[derive(Debug, Clone)]
pub(super) struct Shedding {
    health: Arc<Semaphore>,
    settle: Arc<Semaphore>,
    reserve: Arc<Semaphore>,
    browse: Arc<Semaphore>,
    pages: Arc<Semaphore>,
    /// Whether what is not the API is the server's own.
    pages_are_ours: bool,
    metrics: HttpMetrics,
}

impl Shedding {
    pub(super) fn new(limits: PriorityLimits, pages_are_ours: bool, metrics: HttpMetrics) -> Self {
        let places = |limit: usize| Arc::new(Semaphore::new(limit.min(Semaphore::MAX_PERMITS)));
        Self {
            health: places(limits.health),
            settle: places(limits.settle),
            reserve: places(limits.reserve),
            browse: places(limits.browse),
            pages: places(limits.pages),
            pages_are_ours,
            metrics,
        }
    }

    fn priority(&self, method: &Method, path: &str) -> Option<Priority> {
        match Priority::of(method, path) {
            Some(Priority::Pages) if self.pages_are_ours => {
                Some(Priority::of_own_page(method, path))
            }
            priority => priority,
        }
    }

    fn places(&self, priority: Priority) -> &Arc<Semaphore> {
        match priority {
            Priority::Health => &self.health,
            Priority::Settle => &self.settle,
            Priority::Reserve => &self.reserve,
            Priority::Browse => &self.browse,
            Priority::Pages => &self.pages,
        }
    }
}

/// Refuses the request unless there is a place for its priority. The place is free again when the
/// answer begins: a stream of events does not keep it.
pub(super) async fn shed(
    State(shedding): State<Shedding>,
    request: Request,
    next: Next,
) -> Response {
    let Some(priority) = shedding.priority(request.method(), request.uri().path()) else {
        return next.run(request).await;
    };
    match shedding.places(priority).try_acquire() {
        Ok(_place) => next.run(request).await,
        Err(_none_free) => {
            shedding.metrics.shed(priority.name());
            overloaded().into_response()
        }
    }
}

fn overloaded() -> ApiError {
    let message = "Too many are waiting already, try again";
    ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded", message)
        .after(Duration::from_secs(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paying_matters_more_than_browsing() {
        for (method, path, expected) in [
            (Method::GET, "/readyz", Priority::Health),
            (Method::GET, "/metrics", Priority::Health),
            (Method::POST, "/api/orders", Priority::Reserve),
            (Method::POST, "/api/orders/", Priority::Reserve),
            (Method::GET, "/api/orders", Priority::Browse),
            (Method::GET, "/api/orders/1", Priority::Settle),
            (Method::DELETE, "/api/orders/1", Priority::Settle),
            (Method::POST, "/api/orders/1/extend", Priority::Settle),
            (Method::POST, "/api/payments", Priority::Settle),
            (Method::POST, "/api/webhooks/sandbox", Priority::Settle),
            (Method::GET, "/api/tickets", Priority::Browse),
            (Method::POST, "/api/tickets", Priority::Reserve),
            (Method::GET, "/", Priority::Pages),
            (Method::POST, "/apiary", Priority::Pages),
            (Method::GET, "/healthz/", Priority::Pages),
            (Method::GET, "/readyz/", Priority::Pages),
        ] {
            assert_eq!(Priority::of(&method, path), Some(expected), "{method} {path}");
        }
        assert_eq!(Priority::of(&Method::GET, "/healthz"), None, "it is never shed");
    }

    #[test]
    fn a_form_of_our_own_pages_counts_as_what_it_does() {
        let of = |ours: bool, method: Method, path: &str| {
            Shedding::new(PriorityLimits::default(), ours, HttpMetrics::default())
                .priority(&method, path)
        };
        for (method, path, expected) in [
            (Method::GET, "/", Priority::Pages),
            (Method::GET, "/orders", Priority::Pages),
            (Method::GET, "/orders/1", Priority::Settle),
            (Method::POST, "/orders/1/pay", Priority::Settle),
            (Method::POST, "/tickets/1", Priority::Reserve),
            (Method::GET, "/assets/client.css", Priority::Pages),
            (Method::POST, "/api/orders", Priority::Reserve),
        ] {
            assert_eq!(of(true, method.clone(), path), Some(expected), "{method} {path}");
        }
        assert_eq!(of(false, Method::POST, "/orders/1/pay"), Some(Priority::Pages));
    }
}
