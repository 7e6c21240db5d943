//! What is asked by id, and short lists.

use sqlx::PgConnection;
use sqlx::Row;
use sqlx::postgres::PgRow;
use ticketing_core::domain::{Event, EventKey, Payment, Refund};
use ticketing_core::ports::{DeadLetter, KeyRecord};
use ticketing_core::values::{
    IdempotencyKey, IntentRef, OrderId, PaymentId, PoolId, RefundId, Timestamp, UserId,
};
use uuid::Uuid;

use crate::error::Failure;
use crate::fields::Fields;
use crate::outbox;
use crate::rows::{event, key, payment, refund};

pub(crate) const PAYMENT: &str = "SELECT * FROM ticketing.payments WHERE id = $1";
pub(crate) const BY_INTENT: &str = "SELECT * FROM ticketing.payments WHERE intent = $1";
pub(crate) const PAYMENTS_OF: &str =
    "SELECT * FROM ticketing.payments WHERE order_id = $1 ORDER BY created_at, id";
pub(crate) const REFUND: &str = "SELECT * FROM ticketing.refunds WHERE id = $1";
pub(crate) const REFUNDS_OF: &str =
    "SELECT * FROM ticketing.refunds WHERE payment = $1 ORDER BY created_at, id";
pub(crate) const PARKED: &str = "SELECT * FROM ticketing.payments \
     WHERE state = 'needs_operator' ORDER BY created_at, id LIMIT $1";
pub(crate) const FAILED: &str = "SELECT * FROM ticketing.refunds \
     WHERE state = 'failed' ORDER BY created_at, id LIMIT $1";
pub(crate) const DEAD: &str =
    "SELECT * FROM ticketing.dead_letters ORDER BY at DESC, kind, id, version LIMIT $1";
pub(crate) const CLEARING: &str =
    "SELECT id FROM ticketing.pools WHERE state = 'clearing' ORDER BY id LIMIT $1";

/// A payment.
pub(crate) async fn payment(
    conn: &mut PgConnection,
    id: PaymentId,
) -> Result<Option<Payment>, Failure> {
    let row = sqlx::query(PAYMENT).bind(id.as_uuid()).fetch_optional(conn).await?;
    row.as_ref().map(payment::read).transpose()
}

/// The payment with that intent.
pub(crate) async fn payment_by_intent(
    conn: &mut PgConnection,
    intent: &IntentRef,
) -> Result<Option<Payment>, Failure> {
    let row = sqlx::query(BY_INTENT).bind(intent.as_str()).fetch_optional(conn).await?;
    row.as_ref().map(payment::read).transpose()
}

/// All payments of an order, the oldest first.
pub(crate) async fn payments_of(
    conn: &mut PgConnection,
    order: OrderId,
) -> Result<Vec<Payment>, Failure> {
    let rows = sqlx::query(PAYMENTS_OF).bind(order.as_uuid()).fetch_all(conn).await?;
    rows.iter().map(payment::read).collect()
}

/// A refund.
pub(crate) async fn refund(
    conn: &mut PgConnection,
    id: RefundId,
) -> Result<Option<Refund>, Failure> {
    let row = sqlx::query(REFUND).bind(id.as_uuid()).fetch_optional(conn).await?;
    row.as_ref().map(refund::read).transpose()
}

/// All refunds of a payment, the oldest first.
pub(crate) async fn refunds_of(
    conn: &mut PgConnection,
    payment: PaymentId,
) -> Result<Vec<Refund>, Failure> {
    let rows = sqlx::query(REFUNDS_OF).bind(payment.as_uuid()).fetch_all(conn).await?;
    rows.iter().map(refund::read).collect()
}

/// What an idempotency key was used for.
pub(crate) async fn key(
    conn: &mut PgConnection,
    wanted: &(UserId, IdempotencyKey),
) -> Result<Option<KeyRecord>, Failure> {
    Ok(key::by_key(conn, &[wanted]).await?.pop())
}

/// The event of one version.
pub(crate) async fn event(
    conn: &mut PgConnection,
    key: EventKey,
) -> Result<Option<Event>, Failure> {
    event::by_key(conn, &[key]).await?.pop().transpose()
}

/// Withdrawn pools whose live orders are to be cancelled, by id.
pub(crate) async fn clearing_pools(
    conn: &mut PgConnection,
    limit: usize,
) -> Result<Vec<PoolId>, Failure> {
    let rows = sqlx::query(CLEARING).bind(limit_of(limit)).fetch_all(conn).await?;
    let id = |row: &PgRow| Fields::of("pools", row).id("id", PoolId::from_uuid);
    Ok(readable(rows.iter().map(id)))
}

/// Payments that are with an operator, the oldest first.
pub(crate) async fn parked_payments(
    conn: &mut PgConnection,
    limit: usize,
) -> Result<Vec<Payment>, Failure> {
    let rows = sqlx::query(PARKED).bind(limit_of(limit)).fetch_all(conn).await?;
    Ok(readable_rows(&rows, payment::read))
}

/// Refunds that failed, the oldest first.
pub(crate) async fn failed_refunds(
    conn: &mut PgConnection,
    limit: usize,
) -> Result<Vec<Refund>, Failure> {
    let rows = sqlx::query(FAILED).bind(limit_of(limit)).fetch_all(conn).await?;
    Ok(readable_rows(&rows, refund::read))
}

/// Dead letters, the newest first.
pub(crate) async fn dead_letters(
    conn: &mut PgConnection,
    limit: usize,
) -> Result<Vec<DeadLetter>, Failure> {
    let rows = sqlx::query(DEAD).bind(limit_of(limit)).fetch_all(conn).await?;
    Ok(readable_rows(&rows, outbox::read_dead))
}

/// A limit as PostgreSQL takes it.
pub(crate) fn limit_of(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// What of a list of work can be read. The rest is told to whoever runs the program, and left out:
/// one row that a careless hand has spoilt must not keep the others from being worked on.
pub(crate) fn readable<T>(rows: impl IntoIterator<Item = Result<T, Failure>>) -> Vec<T> {
    rows.into_iter().filter_map(if_readable).collect()
}

/// One row of such a list.
fn if_readable<T>(row: Result<T, Failure>) -> Option<T> {
    row.inspect_err(|failure| tracing::error!(%failure, "a row was left out")).ok()
}

/// The same of rows that need nothing else.
pub(crate) fn readable_rows<T>(rows: &[PgRow], read: fn(&PgRow) -> Result<T, Failure>) -> Vec<T> {
    readable(rows.iter().map(read))
}

/// What a statement found that also tells its `moment`, which it does with a row of its own where it
/// finds nothing.
pub(crate) fn at_moment(
    rows: &[PgRow],
) -> Result<(Timestamp, impl Iterator<Item = &PgRow>), Failure> {
    let moment: i64 = rows.first().ok_or(sqlx::Error::RowNotFound)?.try_get("moment")?;
    let is_found = |row: &&PgRow| !matches!(row.try_get::<Option<Uuid>, _>("id"), Ok(None));
    Ok((Timestamp::from_micros(moment), rows.iter().filter(is_found)))
}
