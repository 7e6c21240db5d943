//! What is asked by id, and the lists that have no pages.

use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;
use ticketing_core::domain::{Event, EventKey, Payment, Refund};
use ticketing_core::ports::{DeadLetter, KeyRecord, chain};
use ticketing_core::values::{
    IdempotencyKey, IntentRef, OrderId, PaymentId, PoolId, RefundId, UserId,
};

use crate::error::Failure;
use crate::fields::Fields;
use crate::outbox;
use crate::rows::{event, key, payment, refund};

pub(crate) const PAYMENTS_OF: &str =
    "SELECT * FROM ticketing_payments WHERE order_id = ? ORDER BY created_at, id";
pub(crate) const REFUNDS_OF: &str =
    "SELECT * FROM ticketing_refunds WHERE payment = ? ORDER BY created_at, id";
pub(crate) const PARKED: &str = "SELECT * FROM ticketing_payments \
     WHERE state = 'needs_operator' ORDER BY created_at, id LIMIT ?";
pub(crate) const FAILED: &str = "SELECT * FROM ticketing_refunds \
     WHERE state = 'failed' ORDER BY created_at, id LIMIT ?";
pub(crate) const DEAD: &str =
    "SELECT * FROM ticketing_dead_letters ORDER BY at DESC, kind, id, version LIMIT ?";
pub(crate) const CLEARING: &str =
    "SELECT id FROM ticketing_pools WHERE state = 'clearing' ORDER BY id LIMIT ?";

/// A payment.
pub(crate) async fn payment(
    conn: &mut SqliteConnection,
    id: PaymentId,
) -> Result<Option<Payment>, Failure> {
    let query = sqlx::query("SELECT * FROM ticketing_payments WHERE id = ?");
    let row = query.bind(id.as_uuid()).fetch_optional(conn).await?;
    row.as_ref().map(payment::read).transpose()
}

/// The payment with that intent.
pub(crate) async fn payment_by_intent(
    conn: &mut SqliteConnection,
    intent: &IntentRef,
) -> Result<Option<Payment>, Failure> {
    let query = sqlx::query("SELECT * FROM ticketing_payments WHERE intent = ?");
    let row = query.bind(intent.as_str().to_owned()).fetch_optional(conn).await?;
    row.as_ref().map(payment::read).transpose()
}

/// All payments of an order, the oldest first.
pub(crate) async fn payments_of(
    conn: &mut SqliteConnection,
    order: OrderId,
) -> Result<Vec<Payment>, Failure> {
    let rows = sqlx::query(PAYMENTS_OF).bind(order.as_uuid()).fetch_all(conn).await?;
    rows.iter().map(payment::read).collect()
}

/// A refund.
pub(crate) async fn refund(
    conn: &mut SqliteConnection,
    id: RefundId,
) -> Result<Option<Refund>, Failure> {
    let query = sqlx::query("SELECT * FROM ticketing_refunds WHERE id = ?");
    let row = query.bind(id.as_uuid()).fetch_optional(conn).await?;
    row.as_ref().map(refund::read).transpose()
}

/// All refunds of a payment, the oldest first.
pub(crate) async fn refunds_of(
    conn: &mut SqliteConnection,
    payment: PaymentId,
) -> Result<Vec<Refund>, Failure> {
    let rows = sqlx::query(REFUNDS_OF).bind(payment.as_uuid()).fetch_all(conn).await?;
    rows.iter().map(refund::read).collect()
}

/// What an idempotency key was used for.
pub(crate) async fn key(
    conn: &mut SqliteConnection,
    user: &UserId,
    key: &IdempotencyKey,
) -> Result<Option<KeyRecord>, Failure> {
    let wanted = (user.clone(), key.clone());
    Ok(key::by_key(conn, &[&wanted]).await?.pop())
}

/// The event of one version.
pub(crate) async fn event(
    conn: &mut SqliteConnection,
    key: EventKey,
) -> Result<Option<Event>, Failure> {
    event::by_key(conn, &[key]).await?.pop().transpose()
}

/// Withdrawn pools whose live orders are to be cancelled, by id.
pub(crate) async fn clearing_pools(
    conn: &mut SqliteConnection,
    limit: usize,
) -> Result<Vec<PoolId>, Failure> {
    let rows = sqlx::query(CLEARING).bind(limit_of(limit)).fetch_all(conn).await?;
    let id = |row: &SqliteRow| Fields::of("pools", row).id("id", PoolId::from_uuid);
    Ok(readable(rows.iter().map(id)))
}

/// Payments that are with an operator, the oldest first.
pub(crate) async fn parked_payments(
    conn: &mut SqliteConnection,
    limit: usize,
) -> Result<Vec<Payment>, Failure> {
    let rows = sqlx::query(PARKED).bind(limit_of(limit)).fetch_all(conn).await?;
    Ok(readable_rows(&rows, payment::read))
}

/// Refunds that failed, the oldest first.
pub(crate) async fn failed_refunds(
    conn: &mut SqliteConnection,
    limit: usize,
) -> Result<Vec<Refund>, Failure> {
    let rows = sqlx::query(FAILED).bind(limit_of(limit)).fetch_all(conn).await?;
    Ok(readable_rows(&rows, refund::read))
}

/// Dead letters, the newest first.
pub(crate) async fn dead_letters(
    conn: &mut SqliteConnection,
    limit: usize,
) -> Result<Vec<DeadLetter>, Failure> {
    let rows = sqlx::query(DEAD).bind(limit_of(limit)).fetch_all(conn).await?;
    Ok(readable_rows(&rows, outbox::read_dead))
}

/// A limit as SQLite takes it.
pub(crate) fn limit_of(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// What of a list of work can be read. The rest is told to whoever runs the program, and left out:
/// one row that a careless hand has spoilt must not keep the others from being worked on.
pub(crate) fn readable<T>(rows: impl IntoIterator<Item = Result<T, Failure>>) -> Vec<T> {
    rows.into_iter().filter_map(if_readable).collect()
}

/// One row of such a list.
pub(crate) fn if_readable<T>(row: Result<T, Failure>) -> Option<T> {
    row.inspect_err(|failure| tracing::error!(error = chain(failure), "a row was left out")).ok()
}

/// The same of rows that need nothing else.
pub(crate) fn readable_rows<T>(
    rows: &[SqliteRow],
    read: fn(&SqliteRow) -> Result<T, Failure>,
) -> Vec<T> {
    readable(rows.iter().map(read))
}
