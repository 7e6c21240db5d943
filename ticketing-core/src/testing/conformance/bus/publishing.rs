//! What is published arrives as it was, and every event has its own result.

use super::listener::ids_of;
use super::scene::Scene;
use crate::domain::envelope::Event;
use crate::ports::{PortError, Retry};
use crate::testing::conformance::verdict::{found, worked};

/// Events of every type, by every kind of actor, arrive as they were sent.
pub async fn every_event_arrives_as_it_was(scene: &Scene) {
    arrive_as_they_were(scene, &scene.one_of_every_type()).await;
}

/// The largest events there are arrive as they were sent.
pub async fn large_events_arrive_as_they_were(scene: &Scene) {
    arrive_as_they_were(scene, &scene.large_events()).await;
}

/// Publishing nothing is answered with nothing.
pub async fn publishing_nothing_is_answered(scene: &Scene) {
    assert!(scene.bus().publish(&[]).await.is_empty());
}

/// What is published while nobody has ever listened is taken over all the same.
pub async fn nobody_needs_to_listen(scene: &Scene) {
    scene.publish(&scene.events(5)).await;
}

/// Events may be published again, as after a crash: each of them still arrives.
pub async fn events_may_be_published_again(scene: &Scene) {
    let mut member = scene.member("group").await;
    let events = scene.events(10);
    scene.publish(&events).await;
    scene.publish(&events).await;
    let taken = member.take_all(&events).await;
    assert_eq!(ids_of(&taken), ids_of(&events));
}

/// An event that the bus will never take is refused for good, and its neighbours are taken.
pub async fn an_unpublishable_event_blocks_nothing(scene: &Scene) {
    let Some(bad) = scene.namespace().unpublishable() else {
        return;
    };
    let mut member = scene.member("group").await;
    let good = scene.events(2);
    let [first, last] = good.as_slice() else {
        return assert_eq!(good.len(), 2);
    };
    let published = scene.bus().publish(&[first.clone(), bad, last.clone()]).await;
    let retries: Vec<Option<Retry>> =
        published.iter().map(|result| result.as_ref().err().map(PortError::retry)).collect();
    assert_eq!(retries, [None, Some(Retry::Never), None]);
    member.take_all(&good).await;
}

async fn arrive_as_they_were(scene: &Scene, events: &[Event]) {
    let mut member = scene.member("group").await;
    let mut listener = scene.everyone().await;
    scene.publish(events).await;
    for taken in [member.take_all(events).await, listener.take_all(events).await] {
        for sent in events {
            let same = taken.iter().find(|event| event.header.id == sent.header.id);
            let [read, sent] = [found(same, "the event"), sent].map(|event| {
                let json = worked(event.to_json(), "an event as JSON");
                String::from_utf8_lossy(&json).into_owned()
            });
            assert_eq!(read, sent);
        }
    }
}
