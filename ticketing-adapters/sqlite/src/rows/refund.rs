//! Refunds.

use std::sync::LazyLock;

use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;
use ticketing_core::domain::{Refund, RefundState};
use ticketing_core::values::{OrderId, PaymentId, RefundId, Version};

use crate::error::Failure;
use crate::fields::{Fields, micros, version};
use crate::many::{Insert, Query};

/// The table, as errors name it.
pub(crate) const TABLE: &str = "refunds";

static INSERT: LazyLock<Insert> = LazyLock::new(|| {
    Insert::into(
        "ticketing_refunds",
        &[
            "version",
            "attempt",
            "begun_at",
            "reference",
            "state",
            "next_action_at",
            "id",
            "payment",
            "order_id",
            "amount",
            "currency",
            "reason",
            "created_at",
        ],
    )
});

/// Inserts refunds.
pub(crate) async fn insert(conn: &mut SqliteConnection, new: &[&Refund]) -> Result<(), Failure> {
    INSERT
        .rows(conn, new, |query, refund| {
            Ok(changing(query, refund)?
                .bind(refund.id.as_uuid())
                .bind(refund.payment.as_uuid())
                .bind(refund.order.map(OrderId::as_uuid))
                .bind(refund.amount.minor())
                .bind(refund.amount.currency().code())
                .bind(refund.reason.as_ref().map(|note| note.as_str().to_owned()))
                .bind(refund.created_at.as_micros()))
        })
        .await
}

/// Replaces a refund that is at `before`.
pub(crate) async fn update(
    conn: &mut SqliteConnection,
    refund: &Refund,
    before: Version,
) -> Result<(), Failure> {
    let query = sqlx::query(
        "UPDATE ticketing_refunds SET version = ?, attempt = ?, begun_at = ?, reference = ?, state = ?, \
         next_action_at = ? WHERE id = ? AND version = ?",
    );
    let query = changing(query, refund)?.bind(refund.id.as_uuid()).bind(version(TABLE, before)?);
    let done = query.execute(conn).await.map_err(Failure::of_write)?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(Failure::Moved { table: TABLE }) }
}

fn changing(query: Query, refund: &Refund) -> Result<Query, Failure> {
    Ok(query
        .bind(version(TABLE, refund.version)?)
        .bind(i64::from(refund.attempt))
        .bind(refund.begun_at.as_micros())
        .bind(refund.reference.as_ref().map(|reference| reference.as_str().to_owned()))
        .bind(refund.state.word())
        .bind(micros(refund.next_action_at)))
}

/// Reads a refund.
pub(crate) fn read(row: &SqliteRow) -> Result<Refund, Failure> {
    let fields = Fields::of(TABLE, row);
    Ok(Refund {
        id: fields.id("id", RefundId::from_uuid)?,
        payment: fields.id("payment", PaymentId::from_uuid)?,
        order: fields.maybe_id("order_id", OrderId::from_uuid)?,
        version: fields.version("version")?,
        amount: fields.money("amount")?,
        reason: fields.maybe_text("reason")?,
        attempt: fields.number("attempt")?,
        begun_at: fields.time("begun_at")?,
        reference: fields.maybe_text("reference")?,
        state: fields.word("state", RefundState::from_word)?,
        created_at: fields.time("created_at")?,
        next_action_at: fields.maybe_time("next_action_at")?,
    })
}
