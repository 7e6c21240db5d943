//! Exchanges and queues for each case.

#![expect(clippy::expect_used, reason = "a case that can't be opened must fail")]

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use lapin::options::{ExchangeDeleteOptions, QueueDeleteOptions};
use lapin::{Connection, ConnectionProperties};
use ticketing_core::ports::EventBus;
use ticketing_core::testing::conformance::bus::{BusHarness, BusNamespace};
use ticketing_core::testing::server_url;
use ticketing_rabbitmq::{RabbitBus, RabbitConfig};
use uuid::Uuid;

/// Opens a bus that nobody else uses.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct RabbitHarness;

#[derive(Debug)]
struct Open {
    url: String,
    prefix: String,
    bus: RabbitBus,
}

async fn open(url: &str) -> RabbitBus {
    let config = RabbitConfig::from_url(url).expect("the URL of a RabbitMQ");
    config.open().await.expect("a bus can be opened")
}

#[async_trait]
impl BusHarness for RabbitHarness {
    async fn open(&self) -> Box<dyn BusNamespace> {
        let server = server_url("TICKETING_TEST_RABBITMQ");
        let prefix = Uuid::now_v7().simple().to_string();
        let url = format!("{server}?prefix={prefix}");
        let bus = open(&url).await;
        Box::new(Open { url, prefix, bus })
    }
}

#[async_trait]
impl BusNamespace for Open {
    fn bus(&self) -> Arc<dyn EventBus> {
        Arc::new(self.bus.clone())
    }

    async fn second(&self) -> Arc<dyn EventBus> {
        Arc::new(open(&self.url).await)
    }

    async fn close(&mut self) {
        self.bus.close().await;
        let server = server_url("TICKETING_TEST_RABBITMQ");
        let connection = Connection::connect(&server, ConnectionProperties::default()).await;
        let connection = connection.expect("a RabbitMQ that answers");
        let channel = connection.create_channel().await.expect("a channel");
        // Nothing is said of those that are not there.
        for queue in ["sink", "dead", "group.group", "group.one", "group.two"] {
            let queue = format!("{}.{queue}", self.prefix).into();
            let removed = channel.queue_delete(queue, QueueDeleteOptions::default()).await;
            removed.expect("a queue can be deleted");
        }
        for exchange in ["events", "dead.letters"] {
            let exchange = format!("{}.{exchange}", self.prefix).into();
            let removed = channel.exchange_delete(exchange, ExchangeDeleteOptions::default());
            removed.await.expect("an exchange can be deleted");
        }
        connection.close(200, "bye".into()).await.expect("a connection can be closed");
    }

    fn patience(&self) -> Duration {
        Duration::from_mins(1)
    }

    fn quiet(&self) -> Duration {
        Duration::from_secs(3)
    }
}
