//! Timers under names of their own for each case, by the server's clock.

#![expect(clippy::expect_used, reason = "a case that can't be opened must fail")]

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use redis::AsyncConnectionConfig;
use redis::aio::MultiplexedConnection;
use ticketing_core::ports::Timers;
use ticketing_core::testing::conformance::timers::{TimersHarness, TimersNamespace};
use ticketing_core::testing::server_url;
use ticketing_core::values::Timestamp;
use ticketing_redis::{RedisConfig, RedisTimers};
use uuid::Uuid;

/// Opens timers that nobody else uses.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RedisHarness {
    pub(crate) shards: u8,
}

struct Open {
    url: String,
    prefix: String,
    shards: u8,
    timers: RedisTimers,
    /// Beside that of the timers: for the server's time, and to remove what the case kept.
    connection: MultiplexedConnection,
}

impl std::fmt::Debug for Open {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Open").field("timers", &self.timers).finish_non_exhaustive()
    }
}

impl Open {
    async fn timers(&self) -> RedisTimers {
        let config = RedisConfig::from_url(&self.url).expect("the URL of a Redis");
        let shards = self.shards.try_into().expect("a shard or more");
        let config = config.prefix(&self.prefix).expect("a prefix").shards(shards);
        config.open().await.expect("timers can be opened")
    }
}

#[async_trait]
impl TimersHarness for RedisHarness {
    async fn open(&self) -> Box<dyn TimersNamespace> {
        let url = server_url("TICKETING_TEST_REDIS");
        let prefix = format!("ticketing-test-{}", Uuid::now_v7());
        let client = redis::Client::open(url.as_str()).expect("the URL of a Redis");
        let patient = AsyncConnectionConfig::new().set_response_timeout(None);
        let connection = client.get_multiplexed_async_connection_with_config(&patient).await;
        let connection = connection.expect("a Redis that answers");
        let config = RedisConfig::from_url(&url).expect("the URL of a Redis");
        let timers = config.open().await.expect("timers can be opened");
        let mut open = Open { url, prefix, shards: self.shards, timers, connection };
        open.timers = open.timers().await;
        Box::new(open)
    }
}

#[async_trait]
impl TimersNamespace for Open {
    fn timers(&self) -> Arc<dyn Timers> {
        Arc::new(self.timers.clone())
    }

    async fn second(&self) -> Arc<dyn Timers> {
        Arc::new(self.timers().await)
    }

    async fn close(&mut self) {
        for shard in 0..self.shards {
            let keys = ["due", "armed", "epoch"];
            let keys = keys.map(|key| format!("{{{}:{shard}}}:{key}", self.prefix));
            let removed = redis::cmd("DEL").arg(&keys).exec_async(&mut self.connection).await;
            removed.expect("what the case kept can be removed");
        }
    }

    async fn now(&self) -> Timestamp {
        let time = redis::cmd("TIME").query_async(&mut self.connection.clone()).await;
        let (seconds, micros): (i64, i64) = time.expect("the server's time");
        Timestamp::from_micros(seconds * 1_000_000 + micros)
    }

    /// The server's clock can't be moved.
    async fn pass(&self, duration: Duration) {
        let end = self.now().await.plus(duration);
        while self.now().await < end {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn tick(&self) -> Duration {
        Duration::from_secs(1)
    }
}
