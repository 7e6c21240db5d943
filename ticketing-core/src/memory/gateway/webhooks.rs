//! Webhooks: how they are written, signed and read.
//!
//! The signature is a name-based UUID of a secret, the time and the body. It tells an untouched
//! webhook from one that was changed, which is all that tests need; anyone who reads this file
//! can forge it, so it protects nothing.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::domain::payment::Dispute;
use crate::ports::payment_gateway::{Notice, NoticeAbout, WebhookError, WebhookRequest};
use crate::values::{IntentRef, RefundRef, Timestamp, WebhookId};

const SIGNATURE: &str = "x-memory-signature";
const SIGNED_AT: &str = "x-memory-signed-at";
const SECRET: Uuid = Uuid::from_u128(0x6d65_6d6f_7279_2067_6174_6577_6179_2e2e);

/// How far the time of a signature may be from now.
const AGE_MAX: Duration = Duration::from_mins(5);

/// The webhooks of a gateway that nobody delivered yet.
#[derive(Debug, Default)]
pub(super) struct Mailbox {
    posted: u64,
    pub(super) waiting: Vec<WebhookRequest>,
}

/// The body of a webhook.
#[derive(Serialize, Deserialize)]
struct Body {
    id: String,
    intent: Option<IntentRef>,
    about: About,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum About {
    Intent,
    Dispute(Dispute),
    Refund(RefundRef),
    #[serde(other)]
    Other,
}

impl Mailbox {
    pub(super) fn post(&mut self, intent: &IntentRef, about: NoticeAbout, now: Timestamp) {
        self.posted = self.posted.saturating_add(1);
        let body = Body {
            id: format!("evt_mem_{}", self.posted),
            intent: Some(intent.clone()),
            about: about.into(),
        };
        // Names and words can always be written; if not, the empty body would be refused.
        let body = serde_json::to_vec(&body).unwrap_or_default();
        self.waiting.push(sign(body, now));
    }
}

impl From<NoticeAbout> for About {
    fn from(about: NoticeAbout) -> Self {
        match about {
            NoticeAbout::Intent => Self::Intent,
            NoticeAbout::Dispute(dispute) => Self::Dispute(dispute),
            NoticeAbout::Refund(refund) => Self::Refund(refund),
            NoticeAbout::Other => Self::Other,
        }
    }
}

impl From<About> for NoticeAbout {
    fn from(about: About) -> Self {
        match about {
            About::Intent => Self::Intent,
            About::Dispute(dispute) => Self::Dispute(dispute),
            About::Refund(refund) => Self::Refund(refund),
            About::Other => Self::Other,
        }
    }
}

/// A webhook with this body, signed at that time.
pub(super) fn sign(body: Vec<u8>, at: Timestamp) -> WebhookRequest {
    let signed_at = at.as_micros().to_string();
    let signature = signature(&signed_at, &body).to_string();
    let headers = [(SIGNED_AT, signed_at), (SIGNATURE, signature)];
    WebhookRequest { body, headers: headers.map(|(name, value)| (name.to_owned(), value)).into() }
}

/// What an authentic webhook says.
pub(super) fn read(request: &WebhookRequest, now: Timestamp) -> Result<Notice, WebhookError> {
    let signed_at = header(request, SIGNED_AT)?;
    if header(request, SIGNATURE)? != signature(signed_at, &request.body).to_string() {
        return Err(WebhookError::BadSignature);
    }
    let micros: i64 = signed_at.parse().map_err(|_invalid| WebhookError::BadSignature)?;
    let signed_at = Timestamp::from_micros(micros);
    if now.since(signed_at).max(signed_at.since(now)) > AGE_MAX {
        return Err(WebhookError::OutOfDate);
    }
    let body: Body =
        serde_json::from_slice(&request.body).map_err(|_invalid| WebhookError::Malformed)?;
    Ok(Notice {
        id: WebhookId::new(&body.id).map_err(|_invalid| WebhookError::Malformed)?,
        intent: body.intent,
        about: body.about.into(),
    })
}

fn header<'a>(request: &'a WebhookRequest, wanted: &str) -> Result<&'a str, WebhookError> {
    let mut headers = request.headers.iter();
    let header = headers.find(|(name, _)| name == wanted);
    header.map(|(_, value)| value.as_str()).ok_or(WebhookError::BadSignature)
}

fn signature(signed_at: &str, body: &[u8]) -> Uuid {
    let signed = [signed_at.as_bytes(), b".", body].concat();
    Uuid::new_v5(&SECRET, &signed)
}
