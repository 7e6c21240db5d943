//! An empty storage for each case, on a clock that the case moves.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ticketing_core::ports::Storage;
use ticketing_core::testing::ManualClock;
use ticketing_core::testing::builders::START;
use ticketing_core::testing::conformance::storage::{StorageHarness, StorageNamespace};

use crate::storage::MapStorage;

/// Opens storages that are in nobody else's hands.
#[derive(Debug)]
pub(crate) struct MapHarness;

#[derive(Debug)]
struct Opened {
    clock: ManualClock,
    storage: MapStorage,
}

#[async_trait]
impl StorageHarness for MapHarness {
    async fn open(&self) -> Box<dyn StorageNamespace> {
        let clock = ManualClock::new(START);
        let storage = MapStorage::new(Arc::new(clock.clone()));
        Box::new(Opened { clock, storage })
    }
}

#[async_trait]
impl StorageNamespace for Opened {
    fn storage(&self) -> Arc<dyn Storage> {
        Arc::new(self.storage.clone())
    }

    async fn pass(&self, duration: Duration) {
        self.clock.advance(duration);
    }

    fn time_stands(&self) -> bool {
        true
    }
}
