//! Payments.

use std::sync::LazyLock;

use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;
use ticketing_core::domain::payment::{DeclineCode, Dispute};
use ticketing_core::domain::{ConfirmedBy, Payment, PaymentState};
use ticketing_core::values::{OrderId, PaymentId, Version};

use crate::error::Failure;
use crate::fields::{Fields, micros, version};
use crate::many::{Insert, Query};

/// The table, as errors name it.
pub(crate) const TABLE: &str = "payments";

static INSERT: LazyLock<Insert> = LazyLock::new(|| {
    Insert::into(
        "ticketing_payments",
        &[
            "version",
            "intent",
            "search_only",
            "state",
            "detail",
            "last_decline",
            "refunding",
            "dispute",
            "late_money",
            "confirmed_at",
            "next_action_at",
            "may_pay",
            "id",
            "order_id",
            "buyer",
            "amount",
            "currency",
            "confirmed_by",
            "created_at",
        ],
    )
});

/// Inserts payments.
pub(crate) async fn insert(conn: &mut SqliteConnection, new: &[&Payment]) -> Result<(), Failure> {
    INSERT
        .rows(conn, new, |query, payment| {
            Ok(changing(query, payment)?
                .bind(payment.id.as_uuid())
                .bind(payment.order.map(OrderId::as_uuid))
                .bind(payment.buyer.as_ref().map(|buyer| buyer.as_str().to_owned()))
                .bind(payment.amount.minor())
                .bind(payment.amount.currency().code())
                .bind(payment.confirmed_by.word())
                .bind(payment.created_at.as_micros()))
        })
        .await
}

/// Replaces a payment that is at `before`.
pub(crate) async fn update(
    conn: &mut SqliteConnection,
    payment: &Payment,
    before: Version,
) -> Result<(), Failure> {
    let query = sqlx::query(
        "UPDATE ticketing_payments SET version = ?, intent = ?, search_only = ?, state = ?, \
         detail = ?, last_decline = ?, refunding = ?, dispute = ?, late_money = ?, confirmed_at = ?, \
         next_action_at = ?, may_pay = ? WHERE id = ? AND version = ?",
    );
    let query = changing(query, payment)?.bind(payment.id.as_uuid()).bind(version(TABLE, before)?);
    let done = query.execute(conn).await.map_err(Failure::of_write)?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(Failure::Moved { table: TABLE }) }
}

fn changing(query: Query, payment: &Payment) -> Result<Query, Failure> {
    let (state, detail) = payment.state.words();
    Ok(query
        .bind(version(TABLE, payment.version)?)
        .bind(payment.intent.as_ref().map(|intent| intent.as_str().to_owned()))
        .bind(payment.search_only)
        .bind(state)
        .bind(detail)
        .bind(payment.last_decline.map(DeclineCode::code))
        .bind(payment.refunding.minor())
        .bind(payment.dispute.word())
        .bind(payment.late_money)
        .bind(micros(payment.confirmed_at))
        .bind(micros(payment.next_action_at))
        .bind(payment.may_pay()))
}

/// Reads a payment.
pub(crate) fn read(row: &SqliteRow) -> Result<Payment, Failure> {
    let fields = Fields::of(TABLE, row);
    Ok(Payment {
        id: fields.id("id", PaymentId::from_uuid)?,
        order: fields.maybe_id("order_id", OrderId::from_uuid)?,
        buyer: fields.maybe_text("buyer")?,
        version: fields.version("version")?,
        amount: fields.money("amount")?,
        confirmed_by: fields.word("confirmed_by", ConfirmedBy::from_word)?,
        intent: fields.maybe_text("intent")?,
        search_only: fields.get("search_only")?,
        state: PaymentState::from_words(fields.get("state")?, fields.get("detail")?)
            .ok_or_else(|| fields.corrupt("state"))?,
        last_decline: fields.maybe_word("last_decline", DeclineCode::from_code)?,
        refunding: fields.money("refunding")?,
        dispute: fields.word("dispute", Dispute::from_word)?,
        late_money: fields.get("late_money")?,
        created_at: fields.time("created_at")?,
        confirmed_at: fields.maybe_time("confirmed_at")?,
        next_action_at: fields.maybe_time("next_action_at")?,
    })
}
