//! Two processes that sell become four, and two again, under load.

use std::time::Duration;

use crate::cluster::Cluster;
use crate::load::Sale;
use crate::manifests::Overlay;

/// How long each number of them sells.
const LASTS: Duration = Duration::from_secs(2);
/// With `TICKETING_LONG=1`.
const LASTS_LONG: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_become_four_and_two_again_and_nobody_notices() {
    let lasts = if is_long() { LASTS_LONG } else { LASTS };
    let mut cluster = Cluster::start(Overlay::prod()).await;
    assert_eq!(cluster.pods("orders").len(), 2, "so many there are at least");
    assert!(cluster.roles["orders"].replicas.1 >= 4, "so many there may be");
    let sale = Sale::begin(&cluster).await;
    sale.lasts(lasts).await;
    cluster.scale_up("orders", 4).await;
    sale.lasts(lasts).await;
    assert!(cluster.pods("orders").iter().all(crate::pod::Pod::is_ready));
    cluster.scale_down("orders", 2).await;
    sale.lasts(lasts).await;
    println!("{}", sale.end(&cluster).await);
    cluster.close().await;
}

/// Whether there is time for more.
pub(crate) fn is_long() -> bool {
    std::env::var("TICKETING_LONG").is_ok_and(|long| long == "1")
}
