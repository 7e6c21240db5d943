//! What a deployment leaves on its bus.

use lapin::options::{ExchangeDeleteOptions, QueueDeleteOptions};
use lapin::{Connection, ConnectionProperties};

/// Removes queues and exchanges, of which nothing is said where they are not there.
pub(crate) async fn forget(url: &str, prefix: &str) {
    let connection = Connection::connect(url, ConnectionProperties::default()).await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    for queue in ["sink", "dead", "group.orders", "group.expiration"] {
        let queue = format!("{prefix}.{queue}").into();
        channel.queue_delete(queue, QueueDeleteOptions::default()).await.unwrap();
    }
    for exchange in ["events", "dead.letters"] {
        let exchange = format!("{prefix}.{exchange}").into();
        channel.exchange_delete(exchange, ExchangeDeleteOptions::default()).await.unwrap();
    }
    connection.close(200, "bye".into()).await.unwrap();
}
