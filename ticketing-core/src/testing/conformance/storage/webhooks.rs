//! Webhooks: kept before they are answered, dealt with once.

use std::collections::BTreeSet;
use std::time::Duration;

use super::outcome::Outcome;
use super::samples::{units_for_sale, webhook, webhook_key};
use super::scene::Scene;
use crate::domain::payment::Dispute;
use crate::ports::{NoticeAbout, Received, Webhook, WebhookKey};
use crate::testing::builders::{a_buyer, intent, refund_reference};
use crate::testing::conformance::parallel::parallel;
use crate::testing::conformance::verdict::{only, worked};
use crate::values::{GatewayName, Timestamp, WebhookId};

/// A webhook is new once. The same name at another gateway is another webhook.
pub async fn a_webhook_is_new_once(scene: &Scene) {
    let now = scene.now().await;
    let here = webhook("evt_1", now);
    let mut there = here.clone();
    there.key.gateway = worked(GatewayName::new("stripe"), "a gateway name");
    let capitals = webhook("EVT_1", now);
    let storage = scene.storage();
    for webhook in [&here, &there, &capitals] {
        assert_eq!(worked(storage.receive(webhook).await, "receive"), Received::New);
    }
    for webhook in [&capitals, &there, &here] {
        for handle in scene.handles(2).await {
            assert_eq!(worked(handle.receive(webhook).await, "receive"), Received::Seen);
        }
    }
    for webhook in [here, there, capitals] {
        scene.close_webhook(&webhook).await;
    }
}

/// The same webhook delivered twenty times at once is new to exactly one of them.
pub async fn one_of_many_deliveries_is_new(scene: &Scene) {
    for round in 0..5 {
        let webhook = webhook(&format!("evt_{round}"), scene.now().await);
        let deliveries = scene.handles(20).await.into_iter().map(|handle| {
            let webhook = webhook.clone();
            async move { worked(handle.receive(&webhook).await, "receive") }
        });
        let received = parallel(deliveries.collect()).await;
        let new = received.iter().filter(|received| **received == Received::New);
        assert_eq!(new.count(), 1, "{received:?}");
        assert_eq!(only(scene.claim_webhooks().await, "the webhook"), webhook);
        scene.close_webhook(&webhook).await;
    }
}

/// Whatever it is about, a webhook is handed out as it came in; a second delivery changes
/// nothing about it.
pub async fn every_webhook_reads_back(scene: &Scene) {
    let now = scene.now().await;
    let abouts = [
        NoticeAbout::Intent,
        NoticeAbout::Dispute(Dispute::None),
        NoticeAbout::Dispute(Dispute::Opened),
        NoticeAbout::Dispute(Dispute::Won),
        NoticeAbout::Dispute(Dispute::Lost),
        NoticeAbout::Refund(refund_reference(&"r".repeat(255))),
        NoticeAbout::Other,
    ];
    let mut sent = Vec::new();
    for (number, about) in (0_u64..).zip(abouts) {
        let received_at = now.minus(Duration::from_micros(1000 - number));
        let webhook = Webhook {
            key: WebhookKey {
                gateway: worked(GatewayName::new("g".repeat(32)), "a gateway name"),
                id: worked(WebhookId::new(format!("{number}{}", "w".repeat(254))), "a webhook id"),
            },
            intent: (number % 2 == 0).then(|| intent(&"i".repeat(255))),
            about,
            received_at,
        };
        worked(scene.storage().receive(&webhook).await, "receive");
        let mut again = webhook.clone();
        again.received_at = Timestamp::EPOCH;
        again.about = NoticeAbout::Other;
        worked(scene.storage().receive(&again).await, "receive");
        sent.push(webhook);
    }
    assert_eq!(scene.claim_webhooks().await, sent, "oldest first, as they came in");
    for webhook in sent {
        scene.close_webhook(&webhook).await;
    }
}

/// Oldest first, no more than asked for, not again while the lease runs, and again after it.
pub async fn open_webhooks_are_leased(scene: &Scene) {
    let now = scene.now().await;
    let mut sent = Vec::new();
    for age in [4, 2, 5, 1, 3] {
        let received_at = now.minus(Duration::from_millis(age));
        let webhook = webhook(&format!("evt_{age}"), received_at);
        worked(scene.storage().receive(&webhook).await, "receive");
        sent.push(webhook);
    }
    sent.sort_by_key(|webhook| webhook.received_at);
    let first = scene.storage().claim_webhooks(scene.tick(), 2).await;
    let first = worked(first, "claim_webhooks");
    let rest = scene.claim_webhooks().await;
    assert_eq!([first, rest].concat(), sent, "two, then the other three, oldest first");
    assert_eq!(scene.claim_webhooks().await, [], "all are leased");
    scene.pass(2).await;
    assert_eq!(scene.claim_webhooks().await, sent, "the lease is over");
    for webhook in &sent {
        scene.close_webhook(webhook).await;
    }
}

/// Once a batch has closed it, a webhook is never handed out again, and still known.
pub async fn a_closed_webhook_never_comes_again(scene: &Scene) {
    let webhook = scene.received("evt_1").await;
    assert_eq!(only(scene.claim_webhooks().await, "the webhook"), webhook);
    scene.close_webhook(&webhook).await;
    scene.pass(2).await;
    assert_eq!(scene.claim_webhooks().await, [], "it is dealt with");
    let again = worked(scene.storage().receive(&webhook).await, "receive");
    assert_eq!(again, Received::Seen, "it is still known");
    assert_eq!(scene.claim_webhooks().await, [], "and still dealt with");
}

/// Closing twice, in one group or in two, is no error: two claimers may deal with one webhook,
/// and what they did is guarded elsewhere.
pub async fn closing_twice_is_no_error(scene: &Scene) {
    let webhook = scene.received("evt_1").await;
    let ticket = scene.list(units_for_sale(9)).await.ticket;
    let make = scene.make().await.closing(&webhook.key);
    let lines = [(&ticket, 1)];
    let group = [(); 3].map(|()| make.reserve(&a_buyer(), &lines).batch);
    let outcomes = scene.outcomes(&group.each_ref()).await;
    assert!(outcomes.iter().all(Outcome::is_applied), "{outcomes:?}");
    scene.close_webhook(&webhook).await;
    assert_eq!(scene.claimed(ticket.id).await, (3, 0));
}

/// A webhook can be closed before anyone has claimed it, and one that was never received is
/// nothing to close.
pub async fn closing_needs_no_claim(scene: &Scene) {
    let webhook = scene.received("evt_1").await;
    scene.close_webhook(&webhook).await;
    assert_eq!(scene.claim_webhooks().await, []);
    let batch = scene.batch(scene.now().await).closing(Some(webhook_key("evt_never")));
    scene.accept(&batch.build()).await;
}

/// Claimers that come at the same time get webhooks that no other one gets, and all of them.
pub async fn webhooks_are_leased_to_one_claimer_each(scene: &Scene) {
    let now = scene.now().await;
    let mut sent = BTreeSet::new();
    for number in 0..24 {
        let webhook = webhook(&format!("evt_{number}"), now);
        worked(scene.storage().receive(&webhook).await, "receive");
        sent.insert(webhook.key);
    }
    let lease = scene.tick().saturating_mul(1000);
    let claimers = scene.handles(8).await.into_iter().map(|handle| async move {
        let mut claimed = Vec::new();
        loop {
            let more = worked(handle.claim_webhooks(lease, 2).await, "claim_webhooks");
            if more.is_empty() {
                return claimed;
            }
            claimed.extend(more);
        }
    });
    let claimed: Vec<Webhook> = parallel(claimers.collect()).await.concat();
    let distinct: BTreeSet<WebhookKey> =
        claimed.iter().map(|webhook| webhook.key.clone()).collect();
    assert_eq!(distinct.len(), claimed.len(), "no webhook is leased twice");
    assert_eq!(distinct, sent, "every one is leased");
    for webhook in &claimed {
        scene.close_webhook(webhook).await;
    }
}
