//! What must hold when a case is over, whatever it did.

use std::collections::BTreeMap;

use super::scene::Scene;
use crate::domain::event::{AggregateKind, AggregateRef, EventKey};
use crate::domain::order::{Order, OrderState};
use crate::ports::{Listing, ListingQuery};
use crate::testing::conformance::verdict::{fail, worked};
use crate::values::{OrderId, PaymentId, PoolId, RefundId, Version};

/// Fails unless the storage can be left as it is.
pub(super) async fn close(scene: &Scene) {
    empty_the_outbox(scene).await;
    no_webhook_is_left(scene).await;
    units_are_those_of_the_orders(scene).await;
    every_version_was_told(scene).await;
}

/// Every row can be claimed once the leases of the case are over, and finished.
async fn empty_the_outbox(scene: &Scene) {
    while !scene.publish().await.is_empty() {}
    if depth(scene).await > 0 {
        scene.pass(2).await;
        while !scene.publish().await.is_empty() {}
    }
    assert_eq!(depth(scene).await, 0, "the outbox is empty at the end");
}

async fn depth(scene: &Scene) -> usize {
    let depth = worked(scene.storage().outbox_depth().await, "outbox_depth");
    let empty = depth.rows == 0;
    assert_eq!(depth.oldest.is_none(), empty, "an empty outbox has no oldest row");
    depth.rows
}

async fn no_webhook_is_left(scene: &Scene) {
    let open = scene.claim_webhooks().await;
    assert_eq!(open, [], "the case closed every webhook");
}

/// Held units are those of live orders, sold units those of complete and refunded ones.
async fn units_are_those_of_the_orders(scene: &Scene) {
    let mut held: BTreeMap<PoolId, u32> = BTreeMap::new();
    let mut sold: BTreeMap<PoolId, u32> = BTreeMap::new();
    for order in all_orders(scene).await {
        let sold_now = match order.state {
            OrderState::Complete { .. } | OrderState::Refunded { .. } => true,
            OrderState::Created
            | OrderState::AwaitingPayment { .. }
            | OrderState::Cancelling { .. }
            | OrderState::Cancelled { .. } => false,
        };
        for line in order.lines.iter() {
            if order.is_live() {
                *held.entry(line.ticket_id).or_default() += line.quantity.get();
            }
            if sold_now {
                *sold.entry(line.ticket_id).or_default() += line.counted_as_sold();
            }
        }
    }
    for listing in all_listings(scene).await {
        let pool = listing.pool;
        let wanted = [&held, &sold].map(|units| units.get(&pool.id).copied().unwrap_or(0));
        assert_eq!([pool.held, pool.sold], wanted, "units held and sold of {pool:?}");
        assert!(pool.claimed() <= pool.terms.capacity, "oversold: {pool:?}");
        assert_eq!(pool.id, listing.ticket.id, "a pool has the id of its ticket");
        let versions = (pool.terms.listing, listing.ticket.version);
        assert_eq!(versions.0, versions.1, "the pool repeats its listing");
    }
}

/// Every listing, page by page.
async fn all_listings(scene: &Scene) -> Vec<Listing> {
    let mut query = ListingQuery { all: true, ..ListingQuery::default() };
    let mut listings = Vec::new();
    // As many pages as no case needs: a cursor that goes in circles must not hang the case.
    for _ in 0..1000 {
        let page = worked(scene.storage().search(&query).await, "search");
        listings.extend(page.items);
        query.page.after = page.next;
        if page.next.is_none() {
            return listings;
        }
    }
    fail("search never comes to an end")
}

/// Every order that the outbox told of in this case.
async fn all_orders(scene: &Scene) -> Vec<Order> {
    let mut orders = Vec::new();
    for key in scene.told() {
        if key.aggregate.kind == AggregateKind::Order && key.version == Version::FIRST {
            orders.push(scene.order(OrderId::from_uuid(key.aggregate.id)).await);
        }
    }
    orders
}

/// Every version of everything that is stored was in the outbox, and none that is not.
async fn every_version_was_told(scene: &Scene) {
    let mut last: BTreeMap<AggregateRef, Version> = BTreeMap::new();
    for EventKey { aggregate, version } in scene.told() {
        let next = last.get(&aggregate).map_or(Version::FIRST, |last| last.next());
        assert_eq!(version, next, "the next event of {aggregate}");
        last.insert(aggregate, version);
    }
    let mut stored = BTreeMap::new();
    for Listing { ticket, pool } in all_listings(scene).await {
        stored.insert(ticket.id.into(), ticket.version);
        stored.insert(AggregateRef::pool(pool.id), pool.version);
    }
    for aggregate in last.keys() {
        if let Some(version) = version_of(scene, *aggregate).await {
            stored.insert(*aggregate, version);
        }
    }
    assert_eq!(last, stored, "what was told last, and what is stored");
}

/// The stored version of an aggregate that is in no list.
async fn version_of(scene: &Scene, aggregate: AggregateRef) -> Option<Version> {
    let (storage, id) = (scene.storage(), aggregate.id);
    match aggregate.kind {
        AggregateKind::Ticket | AggregateKind::Pool => None,
        AggregateKind::Order => {
            let order = worked(storage.order(OrderId::from_uuid(id)).await, "order");
            order.map(|order| order.version)
        }
        AggregateKind::Payment => {
            let payment = worked(storage.payment(PaymentId::from_uuid(id)).await, "payment");
            payment.map(|payment| payment.version)
        }
        AggregateKind::Refund => {
            let refund = worked(storage.refund(RefundId::from_uuid(id)).await, "refund");
            refund.map(|refund| refund.version)
        }
    }
}
