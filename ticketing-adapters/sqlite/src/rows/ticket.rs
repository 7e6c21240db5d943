//! Listings.

use std::sync::LazyLock;

use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;
use ticketing_core::domain::ticket::Terms;
use ticketing_core::domain::{Ticket, TicketState};
use ticketing_core::ports::words;
use ticketing_core::values::{TicketId, Timestamp, Version};

use crate::error::Failure;
use crate::fields::{Fields, micros, version};
use crate::many::{Insert, Query};

/// The table, as errors name it.
pub(crate) const TABLE: &str = "tickets";

/// The columns of a listing, of the alias `t`, for whoever reads one.
pub(crate) const COLUMNS: &str = "t.no, t.id, t.seller, t.version, t.state, t.title, t.description, t.venue, \
     t.starts_at, t.price, t.currency, t.capacity, t.max_per_order, t.max_per_buyer, t.sale_from, \
     t.sale_until, t.listed_at";

static INSERT: LazyLock<Insert> = LazyLock::new(|| {
    Insert::into(
        "ticketing_tickets",
        &[
            "id",
            "seller",
            "listed_at",
            "version",
            "state",
            "title",
            "description",
            "venue",
            "starts_at",
            "price",
            "currency",
            "capacity",
            "max_per_order",
            "max_per_buyer",
            "sale_from",
            "sale_until",
        ],
    )
});

/// Inserts listings, and their words.
pub(crate) async fn insert(conn: &mut SqliteConnection, new: &[&Ticket]) -> Result<(), Failure> {
    INSERT
        .rows(conn, new, |query, ticket| {
            let query = query
                .bind(ticket.id.as_uuid())
                .bind(ticket.seller.as_str().to_owned())
                .bind(ticket.listed_at.as_micros());
            changing(query, ticket)
        })
        .await?;
    for ticket in new {
        add_words(conn, ticket).await?;
    }
    Ok(())
}

/// Replaces a listing that is at `before`, and its words.
pub(crate) async fn update(
    conn: &mut SqliteConnection,
    ticket: &Ticket,
    before: Version,
) -> Result<(), Failure> {
    let query = sqlx::query(
        "UPDATE ticketing_tickets SET version = ?, state = ?, title = ?, description = ?, venue = ?, \
         starts_at = ?, price = ?, currency = ?, capacity = ?, max_per_order = ?, max_per_buyer = ?, \
         sale_from = ?, sale_until = ? WHERE id = ? AND version = ?",
    );
    let query = changing(query, ticket)?.bind(ticket.id.as_uuid()).bind(version(TABLE, before)?);
    let done = query.execute(&mut *conn).await.map_err(Failure::of_write)?;
    if done.rows_affected() != 1 {
        return Err(Failure::Moved { table: TABLE });
    }
    sqlx::query(
        "DELETE FROM ticketing_words WHERE rowid = (SELECT no FROM ticketing_tickets WHERE id = ?)",
    )
    .bind(ticket.id.as_uuid())
    .execute(&mut *conn)
    .await?;
    add_words(conn, ticket).await
}

/// The columns that an edit changes.
fn changing(query: Query, ticket: &Ticket) -> Result<Query, Failure> {
    let terms = &ticket.terms;
    Ok(query
        .bind(version(TABLE, ticket.version)?)
        .bind(ticket.state.word())
        .bind(terms.title.as_str().to_owned())
        .bind(terms.description.as_ref().map(|text| text.as_str().to_owned()))
        .bind(terms.venue.as_ref().map(|text| text.as_str().to_owned()))
        .bind(micros(terms.starts_at))
        .bind(terms.price.minor())
        .bind(terms.price.currency().code())
        .bind(i64::from(terms.capacity.get()))
        .bind(terms.max_per_order.map(|units| i64::from(units.get())))
        .bind(terms.max_per_buyer.map(|units| i64::from(units.get())))
        .bind(micros(terms.sale.from()))
        .bind(micros(terms.sale.until())))
}

async fn add_words(conn: &mut SqliteConnection, ticket: &Ticket) -> Result<(), Failure> {
    let venue = ticket.terms.venue.as_ref().map_or("", |venue| venue.as_str());
    let words: Vec<String> = words(ticket.terms.title.as_str()).chain(words(venue)).collect();
    sqlx::query(
        "INSERT INTO ticketing_words (rowid, words) \
         VALUES ((SELECT no FROM ticketing_tickets WHERE id = ?), ?)",
    )
    .bind(ticket.id.as_uuid())
    .bind(words.join(" "))
    .execute(conn)
    .await
    .map_err(Failure::of_write)?;
    Ok(())
}

/// Reads a listing.
pub(crate) fn read(row: &SqliteRow) -> Result<Ticket, Failure> {
    let fields = Fields::of(TABLE, row);
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
pub(crate) fn place(row: &SqliteRow) -> Result<(Timestamp, TicketId), Failure> {
    let fields = Fields::of(TABLE, row);
    Ok((fields.time("listed_at")?, fields.id("id", TicketId::from_uuid)?))
}
