//! What is refused even when the engine lets it through.

use super::*;
use crate::domain::decision::Decision;
use crate::domain::event::{AggregateRef, EventKey};
use crate::domain::inventory::{Pool, PoolCommand};
use crate::domain::payment::{ConfirmedBy, Payment, PaymentCommand, VoidReason};
use crate::domain::settlement::IntentStatus;
use crate::domain::ticket::{NewTicket, Ticket, TicketDecision};
use crate::testing::Purchase;
use crate::testing::builders::{a_buyer, a_new_ticket, an_event, intent};
use crate::values::{Money, OrderId, PaymentId, TicketId};

/// What the backend said, for a batch that it refused while its neighbour went through.
async fn refusal(world: &World, batch: WriteBatch) -> String {
    let neighbour = world.make.list(&a_seller(), a_new_ticket()).batch;
    let committed = world.group(vec![batch, neighbour]).await;
    assert!(committed.outcomes[1].is_ok(), "{committed:?}");
    let Err(CommitError::NotApplied(error)) = &committed.outcomes[0] else {
        panic!("{committed:?}");
    };
    std::error::Error::source(error).unwrap().to_string()
}

async fn purchase(world: &World) -> Purchase {
    let listing = world.list(a_new_ticket()).await;
    let order = world.make.reserve(&a_buyer(), &[(&listing.ticket, 1)]);
    world.commit(order.batch).await.unwrap();
    let started = world.make.start_payment(&order.next, ConfirmedBy::Server);
    world.commit(started.batch).await.unwrap();
    started.next
}

fn attempt_at(world: &World, order: OrderId) -> Decision<Payment> {
    let id = PaymentId::from_uuid(world.id());
    let owner = (order, a_buyer());
    Payment::initiate(id, owner, Money::usd(20_00), ConfirmedBy::Server, START)
}

#[tokio::test]
async fn a_pool_beyond_its_capacity() {
    let world = World::new();
    let new = NewTicket::new("Overbooked", Money::usd(5));
    let id = TicketId::from_uuid(world.id());
    for (held, sold) in [(1, 1), (u32::MAX, u32::MAX)] {
        let decision = Ticket::list(id, a_seller(), new.clone(), START).unwrap();
        let Some(PoolCommand::Open(pool)) = decision.pool else {
            panic!("{decision:?}");
        };
        let decision = TicketDecision {
            pool: Some(PoolCommand::Open(Pool { held, sold, ..pool })),
            ..decision
        };
        let batch = built(&world, |batch| batch.ticket(decision));
        assert!(refusal(&world, batch).await.contains("capacity"));
    }
    assert_eq!(world.storage.listings(&[id]).await.unwrap(), []);
}

#[tokio::test]
async fn a_second_attempt_that_may_pay() {
    let world = World::new();
    let running = purchase(&world).await;
    let second = attempt_at(&world, running.order.id);
    let batch = built(&world, |batch| batch.payment(second));
    assert!(refusal(&world, batch).await.contains("two attempts"));
    let both = OrderId::from_uuid(world.id());
    let (one, other) = (attempt_at(&world, both), attempt_at(&world, both));
    let batch = built(&world, |batch| batch.payment(one).payment(other));
    assert!(refusal(&world, batch).await.contains("two attempts"));
}

#[tokio::test]
async fn an_attempt_that_takes_the_place_of_another_is_no_second_one() {
    let world = World::new();
    let running = purchase(&world).await;
    let void = PaymentCommand::Void(VoidReason::OrderOver);
    let voided = running.payment.clone().decide(void, START).unwrap();
    let second = attempt_at(&world, running.order.id);
    let batch = built(&world, |batch| batch.payment(second).payment(voided));
    world.commit(batch).await.unwrap();
}

/// Given up, tried again, and then the first one was authorized after all: the storage must take
/// down that it has to be voided.
#[tokio::test]
async fn an_attempt_that_comes_back_to_be_voided_is_no_second_one() {
    let world = World::new();
    let first = purchase(&world).await;
    let first = world.make.open(&first, &intent("pi_1"));
    world.commit(first.batch).await.unwrap();
    let first = world.make.gone(&first.next);
    world.commit(first.batch).await.unwrap();
    let second = world.make.start_payment(&first.next.order, ConfirmedBy::Server);
    world.commit(second.batch).await.unwrap();
    let late = Purchase { order: second.next.order, ..first.next };
    let late = world.make.settle(&late, IntentStatus::Authorized);
    assert!(late.next.payment.is_live());
    world.commit(late.batch).await.unwrap();
}

#[tokio::test]
async fn an_intent_with_two_owners() {
    let world = World::new();
    let running = purchase(&world).await;
    let opened = world.make.open(&running, &intent("pi_1"));
    world.commit(opened.batch).await.unwrap();
    let stray = |world: &World| {
        let id = PaymentId::from_uuid(world.id());
        Payment::stray(id, intent("pi_1"), Money::usd(20_00), false, START)
    };
    let batch = built(&world, |batch| batch.payment(stray(&world)));
    assert!(refusal(&world, batch).await.contains("two payments"));
    // The owner itself may be written again and again.
    let complete = world.make.complete(&opened.next);
    world.commit(complete.batch).await.unwrap();
    let found = world.storage.payment_by_intent(&intent("pi_1")).await;
    assert_eq!(found.unwrap(), Some(complete.next.payment));
}

#[tokio::test]
async fn a_version_that_has_its_event_already() {
    let world = World::new();
    let running = purchase(&world).await;
    let plant = |aggregate: AggregateRef, version| {
        let key = EventKey { aggregate, version };
        let event = Arc::new(an_event());
        world.storage.tables().events.insert(key, event);
    };
    let order = &running.order;
    plant(order.id.into(), order.version.next());
    let batch = world.make.cancel(order).batch;
    assert!(refusal(&world, batch).await.contains("written already"));

    let listing = world.list(a_new_ticket()).await;
    plant(AggregateRef::pool(listing.pool.id), listing.pool.version.next());
    let batch = world.make.reserve(&a_buyer(), &[(&listing.ticket, 1)]).batch;
    assert!(refusal(&world, batch).await.contains("written already"));
}
