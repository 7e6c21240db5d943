//! What a commit writes, and what it leaves alone.

use super::outcome::Outcome;
use super::samples::{key_of, keys_of, placed, record_of, units_for_sale};
use super::scene::{Scene, commit};
use crate::domain::event::{AggregateRef, EventHeader, EventKey};
use crate::domain::inventory::Refusal;
use crate::domain::order::OrderCommand;
use crate::ports::{ListingQuery, WriteBatch};
use crate::testing::builders::{HOLD_POLICY, a_buyer, a_seller, user};
use crate::testing::conformance::verdict::{found, only, worked};
use crate::values::{OrderId, PaymentId, Quantity, TimeWindow};

/// States, units, events, the idempotency key and the closed webhook: one batch, one commit.
pub async fn every_part_of_a_batch_is_applied(scene: &Scene) {
    let storage = scene.storage();
    let listing = scene.list(units_for_sale(5)).await;
    scene.publish().await;
    let webhook = scene.received("evt_1").await;
    let make = scene.make().await.keyed(&a_buyer(), "key-1", "reserve");
    let placed = make.closing(&webhook.key).reserve(&a_buyer(), &[(&listing.ticket, 2)]);
    scene.accept(&placed.batch).await;

    let order = placed.next;
    assert_eq!(scene.order(order.id).await, order, "the order is stored");
    assert_eq!(scene.claimed(listing.pool.id).await, (2, 0), "its units are held");
    let record = record_of(&placed.batch);
    let key = worked(storage.key(&record.user, &record.key).await, "key");
    assert_eq!(key, Some(record), "the key is taken");
    let answer = key_of(order.id, 0);
    let event = found(worked(storage.event(answer).await, "event"), "its event");
    let change = found(placed.batch.changes().first(), "a change");
    assert_eq!(event.header.id, change.event.header.id, "the event is the batch's own");
    assert_eq!(scene.claim_webhooks().await, [], "the webhook is closed");
    let row = only(scene.publish().await, "one outbox row for the group");
    let changed = key_of(AggregateRef::pool(listing.pool.id), 1);
    assert_eq!(keys_of(&row), [answer, changed], "all its events are in the outbox");
}

/// The second line is refused, so the first one's units, the order, its event, its key, the
/// webhook and the outbox are as if nobody had tried.
pub async fn a_refused_batch_leaves_nothing(scene: &Scene) {
    let storage = scene.storage();
    let plenty = scene.list(units_for_sale(10)).await;
    let scarce = scene.list(units_for_sale(1)).await;
    scene.publish().await;
    let webhook = scene.received("evt_1").await;
    let make = scene.make().await.keyed(&a_buyer(), "key-1", "reserve");
    let lines = [(&plenty.ticket, 3), (&scarce.ticket, 2)];
    let refused = make.closing(&webhook.key).reserve(&a_buyer(), &lines);
    let sold_out = Refusal::SoldOut { left: 1 };
    let outcome = scene.submit(&refused.batch).await;
    assert_eq!(outcome, Outcome::ClaimRefused(scarce.pool.id, sold_out));

    let id = refused.next.id;
    assert_eq!(worked(storage.order(id).await, "order"), None, "no order");
    let event = worked(storage.event(key_of(id, 0)).await, "event");
    assert_eq!(event, None, "no event");
    let record = record_of(&refused.batch);
    let key = worked(storage.key(&record.user, &record.key).await, "key");
    assert_eq!(key, None, "no key");
    for before in [plenty, scarce] {
        let after = scene.listing(before.ticket.id).await;
        assert_eq!(after, before, "listing and pool, versions too");
    }
    assert!(scene.claim_outbox().await.is_empty(), "nothing to publish");
    assert_eq!(only(scene.claim_webhooks().await, "the open webhook"), webhook);
    scene.close_webhook(&webhook).await;
}

/// Good batches and every kind of bad one in one group: each gets its own outcome, in order.
pub async fn neighbours_of_refused_batches_are_applied(scene: &Scene) {
    let listing = scene.list(units_for_sale(3)).await;
    let stale = scene.reserve(&a_buyer(), &[(&listing.ticket, 1)]).await;
    scene.cancel(&stale).await;

    let now = scene.now().await;
    let make = scene.make_at(now);
    let over = TimeWindow::ending(now.minus(scene.tick()));
    let one = [(&listing.ticket, 1)];
    let first = make.reserve(&a_buyer(), &[(&listing.ticket, 2)]).batch;
    let conflict = make.cancel(&stale).batch;
    let late = make.within(over).reserve(&a_buyer(), &one).batch;
    let second = make.reserve(&a_buyer(), &one).batch;
    let too_many = make.reserve(&a_buyer(), &one).batch;
    let outcomes = scene.outcomes(&[&first, &conflict, &late, &first, &second, &too_many]).await;
    let expected = [
        Outcome::applied(&first),
        Outcome::Conflict(stale.id.into()),
        Outcome::OutOfTime,
        Outcome::duplicate(&first),
        Outcome::applied(&second),
        Outcome::ClaimRefused(listing.pool.id, Refusal::SoldOut { left: 0 }),
    ];
    assert_eq!(outcomes, expected);
    assert_eq!(scene.claimed(listing.pool.id).await, (3, 0));
}

/// Outcome number n belongs to batch number n, with its id and its time, in a large group too.
pub async fn outcomes_come_in_the_order_of_the_batches(scene: &Scene) {
    let listing = scene.list(units_for_sale(100)).await;
    let make = scene.make().await;
    let mut batches = Vec::new();
    for number in 0..200_u32 {
        let wanted = if number % 2 == 0 { 1 } else { 101 };
        let buyer = user(&format!("buyer-{}", number % 7));
        batches.push(make.reserve(&buyer, &[(&listing.ticket, wanted)]).batch);
    }
    let committed = scene.group(batches.clone()).await;
    for (number, (batch, outcome)) in batches.iter().zip(&committed.outcomes).enumerate() {
        match outcome {
            Ok(receipt) => assert_eq!(*receipt, batch.receipt(), "batch {number}"),
            Err(error) => assert_eq!(number % 2, 1, "batch {number}: {error:?}"),
        }
    }
    assert_eq!(scene.claimed(listing.pool.id).await, (100, 0));
}

/// One batch that the backend refuses stands among 63 good ones: it fails alone and leaves
/// nothing, and the others are applied.
pub async fn a_poisoned_batch_fails_alone(scene: &Scene) {
    let listing = scene.list(units_for_sale(200)).await;
    let order = scene.reserve(&user("payer"), &[(&listing.ticket, 1)]).await;
    let paying = scene.pay(&order).await.order;
    scene.publish().await;

    let now = scene.now().await;
    let make = scene.make_at(now);
    let poison = scene.namespace().poison(&paying, &*scene.ids(), now).await;
    let mut group = Vec::new();
    for number in 0..63_u32 {
        let buyer = user(&format!("buyer-{number}"));
        group.push(make.reserve(&buyer, &[(&listing.ticket, 2)]).batch);
    }
    group.insert(31, poison.clone());
    let committed = scene.group(group.clone()).await;

    for (batch, outcome) in group.iter().zip(Outcome::all(&committed)) {
        if batch.id() == poison.id() {
            assert_eq!(outcome, Outcome::NotApplied, "the poisoned batch");
        } else {
            assert_eq!(outcome, Outcome::applied(batch), "a good batch");
        }
    }
    assert_eq!(scene.claimed(listing.pool.id).await, (127, 0));
    for change in poison.changes() {
        let event = scene.storage().event(change.event.key()).await;
        assert_eq!(worked(event, "event"), None, "nothing of the poisoned batch");
    }
    let published = scene.publish().await;
    let told: Vec<EventKey> = published.iter().flat_map(keys_of).collect();
    let pool = AggregateRef::pool(listing.pool.id);
    let of_orders = told.iter().filter(|key| key.aggregate != pool);
    assert_eq!(of_orders.count(), 63, "each good batch is told once");
}

/// A group of nothing has no outcomes and does no harm.
pub async fn an_empty_group_is_answered(scene: &Scene) {
    let committed = scene.group(Vec::new()).await;
    assert!(committed.pools.is_empty(), "it touches no pool");
    assert!(scene.claim_outbox().await.is_empty(), "it has no outbox row");
}

/// A batch that changes nothing is applied and leaves no outbox row.
pub async fn a_batch_without_changes_is_applied(scene: &Scene) {
    let empty = scene.batch(scene.now().await).build();
    scene.accept(&empty).await;
    assert!(scene.claim_outbox().await.is_empty(), "it has nothing to tell");
}

/// One batch may take an aggregate through several versions: the last one is stored, and every
/// one has its event.
pub async fn a_batch_may_change_an_aggregate_twice(scene: &Scene) {
    let listing = scene.list(units_for_sale(5)).await;
    let (now, policy) = (scene.now().await, HOLD_POLICY);
    let id = OrderId::from_uuid(scene.ids().next());
    let placed = placed(id, &listing.ticket, Quantity::ONE, now);
    let attempt = PaymentId::from_uuid(scene.ids().next());
    let pay = OrderCommand::StartPayment { attempt, policy };
    let paying = worked(placed.next().clone().decide(pay, now), "pay");
    let last = paying.next().clone();
    let batch = scene.batch(now).order(placed).order(paying).build();
    scene.accept(&batch).await;

    assert_eq!(scene.order(last.id).await, last, "the last state is stored");
    for version in 0..2 {
        let event = scene.storage().event(key_of(last.id, version)).await;
        found(worked(event, "event"), "the event of each version");
    }
}

/// A batch may build on what one before it in the group wrote.
pub async fn batches_build_on_earlier_ones_of_their_group(scene: &Scene) {
    let make = scene.make().await;
    let listed = make.list(&a_seller(), units_for_sale(1));
    let lines = [(&listed.next.ticket, 1)];
    let first = make.reserve(&a_buyer(), &lines);
    let cancelled = make.cancel(&first.next);
    let second = make.reserve(&a_buyer(), &lines);
    let group = [&listed.batch, &first.batch, &cancelled.batch, &second.batch];
    assert_eq!(scene.outcomes(&group).await, group.map(Outcome::applied));
    assert_eq!(scene.order(first.next.id).await, cancelled.next);
    assert_eq!(scene.order(second.next.id).await, second.next);
    assert_eq!(scene.claimed(listed.next.pool.id).await, (1, 0));
}

/// However many batches of a group touch a pool: its version counts one, and one event with an
/// id that follows from pool and version tells of it.
pub async fn a_pool_counts_once_for_each_group(scene: &Scene) {
    let listing = scene.list(units_for_sale(50)).await;
    scene.publish().await;
    let make = scene.make().await;
    let group: Vec<WriteBatch> = (0..20_u32)
        .map(|number| user(&format!("buyer-{number}")))
        .map(|buyer| make.reserve(&buyer, &[(&listing.ticket, 1)]).batch)
        .collect();
    let committed = scene.group(group.clone()).await;

    let pool = scene.listing(listing.ticket.id).await.pool;
    assert_eq!(pool.version, listing.pool.version.next(), "one group, one version");
    let row = only(scene.publish().await, "one outbox row for the group");
    let of_batches = group.iter().flat_map(WriteBatch::changes);
    let mut expected: Vec<EventKey> = of_batches.map(|change| change.event.key()).collect();
    let changed = key_of(AggregateRef::pool(pool.id), pool.version.get());
    expected.push(changed);
    assert_eq!(keys_of(&row), expected, "the batches' events, then the pool's");
    let event = worked(scene.storage().event(changed).await, "event");
    let event = found(event, "the pool's event");
    let now = found(committed.now, "the storage's time");
    let id = EventHeader::of_pool(&pool, now).id;
    assert_eq!(event.header.id, id, "its id follows from pool and version");
    let told = row.events.last().map(|event| event.header.id);
    assert_eq!(told, Some(id), "the same event is published");
}

/// Pools that no accepted batch touched keep their version.
pub async fn a_refused_group_leaves_the_pool_alone(scene: &Scene) {
    let listing = scene.list(units_for_sale(1)).await;
    scene.publish().await;
    let make = scene.make().await;
    let refused = make.reserve(&a_buyer(), &[(&listing.ticket, 2)]).batch;
    assert!(!scene.submit(&refused).await.is_applied(), "more than there is");
    assert_eq!(scene.listing(listing.ticket.id).await, listing);
    assert!(scene.claim_outbox().await.is_empty(), "it has no outbox row");
}

/// A commit tells the pools that it touched as they are now, and the storage's time.
pub async fn a_commit_tells_the_pools_that_it_touched(scene: &Scene) {
    let one = scene.list(units_for_sale(5)).await;
    let two = scene.list(units_for_sale(5)).await;
    let untouched = scene.list(units_for_sale(5)).await;
    let before = scene.now().await;
    let lines = [(&one.ticket, 1), (&two.ticket, 2)];
    let batch = scene.make_at(before).reserve(&a_buyer(), &lines).batch;
    let committed = scene.group(vec![batch]).await;
    let after = scene.now().await;

    let told: Vec<_> = committed.pools.iter().map(|pool| pool.id).collect();
    assert!(!told.contains(&untouched.pool.id), "only the pools of the group");
    for listing in [one, two] {
        let pool = scene.listing(listing.ticket.id).await.pool;
        assert!(committed.pools.contains(&pool), "{pool:?} in {committed:?}");
    }
    let now = found(committed.now, "the storage's time");
    assert!((before..=after).contains(&now), "{before} <= {now} <= {after}");
}

/// What one handle has committed, every other sees at once.
pub async fn every_handle_sees_what_was_acknowledged(scene: &Scene) {
    let handles = scene.handles(3).await;
    for (number, writer) in handles.iter().enumerate() {
        let listed = scene.make().await.list(&a_seller(), units_for_sale(1));
        let committed = commit(&**writer, vec![listed.batch.clone()]).await;
        assert_eq!(Outcome::all(&committed), [Outcome::applied(&listed.batch)]);
        for reader in &handles {
            let read = worked(reader.listings(&[listed.next.ticket.id]).await, "listings");
            assert_eq!(only(read, "the listing"), listed.next);
            let found = worked(reader.search(&ListingQuery::default()).await, "search");
            assert_eq!(found.items.len(), number + 1, "its search as well");
        }
    }
}

/// What was acknowledged is there after a restart: rows, events, keys, webhooks, outbox.
pub async fn what_was_acknowledged_survives_a_restart(scene: &mut Scene) {
    let listing = scene.list(units_for_sale(5)).await;
    let webhook = scene.received("evt_1").await;
    let make = scene.make().await.keyed(&a_buyer(), "key-1", "reserve");
    let placed = make.reserve(&a_buyer(), &[(&listing.ticket, 2)]);
    scene.accept(&placed.batch).await;
    let id = worked(scene.storage().store_id().await, "store_id");

    scene.reopen().await;
    let storage = scene.storage();
    assert_eq!(worked(storage.store_id().await, "store_id"), id, "the same store");
    assert_eq!(scene.order(placed.next.id).await, placed.next);
    assert_eq!(scene.claimed(listing.pool.id).await, (2, 0));
    let record = record_of(&placed.batch);
    let key = worked(storage.key(&record.user, &record.key).await, "key");
    assert_eq!(key, Some(record));
    assert_eq!(scene.publish().await.len(), 2, "both groups are still to be published");
    assert_eq!(only(scene.claim_webhooks().await, "the open webhook"), webhook);
    let again = scene.submit(&placed.batch).await;
    assert_eq!(again, Outcome::duplicate(&placed.batch), "the batch is known");
    scene.close_webhook(&webhook).await;
}

/// A storage has the same id whoever asks.
pub async fn a_storage_keeps_its_id(scene: &Scene) {
    let id = worked(scene.storage().store_id().await, "store_id");
    for handle in scene.handles(3).await {
        assert_eq!(worked(handle.store_id().await, "store_id"), id);
    }
}

/// At least one group may be in flight.
pub async fn there_is_at_least_one_lane(scene: &Scene) {
    for handle in scene.handles(2).await {
        assert!(handle.lanes() >= 1, "lanes of {handle:?}");
    }
}
