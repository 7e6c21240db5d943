//! The engine: how its groups fare, and what waits to be published.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use ticketing_core::ports::{LiveHolds, OutboxDepth};
use ticketing_core::values::Timestamp;
use ticketing_core::{ExpiryFound, GroupReport, Observer, UnitsMoved};

/// What the engine's writer did, and what waits to be published.
#[derive(Debug)]
pub struct EngineMetrics {
    batches: Family<OutcomeLabels, Counter>,
    units: Family<UnitLabels, Counter>,
    group_sizes: Histogram,
    waits: Histogram,
    commits: Histogram,
    overloaded: Counter,
    expired: Family<ExpiryLabels, Counter>,
    outbox_rows: Gauge,
    outbox_age: Gauge,
    live_orders: Gauge,
    held_units: Gauge,
    storage_answers: Gauge,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ExpiryLabels {
    found: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct UnitLabels {
    moved: &'static str,
}

/// Half a millisecond to eight seconds.
fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(0.0005, 2.0, 15))
}

/// What becomes of commands and units, and who finds that the time of an order is up. All of it is told
/// from the start on: to whoever adds numbers up, one that is not told makes nothing of all of them.
const OUTCOMES: [&str; 3] = ["applied", "refused", "failed"];
const MOVES: [&str; 4] = ["held", "released", "sold", "returned"];
const FINDERS: [&str; 2] = ["timer", "sweep"];

impl Default for EngineMetrics {
    fn default() -> Self {
        let (batches, units, expired) = (Family::default(), Family::default(), Family::default());
        for outcome in OUTCOMES {
            drop(batches.get_or_create(&OutcomeLabels { outcome }));
        }
        for moved in MOVES {
            drop(units.get_or_create(&UnitLabels { moved }));
        }
        for found in FINDERS {
            drop(expired.get_or_create(&ExpiryLabels { found }));
        }
        Self {
            batches,
            units,
            group_sizes: Histogram::new(exponential_buckets(1.0, 2.0, 10)),
            waits: seconds(),
            commits: seconds(),
            overloaded: Counter::default(),
            expired,
            outbox_rows: Gauge::default(),
            outbox_age: Gauge::default(),
            live_orders: Gauge::default(),
            held_units: Gauge::default(),
            storage_answers: Gauge::default(),
        }
    }
}

impl EngineMetrics {
    /// Makes the numbers part of a registry.
    pub fn register(&self, registry: &mut Registry) {
        self.register_writer(registry);
        registry.register(
            "outbox_rows",
            "Groups whose events are not published yet",
            self.outbox_rows.clone(),
        );
        registry.register_with_unit(
            "outbox_oldest",
            "How long ago the oldest of them was committed",
            Unit::Seconds,
            self.outbox_age.clone(),
        );
        registry.register(
            "live_orders",
            "Orders that hold units and are not paid for, in the whole store",
            self.live_orders.clone(),
        );
        registry.register("held_units", "The units that they hold", self.held_units.clone());
        registry.register(
            "storage_answers",
            "Whether the storage answered when these numbers were asked for",
            self.storage_answers.clone(),
        );
    }

    fn register_writer(&self, registry: &mut Registry) {
        registry.register(
            "batches",
            "Commands that were sent to the storage, by how it answered",
            self.batches.clone(),
        );
        registry.register(
            "units",
            "Units held, released unpaid, sold and returned by this process",
            self.units.clone(),
        );
        registry.register(
            "group_size",
            "Commands that shared one commit",
            self.group_sizes.clone(),
        );
        registry.register_with_unit(
            "queue_wait",
            "How long the command of a group that waited longest had been in the queue",
            Unit::Seconds,
            self.waits.clone(),
        );
        registry.register_with_unit(
            "commit_duration",
            "How long the storage took for a group",
            Unit::Seconds,
            self.commits.clone(),
        );
        registry.register(
            "overloaded",
            "Commands that were refused because too much waited before them",
            self.overloaded.clone(),
        );
        registry.register(
            "expired_orders",
            "Orders that this process ended when their time was up, by who found that it was",
            self.expired.clone(),
        );
    }

    /// Whether the storage answered to all that it was asked.
    pub(crate) fn note_storage(&self, answers: bool) {
        self.storage_answers.set(i64::from(answers));
    }

    /// What waits to be published now.
    pub(crate) fn note_outbox(&self, depth: OutboxDepth, now: Timestamp) {
        let age = depth.oldest.map_or(Duration::ZERO, |oldest| now.since(oldest));
        self.outbox_rows.set(gauged(depth.rows));
        self.outbox_age.set(gauged(age.as_secs()));
    }

    /// What is held now.
    pub(crate) fn note_holds(&self, holds: LiveHolds) {
        self.live_orders.set(gauged(holds.orders));
        self.held_units.set(gauged(holds.units));
    }

    fn count(&self, outcome: &'static str, batches: usize) {
        let batches = u64::try_from(batches).unwrap_or(u64::MAX);
        self.batches.get_or_create(&OutcomeLabels { outcome }).inc_by(batches);
    }
}

/// A number as a gauge takes it.
fn gauged(number: impl TryInto<i64>) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}

impl Observer for EngineMetrics {
    fn group_committed(&self, report: &GroupReport) {
        self.count("applied", report.applied);
        self.count("refused", report.refused);
        self.count("failed", report.failed);
        let UnitsMoved { held, released, sold, returned, .. } = report.units;
        for (moved, units) in
            [("held", held), ("released", released), ("sold", sold), ("returned", returned)]
        {
            self.units.get_or_create(&UnitLabels { moved }).inc_by(units);
        }
        // Sizes are small; the few of them that are not fit as well as any other.
        let size = u32::try_from(report.batches).unwrap_or(u32::MAX);
        self.group_sizes.observe(size.into());
        self.waits.observe(report.waited.as_secs_f64());
        self.commits.observe(report.took.as_secs_f64());
    }

    fn overloaded(&self) {
        self.overloaded.inc();
    }

    fn order_expired(&self, found: ExpiryFound) {
        let found = match found {
            ExpiryFound::ByTimer => "timer",
            ExpiryFound::BySweep => "sweep",
            _ => "other",
        };
        self.expired.get_or_create(&ExpiryLabels { found }).inc();
    }
}
