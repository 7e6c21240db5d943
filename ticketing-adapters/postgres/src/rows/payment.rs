//! Payments.

use std::sync::LazyLock;

use sqlx::postgres::PgRow;
use ticketing_core::domain::payment::{DeclineCode, Dispute};
use ticketing_core::domain::{ConfirmedBy, Payment, PaymentState};
use ticketing_core::values::{IntentRef, OrderId, PaymentId, UserId};

use crate::error::Failure;
use crate::fields::{Fields, micros, version};
use crate::table::{Query, Row, Table, column, try_column};

/// The table.
pub(crate) static TABLE: LazyLock<Table> = LazyLock::new(|| {
    Table::new(
        "payments",
        &[
            ("version", "bigint"),
            ("intent", "text"),
            ("search_only", "boolean"),
            ("state", "text"),
            ("detail", "text"),
            ("last_decline", "text"),
            ("refunding", "bigint"),
            ("dispute", "text"),
            ("late_money", "boolean"),
            ("confirmed_at", "bigint"),
            ("next_action_at", "bigint"),
            ("may_pay", "boolean"),
        ],
        &[
            ("id", "uuid"),
            ("order_id", "uuid"),
            ("buyer", "text"),
            ("amount", "bigint"),
            ("currency", "text"),
            ("confirmed_by", "text"),
            ("created_at", "bigint"),
        ],
    )
});

impl Row for Payment {
    fn table() -> &'static Table {
        &TABLE
    }

    fn bind_changing<'q>(query: Query<'q>, rows: &[&'q Self]) -> Result<Query<'q>, Failure> {
        let (states, details): (Vec<_>, Vec<_>) = rows.iter().map(|it| it.state.words()).unzip();
        Ok(query
            .bind(try_column(rows, |it| version(TABLE.name, it.version))?)
            .bind(column(rows, |it| it.intent.as_ref().map(IntentRef::as_str)))
            .bind(column(rows, |it| it.search_only))
            .bind(states)
            .bind(details)
            .bind(column(rows, |it| it.last_decline.map(DeclineCode::code)))
            .bind(column(rows, |it| it.refunding.minor()))
            .bind(column(rows, |it| it.dispute.word()))
            .bind(column(rows, |it| it.late_money))
            .bind(column(rows, |it| micros(it.confirmed_at)))
            .bind(column(rows, |it| micros(it.next_action_at)))
            .bind(column(rows, Self::may_pay)))
    }

    fn bind_fixed<'q>(query: Query<'q>, rows: &[&'q Self]) -> Result<Query<'q>, Failure> {
        Ok(Self::bind_ids(query, rows)
            .bind(column(rows, |it| it.order.map(OrderId::as_uuid)))
            .bind(column(rows, |it| it.buyer.as_ref().map(UserId::as_str)))
            .bind(column(rows, |it| it.amount.minor()))
            .bind(column(rows, |it| it.amount.currency().code()))
            .bind(column(rows, |it| it.confirmed_by.word()))
            .bind(column(rows, |it| it.created_at.as_micros())))
    }

    fn bind_ids<'q>(query: Query<'q>, rows: &[&'q Self]) -> Query<'q> {
        query.bind(column(rows, |it| it.id.as_uuid()))
    }
}

/// Reads a payment.
pub(crate) fn read(row: &PgRow) -> Result<Payment, Failure> {
    let fields = Fields::of(TABLE.name, row);
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
