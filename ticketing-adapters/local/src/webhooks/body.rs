//! What a webhook says.

use serde::{Deserialize, Serialize};
use ticketing_core::ports::{Notice, NoticeAbout, WebhookError};
use ticketing_core::values::{IntentRef, Timestamp, WebhookId};
use uuid::Uuid;

use crate::ledger::mailbox::{About, Posted};

/// The body of a webhook.
#[derive(Debug, Serialize, Deserialize)]
struct Body {
    id: WebhookId,
    /// Never: what says otherwise does not come from a sandbox.
    livemode: bool,
    created: Timestamp,
    intent: Option<IntentRef>,
    about: About,
}

/// The bytes of a webhook of this ledger, the same every time that it is delivered.
pub(crate) fn write(posted: Posted, ledger: Uuid) -> Result<Vec<u8>, serde_json::Error> {
    let Posted { number, at, intent, about } = posted;
    let id = WebhookId::new(format!("sandbox_evt_{}_{number}", ledger.simple()));
    let id = id.map_err(serde::ser::Error::custom)?;
    serde_json::to_vec(&Body { id, livemode: false, created: at, intent: Some(intent), about })
}

/// What an authentic webhook says.
pub(crate) fn read(body: &[u8]) -> Result<Notice, WebhookError> {
    let body: Body = serde_json::from_slice(body).map_err(|_invalid| WebhookError::Malformed)?;
    if body.livemode {
        return Err(WebhookError::WrongMode);
    }
    let about = match body.about {
        About::Intent => NoticeAbout::Intent,
        About::Refund(refund) => NoticeAbout::Refund(refund),
        About::Other => NoticeAbout::Other,
    };
    Ok(Notice { id: body.id, intent: body.intent, about })
}
