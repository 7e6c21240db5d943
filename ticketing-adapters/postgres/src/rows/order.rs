//! Orders: the first line lies in the order's own row, further lines in theirs.

use std::sync::LazyLock;

use sqlx::PgConnection;
use sqlx::postgres::PgRow;
use ticketing_core::domain::words::OrderStateParts;
use ticketing_core::domain::{CancelReason, Line, Order, OrderState};
use ticketing_core::values::{Currency, Money, OrderId, PaymentId, TicketId};

use crate::error::Failure;
use crate::fields::{Fields, micros, version};
use crate::table::{Column, Query, Row, Table, all_of, column, insert_from, try_column};

/// The table of further lines, as errors name it.
pub(crate) const LINES: &str = "order_lines";

/// The table.
pub(crate) static TABLE: LazyLock<Table> = LazyLock::new(|| {
    Table::new(
        "orders",
        &[
            ("version", "bigint"),
            ("state", "text"),
            ("reason", "text"),
            ("attempt", "uuid"),
            ("release_at", "bigint"),
            ("refunded", "bigint"),
            ("expires_at", "bigint"),
            ("pay_deadline", "bigint"),
            ("extended", "boolean"),
            ("due_at", "bigint"),
            ("returned", "bigint"),
            ("restocked", "bigint"),
        ],
        &[
            ("id", "uuid"),
            ("buyer", "text"),
            ("total", "bigint"),
            ("currency", "text"),
            ("created_at", "bigint"),
            ("ticket", "uuid"),
            ("seller", "text"),
            ("listing", "bigint"),
            ("title", "text"),
            ("price", "bigint"),
            ("quantity", "bigint"),
            ("further_lines", "bigint"),
        ],
    )
});

/// The columns of a further line.
const LINE_COLUMNS: [Column; 11] = [
    ("order_id", "uuid"),
    ("place", "bigint"),
    ("ticket", "uuid"),
    ("seller", "text"),
    ("listing", "bigint"),
    ("title", "text"),
    ("price", "bigint"),
    ("quantity", "bigint"),
    ("returned", "bigint"),
    ("restocked", "bigint"),
    ("due_at", "bigint"),
];

static INSERT_LINES: LazyLock<String> = LazyLock::new(|| insert_from(LINES, &LINE_COLUMNS, 1));

const UPDATE_LINES: &str = "UPDATE ticketing.order_lines AS stored \
     SET returned = changed.returned, restocked = changed.restocked, due_at = changed.due_at \
     FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[]) \
     AS changed (order_id, place, returned, restocked, due_at) \
     WHERE stored.order_id = changed.order_id AND stored.place = changed.place";

/// A line after the first, and where it stands.
pub(crate) struct FurtherLine<'a> {
    order: &'a Order,
    place: i64,
    line: &'a Line,
}

impl Row for Order {
    fn table() -> &'static Table {
        &TABLE
    }

    fn bind_changing<'q>(query: Query<'q>, rows: &[&'q Self]) -> Result<Query<'q>, Failure> {
        let states: Vec<OrderStateParts> = column(rows, |it| it.state.parts());
        let lines = first_lines(rows)?;
        Ok(query
            .bind(try_column(rows, |it| version(TABLE.name, it.version))?)
            .bind(states.iter().map(|state| state.word).collect::<Vec<_>>())
            .bind(states.iter().map(|it| it.reason.map(CancelReason::word)).collect::<Vec<_>>())
            .bind(states.iter().map(|it| it.attempt.map(PaymentId::as_uuid)).collect::<Vec<_>>())
            .bind(states.iter().map(|state| micros(state.release_at)).collect::<Vec<_>>())
            .bind(column(rows, |it| it.refunded.minor()))
            .bind(column(rows, |it| it.expires_at.as_micros()))
            .bind(column(rows, |it| micros(it.pay_deadline)))
            .bind(column(rows, |it| it.extended))
            .bind(column(rows, |it| micros(it.due_at())))
            .bind(column(&lines, |line| i64::from(line.returned)))
            .bind(column(&lines, |line| i64::from(line.restocked))))
    }

    fn bind_fixed<'q>(query: Query<'q>, rows: &[&'q Self]) -> Result<Query<'q>, Failure> {
        let query = Self::bind_ids(query, rows)
            .bind(column(rows, |it| it.buyer.as_str()))
            .bind(column(rows, |it| it.total.minor()))
            .bind(column(rows, |it| it.total.currency().code()))
            .bind(column(rows, |it| it.created_at.as_micros()));
        Ok(bind_frozen(query, &first_lines(rows)?)?.bind(try_column(rows, further)?))
    }

    fn bind_ids<'q>(query: Query<'q>, rows: &[&'q Self]) -> Query<'q> {
        query.bind(column(rows, |it| it.id.as_uuid()))
    }
}

/// Inserts the further lines of orders.
pub(crate) async fn insert_lines(
    conn: &mut PgConnection,
    orders: &[&Order],
) -> Result<(), Failure> {
    let lines = further_lines(orders);
    if lines.is_empty() {
        return Ok(());
    }
    let query = bind_lines(sqlx::query(INSERT_LINES.as_str()), &lines)?;
    query.execute(conn).await.map_err(Failure::of_statement)?;
    Ok(())
}

/// The statement that inserts further lines, with its first parameter at `first`, and the number of
/// the parameter after its last one.
pub(crate) fn insert_lines_at(first: usize) -> (String, usize) {
    (insert_from(LINES, &LINE_COLUMNS, first), first.saturating_add(LINE_COLUMNS.len()))
}

/// Adds the arrays of further lines.
pub(crate) fn bind_lines<'q>(
    query: Query<'q>,
    lines: &[FurtherLine<'q>],
) -> Result<Query<'q>, Failure> {
    let of_orders: Vec<&Line> = lines.iter().map(|it| it.line).collect();
    let query = query
        .bind(lines.iter().map(|it| it.order.id.as_uuid()).collect::<Vec<_>>())
        .bind(lines.iter().map(|it| it.place).collect::<Vec<_>>());
    Ok(bind_frozen(query, &of_orders)?
        .bind(column(&of_orders, |line| i64::from(line.returned)))
        .bind(column(&of_orders, |line| i64::from(line.restocked)))
        .bind(lines.iter().map(|it| micros(it.order.due_at())).collect::<Vec<_>>()))
}

/// Replaces the further lines of orders that were replaced in the same transaction.
pub(crate) async fn update_lines(
    conn: &mut PgConnection,
    orders: &[&Order],
) -> Result<(), Failure> {
    let lines = further_lines(orders);
    if lines.is_empty() {
        return Ok(());
    }
    let query = sqlx::query(UPDATE_LINES)
        .bind(lines.iter().map(|it| it.order.id.as_uuid()).collect::<Vec<_>>())
        .bind(lines.iter().map(|it| it.place).collect::<Vec<_>>())
        .bind(lines.iter().map(|it| i64::from(it.line.returned)).collect::<Vec<_>>())
        .bind(lines.iter().map(|it| i64::from(it.line.restocked)).collect::<Vec<_>>())
        .bind(lines.iter().map(|it| micros(it.order.due_at())).collect::<Vec<_>>());
    all_of(LINES, lines.len(), query.execute(conn).await)
}

/// The columns of a line that were frozen when the order was placed.
fn bind_frozen<'q>(query: Query<'q>, lines: &[&'q Line]) -> Result<Query<'q>, Failure> {
    Ok(query
        .bind(column(lines, |line| line.ticket_id.as_uuid()))
        .bind(column(lines, |line| line.seller_id.as_str()))
        .bind(try_column(lines, |line| version(TABLE.name, line.listing_version))?)
        .bind(column(lines, |line| line.title.as_str()))
        .bind(column(lines, |line| line.price.minor()))
        .bind(column(lines, |line| i64::from(line.quantity.get()))))
}

fn first_lines<'q>(orders: &[&'q Order]) -> Result<Vec<&'q Line>, Failure> {
    let unfit = Failure::Unfit { table: TABLE.name, column: "ticket" };
    let lines: Option<Vec<&Line>> = orders.iter().map(|order| order.lines.first()).collect();
    lines.ok_or(unfit)
}

/// How many lines an order has after the first.
fn further(order: &Order) -> Result<i64, Failure> {
    let unfit = |_too_many| Failure::Unfit { table: TABLE.name, column: "further_lines" };
    i64::try_from(order.lines.len().saturating_sub(1)).map_err(unfit)
}

/// The lines of orders after the first of each.
pub(crate) fn further_lines<'a>(orders: &[&'a Order]) -> Vec<FurtherLine<'a>> {
    let of_one = |order: &'a Order| {
        let lines = (0..).zip(order.lines.iter()).skip(1);
        lines.map(move |(place, line)| FurtherLine { order, place, line })
    };
    orders.iter().copied().flat_map(of_one).collect()
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
            return Err(Failure::Corrupt { table: TABLE.name, column: "further_lines", id });
        }
        self.lines.extend(further);
        Ok(Order { lines: self.lines.into(), ..self.order })
    }
}

/// Reads the row of an order.
pub(crate) fn read(row: &PgRow) -> Result<Stored, Failure> {
    let fields = Fields::of(TABLE.name, row);
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
pub(crate) fn read_further(row: &PgRow) -> Result<(OrderId, i64, Line), Failure> {
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
