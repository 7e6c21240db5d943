//! Listings with their pools: by id, by age, by seller, by words.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use futures_util::TryStreamExt;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Row, SqliteConnection};
use ticketing_core::ports::{Listing, ListingQuery, has_words};
use ticketing_core::values::{Cursor, Paged, TicketId, Timestamp};
use uuid::Uuid;

use crate::error::Failure;
use crate::many::{Lookup, Query};
use crate::reads::{if_readable, limit_of, readable};
use crate::rows::{pool, ticket};

/// Words that more listings have than this are common.
const COMMON: usize = 20_000;
/// The most listings that are walked through to find a page of those with common words.
const WALK_MAX: usize = 5_000;
/// How many listings are read at once when they are looked at one after the other.
const READ_AT_ONCE: usize = 128;

pub(crate) static BY_ID: LazyLock<Lookup> =
    LazyLock::new(|| Lookup::by(&columns(), FROM_TICKETS, &["t.id"]));

/// Where a walk begins. `CROSS JOIN` keeps SQLite to this order, which is that of an index.
const FROM_TICKETS: &str = "ticketing_tickets t CROSS JOIN ticketing_pools p ON p.id = t.id";
const FROM_POOLS: &str = "ticketing_pools p CROSS JOIN ticketing_tickets t ON t.id = p.id";
const FROM_WORDS: &str = "ticketing_words w CROSS JOIN ticketing_tickets t ON t.no = w.rowid \
     CROSS JOIN ticketing_pools p ON p.id = t.id";

pub(crate) const FOUND: &str =
    "SELECT count(*) FROM (SELECT 1 FROM ticketing_words WHERE ticketing_words MATCH ? LIMIT ?)";
pub(crate) const PLACE: &str = "SELECT id, listed_at FROM ticketing_tickets WHERE id = ?";

/// What is asked of every listing, by the number of its parameter.
const TO_BUY: &str = " AND p.state = 'on_sale' AND p.sold_out = 0 \
     AND (p.sale_from IS NULL OR p.sale_from <= ?3) AND (p.sale_until IS NULL OR p.sale_until > ?3)";
const OF_SELLER: &str = " AND t.seller = ?4";

fn columns() -> String {
    format!("{}, {}", ticket::COLUMNS, pool::COLUMNS)
}

/// Those of the listings that exist, in the order asked for.
pub(crate) async fn by_id(
    conn: &mut SqliteConnection,
    ids: &[TicketId],
) -> Result<Vec<Listing>, Failure> {
    let found = each_by_id(conn, ids).await?.into_iter().collect::<Result<_, _>>()?;
    Ok(in_order(ids, found))
}

/// Those of the listings that exist, in no order, each as far as it can be read.
async fn each_by_id(
    conn: &mut SqliteConnection,
    ids: &[TicketId],
) -> Result<Vec<Result<Listing, Failure>>, Failure> {
    let wanted: Vec<TicketId> = ids.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
    let bind = |query: Query, id: &TicketId| Ok(query.bind(id.as_uuid()));
    BY_ID.rows(conn, &wanted, bind, |row| Ok(read(row))).await
}

fn in_order(ids: &[TicketId], found: Vec<Listing>) -> Vec<Listing> {
    let found: BTreeMap<TicketId, Listing> =
        found.into_iter().map(|listing| (listing.ticket.id, listing)).collect();
    ids.iter().filter_map(|id| found.get(id).cloned()).collect()
}

/// The page of listings that `query` asks for, the newest first.
///
/// Rare words lead to their listings, which are then sorted. Where every word is common, walking
/// through the listings by age soon finds a page of them, as a rule; where it does not, because those
/// that have the words lie far back, they are sorted after all.
pub(crate) async fn search(
    conn: &mut SqliteConnection,
    query: &ListingQuery,
    now: Timestamp,
) -> Result<Paged<Listing>, Failure> {
    let prefixes = query.prefixes().into_iter().collect::<BTreeSet<_>>();
    let prefixes: Vec<String> = prefixes.into_iter().collect();
    let after = place_after(conn, query.page.after).await?;
    let hunt = Hunt { query, prefixes: &prefixes, now, after };
    let rare = rare_of(conn, &prefixes).await?;
    if !rare.is_empty() {
        return hunt.through_words(conn, &rare).await;
    }
    let most = if prefixes.is_empty() { usize::MAX } else { WALK_MAX };
    match hunt.walked(conn, most).await? {
        Some(page) => Ok(page),
        None => hunt.through_words(conn, &prefixes).await,
    }
}

/// What is looked for, and from which place on.
struct Hunt<'a> {
    query: &'a ListingQuery,
    prefixes: &'a [String],
    now: Timestamp,
    after: (Timestamp, Uuid),
}

impl Hunt<'_> {
    /// Walks through listings by age until the page is full; nothing if that takes too many.
    async fn walked(
        &self,
        conn: &mut SqliteConnection,
        most: usize,
    ) -> Result<Option<Paged<Listing>>, Failure> {
        let mut rows = self.bound(walk_sql(self.query), "").fetch(conn);
        let mut page = PageOf::new(self.query);
        let mut walked = 0;
        while let Some(row) = rows.try_next().await? {
            // One that a careless hand has spoilt must not hide the others of its page.
            let listing = if_readable(read(&row));
            if page.is_over(listing.and_then(|listing| self.having_words(listing))) {
                return Ok(Some(page.ended()));
            }
            walked += 1;
            if walked == most {
                return Ok(None);
            }
        }
        Ok(Some(page.ended()))
    }

    /// Sorts the listings that have these words, and looks at them until the page is full.
    async fn through_words(
        &self,
        conn: &mut SqliteConnection,
        words: &[String],
    ) -> Result<Paged<Listing>, Failure> {
        let sorted = self.bound(words_sql(self.query), &matching(words)).fetch_all(&mut *conn);
        let ids = sorted.await?.into_iter().map(|row| row.try_get("id").map(TicketId::from_uuid));
        let ids = ids.collect::<Result<Vec<_>, _>>()?;
        let mut page = PageOf::new(self.query);
        for some in ids.chunks(READ_AT_ONCE) {
            let found = readable(each_by_id(conn, some).await?);
            for listing in in_order(some, found) {
                if page.is_over(self.having_words(listing)) {
                    return Ok(page.ended());
                }
            }
        }
        Ok(page.ended())
    }

    fn bound(&self, sql: Arc<str>, words: &str) -> Query {
        sqlx::query(AssertSqlSafe(sql))
            .bind(self.after.0.as_micros())
            .bind(self.after.1)
            .bind(self.now.as_micros())
            .bind(self.query.seller.as_ref().map(|seller| seller.as_str().to_owned()))
            .bind(words.to_owned())
    }

    fn having_words(&self, listing: Listing) -> Option<Listing> {
        has_words(&listing.ticket, self.prefixes).then_some(listing)
    }
}

/// A page that fills.
struct PageOf {
    most: usize,
    items: Vec<Listing>,
    has_more: bool,
}

impl PageOf {
    fn new(query: &ListingQuery) -> Self {
        let most = query.page.limit.get();
        Self { most, items: Vec::with_capacity(most), has_more: false }
    }

    /// Takes what was found, if anything was. Answers whether the page is over: it is full, and
    /// there is more.
    fn is_over(&mut self, found: Option<Listing>) -> bool {
        if let Some(listing) = found {
            self.has_more = self.items.len() == self.most;
            if !self.has_more {
                self.items.push(listing);
            }
        }
        self.has_more
    }

    fn ended(self) -> Paged<Listing> {
        let last = self.items.last().filter(|_| self.has_more);
        let next = last.map(|last| Cursor::at(last.ticket.id.as_uuid()));
        Paged { items: self.items, next }
    }
}

/// The walk through what can be bought, or all listings, by age.
pub(crate) fn walk_sql(query: &ListingQuery) -> Arc<str> {
    let any = query.all || query.seller.is_some();
    let (from, age) = if any { (FROM_TICKETS, "t") } else { (FROM_POOLS, "p") };
    Arc::from(format!(
        "SELECT {} FROM {from} WHERE ({age}.listed_at, {age}.id) < (?1, ?2){} \
         ORDER BY {age}.listed_at DESC, {age}.id DESC",
        columns(),
        conditions(query)
    ))
}

/// The listings that have some words, sorted by age. Only their ids are sorted: the rest of them can
/// be long.
pub(crate) fn words_sql(query: &ListingQuery) -> Arc<str> {
    Arc::from(format!(
        "SELECT t.id FROM {FROM_WORDS} WHERE (t.listed_at, t.id) < (?1, ?2){} \
         AND w.ticketing_words MATCH ?5 ORDER BY t.listed_at DESC, t.id DESC",
        conditions(query)
    ))
}

fn conditions(query: &ListingQuery) -> String {
    let asked = [(!query.all, TO_BUY), (query.seller.is_some(), OF_SELLER)];
    asked.into_iter().filter(|(asked, _)| *asked).map(|(_, condition)| condition).collect()
}

/// What the index over words is asked for. Words hold letters and digits alone, so nothing in them
/// has to be escaped.
fn matching(prefixes: &[String]) -> String {
    prefixes.iter().map(|prefix| format!("\"{prefix}\"*")).collect::<Vec<_>>().join(" ")
}

/// Those of the prefixes that few listings have a word with.
async fn rare_of(conn: &mut SqliteConnection, prefixes: &[String]) -> Result<Vec<String>, Failure> {
    let mut rare = Vec::new();
    for prefix in prefixes {
        // A prefix of which the index keeps no list of its own is put together from the words that
        // begin with it, all of them. So a common word is looked for as it stands, which ends soon.
        let is_word = is_common(conn, &format!("\"{prefix}\"")).await?;
        if !is_word && !is_common(conn, &format!("\"{prefix}\"*")).await? {
            rare.push(prefix.clone());
        }
    }
    Ok(rare)
}

async fn is_common(conn: &mut SqliteConnection, matching: &str) -> Result<bool, Failure> {
    let found: i64 = sqlx::query_scalar(FOUND)
        .bind(matching.to_owned())
        .bind(limit_of(COMMON.saturating_add(1)))
        .fetch_one(conn)
        .await?;
    Ok(found > limit_of(COMMON))
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
