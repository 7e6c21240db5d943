//! Webhooks.

use sqlx::postgres::PgRow;
use ticketing_core::domain::payment::Dispute;
use ticketing_core::ports::{NoticeAbout, Webhook, WebhookKey};
use ticketing_core::values::RefundRef;

use crate::error::Failure;
use crate::fields::Fields;

const TABLE: &str = "webhooks";

/// What a webhook is about: a word, and what belongs to it. Nothing for what this version can't
/// write.
pub(crate) fn about_words(about: &NoticeAbout) -> Option<(&'static str, Option<String>)> {
    match about {
        NoticeAbout::Intent => Some(("intent", None)),
        NoticeAbout::Dispute(dispute) => Some(("dispute", Some(dispute.word().to_owned()))),
        NoticeAbout::Refund(reference) => Some(("refund", Some(reference.as_str().to_owned()))),
        NoticeAbout::Other => Some(("other", None)),
        _ => None,
    }
}

/// Reads a webhook.
pub(crate) fn read(row: &PgRow) -> Result<Webhook, Failure> {
    let fields = Fields::of(TABLE, row);
    Ok(Webhook {
        key: WebhookKey { gateway: fields.text("gateway")?, id: fields.text("id")? },
        intent: fields.maybe_text("intent")?,
        about: read_about(&fields)?,
        received_at: fields.time("received_at")?,
    })
}

fn read_about(fields: &Fields<'_>) -> Result<NoticeAbout, Failure> {
    match fields.get("about")? {
        "intent" => Ok(NoticeAbout::Intent),
        "dispute" => fields.word("detail", Dispute::from_word).map(NoticeAbout::Dispute),
        "refund" => fields.text::<RefundRef>("detail").map(NoticeAbout::Refund),
        "other" => Ok(NoticeAbout::Other),
        _ => Err(fields.corrupt("about")),
    }
}
