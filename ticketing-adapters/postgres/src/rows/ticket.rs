//! Listings.

use std::sync::LazyLock;

use sqlx::postgres::PgRow;
use ticketing_core::domain::ticket::Terms;
use ticketing_core::domain::{Ticket, TicketState};
use ticketing_core::ports::words;
use ticketing_core::values::{Description, TicketId, Timestamp, Venue};

use crate::error::Failure;
use crate::fields::{Fields, micros, version};
use crate::table::{Query, Row, Table, column, try_column};

/// The table.
pub(crate) static TABLE: LazyLock<Table> = LazyLock::new(|| {
    Table::new(
        "tickets",
        &[
            ("version", "bigint"),
            ("state", "text"),
            ("title", "text"),
            ("description", "text"),
            ("venue", "text"),
            ("starts_at", "bigint"),
            ("price", "bigint"),
            ("currency", "text"),
            ("capacity", "bigint"),
            ("max_per_order", "bigint"),
            ("max_per_buyer", "bigint"),
            ("sale_from", "bigint"),
            ("sale_until", "bigint"),
            ("words", "text"),
        ],
        &[("id", "uuid"), ("seller", "text"), ("listed_at", "bigint")],
    )
});

/// The columns of a listing, of the alias `t`, for whoever reads one.
pub(crate) const COLUMNS: &str = "t.id, t.seller, t.version, t.state, t.title, t.description, t.venue, \
     t.starts_at, t.price, t.currency, t.capacity, t.max_per_order, t.max_per_buyer, t.sale_from, \
     t.sale_until, t.listed_at";

impl Row for Ticket {
    fn table() -> &'static Table {
        &TABLE
    }

    fn bind_changing<'q>(query: Query<'q>, rows: &[&'q Self]) -> Result<Query<'q>, Failure> {
        Ok(query
            .bind(try_column(rows, |it| version(TABLE.name, it.version))?)
            .bind(column(rows, |it| it.state.word()))
            .bind(column(rows, |it| it.terms.title.as_str()))
            .bind(column(rows, |it| it.terms.description.as_ref().map(Description::as_str)))
            .bind(column(rows, |it| it.terms.venue.as_ref().map(Venue::as_str)))
            .bind(column(rows, |it| micros(it.terms.starts_at)))
            .bind(column(rows, |it| it.terms.price.minor()))
            .bind(column(rows, |it| it.terms.price.currency().code()))
            .bind(column(rows, |it| i64::from(it.terms.capacity.get())))
            .bind(column(rows, |it| it.terms.max_per_order.map(|units| i64::from(units.get()))))
            .bind(column(rows, |it| it.terms.max_per_buyer.map(|units| i64::from(units.get()))))
            .bind(column(rows, |it| micros(it.terms.sale.from())))
            .bind(column(rows, |it| micros(it.terms.sale.until())))
            .bind(column(rows, words_of)))
    }

    fn bind_fixed<'q>(query: Query<'q>, rows: &[&'q Self]) -> Result<Query<'q>, Failure> {
        Ok(Self::bind_ids(query, rows)
            .bind(column(rows, |it| it.seller.as_str()))
            .bind(column(rows, |it| it.listed_at.as_micros())))
    }

    fn bind_ids<'q>(query: Query<'q>, rows: &[&'q Self]) -> Query<'q> {
        query.bind(column(rows, |it| it.id.as_uuid()))
    }
}

/// The words under which a listing is found.
fn words_of(ticket: &Ticket) -> String {
    let venue = ticket.terms.venue.as_ref().map_or("", |venue| venue.as_str());
    let words: Vec<String> = words(ticket.terms.title.as_str()).chain(words(venue)).collect();
    words.join(" ")
}

/// Reads a listing.
pub(crate) fn read(row: &PgRow) -> Result<Ticket, Failure> {
    let fields = Fields::of(TABLE.name, row);
    Ok(Ticket {
        id: fields.id("id", TicketId::from_uuid)?,
        seller: fields.text("seller")?,
        version: fields.version("version")?,
        state: fields.word("state", TicketState::from_word)?,
        terms: Terms {
            title: fields.text("title")?,
            description: fields.maybe_text("description")?,
            venue: fields.maybe_text("venue")?,
            starts_at: fields.maybe_time("starts_at")?,
            price: fields.money("price")?,
            capacity: fields.count("capacity")?,
            max_per_order: fields.maybe_count("max_per_order")?,
            max_per_buyer: fields.maybe_count("max_per_buyer")?,
            sale: fields.window("sale_from", "sale_until")?,
        },
        listed_at: fields.time("listed_at")?,
    })
}

/// Where a listing stands in the lists by age.
pub(crate) fn place(row: &PgRow) -> Result<(Timestamp, TicketId), Failure> {
    let fields = Fields::of(TABLE.name, row);
    Ok((fields.time("listed_at")?, fields.id("id", TicketId::from_uuid)?))
}
