//! Commits whose answer never came.

use std::sync::Arc;

use super::outcome::Outcome;
use super::samples::{record_of, units_for_sale};
use super::scene::{Scene, commit};
use crate::ports::Group;
use crate::testing::builders::{a_buyer, user};
use crate::testing::conformance::parallel::{parallel, polled};
use crate::testing::conformance::verdict::{only, worked};

/// A commit that is dropped at any point is done whole or not at all, and leaves nothing locked:
/// the same batch again is applied, or known, and has one effect either way.
pub async fn a_dropped_commit_is_whole_or_nothing(scene: &Scene) {
    let ticket = scene.list(units_for_sale(1000)).await.ticket;
    for polls in 0..40_u32 {
        let buyer = user(&format!("buyer-{polls}"));
        let make = scene.make().await.keyed(&buyer, "key-1", "reserve");
        let placed = make.reserve(&buyer, &[(&ticket, 2)]);
        let group = Group::of(vec![placed.batch.clone()]);
        let storage = scene.storage();
        let patience = usize::try_from(polls).unwrap_or(usize::MAX);
        drop(polled(patience, storage.commit(group)).await);

        let outcome = scene.submit(&placed.batch).await;
        let expected = [Outcome::applied(&placed.batch), Outcome::duplicate(&placed.batch)];
        assert!(expected.contains(&outcome), "after {polls} polls: {outcome:?}");
        assert_eq!(scene.order(placed.next.id).await, placed.next, "after {polls} polls");
        let record = record_of(&placed.batch);
        let key = scene.storage().key(&record.user, &record.key).await;
        assert_eq!(worked(key, "key"), Some(record), "after {polls} polls");
        let (held, _) = scene.claimed(ticket.id).await;
        assert_eq!(held, (polls + 1) * 2, "one effect, after {polls} polls");
    }
}

/// Dropped commits do not hold up others of the same pool, from other handles.
pub async fn a_dropped_commit_leaves_no_lock(scene: &Scene) {
    let ticket = scene.list(units_for_sale(1000)).await.ticket;
    for polls in 0..20_u32 {
        let make = scene.make().await;
        let dropped = make.reserve(&user("dropped"), &[(&ticket, 1)]).batch;
        let batches = vec![dropped];
        let predicted = None;
        let storage = scene.storage();
        let patience = usize::try_from(polls).unwrap_or(usize::MAX);
        drop(polled(patience, storage.commit(Group { batches: batches.into(), predicted })).await);
        let other = only(scene.handles(2).await.split_off(1), "another handle");
        let make = scene.make().await;
        let next = make.reserve(&a_buyer(), &[(&ticket, 1)]).batch;
        let batches = vec![next.clone()];
        let committed = other.commit(Group::of(batches)).await;
        assert_eq!(Outcome::all(&committed), [Outcome::applied(&next)], "after {polls} polls");
    }
}

/// Whoever is not sure sends the same batch again while the first try may still be under way:
/// the two are one.
pub async fn a_second_try_waits_for_the_first(scene: &Scene) {
    let ticket = scene.list(units_for_sale(1000)).await.ticket;
    let handles = scene.handles(2).await;
    for round in 1..=20_u32 {
        let make = scene.make().await;
        let batch = make.reserve(&a_buyer(), &[(&ticket, 1)]).batch;
        let tries = handles.iter().map(|handle| {
            let (handle, batch) = (Arc::clone(handle), batch.clone());
            async move { commit(&*handle, vec![batch]).await }
        });
        let committed = parallel(tries.collect()).await;
        let outcomes: Vec<Outcome> = committed.iter().flat_map(Outcome::all).collect();
        let (applied, known) = (Outcome::applied(&batch), Outcome::duplicate(&batch));
        assert!(outcomes.contains(&applied) && outcomes.contains(&known), "{outcomes:?}");
        assert_eq!(scene.claimed(ticket.id).await, (round, 0));
    }
}
