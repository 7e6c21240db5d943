//! Refunds.

use std::sync::LazyLock;

use sqlx::postgres::PgRow;
use ticketing_core::domain::{Refund, RefundState};
use ticketing_core::values::{Note, OrderId, PaymentId, RefundId, RefundRef};

use crate::error::Failure;
use crate::fields::{Fields, micros, version};
use crate::table::{Query, Row, Table, column, try_column};

/// The table.
pub(crate) static TABLE: LazyLock<Table> = LazyLock::new(|| {
    Table::new(
        "refunds",
        &[
            ("version", "bigint"),
            ("attempt", "bigint"),
            ("begun_at", "bigint"),
            ("reference", "text"),
            ("state", "text"),
            ("next_action_at", "bigint"),
        ],
        &[
            ("id", "uuid"),
            ("payment", "uuid"),
            ("order_id", "uuid"),
            ("amount", "bigint"),
            ("currency", "text"),
            ("reason", "text"),
            ("created_at", "bigint"),
        ],
    )
});

impl Row for Refund {
    fn table() -> &'static Table {
        &TABLE
    }

    fn bind_changing<'q>(query: Query<'q>, rows: &[&'q Self]) -> Result<Query<'q>, Failure> {
        Ok(query
            .bind(try_column(rows, |it| version(TABLE.name, it.version))?)
            .bind(column(rows, |it| i64::from(it.attempt)))
            .bind(column(rows, |it| it.begun_at.as_micros()))
            .bind(column(rows, |it| it.reference.as_ref().map(RefundRef::as_str)))
            .bind(column(rows, |it| it.state.word()))
            .bind(column(rows, |it| micros(it.next_action_at))))
    }

    fn bind_fixed<'q>(query: Query<'q>, rows: &[&'q Self]) -> Result<Query<'q>, Failure> {
        Ok(Self::bind_ids(query, rows)
            .bind(column(rows, |it| it.payment.as_uuid()))
            .bind(column(rows, |it| it.order.map(OrderId::as_uuid)))
            .bind(column(rows, |it| it.amount.minor()))
            .bind(column(rows, |it| it.amount.currency().code()))
            .bind(column(rows, |it| it.reason.as_ref().map(Note::as_str)))
            .bind(column(rows, |it| it.created_at.as_micros())))
    }

    fn bind_ids<'q>(query: Query<'q>, rows: &[&'q Self]) -> Query<'q> {
        query.bind(column(rows, |it| it.id.as_uuid()))
    }
}

/// Reads a refund.
pub(crate) fn read(row: &PgRow) -> Result<Refund, Failure> {
    let fields = Fields::of(TABLE.name, row);
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
