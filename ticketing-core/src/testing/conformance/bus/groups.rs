//! Groups: one member gets an event, until one has acknowledged it.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::listener::ids_of;
use super::scene::{Scene, publish};
use crate::ports::{Delivery, Subscription};
use crate::testing::conformance::parallel::{parallel, polled};
use crate::testing::conformance::verdict::worked;
use crate::values::EventId;

/// A group gets every event that is published while it listens.
pub async fn a_group_gets_every_event(scene: &Scene) {
    let mut member = scene.member("group").await;
    let events = scene.events(50);
    scene.publish(&events).await;
    let taken = member.take_all(&events).await;
    assert_eq!(ids_of(&taken), ids_of(&events), "those and no others");
}

/// The members of a group share its events, they do not all get all of them.
pub async fn the_members_of_a_group_share(scene: &Scene) {
    let mut members = Vec::new();
    for _ in 0..3 {
        members.push(scene.member("group").await);
    }
    let events = scene.events(60);
    scene.publish(&events).await;
    let quiet = scene.quiet();
    let taking = members.into_iter().map(|mut member| async move {
        let taken = member.take_until_quiet(quiet).await;
        (taken, member.deliveries())
    });
    let taken = parallel(taking.collect()).await;
    let all: BTreeSet<EventId> = taken.iter().flat_map(|(taken, _)| taken.clone()).collect();
    assert_eq!(all, ids_of(&events), "together they got every event");
    let deliveries: usize = taken.iter().map(|(_, deliveries)| deliveries).sum();
    assert!(deliveries < 120, "60 events were delivered {deliveries} times");
}

/// Every group gets every event, whatever the others do with it.
pub async fn groups_do_not_take_from_each_other(scene: &Scene) {
    let mut one = scene.member("one").await;
    let mut two = scene.member("two").await;
    let events = scene.events(20);
    scene.publish(&events).await;
    assert_eq!(ids_of(&one.take_all(&events).await), ids_of(&events));
    assert_eq!(ids_of(&two.take_all(&events).await), ids_of(&events));
}

/// A delivery that is dropped instead of acknowledged comes again.
pub async fn a_dropped_delivery_comes_again(scene: &Scene) {
    let mut member = scene.member("group").await;
    let events = scene.events(3);
    scene.publish(&events).await;
    for _ in 0..2 {
        drop(member.next().await);
    }
    let taken = member.take_all(&events).await;
    assert_eq!(ids_of(&taken), ids_of(&events));
}

/// What a member had in hand when it went away is delivered to another member.
pub async fn a_member_that_goes_away_loses_nothing(scene: &Scene) {
    let mut leaving = scene.member("group").await;
    let events = scene.events(10);
    scene.publish(&events).await;
    let in_hand = [leaving.next().await, leaving.next().await];
    let mut staying = scene.member("group").await;
    drop(in_hand);
    drop(leaving);
    let taken = staying.take_all(&events).await;
    assert_eq!(ids_of(&taken), ids_of(&events));
}

/// What was acknowledged does not come for ever: after a while the group is at rest.
pub async fn an_acknowledged_event_rests(scene: &Scene) {
    let mut member = scene.member("group").await;
    let events = scene.events(10);
    scene.publish(&events).await;
    member.take_all(&events).await;
    member.take_until_quiet(scene.quiet()).await;
    assert!(member.deliveries() < 30, "{} deliveries of 10 events", member.deliveries());
    let mut other = scene.member("group").await;
    let again = other.take_until_quiet(scene.quiet()).await;
    assert_eq!(again, BTreeSet::new(), "it need not be seen again");
}

/// A group is remembered while none of its members listens.
pub async fn a_group_is_remembered(scene: &Scene) {
    let mut member = scene.member("group").await;
    let first = scene.events(5);
    scene.publish(&first).await;
    member.take_all(&first).await;
    drop(member);
    let second = scene.events(20);
    scene.publish(&second).await;
    let mut member = scene.member("group").await;
    let taken = ids_of(&member.take_all(&second).await);
    assert!(taken.is_superset(&ids_of(&second)), "what was published while nobody listened");
}

/// A future that is dropped while it waits for an event loses none.
pub async fn a_dropped_wait_loses_nothing(scene: &Scene) {
    let mut member = scene.member("group").await;
    let events = scene.events(12);
    for (polls, event) in events.iter().enumerate() {
        scene.publish(std::slice::from_ref(event)).await;
        // What came meanwhile is dropped with its receipt: it comes again.
        drop(polled(polls, member.stream().next()).await);
    }
    let taken = member.take_all(&events).await;
    assert_eq!(ids_of(&taken), ids_of(&events));
}

/// What one connection publishes, members on others get; what one of them acknowledges, none of
/// them gets again.
pub async fn a_group_spans_connections(scene: &Scene) {
    let other = scene.namespace().second().await;
    let subscription = Subscription::Group("group".to_owned());
    let mut there = scene.listener(&*other, subscription).await;
    let events = scene.events(20);
    scene.publish(&events).await;
    let taken = there.take_all(&events).await;
    assert_eq!(ids_of(&taken), ids_of(&events));
    there.take_until_quiet(scene.quiet()).await;
    let mut here = scene.member("group").await;
    let again = here.take_until_quiet(scene.quiet()).await;
    assert_eq!(again, BTreeSet::new(), "the other connection has dealt with them");
}

/// Several publish at once while several take: everything arrives.
pub async fn a_crowd_loses_nothing(scene: &Scene) {
    let mut members = [scene.member("group").await, scene.member("group").await];
    let batches: Vec<_> = (0..8).map(|_| scene.events(20)).collect();
    let all = batches.concat();
    let bus = scene.bus();
    let publishing = batches.into_iter().map(|events| {
        let bus = Arc::clone(&bus);
        async move {
            for event in events {
                publish(&*bus, &[event]).await;
            }
        }
    });
    parallel(publishing.collect()).await;
    let mut taken = BTreeSet::new();
    let [one, two] = &mut members;
    while taken.len() < all.len() {
        let before = taken.len();
        for member in [&mut *one, &mut *two] {
            while let Some(Delivery { event, receipt }) = member.next_within(scene.quiet()).await {
                worked(receipt.acknowledge().await, "acknowledge");
                taken.insert(event.header.id);
            }
        }
        assert!(taken.len() > before, "{} of {} events came", taken.len(), all.len());
    }
    assert_eq!(taken, ids_of(&all));
}
