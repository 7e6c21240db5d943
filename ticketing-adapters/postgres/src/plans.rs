//! What a question costs must not grow with what is stored: with a hundred thousand rows in every
//! table, each is answered through an index, in its order. PostgreSQL's own account of its plans is
//! the witness. A host's connections make plans for the values at hand, so what is read with those is
//! looked at in both ways.

use sqlx::{AssertSqlSafe, PgConnection, Row as _};
use ticketing_core::domain::{Order, Payment, Refund, Ticket};
use ticketing_core::ports::ListingQuery;
use ticketing_core::values::UserId;

use crate::config::PostgresConfig;
use crate::listings::{self, walk_sql, words_sql, words_walk_sql};
use crate::rows::{event, key, pool};
use crate::storage::PostgresStorage;
use crate::table::Row;
use crate::{leases, orders, outbox, predicted, reads, snapshot, webhooks, work};

#[path = "../tests/database/mod.rs"]
mod database;

use database::Database;

/// A hundred thousand rows in each table. Of the orders a tenth is live, of everything that waits
/// for somebody some are due.
const FILL: &str = include_str!("plans/fill.sql");

/// What a plan may walk through from its beginning. Each is in the order of the list and ends with
/// its limit, as nothing that is walked is left out. The outbox alone leaves out what is leased, which
/// is no more than a relay can claim while a lease lasts.
const WALKS: [&str; 5] = [
    "dead_letters_by_age",
    "outbox_waiting",
    "payments_parked",
    "pools_to_clear",
    "refunds_failed",
];

/// One step of a plan, with what is below it.
struct Step<'p> {
    what: &'p str,
    below: Vec<&'p str>,
}

fn depth(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// The steps of a plan as text: those of subplans are below what they are for.
fn steps(plan: &[String]) -> Vec<Step<'_>> {
    let mut found = Vec::new();
    for (number, line) in plan.iter().enumerate() {
        if number == 0 || line.contains("->") {
            let below = plan[number + 1..].iter().map(String::as_str);
            let below = below.take_while(|it| depth(it) > depth(line)).collect();
            let what = line.trim_start().trim_start_matches("->").trim_start();
            found.push(Step { what, below });
        }
    }
    found
}

/// The conditions of a step, which come before the steps below it.
fn conditions<'p>(step: &Step<'p>) -> impl Iterator<Item = &'p str> {
    let below = step.below.clone().into_iter();
    below.take_while(|line| !line.contains("->")).map(str::trim_start)
}

/// Neither a walk through a whole table or index, nor a sort of more than a limit.
fn assert_bounded(plan: &[String], sql: &str) {
    for step in steps(plan) {
        let shown = || format!("{}\nof {sql}\n{}", step.what, plan.join("\n"));
        assert!(!step.what.starts_with("Seq Scan"), "{}", shown());
        let is_by_index = step.what.contains("Index Scan") || step.what.contains("Index Only Scan");
        if is_by_index {
            let searches = conditions(&step).any(|line| line.starts_with("Index Cond"));
            let is_walk = WALKS.iter().any(|index| step.what.contains(&format!(" {index} ")));
            assert!(searches || is_walk, "{}", shown());
        }
        if step.what.starts_with("Sort") {
            // What is sorted was limited before, or are the rows of ids that were given.
            let is_limited = |line: &&str| {
                ["Limit", "CTE Scan", "= ANY (", "Function Scan"].iter().any(|it| line.contains(it))
            };
            assert!(step.below.iter().any(is_limited), "{}", shown());
        }
        for whole in ["Hash", "Merge Join", "Parallel"] {
            assert!(!step.what.starts_with(whole), "{}", shown());
        }
    }
}

/// The plan for parameters that are written as PostgreSQL has them, each with its type; for nothing,
/// if none are given.
async fn plan(conn: &mut PgConnection, mode: &str, sql: &str, given: &[&str]) -> Vec<String> {
    let types: Vec<&str> = given.iter().filter_map(|it| it.rsplit("::").next()).collect();
    let types = if types.is_empty() { String::new() } else { format!("({})", types.join(", ")) };
    run(conn, &format!("SET plan_cache_mode = {mode}; PREPARE asked{types} AS {sql}")).await;
    let values = if given.is_empty() {
        let number = "SELECT cardinality(parameter_types)::bigint FROM pg_prepared_statements \
             WHERE name = 'asked'";
        let number: i64 = sqlx::query_scalar(number).fetch_one(&mut *conn).await.unwrap();
        vec!["NULL"; usize::try_from(number).unwrap()].join(", ")
    } else {
        given.join(", ")
    };
    let values = if values.is_empty() { values } else { format!("({values})") };
    let explain = format!("EXPLAIN (COSTS OFF) EXECUTE asked{values}");
    let rows = sqlx::raw_sql(AssertSqlSafe(explain)).fetch_all(&mut *conn).await.unwrap();
    run(conn, "DEALLOCATE asked").await;
    rows.iter().map(|row| row.get::<String, _>(0)).collect()
}

async fn run(conn: &mut PgConnection, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(conn).await.unwrap();
}

/// As our connections make plans.
const OURS: &str = "force_generic_plan";
/// And as a host's may.
const MODES: [&str; 2] = [OURS, "force_custom_plan"];

async fn assert_all_bounded(
    conn: &mut PgConnection,
    modes: &[&str],
    questions: &[(&str, &[&str])],
) {
    for (sql, given) in questions {
        for mode in modes {
            assert_bounded(&plan(conn, mode, sql, given).await, sql);
        }
    }
}

const SOME: &str = "md5('7')::uuid";
const NONE: &str = "NULL::uuid";
const LIMIT: &str = "100::bigint";
const LEASE: &str = "60000000::bigint";
const OLD: &str = "1700000000000500::bigint";
const LATEST: &str = "1700000000099900::bigint";

/// What callers ask.
async fn reading(conn: &mut PgConnection) {
    let after = &["'buyer-7'::text", NONE, "253402300799999999::bigint", SOME, LIMIT];
    assert_all_bounded(
        conn,
        &MODES,
        &[
            (&listings::BY_ID, &["ARRAY[md5('1'), md5('2')]::uuid[]"]),
            (&orders::ONE, &[SOME]),
            (&orders::OLDEST_FIRST, &["'buyer-7'::text", NONE, "0::bigint", SOME, LIMIT]),
            (&orders::NEWEST_FIRST, after),
            (reads::PAYMENT, &[SOME]),
            (reads::BY_INTENT, &["'pi_7'::text"]),
            (reads::PAYMENTS_OF, &[SOME]),
            (reads::REFUND, &[SOME]),
            (reads::REFUNDS_OF, &[SOME]),
            (reads::PARKED, &[LIMIT]),
            (reads::FAILED, &[LIMIT]),
            (reads::DEAD, &[LIMIT]),
            (key::BY_KEY, &["ARRAY['buyer-7']::text[]", "ARRAY['key-7']::text[]"]),
            (event::BY_KEY, &EVENTS),
        ],
    )
    .await;
}

const EVENTS: [&str; 3] = [
    "ARRAY[md5('1'), md5('2')]::uuid[]",
    "ARRAY['order', 'order']::text[]",
    "ARRAY[0, 0]::bigint[]",
];

/// What goes on in the background.
async fn working(conn: &mut PgConnection) {
    assert_all_bounded(
        conn,
        &[OURS],
        &[
            (&orders::DUE, &[LIMIT]),
            (&orders::DUE_OF, &[SOME, LIMIT]),
            (&orders::LIVE, &[SOME, "0::bigint", SOME, LIMIT]),
            (reads::CLEARING, &[LIMIT]),
            (leases::PAYMENTS.sql, &[LEASE, LIMIT]),
            (leases::REFUNDS.sql, &[LEASE, LIMIT]),
            (webhooks::CLAIM, &[LEASE, LIMIT]),
            (work::CLAIM, &[LEASE, LIMIT]),
            (
                outbox::DONE,
                &[
                    "ARRAY[]::uuid[]",
                    "ARRAY[]::text[]",
                    "ARRAY[]::bigint[]",
                    "ARRAY[]::text[]",
                    "ARRAY[]::bigint[]",
                    "7::bigint",
                    "0::bigint",
                ],
            ),
            (work::PUBLISHED, &[LATEST, "NULL::bigint", LIMIT]),
            (work::PUBLISHED, &[LATEST, "500::bigint", LIMIT]),
            (work::DEPTH, &["100000::bigint"]),
            (work::OLD_ROWS, &[OLD, LIMIT]),
            (work::OLD_KEYS, &[OLD, LIMIT]),
            (work::OLD_WEBHOOKS, &[OLD, LIMIT]),
            (event::BY_KEY, &EVENTS),
            (event::FORGET, &EVENTS),
        ],
    )
    .await;
}

/// Every list of listings, by age and by words.
async fn searching(conn: &mut PgConnection) {
    for all in [false, true] {
        for seller in [None, Some(UserId::new("seller-7").unwrap())] {
            let query = ListingQuery { all, seller, ..ListingQuery::default() };
            for cursor in [NONE, SOME] {
                let given = |words| [cursor, "21::bigint", "'seller-7'::text", words];
                for mode in MODES {
                    let walk = walk_sql(&query);
                    let steps = plan(conn, mode, &walk, &given("''::text")).await;
                    assert_bounded(&steps, &walk);
                    assert!(!steps.iter().any(|step| step.contains("Sort")), "{steps:#?}");
                    let index = match (all, &query.seller) {
                        (_, Some(_)) => "tickets_of_seller",
                        (true, None) => "tickets_by_age",
                        (false, None) => "pools_to_buy",
                    };
                    assert!(steps.iter().any(|step| step.contains(index)), "{steps:#?}");
                    for words in ["'''row'':*'::text", "'''u77'':*'::text"] {
                        assert_words(conn, mode, &query, &given(words)).await;
                    }
                }
            }
        }
    }
}

async fn assert_words(conn: &mut PgConnection, mode: &str, query: &ListingQuery, given: &[&str]) {
    let walk = words_walk_sql(query);
    let steps = plan(conn, mode, &walk, given).await;
    assert_bounded(&steps, &walk);
    let sql = words_sql(query);
    let steps = plan(conn, mode, &sql, given).await;
    assert_bounded(&steps, &sql);
    let by_words = steps.iter().any(|step| step.contains("Bitmap Index Scan on tickets_by_words"));
    assert!(by_words, "{steps:#?}");
}

/// What a group locks, looks up and writes.
async fn committing(conn: &mut PgConnection) {
    let locks = snapshot::VERSIONS.map(|versions| versions.sql);
    let locks = [&**pool::LOCK, &**pool::LOCK_FREE, pool::LOCK_ALLOWANCES].into_iter().chain(locks);
    for sql in locks {
        let plan = plan(conn, OURS, sql, &[]).await;
        assert_bounded(&plan, sql);
        assert_locked_in_order(&plan, sql);
    }
    let pools = pool::update_at(1).0;
    for sql in [
        pool::VERSIONS,
        event::RECEIPTS,
        event::BY_KEY,
        key::BY_KEY,
        &pools,
        Ticket::table().update(),
        Order::table().update(),
        Payment::table().update(),
        Refund::table().update(),
        predicted::SINGLE_LINES.sql(),
        predicted::SEVERAL_LINES.sql(),
    ] {
        let plan = plan(conn, OURS, sql, &[]).await;
        assert_bounded(&plan, sql);
        assert!(!plan.iter().any(|line| line.contains("Sort")), "in the order given: {plan:#?}");
    }
}

/// Rows are locked as they come out of what is below the lock: in the order of their keys.
fn assert_locked_in_order(plan: &[String], sql: &str) {
    let locks = steps(plan).into_iter().find(|step| step.what.starts_with("LockRows"));
    let locks = locks.unwrap_or_else(|| panic!("{sql}\n{plan:#?}"));
    // A primary key's index tells rows in the order of their keys, whatever the order of those asked for.
    let in_order = ["->  Sort", "_pkey on "]
        .iter()
        .any(|it| locks.below.first().is_some_and(|line| line.contains(it)));
    assert!(in_order, "{sql}\n{plan:#?}");
}

#[tokio::test]
async fn every_question_is_answered_through_an_index() {
    let database = Database::migrated(&crate::migrations()).await;
    let mut hand = database.connect().await;
    run(&mut hand, FILL).await;
    run(&mut hand, "ANALYZE").await;
    let storage = PostgresConfig::new(database.options.clone()).open().await.unwrap();
    let PostgresStorage { shared } = &storage;
    reading(&mut shared.readers.acquire().await.unwrap()).await;
    searching(&mut shared.readers.acquire().await.unwrap()).await;
    working(&mut shared.background.acquire().await.unwrap()).await;
    working(&mut shared.notes.acquire().await.unwrap()).await;
    committing(&mut shared.commands.acquire().await.unwrap()).await;
    storage.close().await;
    // Whoever has the database next has less to remove.
    run(&mut hand, "DROP SCHEMA ticketing CASCADE").await;
}
