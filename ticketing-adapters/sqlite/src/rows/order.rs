//! Orders: the first line lies in the order's own row, further lines in theirs.

use std::sync::LazyLock;

use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;
use ticketing_core::domain::words::OrderStateParts;
use ticketing_core::domain::{CancelReason, Line, Order, OrderState};
use ticketing_core::values::{Currency, Money, OrderId, PaymentId, TicketId, Version};

use crate::error::Failure;
use crate::fields::{Fields, micros, version};
use crate::many::{Insert, Query};

/// The table, as errors name it.
pub(crate) const TABLE: &str = "orders";
/// The table of further lines, as errors name it.
pub(crate) const LINES: &str = "order_lines";

static INSERT: LazyLock<Insert> = LazyLock::new(|| {
    Insert::into(
        "ticketing_orders",
        &[
            "version",
            "state",
            "reason",
            "attempt",
            "release_at",
            "refunded",
            "expires_at",
            "pay_deadline",
            "extended",
            "due_at",
            "returned",
            "restocked",
            "id",
            "buyer",
            "total",
            "currency",
            "created_at",
            "ticket",
            "seller",
            "listing",
            "title",
            "price",
            "quantity",
            "further_lines",
        ],
    )
});

static INSERT_LINES: LazyLock<Insert> = LazyLock::new(|| {
    Insert::into(
        "ticketing_order_lines",
        &[
            "order_id",
            "place",
            "ticket",
            "seller",
            "listing",
            "title",
            "price",
            "quantity",
            "returned",
            "restocked",
            "due_at",
        ],
    )
});

/// A line after the first, and where it stands.
struct FurtherLine<'a> {
    order: &'a Order,
    place: i64,
    line: &'a Line,
}

/// Inserts orders.
pub(crate) async fn insert(conn: &mut SqliteConnection, new: &[&Order]) -> Result<(), Failure> {
    INSERT
        .rows(conn, new, |query, order| {
            let first = first_line(order)?;
            let further = order.lines.len().saturating_sub(1);
            let query = changing(query, order, first)?
                .bind(order.id.as_uuid())
                .bind(order.buyer.as_str().to_owned())
                .bind(order.total.minor())
                .bind(order.total.currency().code())
                .bind(order.created_at.as_micros());
            Ok(frozen(query, first)?.bind(i64::try_from(further).unwrap_or(i64::MAX)))
        })
        .await?;
    let further: Vec<FurtherLine<'_>> = new.iter().flat_map(|order| further_lines(order)).collect();
    INSERT_LINES
        .rows(conn, &further, |query, FurtherLine { order, place, line }| {
            Ok(frozen(query.bind(order.id.as_uuid()).bind(*place), line)?
                .bind(i64::from(line.returned))
                .bind(i64::from(line.restocked))
                .bind(micros(order.due_at())))
        })
        .await
}

/// Replaces an order that is at `before`.
pub(crate) async fn update(
    conn: &mut SqliteConnection,
    order: &Order,
    before: Version,
) -> Result<(), Failure> {
    let query = sqlx::query(
        "UPDATE ticketing_orders SET version = ?, state = ?, reason = ?, attempt = ?, \
         release_at = ?, refunded = ?, expires_at = ?, pay_deadline = ?, extended = ?, due_at = ?, \
         returned = ?, restocked = ? WHERE id = ? AND version = ?",
    );
    let query = changing(query, order, first_line(order)?)?
        .bind(order.id.as_uuid())
        .bind(version(TABLE, before)?);
    let done = query.execute(&mut *conn).await.map_err(Failure::of_write)?;
    if done.rows_affected() != 1 {
        return Err(Failure::Moved { table: TABLE });
    }
    for FurtherLine { order, place, line } in further_lines(order) {
        let done = sqlx::query(
            "UPDATE ticketing_order_lines SET returned = ?, restocked = ?, due_at = ? \
             WHERE order_id = ? AND place = ?",
        )
        .bind(i64::from(line.returned))
        .bind(i64::from(line.restocked))
        .bind(micros(order.due_at()))
        .bind(order.id.as_uuid())
        .bind(place)
        .execute(&mut *conn)
        .await
        .map_err(Failure::of_write)?;
        if done.rows_affected() != 1 {
            return Err(Failure::Moved { table: LINES });
        }
    }
    Ok(())
}

/// The columns that change in the life of an order.
fn changing(query: Query, order: &Order, first: &Line) -> Result<Query, Failure> {
    let state = order.state.parts();
    Ok(query
        .bind(version(TABLE, order.version)?)
        .bind(state.word)
        .bind(state.reason.map(CancelReason::word))
        .bind(state.attempt.map(PaymentId::as_uuid))
        .bind(micros(state.release_at))
        .bind(order.refunded.minor())
        .bind(order.expires_at.as_micros())
        .bind(micros(order.pay_deadline))
        .bind(order.extended)
        .bind(micros(order.due_at()))
        .bind(i64::from(first.returned))
        .bind(i64::from(first.restocked)))
}

/// The columns of a line that were frozen when the order was placed.
fn frozen(query: Query, line: &Line) -> Result<Query, Failure> {
    Ok(query
        .bind(line.ticket_id.as_uuid())
        .bind(line.seller_id.as_str().to_owned())
        .bind(version(TABLE, line.listing_version)?)
        .bind(line.title.as_str().to_owned())
        .bind(line.price.minor())
        .bind(i64::from(line.quantity.get())))
}

fn first_line(order: &Order) -> Result<&Line, Failure> {
    order.lines.first().ok_or(Failure::Unfit { table: TABLE, column: "ticket" })
}

fn further_lines(order: &Order) -> impl Iterator<Item = FurtherLine<'_>> {
    (0..).zip(order.lines.iter()).skip(1).map(move |(place, line)| FurtherLine {
        order,
        place,
        line,
    })
}

/// An order as its row has it, which lacks the further lines.
pub(crate) struct Stored {
    order: Order,
    lines: Vec<Line>,
    pub(crate) further: usize,
}

impl Stored {
    /// Which order it is.
    pub(crate) fn id(&self) -> OrderId {
        self.order.id
    }

    /// The order with its further lines, in their order.
    pub(crate) fn complete(mut self, further: Vec<Line>) -> Result<Order, Failure> {
        if further.len() != self.further {
            let id = self.order.id.to_string();
            return Err(Failure::Corrupt { table: TABLE, column: "further_lines", id });
        }
        self.lines.extend(further);
        Ok(Order { lines: self.lines.into(), ..self.order })
    }
}

/// Reads the row of an order.
pub(crate) fn read(row: &SqliteRow) -> Result<Stored, Failure> {
    let fields = Fields::of(TABLE, row);
    let total = fields.money("total")?;
    let order = Order {
        id: fields.id("id", OrderId::from_uuid)?,
        buyer: fields.text("buyer")?,
        version: fields.version("version")?,
        lines: [].into(),
        total,
        refunded: fields.money("refunded")?,
        created_at: fields.time("created_at")?,
        expires_at: fields.time("expires_at")?,
        pay_deadline: fields.maybe_time("pay_deadline")?,
        extended: fields.get("extended")?,
        state: state_of(&fields)?,
    };
    let line = read_line(&fields, total.currency())?;
    Ok(Stored { order, lines: vec![line], further: fields.number("further_lines")? })
}

/// Reads a further line, and which order it is of.
pub(crate) fn read_further(row: &SqliteRow) -> Result<(OrderId, i64, Line), Failure> {
    let fields = Fields::keyed(LINES, "order_id", row);
    let currency = fields.text("currency")?;
    let order = fields.id("order_id", OrderId::from_uuid)?;
    Ok((order, fields.get("place")?, read_line(&fields, currency)?))
}

fn read_line(fields: &Fields<'_>, currency: Currency) -> Result<Line, Failure> {
    let price = Money::new(fields.get("price")?, currency);
    Ok(Line {
        ticket_id: fields.id("ticket", TicketId::from_uuid)?,
        seller_id: fields.text("seller")?,
        listing_version: fields.version("listing")?,
        title: fields.text("title")?,
        price: price.map_err(|_wrong| fields.corrupt("price"))?,
        quantity: fields.count("quantity")?,
        returned: fields.number("returned")?,
        restocked: fields.number("restocked")?,
    })
}

fn state_of(fields: &Fields<'_>) -> Result<OrderState, Failure> {
    let parts = OrderStateParts {
        word: fields.get("state")?,
        reason: fields.maybe_word("reason", CancelReason::from_word)?,
        attempt: fields.maybe_id("attempt", PaymentId::from_uuid)?,
        release_at: fields.maybe_time("release_at")?,
    };
    OrderState::from_parts(parts).ok_or_else(|| fields.corrupt("state"))
}
