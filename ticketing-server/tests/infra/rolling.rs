//! Every process of every role is replaced, under load.

use std::time::Duration;

use crate::cluster::Cluster;
use crate::load::Sale;
use crate::manifests::Overlay;
use crate::scaling::is_long;

/// How often, with `TICKETING_LONG=1`.
const ROUNDS_LONG: usize = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_role_is_restarted_and_nobody_notices() {
    let mut cluster = Cluster::start(Overlay::dev()).await;
    let sale = Sale::begin(&cluster).await;
    sale.goes_on(30).await;
    for _ in 0..if is_long() { ROUNDS_LONG } else { 1 } {
        let slowest = cluster.restart_all().await;
        println!("every role was restarted; the slowest process took {slowest:?} to end");
        // Nobody waits for a stream or a request to be cut.
        assert!(slowest < Duration::from_secs(20), "{slowest:?}");
        sale.goes_on(30).await;
    }
    println!("{}", sale.end(&cluster).await);
    cluster.close().await;
}
