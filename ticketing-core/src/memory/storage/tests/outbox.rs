//! The outbox: leases, epochs, dead letters, and what is forgotten.

use super::*;
use crate::domain::envelope::Event;
use crate::ports::{DeadLetter, OutboxDepth, OutboxRow};
use crate::testing::builders::{a_buyer, a_new_ticket};

async fn claim(world: &World) -> Vec<OutboxRow> {
    world.storage.claim_outbox(MINUTE, 10).await.unwrap()
}

async fn done(world: &World, row: &OutboxRow) -> bool {
    let done = world.storage.outbox_done(row.id, row.epoch, &[]).await;
    done.unwrap()
}

#[tokio::test]
async fn a_group_is_one_row_with_its_events_in_order() {
    let world = World::new();
    let batches = [(), ()].map(|()| world.make.list(&a_seller(), a_new_ticket()).batch);
    world.group(batches.to_vec()).await;
    world.commit(world.make.cleared(crate::testing::builders::a_pool().id)).await.unwrap_err();
    let rows = claim(&world).await;
    assert_eq!(rows.len(), 1);
    let expected: Vec<_> = batches.iter().map(|batch| batch.changes()[0].event.key()).collect();
    let keys: Vec<_> = rows[0].events.iter().map(Event::key).collect();
    assert_eq!(keys[..2], expected);
    assert_eq!(keys.len(), 4);
}

#[tokio::test]
async fn a_late_claimer_can_not_finish_anothers_row() {
    let world = World::new();
    world.list(a_new_ticket()).await;
    let first = claim(&world).await.remove(0);
    assert!(claim(&world).await.is_empty());
    world.clock.advance(MINUTE);
    let second = claim(&world).await.remove(0);
    assert_eq!(second.events, first.events);
    assert_ne!(second.epoch, first.epoch);
    assert!(!done(&world, &first).await);
    assert_eq!(world.storage.outbox_depth().await.unwrap().rows, 1);
    assert!(done(&world, &second).await);
    assert_eq!(world.storage.outbox_depth().await.unwrap().rows, 0);
    // The answer may have been lost: saying it again changes nothing.
    assert!(done(&world, &second).await);
    world.clock.advance(MINUTE);
    assert!(claim(&world).await.is_empty());
}

#[tokio::test]
async fn what_waits_is_counted_with_its_age() {
    let world = World::new();
    let depth = async || world.storage.outbox_depth().await.unwrap();
    let (rows, oldest) = (0, None);
    assert_eq!(depth().await, OutboxDepth { rows, oldest });
    world.list(a_new_ticket()).await;
    let first = claim(&world).await.remove(0);
    world.clock.advance(SECOND);
    world.list(a_new_ticket()).await;
    let (rows, oldest) = (2, Some(START));
    assert_eq!(depth().await, OutboxDepth { rows, oldest });
    assert!(done(&world, &first).await);
    let (rows, oldest) = (1, Some(START.plus(SECOND)));
    assert_eq!(depth().await, OutboxDepth { rows, oldest });
}

#[tokio::test]
async fn dead_letters_are_kept_once_and_the_newest_comes_first() {
    let world = World::new();
    world.list(a_new_ticket()).await;
    world.list(a_new_ticket()).await;
    let rows = claim(&world).await;
    let letter = |row: usize, at| DeadLetter {
        event: rows[row].events[0].key(),
        reason: "too large".to_owned(),
        at,
    };
    let letters = [letter(0, START), letter(1, START.plus(SECOND))];
    for (row, letter) in rows.iter().zip(&letters) {
        for _ in 0..2 {
            let dead = std::slice::from_ref(letter);
            let done = world.storage.outbox_done(row.id, row.epoch, dead).await;
            assert!(done.unwrap());
        }
    }
    let [old, new] = letters;
    let found = world.storage.dead_letters(5).await.unwrap();
    assert_eq!(found, [new.clone(), old]);
    assert_eq!(world.storage.dead_letters(1).await.unwrap(), [new]);
}

#[tokio::test]
async fn published_rows_can_be_read_again() {
    let world = World::new();
    for _ in 0..3 {
        world.list(a_new_ticket()).await;
        world.clock.advance(SECOND);
    }
    let rows = claim(&world).await;
    assert!(done(&world, &rows[1]).await);
    assert!(done(&world, &rows[2]).await);
    let read = async |since, after, limit| {
        let rows = world.storage.published_since(since, after, limit).await;
        rows.unwrap().into_iter().map(|row| row.id).collect::<Vec<_>>()
    };
    let ids = [rows[1].id, rows[2].id];
    assert_eq!(read(START, None, 10).await, ids);
    assert_eq!(read(START, None, 1).await, ids[..1]);
    assert_eq!(read(START, Some(ids[0]), 10).await, ids[1..]);
    assert_eq!(read(START.plus(2 * SECOND), None, 10).await, ids[1..]);
}

#[tokio::test]
async fn pruning_forgets_published_rows_with_all_that_hangs_on_them() {
    let world = World::new();
    let listing = world.list(a_new_ticket()).await;
    let keyed = world.make.keyed(&a_buyer(), "key", "one");
    let order = keyed.reserve(&a_buyer(), &[(&listing.ticket, 1)]);
    world.commit(order.batch.clone()).await.unwrap();
    let key = order.batch.key().unwrap().clone();
    let event = order.batch.changes()[0].event.key();
    let rows = claim(&world).await;
    world.clock.advance(MINUTE);
    let before = world.clock.now();

    // Unpublished rows are kept, whatever their age; the key goes on its own account.
    let again = world.commit(order.batch.clone()).await;
    assert!(matches!(again, Err(CommitError::Duplicate(_))), "{again:?}");
    assert_eq!(world.storage.prune(before, 10).await.unwrap(), 1);
    assert_eq!(world.storage.key(&key.user, &key.key).await.unwrap(), None);
    assert!(world.storage.event(event).await.unwrap().is_some());

    assert!(done(&world, &rows[0]).await);
    assert!(done(&world, &rows[1]).await);
    assert_eq!(world.storage.prune(START, 10).await.unwrap(), 0);
    assert_eq!(world.storage.prune(before, 1).await.unwrap(), 1);
    assert_eq!(world.storage.prune(before, 10).await.unwrap(), 1);
    assert_eq!(world.storage.event(event).await.unwrap(), None);
    assert_eq!(world.storage.books().events, []);
    // The batch is forgotten too, and the version that it was decided on still guards the order.
    let again = world.commit(order.batch.clone()).await;
    assert!(matches!(again, Err(CommitError::OutOfTime { .. })), "{again:?}");
    world.clock.set(START);
    let again = world.commit(order.batch).await;
    assert!(matches!(again, Err(CommitError::Conflict(_))), "{again:?}");
}

#[tokio::test]
async fn pruning_counts_rows_of_every_kind_towards_its_limit() {
    let world = World::new();
    for number in 0..3 {
        let user = buyer(number);
        let keyed = world.make.keyed(&user, "key", "list");
        let listed = keyed.list(&user, a_new_ticket()).batch;
        world.commit(listed).await.unwrap();
    }
    for row in claim(&world).await {
        assert!(done(&world, &row).await);
    }
    let before = START.plus(SECOND);
    let mut gone = Vec::new();
    for _ in 0..4 {
        gone.push(world.storage.prune(before, 2).await.unwrap());
    }
    assert_eq!(gone, [2, 2, 2, 0]);
}
