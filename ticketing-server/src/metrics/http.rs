//! Requests: how many, how long, how many at once, and how many were refused for want of room.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// Where requests are counted. Clones count together.
#[derive(Debug, Clone)]
pub struct HttpMetrics {
    requests: Family<RequestLabels, Counter>,
    durations: Family<RequestLabels, Histogram, fn() -> Histogram>,
    in_flight: Gauge,
    shed: Family<ShedLabels, Counter>,
    connections: Gauge,
    cut: Family<CutLabels, Counter>,
    streams: Gauge,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: &'static str,
    /// The template, never the path: ids would make numbers without end.
    route: String,
    status: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ShedLabels {
    priority: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CutLabels {
    why: &'static str,
}

/// From a millisecond to ten seconds, which is when a request is given up.
const SECONDS: [f64; 13] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// What is refused for want of room, and what a connection is cut for. They are told from the start on:
/// to whoever adds numbers up, one that is not told makes nothing of all of them.
const PRIORITIES: [&str; 5] = ["health", "settle", "reserve", "browse", "pages"];
const CUTS: [&str; 6] = ["address", "late", "quiet", "stuck", "full", "ending"];

impl Default for HttpMetrics {
    fn default() -> Self {
        let (shed, cut) = (Family::default(), Family::default());
        for priority in PRIORITIES {
            drop(shed.get_or_create(&ShedLabels { priority }));
        }
        for why in CUTS {
            drop(cut.get_or_create(&CutLabels { why }));
        }
        Self {
            requests: Family::default(),
            durations: Family::new_with_constructor(|| Histogram::new(SECONDS)),
            in_flight: Gauge::default(),
            shed,
            connections: Gauge::default(),
            cut,
            streams: Gauge::default(),
        }
    }
}

impl HttpMetrics {
    /// Makes the numbers part of a registry.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "http_requests",
            "Requests by method, route and class of status; `none` where no answer was waited for",
            self.requests.clone(),
        );
        registry.register_with_unit(
            "http_request_duration",
            "How long it took until the answer began",
            Unit::Seconds,
            self.durations.clone(),
        );
        registry.register(
            "http_requests_in_flight",
            "Requests whose answer has not begun",
            self.in_flight.clone(),
        );
        registry.register(
            "http_requests_shed",
            "Requests that were refused because too many of their priority were worked on",
            self.shed.clone(),
        );
        registry.register(
            "http_connections",
            "Connections that are open",
            self.connections.clone(),
        );
        registry.register(
            "http_connections_cut",
            "Connections that the server ended: their address had too many, no request came in time, \
             nothing was asked, or nothing was taken, for too long, too much waited, or the server could \
             not wait",
            self.cut.clone(),
        );
        registry.register("http_live_streams", "Live streams that are open", self.streams.clone());
    }

    /// A connection is open until this is dropped.
    pub(crate) fn connection(&self) -> Counted {
        Counted::one_more(&self.connections)
    }

    /// A connection was ended, for this reason.
    pub(crate) fn connection_cut(&self, why: &'static str) {
        self.cut.get_or_create(&CutLabels { why }).inc();
    }

    /// A live stream is open until this is dropped.
    pub(crate) fn stream(&self) -> Counted {
        Counted::one_more(&self.streams)
    }

    /// A request begins.
    pub(crate) fn begin(&self) -> InFlight {
        self.in_flight.inc();
        InFlight(self.clone())
    }

    /// A request of this priority was refused.
    pub(crate) fn shed(&self, priority: &'static str) {
        self.shed.get_or_create(&ShedLabels { priority }).inc();
    }
}

/// One of what a gauge counts, until this is dropped.
#[derive(Debug)]
pub(crate) struct Counted(Gauge);

impl Counted {
    fn one_more(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// A request whose answer has not begun.
#[derive(Debug)]
pub(crate) struct InFlight(HttpMetrics);

impl InFlight {
    /// Its answer begins, or nobody waits for it any more.
    pub(crate) fn end(
        &self,
        method: &'static str,
        route: &str,
        status: Option<u16>,
        took: Duration,
    ) {
        let labels = RequestLabels { method, route: route.to_owned(), status: class(status) };
        self.0.requests.get_or_create(&labels).inc();
        self.0.durations.get_or_create(&labels).observe(took.as_secs_f64());
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.dec();
    }
}

fn class(status: Option<u16>) -> &'static str {
    match status.map(|status| status / 100) {
        Some(1) => "1xx",
        Some(2) => "2xx",
        Some(3) => "3xx",
        Some(4) => "4xx",
        Some(_) => "5xx",
        None => "none",
    }
}
