//! What a question costs must not grow with what is stored: every list is read through an index, in
//! its order. SQLite's own account of its plans is the witness.

use sqlx::{AssertSqlSafe, Row};
use tempfile::TempDir;
use ticketing_core::ports::ListingQuery;
use ticketing_core::values::UserId;

use crate::listings::{self, FOUND, PLACE, walk_sql, words_sql};
use crate::many::{Lookup, Removal};
use crate::rows::{event, key, pool};
use crate::storage::SqliteStorage;
use crate::{leases, orders, reads, snapshot, webhooks, work};

async fn storage() -> (TempDir, SqliteStorage) {
    let folder = tempfile::tempdir().unwrap();
    let storage = SqliteStorage::open(folder.path().join("tickets.db")).await.unwrap();
    (folder, storage)
}

/// The steps of a statement's plan.
async fn plan(storage: &SqliteStorage, sql: &str) -> Vec<String> {
    let mut conn = storage.shared.reader().await.unwrap();
    let explained = sqlx::query(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}")));
    let rows = explained.fetch_all(&mut *conn).await.unwrap();
    rows.iter().map(|row| row.get::<String, _>("detail")).collect()
}

/// What a plan may walk through from its beginning. Each is in the order of the list and ends with
/// its limit, as nothing that is walked is left out. The outbox alone leaves out what is leased, which
/// is no more than a relay can claim while a lease lasts.
const WALKS: [&str; 7] = [
    "SCAN ticketing_dead_letters USING INDEX ticketing_dead_letters_by_age",
    "SCAN ticketing_payments USING INDEX ticketing_payments_parked",
    "SCAN ticketing_refunds USING INDEX ticketing_refunds_failed",
    "SCAN ticketing_pools USING INDEX ticketing_pools_to_clear",
    "SCAN ticketing_outbox USING INDEX ticketing_outbox_waiting",
    "SCAN ticketing_orders USING INDEX ticketing_orders_live",
    "SCAN ticketing_order_lines USING INDEX ticketing_order_lines_live",
];

/// What is walked of no table, but of what the statement itself has or has found.
const COMPUTED: [&str; 3] = ["SCAN (", "SCAN wanted", "SCAN CONSTANT ROW"];

/// Neither a walk through a whole table or index, nor a sort of what was found.
fn assert_bounded(steps: &[String], sql: &str) {
    for step in steps {
        let is_computed = COMPUTED.iter().any(|head| step.starts_with(head));
        let is_of_words = step.contains("VIRTUAL TABLE INDEX");
        let walk = step.replace("COVERING ", "");
        let is_allowed = is_computed || is_of_words || WALKS.contains(&walk.as_str());
        assert!(!step.starts_with("SCAN") || is_allowed, "{step}\nof {sql}\n{steps:#?}");
        // A search by nothing walks through all there is, whatever it is called.
        let is_search = step.starts_with("SEARCH");
        assert!(!is_search || step.ends_with(')'), "{step}\nof {sql}\n{steps:#?}");
        assert!(!step.contains("TEMP B-TREE"), "{step}\nof {sql}\n{steps:#?}");
    }
}

#[tokio::test]
async fn lists_are_read_through_indexes_in_their_order() {
    let (_folder, storage) = storage().await;
    for sql in [
        orders::OLDEST_FIRST,
        orders::NEWEST_FIRST,
        orders::DUE,
        reads::PAYMENTS_OF,
        reads::REFUNDS_OF,
        reads::DEAD,
        reads::PARKED,
        reads::FAILED,
        reads::CLEARING,
        leases::PAYMENTS.waits,
        leases::REFUNDS.waits,
        work::ROW_WAITS,
        leases::PAYMENTS.to_lease,
        leases::REFUNDS.to_lease,
        work::ROWS_TO_CLAIM,
        work::FIRST_SINCE,
        work::PUBLISHED,
        work::DEPTH,
        orders::HOLDS,
        work::OLD_ROWS,
        work::OLD_KEYS,
        work::OLD_WEBHOOKS,
        webhooks::WEBHOOK_WAITS,
        webhooks::TO_CLAIM,
        PLACE,
        FOUND,
    ] {
        assert_bounded(&plan(&storage, sql).await, sql);
    }
}

/// What a group touches is searched for, row by row.
#[tokio::test]
async fn lookups_search_for_each_row() {
    let (_folder, storage) = storage().await;
    let lookups = [
        &*listings::BY_ID,
        &*orders::FURTHER_LINES,
        &*event::BY_KEY,
        &*event::RECEIPTS,
        &*key::BY_KEY,
        &*pool::BY_ID,
        &*pool::ALLOWANCES_BY_BUYER,
    ];
    for sql in lookups.into_iter().chain(snapshot::version_lookups()).map(Lookup::sql) {
        let steps = plan(&storage, sql).await;
        assert_bounded(&steps, sql);
        assert!(steps.iter().any(|step| step.starts_with("SEARCH")), "{sql}\n{steps:#?}");
    }
    for sql in [&*event::FORGET, &*work::FORGET_ROWS].map(Removal::sql) {
        let steps = plan(&storage, sql).await;
        assert_bounded(&steps, sql);
        assert!(steps.iter().any(|step| step.starts_with("SEARCH")), "{sql}\n{steps:#?}");
    }
}

#[tokio::test]
async fn listings_are_walked_by_age() {
    let (_folder, storage) = storage().await;
    let seller = Some(UserId::new("ada").unwrap());
    for all in [false, true] {
        for seller in [None, seller.clone()] {
            let query = ListingQuery { all, seller, ..ListingQuery::default() };
            let sql = walk_sql(&query);
            let steps = plan(&storage, &sql).await;
            assert_bounded(&steps, &sql);
        }
    }
    let sql = walk_sql(&ListingQuery::default());
    let steps = plan(&storage, &sql).await;
    let index = "ticketing_pools_to_buy";
    assert!(
        steps.iter().any(|step| step.contains(index)),
        "what can't be bought is not walked: {steps:#?}"
    );
}

/// A rare word's listings are few enough to be sorted; they are found through the word.
#[tokio::test]
async fn rare_words_lead_to_their_listings() {
    let (_folder, storage) = storage().await;
    let sql = words_sql(&ListingQuery::default());
    let steps = plan(&storage, &sql).await;
    assert!(steps.first().is_some_and(|step| step.contains("VIRTUAL TABLE INDEX")), "{steps:#?}");
    assert!(!steps.iter().any(|step| step.starts_with("SCAN t")), "{steps:#?}");
}

/// The orders of a pool come from two tables, of each by an index, and are merged; only as many as
/// the limit are put in order after that.
#[tokio::test]
async fn orders_are_found_by_their_pool() {
    let (_folder, storage) = storage().await;
    for (sql, indexes) in [
        (orders::LIVE, ["ticketing_orders_live", "ticketing_order_lines_live"]),
        (orders::DUE_OF, ["ticketing_orders_live", "ticketing_order_lines_live"]),
    ] {
        let steps = plan(&storage, sql).await;
        for index in indexes {
            let by_index = |step: &String| step.starts_with("SEARCH") && step.contains(index);
            assert!(steps.iter().any(by_index), "{index}: {steps:#?}");
        }
        assert!(!steps.iter().any(|step| step.starts_with("SCAN ticketing")), "{steps:#?}");
        let merged = steps.iter().position(|step| step.contains("MERGE (UNION ALL)"));
        let sorted = steps.iter().position(|step| step.contains("TEMP B-TREE"));
        assert!(merged.is_some(), "{steps:#?}");
        assert!(sorted.is_none_or(|sorted| Some(sorted) > merged), "{steps:#?}");
    }
}
