//! The outbox: everything that was committed gets published, and what is published is forgotten
//! in the end.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::outcome::Outcome;
use super::reads::same_on_the_wire;
use super::samples::{key_of, keys_of, record_of, units_for_sale};
use super::scene::{Scene, commit};
use crate::domain::envelope::Event;
use crate::domain::event::EventKey;
use crate::domain::ticket::Ticket;
use crate::ports::{DeadLetter, OutboxRow, OutboxRowId, Received, WriteBatch};
use crate::testing::builders::{a_buyer, a_seller, user};
use crate::testing::conformance::parallel::parallel;
use crate::testing::conformance::verdict::{found, only, worked};
use crate::values::Timestamp;

/// One row for each group, with the events of its accepted batches in their order, then those of
/// the pools; rows come oldest first.
pub async fn every_group_has_one_row(scene: &Scene) {
    let ticket = scene.list(units_for_sale(5)).await.ticket;
    scene.publish().await;
    let mut expected = Vec::new();
    for number in 0..5_u32 {
        let make = scene.make().await;
        let buyer = user(&format!("buyer-{number}"));
        let one = make.reserve(&buyer, &[(&ticket, 1)]).batch;
        let refused = make.reserve(&buyer, &[(&ticket, 9)]).batch;
        let listed = make.list(&a_seller(), units_for_sale(1)).batch;
        scene.outcomes(&[&one, &refused, &listed]).await;
        expected.push([one, listed]);
        let now = scene.now().await;
        // An instant later, so that the next row is younger by any clock.
        scene.namespace().pass(Duration::from_millis(1)).await;
        assert!(scene.now().await > now, "time passes");
    }
    let rows = scene.publish().await;
    assert_eq!(rows.len(), expected.len(), "one row for each group");
    for (row, batches) in rows.iter().zip(&expected) {
        let changes: Vec<_> = batches.iter().flat_map(WriteBatch::changes).collect();
        assert_eq!(row.events.len(), changes.len() + 2, "and one event of each pool");
        for (event, change) in row.events.iter().zip(changes) {
            same_on_the_wire(event, &change.event);
        }
    }
}

/// A claimed row is not given out again while its lease runs, and again after it, to one who
/// counts the claim; its events stay the same.
pub async fn rows_are_leased(scene: &Scene) {
    for _ in 0..5 {
        scene.list(units_for_sale(1)).await;
    }
    let first = worked(scene.storage().claim_outbox(scene.tick(), 2).await, "claim_outbox");
    let rest = scene.claim_outbox().await;
    assert_eq!((first.len(), rest.len()), (2, 3), "two, then the other three");
    assert_eq!(scene.claim_outbox().await, [], "all are leased");
    scene.pass(2).await;
    let again = scene.claim_outbox().await;
    assert_eq!(again.len(), 5, "the lease is over");
    for before in first.iter().chain(&rest) {
        let after = found(again.iter().find(|row| row.id == before.id), "the same row");
        assert!(after.epoch > before.epoch, "the claim is counted");
        assert_eq!(keys_of(after), keys_of(before), "the same events");
    }
    scene.note(&first);
}

/// Whoever lost the lease can't finish the row; whoever holds it can, and then it never comes
/// again.
pub async fn a_late_claimer_cannot_finish_a_row(scene: &Scene) {
    let storage = scene.storage();
    scene.list(units_for_sale(1)).await;
    let slow = only(scene.claim_outbox().await, "the row");
    scene.pass(2).await;
    let quick = only(scene.claim_outbox().await, "the row");
    let dead = [dead_letter(&slow, scene.now().await)];
    let done = storage.outbox_done(slow.id, slow.epoch, &dead).await;
    assert!(!worked(done, "outbox_done"), "the lease is lost");
    assert_eq!(depth(scene).await, 1, "nothing happened");
    assert_eq!(worked(storage.dead_letters(10).await, "dead_letters"), []);
    let done = storage.outbox_done(quick.id, quick.epoch, &[]).await;
    assert!(worked(done, "outbox_done"), "the lease is held");
    assert_eq!(depth(scene).await, 0);
    let done = storage.outbox_done(slow.id, slow.epoch, &dead).await;
    assert!(!worked(done, "outbox_done"), "still lost");
    scene.pass(2).await;
    assert_eq!(scene.claim_outbox().await, [], "a finished row never comes again");
    assert_eq!(worked(storage.dead_letters(10).await, "dead_letters"), []);
}

/// Nobody finishes a row that was never there.
pub async fn an_unknown_row_cannot_be_finished(scene: &Scene) {
    let done = scene.storage().outbox_done(OutboxRowId(i64::MAX), 1, &[]).await;
    assert!(!worked(done, "outbox_done"));
}

/// Events that can't be published are put aside when their row is finished, with the reason, and
/// listed newest first.
pub async fn dead_letters_are_kept(scene: &Scene) {
    let storage = scene.storage();
    let mut letters = Vec::new();
    for number in 0..3_u32 {
        scene.list(units_for_sale(1)).await;
        let row = only(scene.claim_outbox().await, "the row");
        let mut letter = dead_letter(&row, scene.now().await);
        letter.reason = format!("{number}: too large for 'the bus' é\n");
        let done = storage.outbox_done(row.id, row.epoch, std::slice::from_ref(&letter)).await;
        assert!(worked(done, "outbox_done"), "a claimed row can be finished");
        letters.insert(0, letter);
        scene.namespace().pass(Duration::from_millis(1)).await;
    }
    assert_eq!(depth(scene).await, 0, "dead letters do not wait");
    assert_eq!(worked(storage.dead_letters(10).await, "dead_letters"), letters);
    letters.truncate(2);
    assert_eq!(worked(storage.dead_letters(2).await, "dead_letters"), letters);
}

/// Claimers that come at the same time get rows that no other one gets, and all of them.
pub async fn rows_are_leased_to_one_claimer_each(scene: &Scene) {
    for _ in 0..24 {
        scene.list(units_for_sale(1)).await;
    }
    let lease = scene.tick().saturating_mul(1000);
    let claimers = scene.handles(8).await.into_iter().map(|handle| async move {
        let mut claimed = Vec::new();
        loop {
            let rows = worked(handle.claim_outbox(lease, 2).await, "claim_outbox");
            if rows.is_empty() {
                return claimed;
            }
            claimed.extend(rows);
        }
    });
    let rows: Vec<OutboxRow> = parallel(claimers.collect()).await.concat();
    let distinct: BTreeSet<OutboxRowId> = rows.iter().map(|row| row.id).collect();
    assert_eq!((distinct.len(), rows.len()), (24, 24), "every row, none of them twice");
    scene.note(&rows);
    for row in rows {
        let done = scene.storage().outbox_done(row.id, row.epoch, &[]).await;
        assert!(worked(done, "outbox_done"), "a claimed row can be finished");
    }
}

/// While writers commit, a relay claims: whatever order the commits become visible in, no event
/// is skipped and none is in two rows.
pub async fn no_commit_is_skipped(scene: &Scene) {
    let writing = Arc::new(AtomicBool::new(true));
    let relay = {
        let (storage, writing) = (scene.storage(), Arc::clone(&writing));
        let lease = scene.tick().saturating_mul(1000);
        async move {
            let mut seen = Vec::new();
            loop {
                let last = !writing.load(Ordering::SeqCst);
                let rows = worked(storage.claim_outbox(lease, 7).await, "claim_outbox");
                if rows.is_empty() && last {
                    return seen;
                }
                for row in &rows {
                    let done = storage.outbox_done(row.id, row.epoch, &[]).await;
                    assert!(worked(done, "outbox_done"), "a claimed row can be finished");
                }
                seen.extend(rows);
                tokio::task::yield_now().await;
            }
        }
    };
    let mut groups = Vec::new();
    for handle in scene.handles(6).await {
        let make = scene.make().await;
        let plans = (0..20).map(|_| make.list(&a_seller(), units_for_sale(1)).batch);
        groups.push((handle, plans.collect::<Vec<_>>()));
    }
    let committed = groups.iter().flat_map(|(_, plans)| plans);
    let committed = committed.flat_map(WriteBatch::changes).map(|change| change.event.key());
    let committed: BTreeSet<EventKey> = committed.collect();
    let writers = groups.into_iter().map(|(handle, plans)| async move {
        for batch in plans {
            let outcome = Outcome::all(&commit(&*handle, vec![batch.clone()]).await);
            assert_eq!(outcome, [Outcome::applied(&batch)]);
        }
    });
    let writers = parallel(writers.collect());
    let writers = async move {
        writers.await;
        writing.store(false, Ordering::SeqCst);
    };
    let (seen, ()) = futures_util::future::join(relay, writers).await;
    scene.note(&seen);
    let seen: Vec<EventKey> = seen.iter().flat_map(keys_of).collect();
    let distinct: BTreeSet<EventKey> = seen.iter().copied().collect();
    assert_eq!(distinct.len(), seen.len(), "no event is in two rows");
    assert!(distinct.is_superset(&committed), "every acknowledged event was handed out");
}

/// Published rows can be walked again from a time on, page by page, oldest first; what waits is
/// not among them.
pub async fn published_rows_can_be_walked_again(scene: &Scene) {
    let storage = scene.storage();
    let start = scene.now().await;
    let mut rows = Vec::new();
    let mut middle = start;
    for number in 0..7 {
        if number == 3 {
            scene.pass(1).await;
            middle = scene.now().await;
        }
        scene.list(units_for_sale(1)).await;
        rows.extend(scene.publish().await);
    }
    scene.list(units_for_sale(1)).await;
    let keys: Vec<Vec<EventKey>> = rows.iter().map(keys_of).collect();
    let young = keys.iter().skip(3).cloned().collect::<Vec<_>>();
    for (since, expected) in [(Timestamp::MIN, &keys), (start, &keys), (middle, &young)] {
        for limit in [1, 3, 4, 100] {
            let mut walked = Vec::new();
            let mut after = None;
            for _ in 0..=expected.len() {
                let page = storage.published_since(since, after, limit).await;
                let page = worked(page, "published_since");
                assert!(page.len() <= limit, "a page keeps to its limit");
                after = page.last().map(|row| row.id).or(after);
                walked.extend(page.iter().map(keys_of));
            }
            assert_eq!(walked, *expected, "since {since}, {limit} a page");
        }
    }
    scene.pass(1).await;
    let later = scene.now().await;
    let none = worked(storage.published_since(later, None, 10).await, "published_since");
    assert_eq!(none, [], "nothing was committed since then");
}

/// The depth is the number of rows that wait, and the time at which the oldest was committed.
pub async fn the_depth_is_what_waits(scene: &Scene) {
    let storage = scene.storage();
    let empty = worked(storage.outbox_depth().await, "outbox_depth");
    assert_eq!((empty.rows, empty.oldest), (0, None));
    let before = scene.now().await;
    scene.list(units_for_sale(1)).await;
    let after = scene.now().await;
    scene.pass(1).await;
    for rows in 1..4 {
        let depth = worked(storage.outbox_depth().await, "outbox_depth");
        let oldest = found(depth.oldest, "the oldest row");
        assert_eq!(depth.rows, rows);
        assert!((before..=after).contains(&oldest), "{before} <= {oldest} <= {after}");
        scene.list(units_for_sale(1)).await;
    }
    let claimed = scene.claim_outbox().await;
    assert_eq!(depth(scene).await, 4, "what is claimed still waits");
    for (left, row) in (0..4).rev().zip(claimed) {
        let done = storage.outbox_done(row.id, row.epoch, &[]).await;
        assert!(worked(done, "outbox_done"), "a claimed row can be finished");
        assert_eq!(depth(scene).await, left, "what is finished does not");
    }
}

/// Forgetting takes published rows with their events, used keys and closed webhooks that are old
/// enough, a few at a time, and nothing else: neither what waits, nor what is young, nor any row
/// of an aggregate.
pub async fn what_is_old_and_done_is_forgotten(scene: &Scene) {
    let storage = scene.storage();
    let ticket = scene.list(units_for_sale(50)).await.ticket;
    let old = keyed(scene, &ticket, "old").await;
    let closed = scene.received("evt_closed").await;
    scene.close_webhook(&closed).await;
    let open = scene.received("evt_open").await;
    scene.publish().await;
    let waiting = keyed(scene, &ticket, "waiting").await;
    scene.pass(1).await;
    let before = scene.now().await;
    let young = keyed(scene, &ticket, "young").await;
    forget(scene, before).await;

    assert_eq!(event(scene, &old).await, None, "its event is forgotten");
    assert!(event(scene, &waiting).await.is_some(), "it waits to be published");
    assert!(event(scene, &young).await.is_some(), "it is young");
    for (batch, there) in [(&old, false), (&young, true)] {
        let record = record_of(batch);
        let key = worked(storage.key(&record.user, &record.key).await, "key");
        assert_eq!(key.is_some(), there, "{record:?}");
    }
    let created = worked(storage.event(key_of(ticket.id, 0)).await, "event");
    assert_eq!(created, None, "the listing's event is forgotten");
    assert_eq!(scene.claimed(ticket.id).await, (3, 0), "the listing is not");
    let again = worked(storage.receive(&closed).await, "receive");
    assert_eq!(again, Received::New, "the closed webhook is forgotten");
    let again = worked(storage.receive(&open).await, "receive");
    assert_eq!(again, Received::Seen, "the open one is not");
    assert_eq!(depth(scene).await, 2, "what waits is still there");
    for webhook in [closed, open] {
        scene.close_webhook(&webhook).await;
    }
}

/// Forgetting keeps to its limit, says what it did, and comes to an end.
pub async fn forgetting_goes_step_by_step(scene: &Scene) {
    let storage = scene.storage();
    for _ in 0..5 {
        scene.list(units_for_sale(1)).await;
    }
    scene.publish().await;
    scene.pass(1).await;
    let before = scene.now().await;
    for left in (0..5).rev() {
        let gone = worked(storage.prune(before, 1).await, "prune");
        assert!(gone >= 1, "there was something to forget");
        let rows = storage.published_since(Timestamp::MIN, None, 100).await;
        assert_eq!(worked(rows, "published_since").len(), left, "one at a time");
    }
    assert_eq!(worked(storage.prune(before, 1).await, "prune"), 0, "nothing is left");
}

/// A batch whose event was forgotten can't be told from a new one by its id; its decision is too
/// old by then, so it is out of time and has no second effect.
pub async fn a_forgotten_batch_is_not_applied_again(scene: &Scene) {
    let ticket = scene.list(units_for_sale(5)).await.ticket;
    let batch = keyed(scene, &ticket, "key").await;
    scene.publish().await;
    scene.pass(1).await;
    let before = scene.now().await;
    forget(scene, before).await;
    let outcome = scene.submit(&batch).await;
    assert!(!outcome.is_applied(), "{outcome:?}");
    assert_eq!(scene.claimed(ticket.id).await, (1, 0));
}

async fn keyed(scene: &Scene, ticket: &Ticket, key: &str) -> WriteBatch {
    let make = scene.make().await.keyed(&a_buyer(), key, key);
    let batch = make.reserve(&a_buyer(), &[(ticket, 1)]).batch;
    scene.accept(&batch).await;
    batch
}

async fn forget(scene: &Scene, before: Timestamp) {
    // More rounds than any case needs: forgetting that never ends must not hang it.
    for _ in 0..1000 {
        let gone = scene.storage().prune(before, 2).await;
        if worked(gone, "prune") == 0 {
            return;
        }
    }
    assert_eq!(before, Timestamp::MAX, "forgetting never comes to an end");
}

async fn event(scene: &Scene, batch: &WriteBatch) -> Option<Event> {
    let change = found(batch.changes().first(), "a change");
    worked(scene.storage().event(change.event.key()).await, "event")
}

async fn depth(scene: &Scene) -> usize {
    worked(scene.storage().outbox_depth().await, "outbox_depth").rows
}

fn dead_letter(row: &OutboxRow, at: Timestamp) -> DeadLetter {
    let event = found(row.events.first(), "an event").key();
    let reason = "too large".to_owned();
    DeadLetter { event, reason, at }
}
