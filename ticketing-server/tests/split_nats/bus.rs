//! What a deployment leaves on its bus.

use async_nats::{ConnectOptions, ServerAddr, jetstream};

/// Removes the stream.
pub(crate) async fn forget(url: &str, prefix: &str) {
    let client = client(url).await;
    // One that never came to publish has none.
    drop(jetstream::new(client).delete_stream(prefix).await);
}

/// A client for what a bus has no call for. It does not read in an address who signs in.
async fn client(url: &str) -> async_nats::Client {
    let address: ServerAddr = url.parse().unwrap();
    let options = match (address.username(), address.password()) {
        (Some(name), Some(password)) => {
            ConnectOptions::with_user_and_password(name.to_owned(), password.to_owned())
        }
        (Some(token), None) => ConnectOptions::with_token(token.to_owned()),
        (None, _) => ConnectOptions::new(),
    };
    options.connect(address).await.unwrap()
}
