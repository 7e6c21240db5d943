//! Signatures of webhooks: HMAC-SHA-256 of the time and the bytes, under the endpoint's secret.
//!
//! `Stripe-Signature: t=<seconds>,v1=<hex>`, with a `v1` for each secret while one replaces another.

use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use ticketing_core::ports::{WebhookError, WebhookRequest};
use ticketing_core::values::Timestamp;

use crate::keys::WebhookSecret;

const HEADER: &str = "stripe-signature";
/// The most signatures that are compared.
const SIGNATURES_MAX: usize = 8;

/// Whether a webhook was signed with one of these secrets, and not long ago.
pub(crate) fn check(
    request: &WebhookRequest,
    secrets: &[WebhookSecret],
    tolerance: Duration,
    now: Timestamp,
) -> Result<(), WebhookError> {
    let mut headers = request.headers.iter().filter(|(name, _)| name == HEADER);
    // Two headers could say two things.
    let (Some((_, value)), None) = (headers.next(), headers.next()) else {
        return Err(WebhookError::BadSignature);
    };
    let (time, signatures) = parts(value).ok_or(WebhookError::BadSignature)?;
    let authentic = secrets.iter().any(|secret| {
        signatures.iter().any(|signature| is_of(secret, time, &request.body, signature))
    });
    if !authentic {
        return Err(WebhookError::BadSignature);
    }
    let seconds: i64 = time.parse().map_err(|_invalid| WebhookError::BadSignature)?;
    let at = Timestamp::from_micros(seconds.saturating_mul(1_000_000));
    if now.since(at).max(at.since(now)) > tolerance {
        return Err(WebhookError::OutOfDate);
    }
    Ok(())
}

/// The time, as it is written, and the signatures.
fn parts(value: &str) -> Option<(&str, Vec<Vec<u8>>)> {
    let mut time = None;
    let mut signatures = Vec::new();
    for part in value.split(',') {
        match part.trim().split_once('=')? {
            ("t", written) if time.is_none() => time = Some(written),
            ("t", _) => return None,
            ("v1", written) if signatures.len() < SIGNATURES_MAX => {
                signatures.extend(hex::decode(written));
            }
            // Other schemes, such as the one of test mode.
            _ => {}
        }
    }
    Some((time?, signatures))
}

/// In constant time.
fn is_of(secret: &WebhookSecret, time: &str, body: &[u8], signature: &[u8]) -> bool {
    let Ok(mac) = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()) else {
        return false;
    };
    mac.chain_update(time).chain_update(b".").chain_update(body).verify_slice(signature).is_ok()
}
