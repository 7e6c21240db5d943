//! What happens to events on their way to a subscriber.

use std::collections::VecDeque;

use async_trait::async_trait;
use futures_util::FutureExt;

use super::*;
use crate::domain::envelope::Event;
use crate::ports::event_bus::MockEventBus;
use crate::ports::{Acknowledge, Delivery, EventBus, EventStream, Subscription};
use crate::testing::builders::{a_batch, an_event};

/// Delivers what it has, and then waits for ever. A dropped delivery is not repeated.
#[derive(Debug)]
struct Stream {
    events: VecDeque<Event>,
    acknowledged: Reached,
}

#[async_trait]
impl EventStream for Stream {
    async fn next(&mut self) -> Option<Delivery> {
        let Some(event) = self.events.pop_front() else { std::future::pending().await };
        let receipt = Box::new(Receipt(self.acknowledged.clone()));
        Some(Delivery { event, receipt })
    }
}

#[derive(Debug)]
struct Receipt(Reached);

#[async_trait]
impl Acknowledge for Receipt {
    async fn acknowledge(self: Box<Self>) -> Result<(), PortError> {
        self.0.note();
        Ok(())
    }
}

fn ticket_event() -> Event {
    Event::clone(&a_batch().changes()[0].event)
}

/// A subscription to two events, and the count of those that were acknowledged.
fn subscribed(world: &World) -> (Box<dyn EventStream>, Reached) {
    let acknowledged = Reached::default();
    let counted = acknowledged.clone();
    let mut bus = MockEventBus::new();
    bus.expect_subscribe().returning(move |_| {
        Ok(Box::new(Stream {
            events: VecDeque::from([an_event(), ticket_event()]),
            acknowledged: counted.clone(),
        }))
    });
    let bus = FaultyBus::new(Arc::new(bus), &world.faults);
    let stream = world.answer(bus.subscribe(Subscription::Everyone)).unwrap();
    (stream, acknowledged)
}

fn next(world: &World, stream: &mut Box<dyn EventStream>) -> Delivery {
    world.answer(stream.next()).unwrap()
}

#[test]
fn without_faults_events_and_receipts_pass() {
    let world = World::new(1);
    let (mut stream, acknowledged) = subscribed(&world);
    let first = next(&world, &mut stream);
    assert_eq!(first.event, an_event());
    world.answer(first.receipt.acknowledge()).unwrap();
    assert_eq!(acknowledged.times(), 1);
    assert_eq!(next(&world, &mut stream).event, ticket_event());
    assert!(world.runtime.block_on(stream.next(), MANY).is_err());
    assert_eq!(world.faults.calls_of(Operation::Deliver), 2);
}

#[test]
fn a_delivery_may_get_lost() {
    for kind in [FaultKind::Before, FaultKind::ReplyLost] {
        let world = World::new(1);
        let (mut stream, acknowledged) = subscribed(&world);
        world.faults.next(Operation::Deliver, kind);
        assert_eq!(next(&world, &mut stream).event, ticket_event());
        assert_eq!(acknowledged.times(), 0, "the bus must not think that it arrived");
    }
}

#[test]
fn a_delivery_may_come_twice_and_only_the_last_receipt_counts() {
    let world = World::new(1);
    let (mut stream, acknowledged) = subscribed(&world);
    world.faults.next(Operation::Deliver, FaultKind::Duplicate);
    let copy = next(&world, &mut stream);
    world.answer(copy.receipt.acknowledge()).unwrap();
    assert_eq!((copy.event, acknowledged.times()), (an_event(), 0));
    let original = next(&world, &mut stream);
    world.answer(original.receipt.acknowledge()).unwrap();
    assert_eq!((original.event, acknowledged.times()), (an_event(), 1));
    assert_eq!(next(&world, &mut stream).event, ticket_event());
}

#[test]
fn a_late_delivery_survives_a_subscriber_who_looks_away() {
    let world = World::new(1);
    let (mut stream, _) = subscribed(&world);
    world.faults.next(Operation::Deliver, FaultKind::Delay);
    assert!(stream.next().now_or_never().is_none());
    assert_eq!(next(&world, &mut stream).event, an_event());
    assert_eq!(next(&world, &mut stream).event, ticket_event());
}

#[test]
fn a_receipt_may_not_arrive_and_its_sender_is_told() {
    for (kind, arrived, told) in [
        (FaultKind::Before, 0, false),
        (FaultKind::ReplyLost, 1, false),
        (FaultKind::Duplicate, 1, true),
    ] {
        let world = World::new(1);
        let (mut stream, acknowledged) = subscribed(&world);
        let first = next(&world, &mut stream);
        world.faults.next(Operation::Acknowledge, kind);
        let answer = world.answer(first.receipt.acknowledge());
        assert_eq!((answer.is_ok(), acknowledged.times()), (told, arrived), "{kind:?}");
    }
}

#[test]
fn what_was_published_twice_or_without_an_answer_was_published() {
    for (kind, reaches, told) in [
        (FaultKind::Duplicate, 2, true),
        (FaultKind::ReplyLost, 1, false),
        (FaultKind::RequestLost, 0, false),
    ] {
        let world = World::new(1);
        let reached = Reached::default();
        let counted = reached.clone();
        let mut bus = MockEventBus::new();
        bus.expect_publish().returning(move |events: &[Event]| {
            counted.note();
            vec![Ok(()); events.len()]
        });
        let bus = FaultyBus::new(Arc::new(bus), &world.faults);
        world.faults.next(Operation::Publish, kind);
        let results = world.answer(bus.publish(&[an_event(), ticket_event()]));
        assert_eq!(results.len(), 2);
        assert!(results.iter().all(|result| result.is_ok() == told), "{kind:?}");
        assert_eq!(reached.times(), reaches, "{kind:?}");
    }
}
