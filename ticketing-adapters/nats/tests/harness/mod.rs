//! A stream for each case.

#![expect(clippy::expect_used, reason = "a case that can't be opened must fail")]

use std::sync::Arc;
use std::time::Duration;

use async_nats::{ConnectOptions, ServerAddr, jetstream};
use async_trait::async_trait;
use ticketing_core::ports::EventBus;
use ticketing_core::testing::conformance::bus::{BusHarness, BusNamespace};
use ticketing_core::testing::server_url;
use ticketing_nats::{NatsBus, NatsConfig};
use uuid::Uuid;

/// Opens a bus that nobody else uses.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct NatsHarness;

#[derive(Debug)]
struct Open {
    url: String,
    prefix: String,
    bus: NatsBus,
}

async fn open(url: &str) -> NatsBus {
    let config = NatsConfig::from_url(url).expect("the URL of a NATS server");
    config.open().await.expect("a bus can be opened")
}

#[async_trait]
impl BusHarness for NatsHarness {
    async fn open(&self) -> Box<dyn BusNamespace> {
        let server = server_url("TICKETING_TEST_NATS");
        let prefix = Uuid::now_v7().simple().to_string();
        let url = format!("{server}?prefix={prefix}&ack_wait=2");
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
        let server = server_url("TICKETING_TEST_NATS");
        let removed = jetstream::new(client(&server).await).delete_stream(&self.prefix).await;
        // A case may have used none.
        drop(removed);
        self.bus.close().await;
    }

    fn patience(&self) -> Duration {
        Duration::from_mins(1)
    }

    fn quiet(&self) -> Duration {
        Duration::from_secs(3)
    }
}

/// A client for what a bus has no call for. It does not read in an address who signs in.
async fn client(url: &str) -> async_nats::Client {
    let address: ServerAddr = url.parse().expect("the URL of a NATS server");
    let options = match (address.username(), address.password()) {
        (Some(name), Some(password)) => {
            ConnectOptions::with_user_and_password(name.to_owned(), password.to_owned())
        }
        (Some(token), None) => ConnectOptions::with_token(token.to_owned()),
        (None, _) => ConnectOptions::new(),
    };
    options.connect(address).await.expect("a NATS server that answers")
}
