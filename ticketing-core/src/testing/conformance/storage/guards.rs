//! Versions, new ids, and which error is told when a batch has several things wrong with it.

use super::outcome::Outcome;
use super::samples::{cancel_by, placed, record_of, units_for_sale};
use super::scene::Scene;
use crate::domain::event::AggregateRef;
use crate::domain::inventory::Refusal;
use crate::domain::order::{Canceller, Order, OrderCommand, OrderRefund};
use crate::domain::payment::{ConfirmedBy, Dispute, Payment, PaymentCommand};
use crate::domain::refund::{Refund, RefundCommand};
use crate::domain::ticket::Ticket;
use crate::ports::{Listing, WriteBatch};
use crate::testing::builders::{Purchase, a_buyer, a_seller, refund_reference};
use crate::testing::conformance::verdict::{found, worked};
use crate::values::{Money, OrderId, Quantity, TimeWindow};

/// One aggregate of each kind: a listing, and a paid order with a refund.
struct Kinds {
    listing: Listing,
    order: Order,
    payment: Payment,
    refund: Refund,
}

/// A batch, and the aggregate whose guard is to refuse it.
type Guarded = (AggregateRef, WriteBatch);

/// A batch decided on an old version of a listing, order, payment or refund is refused, and the
/// refusal names the aggregate.
pub async fn a_stale_version_is_a_conflict(scene: &Scene) {
    let kinds = one_of_each(scene).await;
    let first = changes_of_each(scene, &kinds, "first").await;
    let second = changes_of_each(scene, &kinds, "second").await;
    for (_, batch) in &first {
        scene.accept(batch).await;
    }
    for (aggregate, batch) in &second {
        let outcome = scene.submit(batch).await;
        assert_eq!(outcome, Outcome::Conflict(*aggregate), "{aggregate}");
    }
}

/// Of two batches of one group that were decided on the same version, the first one wins.
pub async fn the_first_of_a_group_wins(scene: &Scene) {
    let kinds = one_of_each(scene).await;
    let first = changes_of_each(scene, &kinds, "first").await;
    let second = changes_of_each(scene, &kinds, "second").await;
    let pairs = first.iter().zip(&second);
    let group = pairs.flat_map(|((_, first), (_, second))| [first, second]);
    let outcomes = scene.outcomes(&group.collect::<Vec<_>>()).await;
    let expected = first
        .iter()
        .flat_map(|(aggregate, batch)| [Outcome::applied(batch), Outcome::Conflict(*aggregate)]);
    assert_eq!(outcomes, expected.collect::<Vec<_>>());
}

/// A change of something that is not there is a conflict, whatever its kind.
pub async fn a_missing_aggregate_is_a_conflict(scene: &Scene) {
    let make = scene.make().await;
    let listing = make.list(&a_seller(), units_for_sale(2)).next;
    let reserved = make.reserve(&a_buyer(), &[(&listing.ticket, 2)]).next;
    let paid = make.capture(&make.start_payment(&reserved, ConfirmedBy::Server).next).next;
    let refunded = make.refund(&paid, Money::usd(5_00)).next;
    let never_stored = kinds_of(listing, refunded);
    let changes = changes_of_each(scene, &never_stored, "changed").await;
    for (aggregate, batch) in changes {
        let outcome = scene.submit(&batch).await;
        assert_eq!(outcome, Outcome::Conflict(aggregate), "{aggregate}");
    }
}

/// A batch that makes something under an id that is there already is a conflict, whatever its
/// kind, and changes nothing about the one that is there.
pub async fn a_new_id_that_exists_is_a_conflict(scene: &Scene) {
    let kinds = one_of_each(scene).await;
    for (aggregate, batch) in made_again(scene, &kinds).await {
        let outcome = scene.submit(&batch).await;
        assert_eq!(outcome, Outcome::Conflict(aggregate), "{aggregate}");
    }
    assert_eq!(scene.listing(kinds.listing.ticket.id).await, kinds.listing);
    assert_eq!(scene.order(kinds.order.id).await, kinds.order);
    assert_eq!(scene.payment(kinds.payment.id).await, kinds.payment);
    let refund = worked(scene.storage().refund(kinds.refund.id).await, "refund");
    assert_eq!(refund, Some(kinds.refund));
}

/// The same within one group: the second one to make it is refused.
pub async fn a_new_id_is_taken_within_a_group(scene: &Scene) {
    let listing = scene.list(units_for_sale(5)).await;
    let now = scene.now().await;
    let id = OrderId::from_uuid(scene.ids().next());
    let placed = placed(id, &listing.ticket, Quantity::ONE, now);
    let first = scene.batch(now).order(placed.clone()).build();
    let second = scene.batch(now).order(placed).build();
    let outcomes = scene.outcomes(&[&first, &second]).await;
    let expected = [Outcome::applied(&first), Outcome::Conflict(id.into())];
    assert_eq!(outcomes, expected);
    assert_eq!(scene.claimed(listing.pool.id).await, (1, 0));
}

/// A batch with everything wrong is told the first thing of: key taken, out of time, conflict,
/// claim refused. Each mend brings out the next.
pub async fn errors_are_told_in_their_order(scene: &Scene) {
    let listing = scene.list(units_for_sale(2)).await;
    let stale = scene.reserve(&a_buyer(), &[(&listing.ticket, 1)]).await;
    let now = scene.now().await;
    let make = scene.make_at(now);
    let keyed = make.keyed(&a_buyer(), "key-1", "cancel");
    let cancelled = keyed.cancel(&stale).batch;
    scene.accept(&cancelled).await;

    let over = TimeWindow::ending(now.minus(scene.tick()));
    let too_many = |is_late: bool, is_keyed: bool, is_stale: bool| {
        let id = OrderId::from_uuid(scene.ids().next());
        let placed = placed(id, &listing.ticket, Quantity::MAX, now);
        let cancel = cancel_by(Canceller::Buyer);
        let stale = worked(stale.clone().decide(cancel, now), "cancel");
        let batch = scene.batch(now).order(placed);
        let batch = if is_stale { batch.order(stale) } else { batch };
        let batch = if is_late { batch.within(over) } else { batch };
        batch.keyed(is_keyed.then(|| record_of(&cancelled))).build()
    };
    let sold_out = Refusal::SoldOut { left: 2 };
    let expected = [
        (too_many(true, true, true), Outcome::KeyTaken(record_of(&cancelled))),
        (too_many(true, false, true), Outcome::OutOfTime),
        (too_many(false, false, true), Outcome::Conflict(stale.id.into())),
        (too_many(false, false, false), Outcome::ClaimRefused(listing.pool.id, sold_out)),
    ];
    for (batch, outcome) in expected {
        assert_eq!(scene.submit(&batch).await, outcome);
    }
}

/// A batch that is known is told so, whatever else has become wrong with it since: its key is
/// taken by itself, its time is over, its versions have moved on, the units are gone.
pub async fn a_known_batch_is_told_before_all_else(scene: &Scene) {
    let listing = scene.list(units_for_sale(1)).await;
    let now = scene.now().await;
    let soon = TimeWindow::ending(now.plus(scene.tick()));
    let make = scene.make_at(now).keyed(&a_buyer(), "key-1", "reserve").within(soon);
    let placed = make.reserve(&a_buyer(), &[(&listing.ticket, 1)]);
    scene.accept(&placed.batch).await;
    scene.pass(2).await;
    let known = Outcome::duplicate(&placed.batch);
    assert_eq!(scene.submit(&placed.batch).await, known);
    scene.cancel(&placed.next).await;
    assert_eq!(scene.submit(&placed.batch).await, known);
    assert_eq!(scene.claimed(listing.pool.id).await, (0, 0), "it had no second effect");
}

/// A claim on a pool that is not there is refused.
pub async fn a_missing_pool_refuses(scene: &Scene) {
    let make = scene.make().await;
    let never_listed = make.list(&a_seller(), units_for_sale(1)).next;
    let batch = make.reserve(&a_buyer(), &[(&never_listed.ticket, 1)]).batch;
    let outcome = scene.submit(&batch).await;
    let pool = never_listed.pool.id;
    assert_eq!(outcome, Outcome::ClaimRefused(pool, Refusal::Missing));
}

async fn one_of_each(scene: &Scene) -> Kinds {
    let listing = scene.list(units_for_sale(10)).await;
    let paid = scene.sell(&a_buyer(), &[(&listing.ticket, 2)]).await;
    let make = scene.make().await;
    let refunded = scene.apply(make.refund(&paid, Money::usd(5_00))).await;
    kinds_of(scene.listing(listing.ticket.id).await, refunded)
}

fn kinds_of(listing: Listing, refunded: Purchase) -> Kinds {
    Kinds {
        listing,
        order: refunded.order,
        payment: refunded.payment,
        refund: found(refunded.refund, "the refund"),
    }
}

/// A change of each kind.
async fn changes_of_each(scene: &Scene, kinds: &Kinds, description: &str) -> Vec<Guarded> {
    let Kinds { listing, order, payment, refund } = kinds;
    let make = scene.make().await;
    let terms = units_for_sale(20).description(description);
    let more = OrderCommand::Refund(OrderRefund {
        amount: Money::usd(1_00),
        lines: Vec::new(),
        restock: false,
        reason: None,
    });
    let disputed = PaymentCommand::Dispute(Dispute::Opened);
    let pending = RefundCommand::Pending(refund_reference("re_1"));
    vec![
        (listing.ticket.id.into(), make.edit(listing, terms).batch),
        (order.id.into(), make.order(order, more).batch),
        (payment.id.into(), make.payment(payment, disputed).batch),
        (refund.id.into(), make.refund_step(refund, pending).batch),
    ]
}

/// New aggregates under the ids of those that are there.
async fn made_again(scene: &Scene, kinds: &Kinds) -> Vec<Guarded> {
    let Kinds { listing, order, payment, refund } = kinds;
    let now = scene.now().await;
    let id = listing.ticket.id;
    let listed = worked(Ticket::list(id, a_seller(), units_for_sale(3), now), "list");
    let placed = placed(order.id, &listing.ticket, Quantity::ONE, now);
    let owner = (order.id, order.buyer.clone());
    let started = Payment::initiate(payment.id, owner, payment.amount, payment.confirmed_by, now);
    let (of, amount) = ((refund.payment, refund.order), refund.amount);
    let requested = Refund::request(refund.id, of.0, of.1, amount, None, now);
    vec![
        (id.into(), scene.batch(now).ticket(listed).build()),
        (order.id.into(), scene.batch(now).order(placed).build()),
        (payment.id.into(), scene.batch(now).payment(started).build()),
        (refund.id.into(), scene.batch(now).refund(requested).build()),
    ]
}
