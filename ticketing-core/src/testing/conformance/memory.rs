//! The harness of the reference adapters, as an example for others.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::bus::{BusHarness, BusNamespace};
use super::gateway::{Card, GatewayHarness, GatewayNamespace};
use super::storage::{StorageHarness, StorageNamespace};
use super::timers::{TimersHarness, TimersNamespace};
use crate::memory::{MemoryBus, MemoryGateway, MemoryStorage, MemoryTimers};
use crate::ports::{EventBus, PaymentGateway, PaymentMethod, Storage, Timers, WebhookRequest};
use crate::testing::builders::START;
use crate::testing::clock::ManualClock;
use crate::values::{IntentRef, Timestamp};

/// Opens reference adapters, each with a clock of its own that stands still.
#[derive(Debug, Clone, Copy, Default)]
pub struct MemoryHarness;

/// A reference adapter, and the clock that it was given.
#[derive(Debug)]
struct Opened<A> {
    clock: ManualClock,
    adapter: A,
}

impl<A> Opened<A> {
    fn new(open: impl FnOnce(Arc<ManualClock>) -> A) -> Self {
        let clock = ManualClock::new(START);
        let adapter = open(Arc::new(clock.clone()));
        Self { clock, adapter }
    }
}

#[async_trait]
impl StorageHarness for MemoryHarness {
    async fn open(&self) -> Box<dyn StorageNamespace> {
        Box::new(Opened::new(|clock| MemoryStorage::with_clock(clock)))
    }
}

#[async_trait]
impl StorageNamespace for Opened<MemoryStorage> {
    fn storage(&self) -> Arc<dyn Storage> {
        Arc::new(self.adapter.clone())
    }

    async fn pass(&self, duration: Duration) {
        self.clock.advance(duration);
    }

    fn time_stands(&self) -> bool {
        true
    }
}

#[async_trait]
impl BusHarness for MemoryHarness {
    async fn open(&self) -> Box<dyn BusNamespace> {
        Box::new(Opened::new(|_| MemoryBus::new()))
    }
}

#[async_trait]
impl BusNamespace for Opened<MemoryBus> {
    fn bus(&self) -> Arc<dyn EventBus> {
        Arc::new(self.adapter.clone())
    }
}

#[async_trait]
impl TimersHarness for MemoryHarness {
    async fn open(&self) -> Box<dyn TimersNamespace> {
        Box::new(Opened::new(|clock| MemoryTimers::with_clock(clock)))
    }
}

#[async_trait]
impl TimersNamespace for Opened<MemoryTimers> {
    fn timers(&self) -> Arc<dyn Timers> {
        Arc::new(self.adapter.clone())
    }

    async fn now(&self) -> Timestamp {
        self.clock.now()
    }

    async fn pass(&self, duration: Duration) {
        self.clock.advance(duration);
    }
}

#[async_trait]
impl GatewayHarness for MemoryHarness {
    async fn open(&self) -> Box<dyn GatewayNamespace> {
        Box::new(Opened::new(|clock| MemoryGateway::with_clock(clock)))
    }
}

#[async_trait]
impl GatewayNamespace for Opened<MemoryGateway> {
    fn gateway(&self) -> Arc<dyn PaymentGateway> {
        Arc::new(self.adapter.clone())
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn card(&self, card: Card) -> Option<PaymentMethod> {
        card.token().map(PaymentMethod::card_token)
    }

    async fn webhook(&self, intent: &IntentRef) -> Option<WebhookRequest> {
        let waiting = self.adapter.notices();
        let about = |request: &&WebhookRequest| {
            let notice = self.adapter.read_webhook(request, self.clock.now());
            notice.is_ok_and(|notice| notice.intent.as_ref() == Some(intent))
        };
        waiting.iter().find(about).cloned()
    }

    async fn signed(&self, body: Vec<u8>) -> Option<WebhookRequest> {
        Some(MemoryGateway::sign(body, self.clock.now()))
    }
}
