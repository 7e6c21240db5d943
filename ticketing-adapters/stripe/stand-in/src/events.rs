//! Events, and the signatures of those that are delivered.

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

/// The version of the API that events are written in.
const VERSION: &str = "2026-09-30.endive";

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its name; the same one may be delivered many times.
    pub id: String,
    /// What happened, such as `payment_intent.succeeded`.
    pub kind: String,
    /// When, in seconds.
    pub created: i64,
    /// What it is about, as that was then.
    pub object: Value,
}

/// An event as it is delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedEvent {
    /// The body.
    pub body: Vec<u8>,
    /// The value of `Stripe-Signature`.
    pub signature: String,
}

impl Event {
    /// Its bytes, the same every time.
    pub fn body(&self) -> Vec<u8> {
        let event = json!({
            "id": self.id,
            "object": "event",
            "api_version": VERSION,
            "created": self.created,
            "data": { "object": self.object },
            "livemode": false,
            "pending_webhooks": 1,
            "request": { "id": null, "idempotency_key": null },
            "type": self.kind,
        });
        event.to_string().into_bytes()
    }
}

impl SignedEvent {
    /// A body, signed at that time in seconds.
    pub fn sign(body: Vec<u8>, secret: &str, at: i64) -> Self {
        let signature = format!("t={at},v1={}", hex::encode(mac(&body, secret, at)));
        Self { body, signature }
    }
}

fn mac(body: &[u8], secret: &str, at: i64) -> Vec<u8> {
    let key = secret.as_bytes();
    // Any length of key will do.
    let mac = Hmac::<Sha256>::new_from_slice(key).map(|mac| {
        let signed = mac.chain_update(at.to_string()).chain_update(b".").chain_update(body);
        signed.finalize().into_bytes().to_vec()
    });
    mac.unwrap_or_default()
}
