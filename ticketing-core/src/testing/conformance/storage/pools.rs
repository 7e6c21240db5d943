//! What moves units between available, held and sold, and what a pool refuses.

use std::time::Duration;

use super::outcome::Outcome;
use super::samples::{cancel_by, placed, units, units_for_sale};
use super::scene::Scene;
use crate::domain::inventory::{PoolState, Refusal};
use crate::domain::order::{Canceller, Order, OrderRefund, ReturnedLine};
use crate::domain::ticket::Ticket;
use crate::ports::{DuePlace, Listing};
use crate::testing::builders::{Purchase, a_buyer, user};
use crate::testing::conformance::verdict::{found, worked};
use crate::values::{Money, OrderId, PoolId, Quantity};

/// Units go from available to held, to sold, and back, with the orders that they are of.
pub async fn units_move_with_their_orders(scene: &Scene) {
    let listing = scene.list(units_for_sale(10)).await;
    let pool = listing.pool.id;
    let lines = [(&listing.ticket, 3)];
    let kept = scene.reserve(&user("one"), &lines).await;
    assert_eq!(scene.claimed(pool).await, (3, 0), "held");
    let dropped = scene.reserve(&user("two"), &lines).await;
    assert_eq!(scene.claimed(pool).await, (6, 0), "both held");
    scene.cancel(&dropped).await;
    assert_eq!(scene.claimed(pool).await, (3, 0), "one released");
    let paying = scene.pay(&kept).await;
    assert_eq!(scene.claimed(pool).await, (3, 0), "still held");
    let paid = scene.apply(scene.make().await.capture(&paying)).await;
    assert_eq!(scene.claimed(pool).await, (0, 3), "sold");
    let paid = give_one_back(scene, &paid, Money::usd(20_00), true).await;
    assert_eq!(scene.claimed(pool).await, (0, 2), "one went back on sale");
    let paid = give_one_back(scene, &paid, Money::usd(40_00), false).await;
    assert_eq!(scene.claimed(pool).await, (0, 2), "one came back and is not sold again");
    assert_eq!(scene.order(kept.id).await, paid.order);
}

/// Units of an order that is being cancelled stay held until its payment has ended.
pub async fn units_stay_held_while_a_payment_is_voided(scene: &Scene) {
    let listing = scene.list(units_for_sale(2)).await;
    let pool = listing.pool.id;
    let order = scene.reserve(&a_buyer(), &[(&listing.ticket, 2)]).await;
    let paying = scene.pay(&order).await;
    let order = scene.cancel(&paying.order).await;
    assert_eq!(scene.claimed(pool).await, (2, 0), "cancelling");
    let cancelling = Purchase { order, ..paying };
    scene.apply(scene.make().await.gone(&cancelling)).await;
    assert_eq!(scene.claimed(pool).await, (0, 0), "cancelled");
}

/// A sale that is undone because its capture failed gives the units back.
pub async fn a_failed_capture_returns_the_units(scene: &Scene) {
    let listing = scene.list(units_for_sale(2)).await;
    let order = scene.reserve(&a_buyer(), &[(&listing.ticket, 2)]).await;
    let paying = scene.pay(&order).await;
    let authorized = scene.apply(scene.make().await.complete(&paying)).await;
    assert_eq!(scene.claimed(listing.pool.id).await, (0, 2), "sold");
    scene.apply(scene.make().await.gone(&authorized)).await;
    assert_eq!(scene.claimed(listing.pool.id).await, (0, 0), "on sale again");
}

/// More than what is left is refused, and the refusal says what is left.
pub async fn more_than_is_left_is_refused(scene: &Scene) {
    let Listing { ticket, .. } = scene.list(units_for_sale(5)).await;
    scene.reserve(&user("one"), &[(&ticket, 3)]).await;
    let left = |left| Outcome::ClaimRefused(ticket.id, Refusal::SoldOut { left });
    assert_eq!(reserving(scene, &ticket, 3).await, left(2));
    assert!(reserving(scene, &ticket, 2).await.is_applied(), "the rest");
    assert_eq!(reserving(scene, &ticket, 1).await, left(0));
}

/// The largest pool there is can be sold to the last unit.
pub async fn the_largest_pool_can_be_sold_out(scene: &Scene) {
    let most = Quantity::MAX.get();
    let Listing { ticket, .. } = scene.list(units_for_sale(most)).await;
    scene.sell(&a_buyer(), &[(&ticket, most)]).await;
    assert_eq!(scene.claimed(ticket.id).await, (0, most));
    let sold_out = Refusal::SoldOut { left: 0 };
    assert_eq!(reserving(scene, &ticket, 1).await, Outcome::ClaimRefused(ticket.id, sold_out));
}

/// An order holds all of its lines or none, whichever of them is refused.
pub async fn lines_are_held_all_or_none(scene: &Scene) {
    let mut listings = Vec::new();
    for capacity in [1, 2, 3] {
        listings.push(scene.list(units_for_sale(capacity)).await);
    }
    for scarce in &listings {
        let wanted = |listing: &Listing| if listing == scarce { 4 } else { 1 };
        let lines = listings.iter().map(|listing| (&listing.ticket, wanted(listing)));
        let lines: Vec<(&Ticket, u32)> = lines.collect();
        let batch = scene.make().await.reserve(&a_buyer(), &lines).batch;
        let left = scarce.pool.available();
        let refused = Outcome::ClaimRefused(scarce.pool.id, Refusal::SoldOut { left });
        assert_eq!(scene.submit(&batch).await, refused);
        for listing in &listings {
            assert_eq!(scene.claimed(listing.pool.id).await, (0, 0), "no line is held");
        }
    }
    let lines: Vec<_> = listings.iter().map(|listing| (&listing.ticket, 1)).collect();
    scene.reserve(&a_buyer(), &lines).await;
    for listing in &listings {
        assert_eq!(scene.claimed(listing.pool.id).await, (1, 0), "every line is held");
    }
}

/// Units that one batch of a group gives back can be held by a later one, not by an earlier one.
pub async fn a_group_moves_units_in_its_order(scene: &Scene) {
    let listing = scene.list(units_for_sale(1)).await;
    let lines = [(&listing.ticket, 1)];
    let holder = scene.reserve(&user("one"), &lines).await;
    let make = scene.make().await;
    let early = make.reserve(&user("two"), &lines).batch;
    let cancelled = make.cancel(&holder).batch;
    let late = make.reserve(&user("three"), &lines).batch;
    let outcomes = scene.outcomes(&[&early, &cancelled, &late]).await;
    let expected = [
        Outcome::ClaimRefused(listing.pool.id, Refusal::SoldOut { left: 0 }),
        Outcome::applied(&cancelled),
        Outcome::applied(&late),
    ];
    assert_eq!(outcomes, expected);
    assert_eq!(scene.claimed(listing.pool.id).await, (1, 0));
}

/// A reservation that froze an older title or price is refused.
pub async fn a_changed_listing_refuses(scene: &Scene) {
    let listing = scene.list(units_for_sale(5)).await;
    let mut dearer = units_for_sale(5);
    dearer.price = Money::usd(30_00);
    let edited = scene.apply(scene.make().await.edit(&listing, dearer)).await;
    let refused = Outcome::ClaimRefused(listing.pool.id, Refusal::ListingChanged);
    assert_eq!(reserving(scene, &listing.ticket, 1).await, refused);
    assert!(reserving(scene, &edited, 1).await.is_applied(), "the new price");
}

/// Held and sold units fix the price and whether there is a limit; the capacity may fall to
/// them, not below. The pool says so even if the seller decided when nothing was claimed.
pub async fn claimed_units_fix_the_terms(scene: &Scene) {
    let unclaimed = scene.list(units_for_sale(10)).await;
    scene.sell(&user("one"), &[(&unclaimed.ticket, 2)]).await;
    scene.reserve(&user("two"), &[(&unclaimed.ticket, 3)]).await;
    let mut dearer = units_for_sale(10);
    dearer.price = Money::usd(99_00);
    let refused = [
        (dearer, Refusal::Claimed),
        (units_for_sale(10).max_per_buyer(4), Refusal::Claimed),
        (units_for_sale(4), Refusal::CapacityTooLow { claimed: 5 }),
    ];
    for (terms, refusal) in refused {
        let edit = scene.make().await.edit(&unclaimed, terms).batch;
        let outcome = scene.submit(&edit).await;
        assert_eq!(outcome, Outcome::ClaimRefused(unclaimed.pool.id, refusal));
    }
    let listing = scene.listing(unclaimed.ticket.id).await;
    assert_eq!(listing.ticket, unclaimed.ticket, "the listing is as it was");
    scene.apply(scene.make().await.edit(&listing, units_for_sale(5))).await;
    let pool = scene.listing(listing.ticket.id).await.pool;
    assert_eq!((pool.terms.capacity, pool.available()), (5, 0), "down to what is claimed");
}

/// A withdrawn listing refuses reservations, and what is held there can still be paid, released
/// and returned.
pub async fn a_withdrawn_listing_refuses_and_settles(scene: &Scene) {
    let Listing { ticket, .. } = scene.list(units_for_sale(5)).await;
    let paid = scene.sell(&user("one"), &[(&ticket, 1)]).await;
    let kept = scene.reserve(&user("two"), &[(&ticket, 1)]).await;
    let dropped = scene.reserve(&user("three"), &[(&ticket, 1)]).await;
    withdraw(scene, &ticket).await;
    let pool = scene.listing(ticket.id).await.pool;
    assert_eq!(pool.state, PoolState::Withdrawn { clearing: true });

    let refused = Outcome::ClaimRefused(ticket.id, Refusal::NotOnSale);
    assert_eq!(reserving(scene, &ticket, 1).await, refused);
    let paying = scene.pay(&kept).await;
    scene.apply(scene.make().await.capture(&paying)).await;
    cancel_for_the_seller(scene, &dropped).await;
    give_one_back(scene, &paid, Money::usd(20_00), true).await;
    assert_eq!(scene.claimed(ticket.id).await, (0, 1));
    clear(scene, ticket.id).await;
}

/// Units that are held refuse a withdrawal that may not cancel them, even if the seller decided
/// when nothing was held.
pub async fn held_units_refuse_a_plain_withdrawal(scene: &Scene) {
    let unclaimed = scene.list(units_for_sale(5)).await;
    let pool = unclaimed.pool.id;
    let order = scene.reserve(&a_buyer(), &[(&unclaimed.ticket, 1)]).await;
    let withdrawal = scene.make().await.withdraw(&unclaimed, false).batch;
    let outcome = scene.submit(&withdrawal).await;
    assert_eq!(outcome, Outcome::ClaimRefused(pool, Refusal::Claimed));
    scene.cancel(&order).await;
    scene.accept(&withdrawal).await;
    let state = scene.listing(pool).await.pool.state;
    assert_eq!(state, PoolState::Withdrawn { clearing: false });
}

/// A withdrawal with live orders marks the pool; they are found page by page and cancelled, and
/// the mark goes when none is left, not before.
pub async fn a_withdrawn_pool_is_cleared(scene: &Scene) {
    let Listing { ticket, .. } = scene.list(units_for_sale(100)).await;
    let other = scene.list(units_for_sale(1)).await;
    for number in 0..25_u32 {
        let buyer = user(&format!("buyer-{number}"));
        scene.reserve(&buyer, &[(&ticket, 2)]).await;
    }
    assert_eq!(clearing(scene).await, [], "none is withdrawn");
    withdraw(scene, &ticket).await;
    withdraw(scene, &other.ticket).await;
    assert_eq!(clearing(scene).await, [ticket.id], "only the pool with live orders");

    let early = scene.batch(scene.now().await).cleared(ticket.id).build();
    let outcome = scene.submit(&early).await;
    assert_eq!(outcome, Outcome::ClaimRefused(ticket.id, Refusal::Claimed));
    let mut after = None;
    let mut pages = 0;
    loop {
        let orders = scene.storage().live_orders(ticket.id, after, 10).await;
        let orders = worked(orders, "live_orders");
        let Some(last) = orders.last() else { break };
        after = DuePlace::of(last);
        pages += 1;
        for order in &orders {
            cancel_for_the_seller(scene, order).await;
        }
    }
    assert_eq!((pages, scene.claimed(ticket.id).await), (3, (0, 0)), "25 orders, 10 a page");
    assert_eq!(clearing(scene).await, [ticket.id], "until it is told so");
    clear(scene, ticket.id).await;
    let state = scene.listing(ticket.id).await.pool.state;
    assert_eq!(state, PoolState::Withdrawn { clearing: false });
}

/// Of many withdrawn pools only so many are told as were asked for.
pub async fn clearing_pools_keep_to_the_limit(scene: &Scene) {
    let mut orders = Vec::new();
    for _ in 0..3 {
        let Listing { ticket, .. } = scene.list(units_for_sale(5)).await;
        let order = scene.reserve(&a_buyer(), &[(&ticket, 1)]).await;
        withdraw(scene, &ticket).await;
        orders.push((ticket.id, order));
    }
    let two = worked(scene.storage().clearing_pools(2).await, "clearing_pools");
    assert_eq!(two.len(), 2, "two of three");
    assert_eq!(clearing(scene).await.len(), 3, "all of them");
    for (pool, order) in orders {
        cancel_for_the_seller(scene, &order).await;
        clear(scene, pool).await;
    }
}

/// A limit for one order is kept, and two orders may have more together.
pub async fn one_order_keeps_to_its_limit(scene: &Scene) {
    let Listing { ticket, .. } = scene.list(units_for_sale(10).max_per_order(2)).await;
    let refusal = Refusal::OverOrderLimit { limit: 2 };
    assert_eq!(reserving(scene, &ticket, 3).await, Outcome::ClaimRefused(ticket.id, refusal));
    for _ in 0..2 {
        assert!(reserving(scene, &ticket, 2).await.is_applied(), "two at a time");
    }
}

/// A sale that opens later, or is over, is refused by the pool, by the storage's time and not by
/// the one at which the order was decided.
pub async fn a_closed_sale_refuses(scene: &Scene) {
    let now = scene.now().await;
    let (opens, ended) = (now.plus(NEAR), now.minus(MOMENT));
    let early = scene.list(units_for_sale(1).sale_starts_at(opens)).await;
    let late = scene.list(units_for_sale(1).sale_ends_at(ended)).await;
    let cases = [
        (early.ticket, opens, Refusal::SaleNotOpen { opens }),
        (late.ticket, ended.minus(MOMENT), Refusal::SaleOver),
    ];
    for (ticket, decided, refusal) in cases {
        // Without the sale's window, so that the pool is asked.
        let id = OrderId::from_uuid(scene.ids().next());
        let placed = placed(id, &ticket, Quantity::ONE, decided);
        let batch = scene.batch(decided).order(placed).build();
        let committed = scene.group(vec![batch.clone()]).await;
        let now = found(committed.now, "the storage's time");
        let open = ticket.terms.sale.contains(now);
        let expected =
            if open { Outcome::applied(&batch) } else { Outcome::ClaimRefused(ticket.id, refusal) };
        assert_eq!(Outcome::all(&committed), [expected], "at {now}");
    }
}

/// A distance in time that a decision may be from the storage's clock, with room for the commit.
const NEAR: Duration = Duration::from_millis(1500);
const MOMENT: Duration = Duration::from_millis(200);

async fn reserving(scene: &Scene, ticket: &Ticket, number: u32) -> Outcome {
    let batch = scene.make().await.reserve(&a_buyer(), &[(ticket, number)]).batch;
    scene.submit(&batch).await
}

async fn give_one_back(scene: &Scene, paid: &Purchase, amount: Money, restock: bool) -> Purchase {
    let line = found(paid.order.lines.first(), "the first line");
    let returned = ReturnedLine { ticket: line.ticket_id, quantity: units(1) };
    let refund = OrderRefund { amount, lines: vec![returned], restock, reason: None };
    scene.apply(scene.make().await.refund_with(paid, refund)).await
}

async fn withdraw(scene: &Scene, ticket: &Ticket) {
    let listing = scene.listing(ticket.id).await;
    scene.apply(scene.make().await.withdraw(&listing, true)).await;
}

async fn cancel_for_the_seller(scene: &Scene, order: &Order) {
    let cancel = cancel_by(Canceller::Seller);
    scene.apply(scene.make().await.order(order, cancel)).await;
}

async fn clearing(scene: &Scene) -> Vec<PoolId> {
    worked(scene.storage().clearing_pools(10).await, "clearing_pools")
}

async fn clear(scene: &Scene, pool: PoolId) {
    scene.accept(&scene.make().await.cleared(pool)).await;
    assert!(!clearing(scene).await.contains(&pool), "a cleared pool is no longer listed");
}
