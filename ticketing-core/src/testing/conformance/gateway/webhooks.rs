//! Webhooks: only authentic ones are believed, and not for ever.

use std::time::Duration;

use super::scene::Scene;
use crate::ports::{NoticeAbout, WebhookError, WebhookRequest};
use crate::testing::conformance::verdict::{found, worked};

/// An authentic webhook names its intent, and reads the same every time.
pub async fn an_authentic_webhook_is_read(scene: &Scene) {
    let intent = scene.authorized().await;
    let Some(webhook) = scene.namespace().webhook(&intent).await else {
        return;
    };
    let now = scene.namespace().now();
    let notice = worked(scene.gateway().read_webhook(&webhook, now), "read_webhook");
    assert_eq!((notice.intent.as_ref(), &notice.about), (Some(&intent), &NoticeAbout::Intent));
    let again = worked(scene.gateway().read_webhook(&webhook, now), "read_webhook");
    assert_eq!(again, notice, "the same delivery is the same notice");
}

/// A webhook whose body or signature was touched, or that has no signature, is not believed.
pub async fn a_forged_webhook_is_not_believed(scene: &Scene) {
    let intent = scene.authorized().await;
    let Some(webhook) = scene.namespace().webhook(&intent).await else {
        return;
    };
    let mut longer = webhook.clone();
    longer.body.push(b' ');
    let mut shorter = webhook.clone();
    shorter.body.pop();
    let mut changed = webhook.clone();
    let byte = found(changed.body.first_mut(), "a body");
    *byte ^= 1;
    let mut unsigned = webhook.clone();
    unsigned.headers.clear();
    let mut forgeries = vec![longer, shorter, changed, unsigned];
    for header in 0..webhook.headers.len() {
        let mut missing = webhook.clone();
        missing.headers.remove(header);
        forgeries.push(missing);
    }
    // One header of each of them belongs to another body.
    if let Some(other) = scene.namespace().signed(b"{}".to_vec()).await {
        forgeries.push(WebhookRequest { headers: other.headers, ..webhook.clone() });
    }
    for forged in forgeries {
        let read = scene.gateway().read_webhook(&forged, scene.namespace().now());
        assert_eq!(read, Err(WebhookError::BadSignature), "{forged:?}");
    }
}

/// A webhook that was signed long ago, or will be long from now, is not believed; one of a
/// moment ago is.
pub async fn an_old_webhook_is_not_believed(scene: &Scene) {
    let intent = scene.authorized().await;
    let Some(webhook) = scene.namespace().webhook(&intent).await else {
        return;
    };
    let now = scene.namespace().now();
    let hour = Duration::from_hours(1);
    for wrong in [now.plus(hour), now.minus(hour)] {
        let read = scene.gateway().read_webhook(&webhook, wrong);
        assert_eq!(read, Err(WebhookError::OutOfDate), "signed about {now}, read at {wrong}");
    }
    let soon = now.plus(Duration::from_mins(1));
    worked(scene.gateway().read_webhook(&webhook, soon), "read_webhook");
}

/// What is authentic and no webhook that we know is malformed, never a panic.
pub async fn a_malformed_webhook_is_refused(scene: &Scene) {
    let now = scene.namespace().now();
    for body in ["", "{", "[]", "null", "\"webhook\"", "{}", "\u{0}", "{\"id\":7}"] {
        if let Some(webhook) = scene.namespace().signed(body.as_bytes().to_vec()).await {
            let read = scene.gateway().read_webhook(&webhook, now);
            assert_eq!(read, Err(WebhookError::Malformed), "{body:?}");
        }
    }
    // Bytes that are no text at all.
    if let Some(webhook) = scene.namespace().signed(vec![0xff, 0xfe, 0x00]).await {
        let read = scene.gateway().read_webhook(&webhook, now);
        assert_eq!(read, Err(WebhookError::Malformed));
    }
}
