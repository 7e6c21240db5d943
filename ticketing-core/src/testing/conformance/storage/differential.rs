//! Random histories, committed to the storage and to the reference in memory: outcomes and reads
//! must be the same.

mod history;
mod twin;

use history::History;
use twin::Twin;

use super::scene::Scene;

/// How many groups one history has.
const GROUPS: usize = 120;

/// A history in which most commands are possible.
pub async fn a_random_history_is_that_of_memory(scene: &Scene) {
    a_history_is_that_of_memory(scene, 1).await;
}

/// Another one.
pub async fn a_second_random_history_is_that_of_memory(scene: &Scene) {
    a_history_is_that_of_memory(scene, 2).await;
}

/// And a third.
pub async fn a_third_random_history_is_that_of_memory(scene: &Scene) {
    a_history_is_that_of_memory(scene, 3).await;
}

/// The history of any seed: groups of new listings, edits, reservations, payments, refunds and
/// cancellations, some of them decided on old versions, out of time, under used keys or sent
/// again; every other group with a prediction, some of which are out of date, and now and then one
/// that the backend refuses.
///
/// Whatever the groups came to, both must say the same; what can be read is compared now and
/// then, and at the end. The same seed is the same history on every storage.
pub async fn a_history_is_that_of_memory(scene: &Scene, seed: u64) {
    let mut history = History::new(scene.ids(), seed);
    let twin = Twin::new();
    for number in 0..GROUPS {
        let now = scene.now().await;
        let group = history.next_group(&twin.books(now), now);
        let told = twin.commit(scene, group, now, &format!("seed {seed}, group {number}")).await;
        history.note(told);
        if number % 20 == 19 {
            twin.poison(scene).await;
        }
        if number % 40 == 39 {
            twin.compare(scene).await;
        }
    }
}
