//! Buyers of several processes want the same, over the storage in memory.

use std::sync::Arc;

use ticketing_core::memory::MemoryStorage;
use ticketing_core::ports::Storage;
use ticketing_core::testing::races;

/// A store, as two processes see it.
fn processes() -> [Arc<dyn Storage>; 2] {
    let storage = MemoryStorage::new().with_lanes(2);
    [Arc::new(storage.clone()), Arc::new(storage)]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_gets_what_there_is() {
    races::a_crowd_gets_what_there_is(&processes()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_per_buyer_holds() {
    races::a_limit_per_buyer_holds(&processes()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_overdue_holds_one_is_bought() {
    races::of_two_overdue_holds_one_is_bought(&processes()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_buyer_with_two_overdue_holds_buys_once() {
    races::a_buyer_with_two_overdue_holds_buys_once(&processes()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_late_payments_one_completes() {
    races::of_two_late_payments_one_completes(&processes()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_key_is_one_order() {
    races::one_key_is_one_order(&processes()).await;
}
