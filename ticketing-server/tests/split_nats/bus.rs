//! What a deployment leaves on its bus.

use async_nats::jetstream;

/// Removes the stream.
pub(crate) async fn forget(url: &str, prefix: &str) {
    let client = async_nats::connect(url).await.unwrap();
    // One that never came to publish has none.
    drop(jetstream::new(client).delete_stream(prefix).await);
}
