//! Listings with their pools: by id, by age, by seller, by words.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use futures_util::TryStreamExt;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, SqliteConnection};
use ticketing_core::ports::{Listing, ListingQuery, has_words};
use ticketing_core::values::{Cursor, Paged, TicketId, Timestamp};
use uuid::Uuid;

use crate::error::Failure;
use crate::many::{Lookup, Query};
use crate::reads::limit_of;
use crate::rows::{pool, ticket};

/// Words that more listings have than this are so common that a page of them is found sooner by
/// walking through all listings by age than by sorting those that have them.
const COMMON: usize = 2_000;

pub(crate) static BY_ID: LazyLock<Lookup> =
    LazyLock::new(|| Lookup::by(&columns(), FROM_TICKETS, &["t.id"]));

/// Where a walk begins. `CROSS JOIN` keeps SQLite to this order, which is that of an index.
const FROM_TICKETS: &str = "ticketing_tickets t CROSS JOIN ticketing_pools p ON p.id = t.id";
const FROM_POOLS: &str = "ticketing_pools p CROSS JOIN ticketing_tickets t ON t.id = p.id";
const FROM_WORDS: &str = "ticketing_words w CROSS JOIN ticketing_tickets t ON t.no = w.rowid \
     CROSS JOIN ticketing_pools p ON p.id = t.id";

pub(crate) const RARE: &str =
    "SELECT count(*) FROM (SELECT 1 FROM ticketing_words WHERE ticketing_words MATCH ? LIMIT ?)";
pub(crate) const PLACE: &str = "SELECT id, listed_at FROM ticketing_tickets WHERE id = ?";

/// What is asked of every listing, by the number of its parameter.
const TO_BUY: &str = " AND p.state = 'on_sale' AND p.sold_out = 0 \
     AND (p.sale_from IS NULL OR p.sale_from <= ?4) AND (p.sale_until IS NULL OR p.sale_until > ?4)";
const OF_SELLER: &str = " AND t.seller = ?5";
const WITH_WORDS: &str = " AND w.ticketing_words MATCH ?6";

fn columns() -> String {
    format!("{}, {}", ticket::COLUMNS, pool::COLUMNS)
}

/// Those of the listings that exist, in the order asked for.
pub(crate) async fn by_id(
    conn: &mut SqliteConnection,
    ids: &[TicketId],
) -> Result<Vec<Listing>, Failure> {
    let wanted: Vec<TicketId> = ids.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
    let bind = |query: Query, id: &TicketId| Ok(query.bind(id.as_uuid()));
    let found = BY_ID.rows(conn, &wanted, bind, read).await?;
    let found: BTreeMap<TicketId, Listing> =
        found.into_iter().map(|listing| (listing.ticket.id, listing)).collect();
    Ok(ids.iter().filter_map(|id| found.get(id).cloned()).collect())
}

/// The page of listings that `query` asks for, the newest first.
pub(crate) async fn search(
    conn: &mut SqliteConnection,
    query: &ListingQuery,
    now: Timestamp,
) -> Result<Paged<Listing>, Failure> {
    let prefixes: Vec<String> =
        query.prefixes().into_iter().collect::<BTreeSet<_>>().into_iter().collect();
    let words = prefixes.iter().map(|prefix| format!("\"{prefix}\"*")).collect::<Vec<_>>();
    let words = words.join(" ");
    let by_words = !words.is_empty() && are_rare(conn, &words).await?;
    let after = place_after(conn, query.page.after).await?;
    let sql = sql_of(query, by_words);
    let most = query.page.limit.get();
    let mut rows = sqlx::query(AssertSqlSafe(sql))
        .bind(after.0.as_micros())
        .bind(after.1)
        .bind(if by_words || words.is_empty() { limit_of(most.saturating_add(1)) } else { -1 })
        .bind(now.as_micros())
        .bind(query.seller.as_ref().map(|seller| seller.as_str().to_owned()))
        .bind(words)
        .fetch(conn);
    let mut items = Vec::with_capacity(most);
    while let Some(row) = rows.try_next().await? {
        let listing = read(&row)?;
        if !has_words(&listing.ticket, &prefixes) {
            continue;
        }
        if items.len() == most {
            let last = items.last().map(|last: &Listing| Cursor::at(last.ticket.id.as_uuid()));
            return Ok(Paged { items, next: last });
        }
        items.push(listing);
    }
    Ok(Paged { items, next: None })
}

/// The walk that finds a page soonest: through the words, what can be bought, or all listings.
pub(crate) fn sql_of(query: &ListingQuery, by_words: bool) -> Arc<str> {
    let from = match (by_words, query.all || query.seller.is_some()) {
        (true, _) => FROM_WORDS,
        (false, true) => FROM_TICKETS,
        (false, false) => FROM_POOLS,
    };
    let age = if from == FROM_POOLS { "p" } else { "t" };
    let asked = [(!query.all, TO_BUY), (query.seller.is_some(), OF_SELLER), (by_words, WITH_WORDS)];
    let conditions = asked.into_iter().filter(|(asked, _)| *asked).map(|(_, condition)| condition);
    Arc::from(format!(
        "SELECT {} FROM {from} WHERE ({age}.listed_at, {age}.id) < (?1, ?2){} \
         ORDER BY {age}.listed_at DESC, {age}.id DESC LIMIT ?3",
        columns(),
        conditions.collect::<String>()
    ))
}

async fn are_rare(conn: &mut SqliteConnection, words: &str) -> Result<bool, Failure> {
    let found: i64 = sqlx::query_scalar(RARE)
        .bind(words.to_owned())
        .bind(limit_of(COMMON.saturating_add(1)))
        .fetch_one(conn)
        .await?;
    Ok(found <= limit_of(COMMON))
}

/// The place in the walk that a page begins after: before everything, if it is the first.
async fn place_after(
    conn: &mut SqliteConnection,
    after: Option<Cursor>,
) -> Result<(Timestamp, Uuid), Failure> {
    let beginning = (Timestamp::MAX, Uuid::max());
    let Some(after) = after else {
        return Ok(beginning);
    };
    let row = sqlx::query(PLACE).bind(after.position()).fetch_optional(conn).await?;
    let place = row.as_ref().map(ticket::place).transpose()?;
    Ok(place.map_or(beginning, |(listed_at, id)| (listed_at, id.as_uuid())))
}

fn read(row: &SqliteRow) -> Result<Listing, Failure> {
    Ok(Listing { ticket: ticket::read(row)?, pool: pool::read(row)? })
}
