//! The gateway's list: how an intent is found whose name was lost.

use std::collections::BTreeMap;
use std::time::Duration;

use super::scene::Scene;
use crate::ports::FoundIntent;
use crate::testing::conformance::verdict::{fail, worked};
use crate::values::{IntentRef, PaymentId, Timestamp};

/// Every intent since a time is listed once, over as many pages as it takes, oldest first, with
/// the metadata by which its attempt is known.
pub async fn every_intent_is_listed_once(scene: &Scene) {
    let since = scene.namespace().now().minus(Duration::from_mins(2));
    let mut opened: BTreeMap<PaymentId, IntentRef> = BTreeMap::new();
    for _ in 0..25 {
        let wanted = scene.an_intent();
        let intent = worked(scene.gateway().open(&wanted).await, "open").intent;
        opened.insert(wanted.attempt, intent);
    }
    let listed = ours(scene, since).await;
    assert!(listed.is_sorted_by_key(|found| found.created_at), "oldest first");
    let found = listed.iter().filter_map(|found| Some((found.attempt?, found.intent.clone())));
    let found: BTreeMap<PaymentId, IntentRef> = found.collect();
    assert_eq!(found, opened, "every one, by the attempt in its metadata");
    assert_eq!(listed.len(), opened.len(), "none of them twice");
}

/// A listed intent is told as it stands.
pub async fn a_listed_intent_is_as_it_stands(scene: &Scene) {
    let since = scene.namespace().now().minus(Duration::from_mins(2));
    let (open, taken) = (scene.opened().await, scene.captured().await);
    let listed = ours(scene, since).await;
    for intent in [open, taken] {
        let looked_up = scene.look_up(&intent).await;
        let same = listed.iter().find(|found| found.intent == intent);
        assert_eq!(same.map(|found| found.report), Some(looked_up.report));
    }
}

/// What was created before the time that was asked for is not listed.
pub async fn older_intents_are_not_listed(scene: &Scene) {
    scene.opened().await;
    let later = scene.namespace().now().plus(Duration::from_hours(1));
    assert_eq!(ours(scene, later).await, []);
}

/// The intents of this case since then, page by page.
async fn ours(scene: &Scene, since: Timestamp) -> Vec<FoundIntent> {
    let mut listed = Vec::new();
    let mut after = None;
    // Other cases may use the account too, but not so much of it.
    for _ in 0..1000 {
        let page = worked(scene.gateway().list_since(since, after).await, "list_since");
        listed.extend(page.intents);
        after = page.next;
        if after.is_none() {
            listed.retain(|found| found.store == Some(scene.store()));
            return listed;
        }
    }
    fail("the list never comes to an end")
}
