//! Predicted snapshots: whatever a writer believes, the outcomes are those of what is stored.
//!
//! A storage may ignore predictions. One that uses them must notice everything that a prediction
//! can be wrong about: that is what these cases are wrong about, one thing at a time.

use std::time::Duration;

use super::outcome::Outcome;
use super::samples::{NO_HOLD, key_of, placed, record_of, units_for_sale};
use super::scene::Scene;
use crate::domain::event::AggregateRef;
use crate::domain::inventory::{Pool, Refusal};
use crate::domain::payment::ConfirmedBy;
use crate::domain::ticket::Ticket;
use crate::ports::{Group, Listing, Snapshot, WriteBatch};
use crate::testing::builders::{a_buyer, a_seller, user};
use crate::testing::conformance::verdict::{found, only, worked};
use crate::values::{Quantity, TimeWindow, Version};

/// A writer that remembers the pools of its last commit predicts the next one: every group is
/// applied, every version has its event, and in the end the pool refuses.
pub async fn a_right_prediction_is_applied(scene: &Scene) {
    let Listing { ticket, pool } = scene.list(units_for_sale(20)).await;
    let mut known = pool;
    for round in 1..=10_u64 {
        let group = pair(scene, &ticket).await;
        let predicted = predicted(scene, [known]).await;
        let batches = group.to_vec();
        let committed = scene.storage().commit(Group { batches: batches.into(), predicted }).await;
        assert_eq!(Outcome::all(&committed), group.each_ref().map(Outcome::applied));
        known = only(committed.pools, "the pool of the group");
        assert_eq!(known, scene.listing(ticket.id).await.pool, "as it is stored");
        assert_eq!(known.version.get(), round, "one group, one version");
        let event = scene.storage().event(key_of(AggregateRef::pool(ticket.id), round)).await;
        found(worked(event, "event"), "the event of the pool's version");
    }
    let group = pair(scene, &ticket).await;
    let predicted = predicted(scene, [known]).await;
    let sold_out = Outcome::ClaimRefused(ticket.id, Refusal::SoldOut { left: 0 });
    assert_eq!(outcomes(scene, &group, predicted).await, [sold_out.clone(), sold_out]);
}

/// Some batches of a predicted group are refused: each gets its own outcome.
pub async fn a_right_prediction_may_refuse(scene: &Scene) {
    let Listing { ticket, pool } = scene.list(units_for_sale(3)).await;
    let make = scene.make().await;
    let [two, more, one] =
        [2, 2, 1].map(|units| make.reserve(&a_buyer(), &[(&ticket, units)]).batch);
    let predicted = predicted(scene, [pool]).await;
    let group = [two.clone(), more, one.clone()];
    let expected = [
        Outcome::applied(&two),
        Outcome::ClaimRefused(ticket.id, Refusal::SoldOut { left: 1 }),
        Outcome::applied(&one),
    ];
    assert_eq!(outcomes(scene, &group, predicted).await, expected);
    assert_eq!(scene.claimed(ticket.id).await, (3, 0));
}

/// The pool has moved on since the writer saw it: fewer units are left than it believes, or more.
pub async fn a_pool_that_moved_on_is_noticed(scene: &Scene) {
    let Listing { ticket, pool: untouched } = scene.list(units_for_sale(3)).await;
    let held = scene.reserve(&user("other"), &[(&ticket, 2)]).await;
    let group = pair(scene, &ticket).await;
    let [first, second] = &group;
    let believed = predicted(scene, [untouched]).await;
    let expected =
        [Outcome::applied(first), Outcome::ClaimRefused(ticket.id, Refusal::SoldOut { left: 0 })];
    assert_eq!(outcomes(scene, &group, believed).await, expected, "fewer than believed");

    let full = scene.listing(ticket.id).await.pool;
    scene.cancel(&held).await;
    let believed = predicted(scene, [full]).await;
    let again = pair(scene, &ticket).await;
    let expected = again.each_ref().map(Outcome::applied);
    assert_eq!(outcomes(scene, &again, believed).await, expected, "more than believed");
    assert!(!scene.submit(second).await.is_applied(), "and now it is full");
    assert_eq!(scene.claimed(ticket.id).await, (3, 0));
}

/// A pool that the writer believes to be elsewhere in its story, or not there, or there.
pub async fn a_pool_that_is_another_is_noticed(scene: &Scene) {
    let Listing { ticket, pool } = scene.list(units_for_sale(50)).await;
    let newer = Pool { version: Version::new(7), ..pool };
    for believed in [vec![newer], Vec::new()] {
        let group = pair(scene, &ticket).await;
        let expected = group.each_ref().map(Outcome::applied);
        let believed = predicted(scene, believed).await;
        assert_eq!(outcomes(scene, &group, believed).await, expected);
    }
    let imagined = scene.make().await.list(&a_seller(), units_for_sale(5)).next;
    let group = pair(scene, &imagined.ticket).await;
    let missing = Outcome::ClaimRefused(imagined.pool.id, Refusal::Missing);
    let believed = predicted(scene, [imagined.pool]).await;
    assert_eq!(outcomes(scene, &group, believed).await, [missing.clone(), missing]);
    assert_eq!(scene.claimed(ticket.id).await, (4, 0));
}

/// The listing was edited, or withdrawn, since the writer saw its pool.
pub async fn a_listing_that_moved_on_is_noticed(scene: &Scene) {
    let listing = scene.list(units_for_sale(5)).await;
    let ticket = listing.ticket.clone();
    let terms = units_for_sale(9);
    scene.apply(scene.make().await.edit(&listing, terms)).await;
    let group = pair(scene, &ticket).await;
    let changed = Outcome::ClaimRefused(ticket.id, Refusal::ListingChanged);
    let believed = predicted(scene, [listing.pool]).await;
    assert_eq!(outcomes(scene, &group, believed).await, [changed.clone(), changed]);

    let seen = scene.listing(ticket.id).await;
    scene.apply(scene.make().await.withdraw(&seen, false)).await;
    let group = pair(scene, &seen.ticket).await;
    let withdrawn = Outcome::ClaimRefused(ticket.id, Refusal::NotOnSale);
    let believed = predicted(scene, [seen.pool]).await;
    assert_eq!(outcomes(scene, &group, believed).await, [withdrawn.clone(), withdrawn]);
}

/// An order moved on, or was made, without the writer's knowledge.
pub async fn an_aggregate_that_moved_on_is_noticed(scene: &Scene) {
    let Listing { ticket, .. } = scene.list(units_for_sale(50)).await;
    let stale = scene.reserve(&a_buyer(), &[(&ticket, 1)]).await;
    let fresh = scene.apply(scene.make().await.extend(&stale)).await;
    let pool = scene.listing(ticket.id).await.pool;
    let believing = |version: Option<Version>| {
        let order = AggregateRef::from(stale.id);
        async move {
            let mut believed = found(predicted(scene, [pool]).await, "a prediction");
            believed.versions.extend(version.map(|version| (order, version)));
            Some(believed)
        }
    };
    let conflict = Outcome::Conflict(stale.id.into());
    for version in [Some(stale.version), Some(fresh.version), None] {
        let batch = scene.make().await.cancel(&stale).batch;
        let believed = believing(version).await;
        let outcomes = outcomes(scene, &[batch], believed).await;
        assert_eq!(only(outcomes, "one outcome"), conflict);
    }
    // A new order under an id that is there already.
    let now = scene.now().await;
    let again = scene.batch(now).order(placed(stale.id, &ticket, Quantity::ONE, now)).build();
    let believed = believing(None).await;
    assert_eq!(outcomes(scene, &[again], believed).await, [conflict]);
    for (step, version) in [Some(stale.version), None].into_iter().enumerate() {
        let order = scene.order(stale.id).await;
        let make = scene.make().await;
        let batch = if step == 0 {
            make.start_payment(&order, ConfirmedBy::Server).batch
        } else {
            make.cancel(&order).batch
        };
        let believed = believing(version).await;
        let expected = [Outcome::applied(&batch)];
        assert_eq!(outcomes(scene, &[batch], believed).await, expected, "it is up to date");
    }
}

/// A key was taken, and a batch committed, without the writer's knowledge; the rest of the group
/// is applied.
pub async fn what_was_used_before_is_noticed(scene: &Scene) {
    let Listing { ticket, .. } = scene.list(units_for_sale(50)).await;
    let lines = [(&ticket, 1)];
    let keyed = scene.make().await.keyed(&a_buyer(), "key-1", "reserve");
    let known = keyed.reserve(&a_buyer(), &lines).batch;
    scene.accept(&known).await;
    let make = scene.make().await;
    let keyed = make.keyed(&a_buyer(), "key-1", "reserve again");
    let taken = keyed.reserve(&a_buyer(), &lines).batch;
    let new = make.reserve(&a_buyer(), &lines).batch;
    let pool = scene.listing(ticket.id).await.pool;
    let believed = predicted(scene, [pool]).await;
    let group = [known.clone(), taken, new.clone()];
    let expected =
        [Outcome::duplicate(&known), Outcome::KeyTaken(record_of(&known)), Outcome::applied(&new)];
    assert_eq!(outcomes(scene, &group, believed).await, expected);
    assert_eq!(scene.claimed(ticket.id).await, (2, 0));
}

/// A key and a batch that the writer believes to be used, and that are not.
pub async fn what_was_never_used_is_noticed(scene: &Scene) {
    let Listing { ticket, pool } = scene.list(units_for_sale(50)).await;
    let make = scene.make().await;
    let keyed = make.keyed(&a_buyer(), "key-1", "reserve");
    let one = keyed.reserve(&a_buyer(), &[(&ticket, 1)]).batch;
    let two = make.reserve(&a_buyer(), &[(&ticket, 1)]).batch;
    let three = make.reserve(&a_buyer(), &[(&ticket, 1)]).batch;
    let mut believed = found(predicted(scene, [pool]).await, "a prediction");
    let record = record_of(&one);
    believed.keys.insert((record.user.clone(), record.key.clone()), record);
    believed.receipts.insert(two.id(), two.receipt());
    let group = [one, two, three];
    let expected = group.each_ref().map(Outcome::applied);
    assert_eq!(outcomes(scene, &group, Some(believed)).await, expected);
    assert_eq!(scene.claimed(ticket.id).await, (3, 0));
}

/// The writer's clock is an hour slow or fast: windows and decisions are held against the
/// storage's.
pub async fn a_wrong_clock_is_noticed(scene: &Scene) {
    let Listing { ticket, pool: mut known } = scene.list(units_for_sale(50)).await;
    let hour = Duration::from_hours(1);
    for slow in [true, false] {
        let now = scene.now().await;
        let wrong = if slow { now.minus(hour) } else { now.plus(hour) };
        let in_time = scene.make_at(now).reserve(&a_buyer(), &[(&ticket, 1)]).batch;
        let window = TimeWindow::new(Some(wrong.minus(hour / 2)), Some(wrong.plus(hour / 2)));
        let window = worked(window, "a window");
        let make = scene.make_at(now).within(window);
        let out_of_window = make.reserve(&a_buyer(), &[(&ticket, 1)]).batch;
        // Whoever is an hour slow would hold a unit for an hour less than nothing.
        let make = scene.make_at(wrong).with_policy(NO_HOLD);
        let badly_decided = make.reserve(&a_buyer(), &[(&ticket, 1)]).batch;
        let late = Outcome::OutOfTime;
        for (batch, expected) in [
            (&in_time, Outcome::applied(&in_time)),
            (&out_of_window, late.clone()),
            (&badly_decided, late),
        ] {
            let mut believed = Snapshot::empty(wrong);
            believed.pools.insert(known.id, known);
            let group = std::slice::from_ref(batch);
            assert_eq!(outcomes(scene, group, Some(believed)).await, [expected]);
            known = scene.listing(ticket.id).await.pool;
        }
    }
    assert_eq!(scene.claimed(ticket.id).await, (2, 0));
}

/// A buyer has units that the writer knows nothing of: the limit is kept.
pub async fn an_unknown_allowance_is_noticed(scene: &Scene) {
    let Listing { ticket, .. } = scene.list(units_for_sale(50).max_per_buyer(3)).await;
    scene.reserve(&a_buyer(), &[(&ticket, 2)]).await;
    let pool = scene.listing(ticket.id).await.pool;
    let group = pair(scene, &ticket).await;
    let [first, _] = &group;
    let believed = predicted(scene, [pool]).await;
    let expected = [
        Outcome::applied(first),
        Outcome::ClaimRefused(ticket.id, Refusal::OverBuyerLimit { left: 0 }),
    ];
    assert_eq!(outcomes(scene, &group, believed).await, expected);
}

/// One batch of the group depends on something stale, its neighbours do not: each is judged on
/// what is stored, the refused as well as the accepted.
pub async fn one_stale_batch_misleads_nobody(scene: &Scene) {
    let good = scene.list(units_for_sale(50)).await;
    let freed = scene.list(units_for_sale(1)).await;
    let holder = scene.reserve(&user("holder"), &[(&freed.ticket, 1)]).await;
    let full = scene.listing(freed.ticket.id).await.pool;
    scene.cancel(&holder).await;
    let make = scene.make().await;
    let group = [
        make.reserve(&a_buyer(), &[(&good.ticket, 1)]).batch,
        make.reserve(&a_buyer(), &[(&freed.ticket, 1)]).batch,
        make.reserve(&a_buyer(), &[(&good.ticket, 1)]).batch,
    ];
    let believed = predicted(scene, [good.pool, full]).await;
    let expected = group.each_ref().map(Outcome::applied);
    assert_eq!(outcomes(scene, &group, believed).await, expected, "the unit came free");
    assert_eq!(scene.claimed(good.ticket.id).await, (2, 0));
    assert_eq!(scene.claimed(freed.ticket.id).await, (1, 0));
}

/// Two reservations of one unit each.
async fn pair(scene: &Scene, ticket: &Ticket) -> [WriteBatch; 2] {
    let make = scene.make().await;
    [(); 2].map(|()| make.reserve(&a_buyer(), &[(ticket, 1)]).batch)
}

/// What a writer believes that knows these pools, and takes everything else for new.
async fn predicted(scene: &Scene, pools: impl IntoIterator<Item = Pool>) -> Option<Snapshot> {
    let mut snapshot = Snapshot::empty(scene.now().await);
    snapshot.pools.extend(pools.into_iter().map(|pool| (pool.id, pool)));
    Some(snapshot)
}

async fn outcomes(
    scene: &Scene,
    group: &[WriteBatch],
    predicted: Option<Snapshot>,
) -> Vec<Outcome> {
    let batches = group.to_vec();
    Outcome::all(&scene.storage().commit(Group { batches: batches.into(), predicted }).await)
}
