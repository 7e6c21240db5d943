//! A server that is told to end says so, and goes on until that is known.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::browser::Browser;
use crate::program::Program;
use crate::shop::SOON;

/// How long it goes on: longer than a machine that is busy needs to ask a few things.
const DELAY: Duration = Duration::from_secs(3);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_told_to_end_is_not_ready_and_serves_for_its_delay() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path(), &["--shutdown-delay", "3s"]).await;
    let address = program.address;
    let seller = program.signs_up("seller").await;
    let ticket = seller.lists_many("Front row", json!(20), 2).await;
    let mut shelf = seller.watch(&format!("/api/tickets/live?ids={ticket}")).await.unwrap();
    shelf.until("availability", |units| units[0]["available"] == json!(2)).await;

    program.signal("TERM").await;
    let told = Instant::now();
    while Browser::new(address).get("/readyz").await.status.as_u16() == 200 {
        assert!(told.elapsed() < DELAY, "it is ready all the time");
    }
    Browser::new(address).get("/readyz").await.expect_code(503, "draining");
    // Over a new connection, and over one that was there.
    seller.another().get("/healthz").await.expect(200);
    seller.reserves(&ticket).await;
    shelf.until("availability", |units| units[0]["available"] == json!(1)).await;
    assert!(told.elapsed() < DELAY, "this machine is too busy to tell anything");

    while shelf.next().await.is_some() {}
    let streamed = told.elapsed();
    assert!(streamed >= DELAY, "the stream ended after {streamed:?}");
    let (status, log) = program.ends_within(SOON).await;
    assert!(status.success(), "{log}");
}

/// Told once more, it does not wait.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_signal_ends_it_within_its_delay() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path(), &["--shutdown-delay", "1h"]).await;
    program.signal("TERM").await;
    let address = program.address;
    while Browser::new(address).get("/readyz").await.status.as_u16() == 200 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let (status, _log) = program.terminate_within(SOON).await;
    assert!(!status.success(), "it was cut short");
}
