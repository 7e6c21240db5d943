//! What an authentic webhook says. It is a hint: how things stand is asked for afterwards.

use serde::Deserialize;
use ticketing_core::domain::payment::Dispute;
use ticketing_core::ports::{Notice, NoticeAbout, WebhookError};
use ticketing_core::values::{IntentRef, RefundRef, WebhookId};

use crate::gateway::is_name;

/// An event, as far as it is read.
#[derive(Deserialize)]
struct Event {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    livemode: bool,
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    object: Object,
}

/// An intent, a charge, a refund or a dispute.
#[derive(Deserialize)]
struct Object {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    payment_intent: Option<Named>,
    #[serde(default)]
    status: Option<String>,
}

/// A name, or the thing that has it.
#[derive(Deserialize)]
#[serde(untagged)]
enum Named {
    Name(String),
    Whole { id: String },
}

/// Reads a webhook of live or test mode.
pub(crate) fn read(body: &[u8], is_live: bool) -> Result<Notice, WebhookError> {
    let event: Event = serde_json::from_slice(body).map_err(|_invalid| WebhookError::Malformed)?;
    if event.livemode != is_live {
        return Err(WebhookError::WrongMode);
    }
    let id = WebhookId::new(event.id).map_err(|_invalid| WebhookError::Malformed)?;
    let object = event.data.object;
    let of_intent = object.payment_intent.map(Named::name);
    let (intent, about) = match event.kind.as_str() {
        kind if kind.starts_with("payment_intent.") => (object.id, NoticeAbout::Intent),
        kind if kind.starts_with("charge.dispute.") => {
            (of_intent, about_dispute(object.status.as_deref()))
        }
        kind if kind.starts_with("refund.") || kind.starts_with("charge.refund.") => {
            let refund = object.id.filter(|id| is_name(id)).ok_or(WebhookError::Malformed)?;
            let refund = RefundRef::new(refund).map_err(|_invalid| WebhookError::Malformed)?;
            (of_intent, NoticeAbout::Refund(refund))
        }
        kind if kind.starts_with("charge.") => (of_intent, NoticeAbout::Intent),
        _ => return Ok(Notice { id, intent: None, about: NoticeAbout::Other }),
    };
    let intent = intent.map(named).transpose()?;
    match intent {
        Some(intent) => Ok(Notice { id, intent: Some(intent), about }),
        // Of a charge that belongs to no intent: not one of ours.
        None => Ok(Notice { id, intent: None, about: NoticeAbout::Other }),
    }
}

fn named(id: String) -> Result<IntentRef, WebhookError> {
    let name = Some(id).filter(|id| is_name(id)).ok_or(WebhookError::Malformed)?;
    IntentRef::new(name).map_err(|_invalid| WebhookError::Malformed)
}

/// An inquiry is no dispute: the bank asks, and has taken nothing back. Stripe advises a refund then,
/// which must not be refused; and a dispute can come of it even after it was closed, so that it must
/// not be taken for one that is decided. Nor is there a dispute where it was prevented.
fn about_dispute(status: Option<&str>) -> NoticeAbout {
    match status {
        Some(
            "warning_needs_response" | "warning_under_review" | "warning_closed" | "prevented",
        ) => NoticeAbout::Intent,
        Some("won") => NoticeAbout::Dispute(Dispute::Won),
        Some("lost") => NoticeAbout::Dispute(Dispute::Lost),
        _ => NoticeAbout::Dispute(Dispute::Opened),
    }
}

impl Named {
    fn name(self) -> String {
        match self {
            Self::Name(id) | Self::Whole { id } => id,
        }
    }
}
