//! What a deployment leaves at servers that it shares with others.

use ticketing_core::testing::server_url;

use crate::BUS;

/// Removes everything that bears the name, at the bus and at Redis.
pub(crate) async fn forget(prefix: &str) {
    crate::bus::forget(&server_url(BUS), prefix).await;
    let client = redis::Client::open(server_url("TICKETING_TEST_REDIS")).unwrap();
    let keys = ["due", "armed", "epoch"].map(|key| format!("{{{prefix}:0}}:{key}"));
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    redis::cmd("DEL").arg(&keys).exec_async(&mut connection).await.unwrap();
}

/// For a drop, which can't wait in the test's own runtime.
pub(crate) fn in_a_runtime_of_its_own(work: impl Future<Output = ()> + Send + 'static) {
    let working = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.unwrap().block_on(work);
    });
    drop(working.join());
}
