//! One batch and one key have one effect, however often they are sent.

use super::outcome::Outcome;
use super::samples::{key_of, record_of, units_for_sale};
use super::scene::{Scene, commit};
use crate::domain::event::{AggregateKind, AggregateRef, EventKey};
use crate::domain::order::Order;
use crate::domain::ticket::Ticket;
use crate::ports::{Fingerprint, KeyRecord};
use crate::testing::builders::{Planned, a_buyer, user};
use crate::testing::conformance::parallel::parallel;
use crate::testing::conformance::verdict::worked;
use crate::values::{IdempotencyKey, OrderId, UserId, Version};

/// The same batch again, in the same group and in later ones, from whatever handle: the original
/// receipt, and no second effect.
pub async fn a_batch_is_applied_once(scene: &Scene) {
    let listing = scene.list(units_for_sale(5)).await;
    scene.publish().await;
    let make = scene.make().await;
    let batch = make.reserve(&a_buyer(), &[(&listing.ticket, 1)]).batch;
    let outcomes = scene.outcomes(&[&batch, &batch]).await;
    let expected = [Outcome::applied(&batch), Outcome::duplicate(&batch)];
    assert_eq!(outcomes, expected, "in one group");
    for handle in scene.handles(3).await {
        let committed = commit(&*handle, vec![batch.clone()]).await;
        let outcomes = Outcome::all(&committed);
        assert_eq!(outcomes, [Outcome::duplicate(&batch)], "in later groups");
    }
    assert_eq!(scene.claimed(listing.pool.id).await, (1, 0));
    assert_eq!(scene.publish().await.len(), 1, "it is told once");
}

/// A batch that was refused is judged anew when it comes again: the refusal left no trace.
pub async fn a_refused_batch_may_come_again(scene: &Scene) {
    let listing = scene.list(units_for_sale(1)).await;
    let holder = scene.reserve(&user("holder"), &[(&listing.ticket, 1)]).await;
    let reserving = reserving(scene, &a_buyer(), "key-1", &listing.ticket).await;
    for _ in 0..2 {
        assert!(!scene.submit(&reserving.batch).await.is_applied(), "sold out");
    }
    scene.cancel(&holder).await;
    scene.accept(&reserving.batch).await;
    assert_eq!(scene.order(reserving.next.id).await, reserving.next);
}

/// A key that was used, in an earlier group or by a batch before it in the same one, is told
/// with its record, whatever the second batch is about.
pub async fn a_used_key_is_told_with_its_record(scene: &Scene) {
    let listing = scene.list(units_for_sale(9)).await;
    let first = reserving(scene, &a_buyer(), "key-1", &listing.ticket).await.batch;
    scene.accept(&first).await;
    let second = reserving(scene, &a_buyer(), "key-1", &listing.ticket).await.batch;
    let taken = Outcome::KeyTaken(record_of(&first));
    assert_eq!(scene.submit(&second).await, taken, "across groups");

    let third = reserving(scene, &a_buyer(), "key-2", &listing.ticket).await.batch;
    let fourth = reserving(scene, &a_buyer(), "key-2", &listing.ticket).await.batch;
    let outcomes = scene.outcomes(&[&third, &fourth]).await;
    let taken = Outcome::KeyTaken(record_of(&third));
    assert_eq!(outcomes, [Outcome::applied(&third), taken], "within a group");
    assert_eq!(scene.claimed(listing.pool.id).await, (2, 0));
}

/// The same key of another user is another key.
pub async fn keys_belong_to_their_users(scene: &Scene) {
    let listing = scene.list(units_for_sale(9)).await;
    let mut group = Vec::new();
    for buyer in ["one", "two", "three"] {
        group.push(reserving(scene, &user(buyer), "key-1", &listing.ticket).await.batch);
    }
    let committed = scene.group(group.clone()).await;
    let expected: Vec<Outcome> = group.iter().map(Outcome::applied).collect();
    assert_eq!(Outcome::all(&committed), expected);
    for batch in &group {
        let record = record_of(batch);
        let key = worked(scene.storage().key(&record.user, &record.key).await, "key");
        assert_eq!(key, Some(record));
    }
}

/// The key of a refused batch is free for the next one, in the same group too.
pub async fn a_refused_batch_leaves_its_key(scene: &Scene) {
    let listing = scene.list(units_for_sale(1)).await;
    let make = scene.make().await.keyed(&a_buyer(), "key-1", "reserve two");
    let refused = make.reserve(&a_buyer(), &[(&listing.ticket, 2)]).batch;
    let accepted = reserving(scene, &a_buyer(), "key-1", &listing.ticket).await.batch;
    let outcomes = scene.outcomes(&[&refused, &accepted]).await;
    assert_eq!(outcomes.last(), Some(&Outcome::applied(&accepted)), "{outcomes:?}");
    let record = record_of(&accepted);
    let key = worked(scene.storage().key(&record.user, &record.key).await, "key");
    assert_eq!(key, Some(record));
}

/// A command that found its work done takes its key with a batch that changes nothing.
pub async fn a_key_can_be_taken_without_a_change(scene: &Scene) {
    let answer = key_of(OrderId::from_uuid(scene.ids().next()), 3);
    let record = keyed_by(scene, &a_buyer(), "key-1", answer).await;
    let now = scene.now().await;
    let batch = scene.batch(now).keyed(Some(record.clone())).build();
    assert_eq!(scene.submit(&batch).await, Outcome::KeyTaken(record), "it is taken");
}

/// The longest keys of the longest users, for any version of any aggregate, read back as they
/// were, and no other key is found in their place.
pub async fn key_records_read_back(scene: &Scene) {
    let storage = scene.storage();
    let kinds = [
        AggregateKind::Ticket,
        AggregateKind::Pool,
        AggregateKind::Order,
        AggregateKind::Payment,
        AggregateKind::Refund,
    ];
    let keys = ["!", "~", &"k".repeat(255), &"K".repeat(255), "0'\"%_\\;--"];
    for name in ["u", "U", &"ë".repeat(32), " spaces are kept "] {
        for ((number, key), kind) in (0..).zip(keys).zip(kinds) {
            let id = scene.ids().next();
            let version = Version::new(1 << (number * 10));
            let answer = EventKey { aggregate: AggregateRef { kind, id }, version };
            let wanted = worked(IdempotencyKey::new(key), "an idempotency key");
            let absent = worked(storage.key(&user(name), &wanted).await, "key");
            assert_eq!(absent, None, "before it is used");
            let record = keyed_by(scene, &user(name), key, answer).await;
            let read = worked(storage.key(&record.user, &record.key).await, "key");
            assert_eq!(read, Some(record));
        }
    }
}

/// The same batch from many callers at once: one is told that it was applied, all others that it
/// was before.
pub async fn one_of_many_senders_applies_a_batch(scene: &Scene) {
    let listing = scene.list(units_for_sale(50)).await;
    let handles = scene.handles(4).await;
    for _round in 0..5 {
        let make = scene.make().await;
        let batch = make.reserve(&a_buyer(), &[(&listing.ticket, 1)]).batch;
        let senders = handles.iter().cycle().take(16).cloned().map(|handle| {
            let batch = batch.clone();
            async move { Outcome::all(&commit(&*handle, vec![batch]).await) }
        });
        let outcomes = parallel(senders.collect()).await.concat();
        let count = |wanted| outcomes.iter().filter(|outcome| **outcome == wanted).count();
        assert_eq!(count(Outcome::applied(&batch)), 1, "{outcomes:?}");
        assert_eq!(count(Outcome::duplicate(&batch)), 15, "{outcomes:?}");
    }
    assert_eq!(scene.claimed(listing.pool.id).await, (5, 0));
}

/// Different batches under one key from many callers at once: one is applied, and all others are
/// told its record.
pub async fn one_of_many_commands_takes_a_key(scene: &Scene) {
    let listing = scene.list(units_for_sale(50)).await;
    let mut senders = Vec::new();
    for handle in scene.handles(4).await.iter().cycle().take(16).cloned() {
        let batch = reserving(scene, &a_buyer(), "key-1", &listing.ticket).await.batch;
        senders.push(async move {
            let committed = commit(&*handle, vec![batch.clone()]).await;
            (batch, Outcome::all(&committed))
        });
    }
    let results = parallel(senders).await;
    let applied = results.iter().filter(|(_, outcome)| outcome.iter().all(Outcome::is_applied));
    let taken: Vec<KeyRecord> = applied.map(|(batch, _)| record_of(batch)).collect();
    assert_eq!(taken.len(), 1, "one takes the key: {taken:?}");
    let told: Vec<Outcome> = taken.into_iter().map(Outcome::KeyTaken).collect();
    for (batch, outcome) in &results {
        let own = [Outcome::applied(batch)];
        assert!(*outcome == own || *outcome == told, "{outcome:?}");
    }
    assert_eq!(scene.claimed(listing.pool.id).await, (1, 0));
}

async fn reserving(scene: &Scene, buyer: &UserId, key: &str, ticket: &Ticket) -> Planned<Order> {
    let make = scene.make().await.keyed(buyer, key, "reserve one");
    make.reserve(buyer, &[(ticket, 1)])
}

/// Takes a key for an answer, and nothing else.
async fn keyed_by(scene: &Scene, of: &UserId, key: &str, answer: EventKey) -> KeyRecord {
    let now = scene.now().await;
    let record = KeyRecord {
        user: of.clone(),
        key: worked(IdempotencyKey::new(key), "an idempotency key"),
        fingerprint: Fingerprint::of(key.as_bytes()),
        answer,
        used_at: now,
    };
    scene.accept(&scene.batch(now).keyed(Some(record.clone())).build()).await;
    record
}
