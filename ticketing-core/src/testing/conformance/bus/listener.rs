//! A subscriber that waits for what must come, in whatever order and however often.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::domain::envelope::Event;
use crate::ports::{Delivery, EventStream};
use crate::testing::conformance::parallel::within;
use crate::testing::conformance::verdict::{fail, found, worked};
use crate::values::EventId;

/// One subscriber.
#[derive(Debug)]
pub(super) struct Listener {
    stream: Box<dyn EventStream>,
    patience: Duration,
    /// How often it got each event.
    got: BTreeMap<EventId, usize>,
}

impl Listener {
    pub(super) fn new(stream: Box<dyn EventStream>, patience: Duration) -> Self {
        Self { stream, patience, got: BTreeMap::new() }
    }

    /// The stream itself, for a case that drops its futures.
    pub(super) fn stream(&mut self) -> &mut dyn EventStream {
        &mut *self.stream
    }

    /// The next delivery, which must come.
    pub(super) async fn next(&mut self) -> Delivery {
        let Some(delivery) = within(self.patience, self.stream.next()).await else {
            let got = &self.got;
            fail(&format!("nothing came for {:?}, after {got:?}", self.patience));
        };
        let delivery = found(delivery, "a delivery of a bus that is open");
        *self.got.entry(delivery.event.header.id).or_default() += 1;
        delivery
    }

    /// The next delivery, unless nothing comes for so long.
    pub(super) async fn next_within(&mut self, quiet: Duration) -> Option<Delivery> {
        let delivery = within(quiet, self.stream.next()).await?;
        let delivery = found(delivery, "a delivery of a bus that is open");
        *self.got.entry(delivery.event.header.id).or_default() += 1;
        Some(delivery)
    }

    /// Takes and acknowledges deliveries until all of these events have come; every event that
    /// came, once.
    pub(super) async fn take_all(&mut self, wanted: &[Event]) -> Vec<Event> {
        let mut missing = ids_of(wanted);
        let mut taken: Vec<Event> = Vec::new();
        while !missing.is_empty() {
            let Delivery { event, receipt } = self.next().await;
            worked(receipt.acknowledge().await, "acknowledge");
            missing.remove(&event.header.id);
            if taken.iter().all(|seen| seen.header.id != event.header.id) {
                taken.push(event);
            }
        }
        taken
    }

    /// Takes and acknowledges deliveries until nothing comes for so long.
    pub(super) async fn take_until_quiet(&mut self, quiet: Duration) -> BTreeSet<EventId> {
        let mut taken = BTreeSet::new();
        while let Some(Delivery { event, receipt }) = self.next_within(quiet).await {
            worked(receipt.acknowledge().await, "acknowledge");
            taken.insert(event.header.id);
        }
        taken
    }

    /// How many deliveries it got.
    pub(super) fn deliveries(&self) -> usize {
        self.got.values().sum()
    }
}

/// The ids of events.
pub(super) fn ids_of(events: &[Event]) -> BTreeSet<EventId> {
    events.iter().map(|event| event.header.id).collect()
}
