//! What was written reads back as it was, field by field, and what was not is not there.

use std::time::Duration;

use super::samples::{NO_HOLD, key_of, units_for_sale};
use super::scene::Scene;
use crate::domain::envelope::Event;
use crate::domain::payment::ConfirmedBy;
use crate::domain::ticket::NewTicket;
use crate::ports::{Listing, OrderDirection, PortErrorKind, Retry, WriteBatch};
use crate::testing::builders::{a_buyer, intent, user};
use crate::testing::conformance::verdict::{fail, found, worked};
use crate::values::{
    Currency, IdempotencyKey, Money, OrderId, Page, PaymentId, Quantity, RefundId, TicketId,
    Timestamp,
};

/// Listings with the least and the most that they can have, through edits to their withdrawal.
pub async fn every_listing_reads_back(scene: &Scene) {
    for terms in all_terms(scene.now().await) {
        let seller = user(&"ß".repeat(32));
        let listed = scene.make().await.list(&seller, terms);
        scene.accept(&listed.batch).await;
        assert_eq!(scene.listing(listed.next.ticket.id).await, listed.next);
        events_read_back(scene, &listed.batch).await;

        let edited = scene.make().await.edit(&listed.next, units_for_sale(7));
        scene.accept(&edited.batch).await;
        let Listing { ticket, pool } = scene.listing(edited.next.id).await;
        assert_eq!(ticket, edited.next, "edited");
        assert_eq!((pool.terms.listing, pool.terms.capacity), (ticket.version, 7));
        events_read_back(scene, &edited.batch).await;

        let withdrawn = scene.make().await.withdraw(&Listing { ticket, pool }, false);
        scene.accept(&withdrawn.batch).await;
        assert_eq!(scene.listing(withdrawn.next.id).await.ticket, withdrawn.next);
        events_read_back(scene, &withdrawn.batch).await;
    }
}

/// Terms with every field at its ends, and every field missing.
fn all_terms(now: Timestamp) -> Vec<NewTicket> {
    let dinar = worked(Money::new(Money::MAX_MINOR, Currency::KWD), "an amount");
    let yen = worked(Money::new(1, Currency::JPY), "an amount");
    let hour = Duration::from_hours(1);
    vec![
        NewTicket::new("x", yen),
        NewTicket::new("Zoë's 音楽会 🎫 'quoted' \"twice\" \\ % _ ; --", Money::usd(1))
            .description("")
            .venue("Ω")
            .sale_starts_at(now.minus(hour)),
        NewTicket::new("🎫".repeat(200), dinar)
            .quantity(Quantity::MAX.get())
            .description("é\n\t".repeat(3_000) + "end")
            .venue("音".repeat(200))
            .starts_at(Timestamp::MAX)
            .max_per_order(Quantity::MAX.get())
            .max_per_buyer(1)
            .sale_starts_at(Timestamp::MIN)
            .sale_ends_at(Timestamp::MAX),
        NewTicket::new("Long ago", Money::eur(1))
            .starts_at(Timestamp::MIN)
            .sale_ends_at(now.plus(hour)),
    ]
}

/// Nothing is found under ids, keys, intents and owners that nobody has used.
pub async fn what_is_not_there_is_not_found(scene: &Scene) {
    let storage = scene.storage();
    let id = scene.ids().next();
    let (order, payment) = (OrderId::from_uuid(id), PaymentId::from_uuid(id));
    let listings = storage.listings(&[TicketId::from_uuid(id)]).await;
    assert_eq!(worked(listings, "listings"), []);
    assert_eq!(worked(storage.listings(&[]).await, "listings"), []);
    assert_eq!(worked(storage.order(order).await, "order"), None);
    assert_eq!(worked(storage.payment(payment).await, "payment"), None);
    let refund = storage.refund(RefundId::from_uuid(id)).await;
    assert_eq!(worked(refund, "refund"), None);
    let by_intent = storage.payment_by_intent(&intent("pi_none")).await;
    assert_eq!(worked(by_intent, "payment_by_intent"), None);
    assert_eq!(worked(storage.payments_of(order).await, "payments_of"), []);
    assert_eq!(worked(storage.refunds_of(payment).await, "refunds_of"), []);
    let key = worked(IdempotencyKey::new("none"), "a key");
    assert_eq!(worked(storage.key(&a_buyer(), &key).await, "key"), None);
    assert_eq!(worked(storage.event(key_of(order, 0)).await, "event"), None);
    let direction = OrderDirection::NewestFirst;
    let orders = storage.orders_of(&a_buyer(), direction, Page::default()).await;
    let orders = worked(orders, "orders_of");
    assert_eq!((orders.items, orders.next), (Vec::new(), None));
}

/// An event is found under its own version only.
pub async fn versions_that_were_not_written_have_no_event(scene: &Scene) {
    let listing = scene.list(units_for_sale(1)).await;
    let order = scene.reserve(&a_buyer(), &[(&listing.ticket, 1)]).await;
    for (key, there) in [
        (key_of(listing.ticket.id, 0), true),
        (key_of(listing.ticket.id, 1), false),
        (key_of(order.id, 0), true),
        (key_of(order.id, 1), false),
        (key_of(TicketId::from_uuid(order.id.as_uuid()), 0), false),
    ] {
        let event = worked(scene.storage().event(key).await, "event");
        assert_eq!(event.is_some(), there, "{key:?}");
    }
}

/// Those listings that are there, in the order in which they were asked for.
pub async fn listings_come_in_the_order_asked_for(scene: &Scene) {
    let mut ids = Vec::new();
    for _ in 0..30 {
        ids.push(scene.list(units_for_sale(1)).await.ticket.id);
    }
    let missing = TicketId::from_uuid(scene.ids().next());
    let mut backwards: Vec<TicketId> = ids.iter().rev().copied().collect();
    for asked in [&ids, &backwards] {
        let read = worked(scene.storage().listings(asked).await, "listings");
        let read: Vec<TicketId> = read.iter().map(|listing| listing.ticket.id).collect();
        assert_eq!(read, *asked);
    }
    backwards.insert(7, missing);
    let read = worked(scene.storage().listings(&backwards).await, "listings");
    let read: Vec<TicketId> = read.iter().map(|listing| listing.ticket.id).collect();
    backwards.retain(|id| *id != missing);
    assert_eq!(read, backwards, "without the one that is not there");
}

/// Attempts to pay for an order, oldest first, whatever the order of their ids; none of another
/// order's.
pub async fn payments_come_oldest_first(scene: &Scene) {
    let listing = scene.list(units_for_sale(5)).await;
    let order = scene.reserve(&a_buyer(), &[(&listing.ticket, 1)]).await;
    let other = scene.reserve(&user("other"), &[(&listing.ticket, 1)]).await;
    scene.pay(&other).await;
    let mut order = order;
    let mut attempts = Vec::new();
    for steps in (0..6).rev() {
        let make = scene.make_aged(steps).await;
        let started = make.start_payment(&order, ConfirmedBy::Client);
        let paying = scene.apply(started).await;
        let gone = scene.apply(scene.make().await.gone(&paying)).await;
        order = gone.order;
        attempts.push(gone.payment);
    }
    let read = worked(scene.storage().payments_of(order.id).await, "payments_of");
    assert_eq!(read, attempts);
}

/// Refunds of a payment, oldest first, whatever the order of their ids; none of another one's.
pub async fn refunds_come_oldest_first(scene: &Scene) {
    let listing = scene.list(units_for_sale(5)).await;
    let mut paid = scene.sell(&a_buyer(), &[(&listing.ticket, 1)]).await;
    let other = scene.sell(&user("other"), &[(&listing.ticket, 1)]).await;
    scene.apply(scene.make().await.refund(&other, Money::usd(1_00))).await;
    let mut refunds = Vec::new();
    for steps in (0..6).rev() {
        let make = scene.make_aged(steps).await;
        paid = scene.apply(make.refund(&paid, Money::usd(1_00))).await;
        refunds.extend(paid.refund.clone());
    }
    let read = worked(scene.storage().refunds_of(paid.payment.id).await, "refunds_of");
    assert_eq!(read, refunds);
}

/// A payment is found by its intent from the moment that it has one.
pub async fn a_payment_is_found_by_its_intent(scene: &Scene) {
    let storage = scene.storage();
    let listing = scene.list(units_for_sale(5)).await;
    for (buyer, name) in [("one", "pi_1"), ("two", "PI_1"), ("three", &"i".repeat(255))] {
        let order = scene.reserve(&user(buyer), &[(&listing.ticket, 1)]).await;
        let paying = scene.pay(&order).await;
        let absent = storage.payment_by_intent(&intent(name)).await;
        assert_eq!(worked(absent, "payment_by_intent"), None, "before it has one");
        let opened = scene.make().await.open(&paying, &intent(name));
        let opened = scene.apply(opened).await.payment;
        let read = storage.payment_by_intent(&intent(name)).await;
        assert_eq!(worked(read, "payment_by_intent"), Some(opened));
    }
    let other = storage.payment_by_intent(&intent("pi_")).await;
    assert_eq!(worked(other, "payment_by_intent"), None, "a beginning is not the name");
}

/// A row that was spoilt behind the storage's back is told as such, never as missing; other rows
/// can still be read, and worked on.
pub async fn a_spoilt_row_is_corrupt(scene: &Scene) {
    let ticket = scene.list(units_for_sale(5)).await.ticket;
    let make = || async { scene.make().await.with_policy(NO_HOLD) };
    let spoilt = scene.apply(make().await.reserve(&user("one"), &[(&ticket, 1)])).await;
    let sound = scene.apply(make().await.reserve(&user("two"), &[(&ticket, 1)])).await;
    let Some(mend) = scene.namespace().spoil(spoilt.id).await else {
        return;
    };
    match scene.storage().order(spoilt.id).await {
        Ok(order) => fail(&format!("a spoilt row was read: {order:?}")),
        Err(error) => {
            let corrupt = matches!(error.kind(), PortErrorKind::Corrupt { .. });
            assert!(corrupt, "{error:?}");
            assert_eq!(error.retry(), Retry::Never, "trying again does not help");
        }
    }
    assert_eq!(scene.order(sound.id).await, sound, "other rows can be read");
    let live = scene.storage().live_orders(ticket.id, None, 10).await;
    assert_eq!(
        worked(live, "live_orders"),
        std::slice::from_ref(&sound),
        "other rows can be worked on"
    );
    let due = worked(scene.storage().due_orders(10).await, "due_orders");
    assert_eq!(due.items, [sound], "other rows come to their end");
    mend.await;
    assert_eq!(scene.order(spoilt.id).await, spoilt);
}

/// The events of a batch read back as they go over the wire.
pub(super) async fn events_read_back(scene: &Scene, batch: &WriteBatch) {
    for change in batch.changes() {
        let key = change.event.key();
        let event = worked(scene.storage().event(key).await, "event");
        same_on_the_wire(&found(event, "the event of a version"), &change.event);
    }
}

/// Events carry milliseconds where rows carry microseconds, so they are compared as written.
pub(super) fn same_on_the_wire(read: &Event, written: &Event) {
    let read = worked(read.to_json(), "an event as JSON");
    let written = worked(written.to_json(), "an event as JSON");
    let [read, written] = [read, written].map(|json| String::from_utf8_lossy(&json).into_owned());
    assert_eq!(read, written);
}
