//! Signatures: HMAC-SHA-256 of the time and the body, under the ledger's secret.
//!
//! One header, `x-sandbox-signature: t=<microseconds>,v1=<hex>`. Client secrets are signatures of
//! the same kind.

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use ticketing_core::ports::{ClientSecret, WebhookError, WebhookRequest};
use ticketing_core::values::{IntentRef, Timestamp};

use crate::ledger::header::Secret;

const HEADER: &str = "x-sandbox-signature";

/// How far the time of a signature may be from now.
const AGE_MAX: Duration = Duration::from_mins(5);

/// Between an intent and its signature in a client secret.
const CLIENT_SECRET: &str = "_secret_";

/// A webhook with this body, signed at that time.
pub(crate) fn sign(body: Vec<u8>, secret: &Secret, at: Timestamp) -> WebhookRequest {
    let time = at.as_micros().to_string();
    let signature = hex::encode(signed(secret, &time, &body).finalize().into_bytes());
    let headers = vec![(HEADER.to_owned(), format!("t={time},v1={signature}"))];
    WebhookRequest { body, headers }
}

/// Whether a webhook was signed with this secret, and not long ago.
pub(crate) fn check(
    request: &WebhookRequest,
    secret: &Secret,
    now: Timestamp,
) -> Result<(), WebhookError> {
    let (time, signature) = parts(request).ok_or(WebhookError::BadSignature)?;
    let mac = signed(secret, time, &request.body);
    mac.verify_slice(&signature).map_err(|_wrong| WebhookError::BadSignature)?;
    let micros = time.parse().map_err(|_invalid| WebhookError::BadSignature)?;
    let at = Timestamp::from_micros(micros);
    if now.since(at).max(at.since(now)) > AGE_MAX {
        return Err(WebhookError::OutOfDate);
    }
    Ok(())
}

/// What the buyer's browser needs to confirm an intent.
pub(crate) fn client_secret(intent: &IntentRef, secret: &Secret) -> ClientSecret {
    let signature = hex::encode(of_intent(intent, secret).finalize().into_bytes());
    ClientSecret::new(format!("{intent}{CLIENT_SECRET}{signature}"))
}

/// The intent that a client secret is for, if it is one of ours.
pub(crate) fn intent_of(client: &ClientSecret, secret: &Secret) -> Option<IntentRef> {
    let (intent, signature) = client.expose().split_once(CLIENT_SECRET)?;
    let intent = IntentRef::new(intent).ok()?;
    let signature = hex::decode(signature).ok()?;
    of_intent(&intent, secret).verify_slice(&signature).ok()?;
    Some(intent)
}

/// Time and signature of a webhook.
fn parts(request: &WebhookRequest) -> Option<(&str, Vec<u8>)> {
    let (_, value) = request.headers.iter().find(|(name, _)| name == HEADER)?;
    let (time, signature) = value.split_once(',')?;
    let signature = hex::decode(signature.strip_prefix("v1=")?).ok()?;
    Some((time.strip_prefix("t=")?, signature))
}

fn signed(secret: &Secret, time: &str, body: &[u8]) -> Hmac<Sha256> {
    mac(secret).chain_update(time).chain_update(b".").chain_update(body)
}

/// No webhook is signed like that: its time has no letters.
fn of_intent(intent: &IntentRef, secret: &Secret) -> Hmac<Sha256> {
    mac(secret).chain_update(b"client.").chain_update(intent.as_str())
}

fn mac(secret: &Secret) -> Hmac<Sha256> {
    Hmac::new(&secret.block().into())
}
