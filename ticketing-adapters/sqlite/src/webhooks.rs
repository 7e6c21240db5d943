//! Webhooks, from the moment they are received until a batch closes them.

use sqlx::SqliteConnection;
use ticketing_core::ports::{Received, Webhook};

use crate::error::Failure;
use crate::leases::Term;
use crate::reads::{limit_of, readable_rows};
use crate::rows::webhook;

/// Whether a webhook waits to be dealt with.
pub(crate) const WEBHOOK_WAITS: &str = "SELECT EXISTS (SELECT 1 FROM ticketing_webhooks \
     WHERE closed = 0 AND (leased_until IS NULL OR leased_until <= ?))";

pub(crate) const TO_CLAIM: &str = "UPDATE ticketing_webhooks SET leased_until = ?1 WHERE (gateway, id) IN \
         (SELECT gateway, id FROM ticketing_webhooks WHERE closed = 0 \
         AND (leased_until IS NULL OR leased_until <= ?2) \
         ORDER BY received_at, gateway, id LIMIT ?3) \
         RETURNING gateway, id, intent, about, detail, received_at";

/// Keeps a webhook, if it is new.
pub(crate) async fn receive(
    conn: &mut SqliteConnection,
    webhook: &Webhook,
) -> Result<Received, Failure> {
    let unfit = Failure::Unfit { table: "webhooks", column: "about" };
    let (about, detail) = webhook::about_words(&webhook.about).ok_or(unfit)?;
    let done = sqlx::query(
        "INSERT INTO ticketing_webhooks (gateway, id, intent, about, detail, received_at) \
         VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
    )
    .bind(webhook.key.gateway.as_str().to_owned())
    .bind(webhook.key.id.as_str().to_owned())
    .bind(webhook.intent.as_ref().map(|intent| intent.as_str().to_owned()))
    .bind(about)
    .bind(detail)
    .bind(webhook.received_at.as_micros())
    .execute(conn)
    .await
    .map_err(Failure::of_write)?;
    Ok(if done.rows_affected() == 1 { Received::New } else { Received::Seen })
}

/// Webhooks that no batch has closed, the oldest first, leased.
pub(crate) async fn claim(
    conn: &mut SqliteConnection,
    term: Term,
    limit: usize,
) -> Result<Vec<Webhook>, Failure> {
    let rows = sqlx::query(TO_CLAIM)
        .bind(term.until.as_micros())
        .bind(term.now.as_micros())
        .bind(limit_of(limit))
        .fetch_all(conn)
        .await?;
    let mut claimed = readable_rows(&rows, webhook::read);
    claimed.sort_by(|one, other| (one.received_at, &one.key).cmp(&(other.received_at, &other.key)));
    Ok(claimed)
}
