//! Webhooks, from the moment they are received until a batch closes them.

use std::time::Duration;

use sqlx::PgConnection;
use ticketing_core::ports::{Received, Webhook};
use ticketing_core::values::IntentRef;

use crate::error::Failure;
use crate::leases::micros_of;
use crate::reads::{limit_of, readable_rows};
use crate::rows::webhook;
use crate::time::now;

pub(crate) const KEEP: &str = "INSERT INTO ticketing.webhooks \
     (gateway, id, intent, about, detail, received_at) VALUES ($1, $2, $3, $4, $5, $6) \
     ON CONFLICT (gateway, id) DO NOTHING";

pub(crate) const CLAIM: &str = concat!(
    "WITH moment AS MATERIALIZED (SELECT ",
    now!(),
    " AS now), due AS MATERIALIZED (SELECT gateway, id FROM ticketing.webhooks \
     WHERE NOT closed AND (leased_until IS NULL OR leased_until <= (SELECT now FROM moment)) \
     ORDER BY received_at, gateway, id LIMIT $2 FOR UPDATE SKIP LOCKED) \
     UPDATE ticketing.webhooks AS stored SET leased_until = (SELECT now FROM moment) + $1 FROM due \
     WHERE stored.gateway = due.gateway AND stored.id = due.id RETURNING stored.*"
);

/// Keeps a webhook, if it is new.
pub(crate) async fn receive(
    conn: &mut PgConnection,
    webhook: &Webhook,
) -> Result<Received, Failure> {
    let unfit = Failure::Unfit { table: "webhooks", column: "about" };
    let (about, detail) = webhook::about_words(&webhook.about).ok_or(unfit)?;
    let done = sqlx::query(KEEP)
        .bind(webhook.key.gateway.as_str())
        .bind(webhook.key.id.as_str())
        .bind(webhook.intent.as_ref().map(IntentRef::as_str))
        .bind(about)
        .bind(detail)
        .bind(webhook.received_at.as_micros())
        .execute(conn)
        .await
        .map_err(Failure::of_statement)?;
    Ok(if done.rows_affected() == 1 { Received::New } else { Received::Seen })
}

/// Webhooks that no batch has closed, the oldest first, leased.
pub(crate) async fn claim(
    conn: &mut PgConnection,
    lease: Duration,
    limit: usize,
) -> Result<Vec<Webhook>, Failure> {
    let query = sqlx::query(CLAIM).bind(micros_of(lease)).bind(limit_of(limit));
    let rows = query.fetch_all(conn).await.map_err(Failure::of_statement)?;
    let mut claimed = readable_rows(&rows, webhook::read);
    claimed.sort_by(|one, other| (one.received_at, &one.key).cmp(&(other.received_at, &other.key)));
    Ok(claimed)
}
