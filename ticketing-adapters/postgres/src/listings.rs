//! Listings with their pools: by id, by age, by seller, by words.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, PgConnection, Postgres};
use ticketing_core::ports::{Listing, ListingQuery};
use ticketing_core::values::{Cursor, Paged, TicketId, UserId};

use crate::error::Failure;
use crate::reads::{limit_of, readable};
use crate::rows::{pool, ticket};
use crate::time::now;

/// How many listings are walked through by age in search of words, before their index is asked.
pub(crate) const WALK_MAX: i64 = 1_000;
/// No title or venue has so many words, and the index has no longer ones.
const WORDS_MAX: usize = 1_000;
const WORD_BYTES_MAX: usize = 2_000;

pub(crate) static BY_ID: LazyLock<String> =
    LazyLock::new(|| format!("SELECT {} FROM {JOINED} WHERE t.id = ANY($1)", columns()));

const JOINED: &str = "ticketing.tickets AS t JOIN ticketing.pools AS p ON p.id = t.id";

/// The words of a listing, as their index has them.
const HAS_WORDS: &str = "array_to_tsvector(string_to_array(words, ' ')) @@ $4::text::tsquery";

fn columns() -> String {
    format!("{}, {}", ticket::COLUMNS, pool::COLUMNS)
}

/// Those of the listings that exist, in the order asked for.
pub(crate) async fn by_id(
    conn: &mut PgConnection,
    ids: &[TicketId],
) -> Result<Vec<Listing>, Failure> {
    let wanted: BTreeSet<TicketId> = ids.iter().copied().collect();
    let wanted: Vec<_> = wanted.into_iter().map(TicketId::as_uuid).collect();
    let rows = sqlx::query(BY_ID.as_str()).bind(wanted).fetch_all(conn).await?;
    let found = rows.iter().map(read).collect::<Result<Vec<Listing>, _>>()?;
    let found: BTreeMap<TicketId, Listing> =
        found.into_iter().map(|listing| (listing.ticket.id, listing)).collect();
    Ok(ids.iter().filter_map(|id| found.get(id).cloned()).collect())
}

/// The page of listings that `query` asks for, the newest first.
///
/// Words are looked for among the newest listings first, where common ones fill a page soon. When
/// they don't, the words are rare, or those that have them lie far back: then the index of words
/// tells all of them, which are sorted.
pub(crate) async fn search(
    conn: &mut PgConnection,
    query: &ListingQuery,
) -> Result<Paged<Listing>, Failure> {
    let Some(words) = wanted_words(query) else {
        return Ok(Paged { items: Vec::new(), next: None });
    };
    let hunt = Hunt { query, words: matching(&words) };
    if words.is_empty() {
        return hunt.page(&hunt.found(conn, walk_sql(query)).await?);
    }
    let walked = hunt.found(conn, words_walk_sql(query)).await?;
    if walked.len() > query.page.limit.get() {
        return hunt.page(&walked);
    }
    // It finds nothing if there was no more to walk through than was.
    let sorted = hunt.found(conn, words_sql(query)).await?;
    hunt.page(if sorted.is_empty() { &walked } else { &sorted })
}

/// What is looked for.
struct Hunt<'q> {
    query: &'q ListingQuery,
    words: String,
}

impl Hunt<'_> {
    /// One more than the page has room for, if there are so many.
    async fn found(&self, conn: &mut PgConnection, sql: String) -> Result<Vec<PgRow>, Failure> {
        Ok(self.bound(&sql).fetch_all(conn).await?)
    }

    fn bound<'s>(&'s self, sql: &'s str) -> Query<'s, Postgres, PgArguments> {
        let query = self.query;
        // Its text is ours: nothing from outside is in it.
        sqlx::query(AssertSqlSafe(sql.to_owned()))
            .bind(query.page.after.map(Cursor::position))
            .bind(limit_of(query.page.limit.get().saturating_add(1)))
            .bind(query.seller.as_ref().map(UserId::as_str))
            .bind(self.words.as_str())
    }

    /// Leaves out what a careless hand has spoilt: it must not hide the others of its page.
    fn page(&self, rows: &[PgRow]) -> Result<Paged<Listing>, Failure> {
        let most = self.query.page.limit.get();
        let has_more = rows.len() > most;
        let rows = rows.get(..most).unwrap_or(rows);
        let last = rows.last().filter(|_| has_more).map(ticket::place).transpose()?;
        let next = last.map(|(_, id)| Cursor::at(id.as_uuid()));
        Ok(Paged { items: readable(rows.iter().map(read)), next })
    }
}

/// A walk by age: through what can be bought, through a seller's listings, or through all. It begins
/// after the cursor.
fn walk(query: &ListingQuery, columns: &str, from: &str) -> String {
    let by = if walks_through_pools(query) { "p" } else { "t" };
    format!(
        "SELECT {columns} FROM {from} WHERE {}{} ORDER BY {by}.listed_at DESC, {by}.id DESC",
        after_cursor(by),
        conditions(query)
    )
}

fn walks_through_pools(query: &ListingQuery) -> bool {
    !query.all && query.seller.is_none()
}

fn after_cursor(by: &str) -> String {
    format!(
        "({by}.listed_at, {by}.id) < \
         (COALESCE((SELECT c.listed_at FROM ticketing.tickets AS c WHERE c.id = $1), \
         9223372036854775807), \
         COALESCE((SELECT c.id FROM ticketing.tickets AS c WHERE c.id = $1), \
         'ffffffff-ffff-ffff-ffff-ffffffffffff'))"
    )
}

fn conditions(query: &ListingQuery) -> String {
    let mut conditions = String::new();
    if !query.all {
        conditions.push_str(concat!(
            " AND p.state = 'on_sale' AND NOT p.sold_out \
             AND (p.sale_from IS NULL OR p.sale_from <= (SELECT ",
            now!(),
            ")) AND (p.sale_until IS NULL OR p.sale_until > (SELECT ",
            now!(),
            "))"
        ));
    }
    if query.seller.is_some() {
        conditions.push_str(" AND t.seller = $3");
    }
    conditions
}

/// A page of a walk.
pub(crate) fn walk_sql(query: &ListingQuery) -> String {
    format!("{} LIMIT $2", walk(query, &columns(), JOINED))
}

/// A page of what has the words, among those that a walk comes to first.
pub(crate) fn words_walk_sql(query: &ListingQuery) -> String {
    let walk = walk(query, &format!("{}, t.words", columns()), JOINED);
    format!("SELECT * FROM ({walk} LIMIT {WALK_MAX}) AS walked WHERE {HAS_WORDS} LIMIT $2")
}

/// A page of what has the words, if a walk has more listings than were walked through.
///
/// Each step is a query of its own, since the database can't know how many listings have a word: all
/// that have the words, by their index; those in the order of their age; and one after the other,
/// until the page is full, what is wanted of them.
pub(crate) fn words_sql(query: &ListingQuery) -> String {
    let from = match (query.all, walks_through_pools(query)) {
        (true, _) => "ticketing.tickets AS t",
        (false, true) => "ticketing.pools AS p",
        (false, false) => JOINED,
    };
    format!(
        "WITH rest AS MATERIALIZED ({} OFFSET {WALK_MAX} LIMIT 1), \
         found AS MATERIALIZED (SELECT id, listed_at FROM ticketing.tickets \
         WHERE {HAS_WORDS} AND EXISTS (SELECT FROM rest)), \
         aged AS (SELECT f.id, f.listed_at FROM found AS f WHERE {} \
         ORDER BY f.listed_at DESC, f.id DESC) \
         SELECT listing.* FROM aged CROSS JOIN LATERAL \
         (SELECT {} FROM {JOINED} WHERE t.id = aged.id{} OFFSET 0) AS listing \
         ORDER BY aged.listed_at DESC, aged.id DESC LIMIT $2",
        walk(query, "1", from),
        after_cursor("f"),
        columns(),
        conditions(query)
    )
}

/// The words to look for: a word that begins with a longer one is found with it, so only the longest
/// are left. Nothing if no listing can have them.
fn wanted_words(query: &ListingQuery) -> Option<Vec<String>> {
    let prefixes: BTreeSet<String> = query.prefixes().into_iter().collect();
    let mut longest: Vec<String> = Vec::with_capacity(prefixes.len());
    // In their order, what begins with a text comes right after it.
    for prefix in prefixes {
        match longest.last_mut() {
            Some(shorter) if prefix.starts_with(shorter.as_str()) => *shorter = prefix,
            Some(_) | None => longest.push(prefix),
        }
    }
    // Each of them begins another word.
    let is_possible =
        longest.len() <= WORDS_MAX && longest.iter().all(|word| word.len() <= WORD_BYTES_MAX);
    is_possible.then_some(longest)
}

/// What the index over words is asked for. Words hold letters and digits alone, so nothing in them
/// has to be escaped.
fn matching(words: &[String]) -> String {
    words.iter().map(|word| format!("'{word}':*")).collect::<Vec<_>>().join(" & ")
}

fn read(row: &PgRow) -> Result<Listing, Failure> {
    Ok(Listing { ticket: ticket::read(row)?, pool: pool::read(row)? })
}
