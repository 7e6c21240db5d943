//! A rejection names the state that refused the command.

use crate::service::error::Error;
use crate::service::refund_terms::{RefundRequest, Refunder};
use crate::service::tests::people::{ann, bob, seller};
use crate::service::tests::world::World;
use crate::testing::builders::user;
use crate::values::{Money, OrderId};

fn state_of<T>(answer: Result<T, Error>) -> &'static str {
    match answer.err() {
        Some(Error::Rejected(rejection)) => rejection.state,
        other => panic!("not a rejection: {other:?}"),
    }
}

#[test]
fn a_refused_refund_names_the_orders_state() {
    let world = World::new();
    let refund = |order: OrderId, by, request| {
        state_of(world.run(world.process.engine.refunds().request(by, order, request)))
    };
    let by_operator = || Refunder::Operator(user("operator"));
    let euros = || RefundRequest::default().amount(Money::eur(1));
    let created = world.held_by(&ann());
    assert_eq!(refund(created.id, by_operator(), euros()), "created");
    let everything = RefundRequest::everything;
    assert_eq!(refund(created.id, by_operator(), everything()), "created");
    let stranger = || Refunder::Seller(user("stranger"));
    assert_eq!(refund(created.id, stranger(), everything()), "created");
    world.cancel(&created).unwrap();
    assert_eq!(refund(created.id, stranger(), everything()), "cancelled");
    let complete = world.bought_by(&bob());
    assert_eq!(refund(complete.id, stranger(), everything()), "complete");
}

#[test]
fn a_refused_claim_names_the_pools_state() {
    let world = World::new();
    let sold_out = world.held_by(&ann()).lines[0].ticket_id;
    assert_eq!(state_of(world.try_reserve(&bob(), sold_out)), "sold out");
    let withdrawn = world.list(1).id;
    // This process remembers the listing, and does not hear of its end.
    world.cancel(&world.reserve(&ann(), withdrawn)).unwrap();
    let elsewhere = world.another_process().engine.tickets();
    world.run(elsewhere.withdraw(&seller(), withdrawn, false)).unwrap();
    assert_eq!(state_of(world.try_reserve(&bob(), withdrawn)), "withdrawn");
}
