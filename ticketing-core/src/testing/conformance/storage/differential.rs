//! Random histories, committed to the storage and to the reference in memory: outcomes and reads
//! must be the same.

mod history;
mod poison;
mod twin;

use history::History;
use poison::Poisoned;
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
/// again; every other group with a prediction, some of which are out of date; and now and then one
/// with a batch in it that the backend refuses.
///
/// Whatever the groups came to, both must say the same; what can be read is compared now and
/// then, and at the end. The same seed is the same history on every storage.
pub async fn a_history_is_that_of_memory(scene: &Scene, seed: u64) {
    let mut history = History::new(scene.ids(), seed);
    let twin = Twin::new();
    for number in 0..GROUPS {
        let now = scene.now().await;
        let books = twin.books(now);
        let group = history.next_group(&books, now);
        let group = if number % 4 == 3 {
            Poisoned::of(group, scene, &books, history.any_place()).await
        } else {
            Poisoned::sound(group)
        };
        let told = twin.commit(scene, group, now, &format!("seed {seed}, group {number}")).await;
        history.note(told);
        if number % 40 == 39 {
            twin.compare(scene).await;
        }
    }
}
