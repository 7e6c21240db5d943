//! Listeners to everything: each of them gets it, from now on.

use std::collections::BTreeSet;

use super::listener::ids_of;
use super::scene::Scene;
use crate::ports::Subscription;

/// Every listener gets every event, on whatever connection.
pub async fn every_listener_gets_every_event(scene: &Scene) {
    let other = scene.namespace().second().await;
    let mut listeners = vec![scene.everyone().await, scene.everyone().await];
    listeners.push(scene.listener(&*other, Subscription::Everyone).await);
    let events = scene.events(30);
    scene.publish(&events).await;
    for listener in &mut listeners {
        assert_eq!(ids_of(&listener.take_all(&events).await), ids_of(&events));
    }
}

/// A listener hears what is published from now on, and nothing of before.
pub async fn a_listener_hears_from_now_on(scene: &Scene) {
    let before = scene.events(5);
    scene.publish(&before).await;
    let mut listener = scene.everyone().await;
    let after = scene.events(5);
    scene.publish(&after).await;
    let taken = listener.take_all(&after).await;
    assert_eq!(ids_of(&taken), ids_of(&after), "nothing is kept for one that is away");
}

/// Nothing is kept for a listener that went away: a new one starts anew.
pub async fn a_listener_is_not_remembered(scene: &Scene) {
    let listener = scene.everyone().await;
    drop(listener);
    scene.publish(&scene.events(5)).await;
    let mut listener = scene.everyone().await;
    let taken = listener.take_until_quiet(scene.quiet()).await;
    assert_eq!(taken, BTreeSet::new(), "what was published while it was away");
}

/// Listeners take nothing from groups, nor groups from listeners.
pub async fn listeners_and_groups_both_get_it(scene: &Scene) {
    let mut listener = scene.everyone().await;
    let mut member = scene.member("group").await;
    let events = scene.events(20);
    scene.publish(&events).await;
    assert_eq!(ids_of(&member.take_all(&events).await), ids_of(&events));
    assert_eq!(ids_of(&listener.take_all(&events).await), ids_of(&events));
}
