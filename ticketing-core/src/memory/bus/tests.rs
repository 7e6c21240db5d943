use futures_util::FutureExt;

use super::*;
use crate::ports::PortErrorKind;
use crate::testing::builders::an_event;
use crate::values::EventId;
use uuid::Uuid;

fn event(number: usize) -> Event {
    let mut event = an_event();
    event.header.id = EventId::from_uuid(Uuid::from_u128(u128::try_from(number).unwrap()));
    event
}

fn events(count: usize) -> Vec<Event> {
    (0..count).map(event).collect()
}

fn number(event: &Event) -> usize {
    usize::try_from(event.header.id.as_uuid().as_u128()).unwrap()
}

async fn group(bus: &MemoryBus, name: &str) -> Box<dyn EventStream> {
    let subscription = Subscription::Group(name.to_owned());
    bus.subscribe(subscription).await.unwrap()
}

async fn everyone(bus: &MemoryBus) -> Box<dyn EventStream> {
    bus.subscribe(Subscription::Everyone).await.unwrap()
}

/// How each event was answered: taken, or why not.
async fn publish(bus: &MemoryBus, events: &[Event]) -> Vec<Option<PortErrorKind>> {
    let published = bus.publish(events).await.into_iter();
    let answers = published.map(|answer| answer.err().map(|error| error.kind().clone()));
    answers.collect()
}

/// Everything that can be had without waiting, acknowledged.
async fn drain(stream: &mut Box<dyn EventStream>) -> Vec<usize> {
    let mut numbers = Vec::new();
    while let Some(Some(delivery)) = stream.next().now_or_never() {
        numbers.push(number(&delivery.event));
        delivery.receipt.acknowledge().await.unwrap();
    }
    numbers
}

#[tokio::test]
async fn every_group_gets_an_event_and_one_member_of_each() {
    let bus = MemoryBus::new();
    let (mut ann, mut bob) = (group(&bus, "a").await, group(&bus, "a").await);
    let mut other = group(&bus, "b").await;
    assert_eq!(publish(&bus, &events(2)).await, [None, None]);
    let first = ann.next().await.unwrap();
    let second = bob.next().await.unwrap();
    assert_eq!([number(&first.event), number(&second.event)], [0, 1]);
    for delivery in [first, second] {
        delivery.receipt.acknowledge().await.unwrap();
    }
    assert!(drain(&mut ann).await.is_empty());
    assert_eq!(drain(&mut other).await, [0, 1]);
}

#[tokio::test]
async fn a_group_is_remembered_from_its_first_subscription_on() {
    let bus = MemoryBus::new();
    publish(&bus, &[event(0)]).await;
    drop(group(&bus, "a").await);
    publish(&bus, &[event(1)]).await;
    assert_eq!(drain(&mut group(&bus, "a").await).await, [1]);
}

#[tokio::test]
async fn a_delivery_that_is_dropped_comes_again_behind_what_waits() {
    let bus = MemoryBus::new();
    let mut stream = group(&bus, "a").await;
    publish(&bus, &events(2)).await;
    drop(stream.next().await.unwrap());
    // It also comes again if its member is gone.
    let mut other = group(&bus, "a").await;
    drop(stream);
    assert_eq!(drain(&mut other).await, [1, 0]);
    assert!(drain(&mut other).await.is_empty());
}

#[tokio::test]
async fn a_full_group_refuses_until_there_is_room() {
    let bus = MemoryBus::with_capacity(2);
    let mut slow = group(&bus, "slow").await;
    let mut quick = group(&bus, "quick").await;
    let full = Some(PortErrorKind::Unavailable);
    assert_eq!(publish(&bus, &events(3)).await, [None, None, full.clone()]);
    // No group has what another one refused.
    assert_eq!(drain(&mut quick).await, [0, 1]);
    // What a member holds may come back, so it takes room.
    let held = slow.next().await.unwrap();
    assert_eq!(publish(&bus, &[event(3)]).await, [full]);
    held.receipt.acknowledge().await.unwrap();
    assert_eq!(publish(&bus, &[event(4)]).await, [None]);
    drop(slow.next().await.unwrap());
    assert_eq!(drain(&mut slow).await, [4, 1]);
}

#[tokio::test]
async fn a_listener_gets_everything_from_now_on_and_holds_up_nobody() {
    let bus = MemoryBus::with_capacity(2);
    publish(&bus, &[event(0)]).await;
    let (mut ann, mut bob) = (everyone(&bus).await, everyone(&bus).await);
    publish(&bus, &[event(1)]).await;
    assert_eq!(drain(&mut bob).await, [1]);
    assert_eq!(publish(&bus, &[event(2), event(3)]).await, [None, None]);
    assert_eq!(drain(&mut ann).await, [2, 3]);
    // Nothing comes again, and nothing is kept for one that has left.
    publish(&bus, &[event(4)]).await;
    drop(ann.next().await.unwrap());
    assert!(drain(&mut ann).await.is_empty());
    drop((ann, bob));
    assert!(bus.shared.state().listeners.is_empty());
}

#[tokio::test]
async fn whoever_waits_is_woken() {
    let bus = MemoryBus::new();
    let (mut member, mut listener) = (group(&bus, "a").await, everyone(&bus).await);
    let [first, again] = [event(1), event(2)];
    let (one, other, _published) =
        tokio::join!(member.next(), listener.next(), bus.publish(std::slice::from_ref(&first)),);
    assert_eq!(number(&one.as_ref().unwrap().event), 1);
    assert_eq!(number(&other.unwrap().event), 1);
    let mut second = group(&bus, "a").await;
    let (back, ()) = tokio::join!(second.next(), async { drop(one) });
    assert_eq!(number(&back.unwrap().event), 1);
    publish(&bus, &[again]).await;
}

#[tokio::test]
async fn a_next_that_is_dropped_loses_nothing() {
    let bus = MemoryBus::new();
    let mut stream = group(&bus, "a").await;
    let waiting = stream.next().now_or_never();
    assert!(waiting.is_none());
    publish(&bus, &[event(1)]).await;
    drop(stream.next());
    assert_eq!(drain(&mut stream).await, [1]);
}

#[tokio::test]
async fn a_shutdown_ends_every_stream() {
    let bus = MemoryBus::new();
    let (mut member, mut listener) = (group(&bus, "a").await, everyone(&bus).await);
    publish(&bus, &[event(1)]).await;
    let held = member.next().await.unwrap();
    drop(listener.next().await.unwrap());
    let (one, other, ()) = tokio::join!(member.next(), listener.next(), async { bus.shutdown() });
    assert!(one.is_none() && other.is_none());
    let closed = Some(PortErrorKind::Closed);
    assert_eq!(publish(&bus, &[event(2)]).await, [closed]);
    let refused = bus.subscribe(Subscription::Everyone).await.unwrap_err();
    assert_eq!(*refused.kind(), PortErrorKind::Closed);
    held.receipt.acknowledge().await.unwrap();
    assert!(member.next().await.is_none());
}

/// What becomes of a hundred events.
async fn outcome_of(mischief: Mischief) -> Vec<usize> {
    let bus = MemoryBus::new();
    let mut stream = group(&bus, "a").await;
    bus.set_mischief(Some(mischief));
    let answers = publish(&bus, &events(100)).await;
    assert!(answers.iter().all(Option::is_none));
    drain(&mut stream).await
}

#[tokio::test]
async fn mischief_follows_from_its_seed() {
    let mischief =
        Mischief { seed: 7, repeat_per_1000: 200, reorder_per_1000: 200, lose_per_1000: 200 };
    let outcome = outcome_of(mischief).await;
    assert_eq!(outcome, outcome_of(mischief).await);
    let other = Mischief { seed: 8, ..mischief };
    assert_ne!(outcome, outcome_of(other).await);
}

#[tokio::test]
async fn mischief_does_what_it_is_told_and_nothing_else() {
    let all: Vec<usize> = (0..100).collect();
    let none = Mischief::default();
    assert_eq!(outcome_of(none).await, all);
    let lose = Mischief { lose_per_1000: 1000, ..none };
    assert!(outcome_of(lose).await.is_empty());
    let repeat = Mischief { repeat_per_1000: 1000, ..none };
    let twice: Vec<usize> = all.iter().flat_map(|number| [*number, *number]).collect();
    assert_eq!(outcome_of(repeat).await, twice);
    let reorder = Mischief { reorder_per_1000: 500, ..none };
    let mut reordered = outcome_of(reorder).await;
    assert_ne!(reordered, all);
    reordered.sort_unstable();
    assert_eq!(reordered, all);
    let some = Mischief { lose_per_1000: 300, ..none };
    let left = outcome_of(some).await.len();
    assert!((50..90).contains(&left), "{left}");
}

#[tokio::test]
async fn mischief_ends_when_it_is_taken_back() {
    let bus = MemoryBus::new();
    let mut stream = group(&bus, "a").await;
    let lose = Mischief { lose_per_1000: 1000, ..Mischief::default() };
    bus.set_mischief(Some(lose));
    publish(&bus, &[event(0)]).await;
    bus.set_mischief(None);
    publish(&bus, &[event(1)]).await;
    assert_eq!(drain(&mut stream).await, [1]);
}

#[tokio::test]
async fn a_repetition_that_has_no_room_is_left_out() {
    let bus = MemoryBus::with_capacity(3);
    let mut stream = group(&bus, "a").await;
    let repeat = Mischief { repeat_per_1000: 1000, ..Mischief::default() };
    bus.set_mischief(Some(repeat));
    assert_eq!(publish(&bus, &events(2)).await, [None, None]);
    assert_eq!(drain(&mut stream).await, [0, 0, 1]);
}
