//! What is left over, and what only looks like it.

use super::world::World;
use super::*;
use crate::domain::order::OrderState;
use crate::domain::payment::{ConfirmedBy, PaymentState};
use crate::domain::refund::RefundCommand;
use crate::domain::ticket::NewTicket;
use crate::ports::{Listing, Storage};
use crate::testing::builders::{refund_reference, user};
use crate::values::Money;
use futures_util::FutureExt;

/// A world with one listing, from which everything was published.
fn world() -> (World, Listing) {
    let world = World::new();
    let listing = world.listing(NewTicket::new("Seat", Money::usd(20_00)).quantity(9));
    (world, listing)
}

/// The books after everything that waits was published.
fn published(world: &World) -> Books {
    let lease = Duration::from_secs(10);
    let rows = world.storage.claim_outbox(lease, 1_000).now_or_never().unwrap().unwrap();
    for row in rows {
        let done = world.storage.outbox_done(row.id, row.epoch, &[]);
        assert!(done.now_or_never().unwrap().unwrap());
    }
    world.storage.books()
}

fn left_over(world: &World) -> BTreeSet<&'static str> {
    let books = published(world);
    assert_eq!(violations(&books), []);
    codes(&at_rest(&books))
}

#[test]
fn finished_business_is_at_rest() {
    let (world, listing) = world();
    assert_eq!(left_over(&world), BTreeSet::new());
    let paid = world.captured("ann", &[(&listing, 2)]);
    let refunded = world.did(world.make.refund(&paid, Money::usd(5_00)));
    let done = RefundCommand::Succeeded(refund_reference("re_1"));
    world.did(world.make.refund_step(&refunded.refund.unwrap(), done));
    assert_eq!(left_over(&world), BTreeSet::new());
}

#[test]
fn what_is_within_its_time_is_at_rest_until_that_is_over() {
    let (world, listing) = world();
    let created = world.order("ann", &[(&listing, 1)]);
    let paying = world.paying("bob", &[(&listing, 1)]);
    assert_eq!(left_over(&world), BTreeSet::new());
    world.clock.set(created.deadline().max(paying.order.deadline()));
    assert_eq!(left_over(&world), BTreeSet::from(["L1"]));
}

#[test]
fn an_attempt_that_nobody_waits_for_is_left_over() {
    let (world, listing) = world();
    let paying = world.paying("ann", &[(&listing, 1)]);
    let order = world.did(world.make.cancel(&paying.order));
    assert!(matches!(order.state, OrderState::Cancelling { .. }));
    assert_eq!(left_over(&world), BTreeSet::from(["L2"]));
}

#[test]
fn an_authorization_that_nobody_captures_is_left_over() {
    let (world, listing) = world();
    let complete = world.complete("ann", &[(&listing, 1)]);
    assert_eq!(complete.payment.state, PaymentState::Authorized);
    assert_eq!(left_over(&world), BTreeSet::from(["M8"]));
}

#[test]
fn a_refund_that_is_owed_is_left_over_until_it_succeeds_or_fails() {
    let (world, listing) = world();
    let paid = world.captured("ann", &[(&listing, 1)]);
    let owed = world.did(world.make.refund(&paid, Money::usd(5_00))).refund.unwrap();
    assert_eq!(left_over(&world), BTreeSet::from(["L2"]));
    let failed = world.did(world.make.refund_step(&owed, RefundCommand::Failed));
    assert_eq!(left_over(&world), BTreeSet::new());
    world.did(world.make.refund_step(&failed, RefundCommand::Retry));
    assert_eq!(left_over(&world), BTreeSet::from(["L2"]));
}

#[test]
fn a_withdrawn_listing_whose_orders_live_on_is_left_over() {
    let (world, listing) = world();
    let order = world.order("ann", &[(&listing, 1)]);
    let books = world.storage.books();
    let listing = Listing { ticket: books.tickets[0].clone(), pool: books.pools[0] };
    world.did(world.make.withdraw(&listing, true));
    assert_eq!(left_over(&world), BTreeSet::from(["L1"]));
    world.did(world.make.cancel(&order));
    assert_eq!(left_over(&world), BTreeSet::from(["L1"]), "until it is marked as cleared");
}

#[test]
fn full_queues_are_left_over() {
    let (world, _) = world();
    let mut books = world.storage.books();
    assert_eq!(codes(&at_rest(&books)), BTreeSet::from(["E4"]));
    books = published(&world);
    books.open_webhooks = 1;
    assert_eq!(codes(&at_rest(&books)), BTreeSet::from(["L3"]));
}

#[test]
fn a_client_may_take_its_time() {
    let (world, listing) = world();
    let order = world.order("ann", &[(&listing, 1)]);
    assert_eq!(order.buyer, user("ann"));
    world.did(world.make.start_payment(&order, ConfirmedBy::Client));
    assert_eq!(left_over(&world), BTreeSet::new());
}
