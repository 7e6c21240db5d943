//! Random histories, committed to a database and to the reference in memory: more of them than the
//! conformance suite has, and other ones.
//!
//! `TICKETING_SEEDS=n` runs one for every hundred of it, as each of them writes to a disk;
//! `TICKETING_SEED=n` runs that one alone.

mod database;
mod harness;

use ticketing_core::testing::conformance::storage::Scene;
use ticketing_core::testing::conformance::storage::differential::a_history_is_that_of_memory;

use crate::harness::PostgresHarness;

/// The number that other simulations run, unless the environment says otherwise.
const SEEDS: u64 = 500;
/// How many of theirs cost as much as one of these.
const EACH: u64 = 100;
/// The suite has the histories of the seeds before this one.
const FIRST: u64 = 4;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn random_histories_are_those_of_memory() {
    let more = number("TICKETING_SEEDS").unwrap_or(SEEDS).div_ceil(EACH);
    let seeds = number("TICKETING_SEED").map_or(FIRST..FIRST + more, |seed| seed..seed + 1);
    for seed in seeds {
        println!("TICKETING_SEED={seed} runs this history alone");
        let scene = Scene::open(&PostgresHarness).await;
        a_history_is_that_of_memory(&scene, seed).await;
        scene.close().await;
    }
}
