//! What is held, as it was a moment ago.

use std::sync::Arc;
use std::time::Duration;

use ticketing_core::ports::LiveHolds;
use ticketing_core::{Error, Ticketing};
use tokio::sync::Mutex;
use tokio::time::Instant;

/// For how long an answer is good: counting costs with what is held, and whoever reads the numbers
/// does so every few seconds.
const GOOD_FOR: Duration = Duration::from_secs(5);

/// What is held, as it was a moment ago. Clones share it, and ask the storage one at a time.
#[derive(Debug, Clone)]
pub(super) struct RecentHolds {
    last: Arc<Mutex<Option<(Instant, LiveHolds)>>>,
    good_for: Duration,
}

impl Default for RecentHolds {
    fn default() -> Self {
        Self { last: Arc::default(), good_for: GOOD_FOR }
    }
}

impl RecentHolds {
    /// What is held, of which the storage is asked unless it was lately.
    pub(super) async fn of(&self, engine: &Ticketing) -> Result<LiveHolds, Error> {
        let mut last = self.last.lock().await;
        if let Some((at, holds)) = *last
            && at.elapsed() < self.good_for
        {
            return Ok(holds);
        }
        let holds = engine.operator().holds().await?;
        *last = Some((Instant::now(), holds));
        Ok(holds)
    }
}

#[cfg(test)]
mod tests {
    use ticketing_core::Duties;
    use ticketing_core::memory::{MemoryGateway, MemoryStorage};
    use ticketing_core::ports::TokioRuntime;
    use ticketing_core::testing::{FaultKind, Faults, FaultyStorage, Operation};

    use super::*;

    /// Counting costs: whoever asks all the time does not make the storage count.
    #[tokio::test]
    async fn the_storage_is_asked_now_and_then() {
        let faults = Faults::new(1, Arc::new(TokioRuntime::current().unwrap()));
        let storage = FaultyStorage::new(Arc::new(MemoryStorage::new()), &faults);
        let engine = Ticketing::builder().storage(storage).gateway(MemoryGateway::new());
        let engine = engine.duties(Duties::NONE).start().await.unwrap();
        let mut holds = RecentHolds { good_for: Duration::MAX, ..RecentHolds::default() };
        holds.of(&engine).await.unwrap();
        faults.next(Operation::LiveHolds, FaultKind::Before);
        assert_eq!(holds.of(&engine).await.unwrap(), LiveHolds::default(), "it was not asked");
        holds.good_for = Duration::ZERO;
        holds.of(&engine).await.unwrap_err();
        holds.of(&engine).await.unwrap();
    }
}
