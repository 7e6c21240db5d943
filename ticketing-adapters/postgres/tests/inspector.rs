//! What must always hold is looked for, and found when it does not.

#![expect(clippy::unwrap_used, reason = "a test that can't be set up must fail")]

mod database;

use std::collections::BTreeSet;

use sqlx::{AssertSqlSafe, PgConnection};
use ticketing_core::memory::MemoryGateway;
use ticketing_core::values::{IdempotencyKey, Money, UserId};
use ticketing_core::{
    Caller, Duties, NewTicket, PaymentMethod, PaymentOutcome, RefundRequest, Refunder, Ticketing,
};
use ticketing_postgres::{CHECKS, OpenError, PostgresInspector, PostgresStorage};

use crate::database::Database;

/// A database in which there is something of everything: a listing with a limit and one without;
/// orders with one line and with two, live, complete, cancelled and partly refunded.
async fn a_busy_database() -> Database {
    let database = Database::empty().await;
    let storage = PostgresStorage::from_url(database.url()).await.unwrap();
    let builder = Ticketing::builder().storage(storage.clone()).gateway(MemoryGateway::new());
    let engine = builder.duties(Duties::NONE).start().await.unwrap();
    sell(&engine).await;
    engine.shutdown().await.unwrap();
    storage.close().await;
    database
}

async fn sell(engine: &Ticketing) {
    let (seller, buyer) = (UserId::new("seller").unwrap(), UserId::new("buyer").unwrap());
    let limited = NewTicket::new("Front row", Money::usd(20_00)).quantity(10).max_per_buyer(9);
    let limited = engine.tickets().list_for_sale(seller.clone(), limited).await.unwrap().id;
    let other = NewTicket::new("Back row", Money::usd(10_00)).quantity(50);
    let other = engine.tickets().list_for_sale(seller.clone(), other).await.unwrap().id;
    let key = Caller::default().with_key(IdempotencyKey::new("key").unwrap());
    let keyed = engine.caller(key).orders();
    let first = keyed.reserve(buyer.clone(), [(limited, 2), (other, 3)]).await.unwrap().id;
    let second = engine.orders().reserve(buyer.clone(), [(limited, 1)]).await.unwrap().id;
    for order in [first, second] {
        let card = PaymentMethod::card_token("tok_visa");
        let receipt = engine.payments().pay(&buyer, order, card).await.unwrap();
        assert_eq!(receipt.outcome(), PaymentOutcome::Complete);
    }
    let mut request = RefundRequest::default();
    request.lines = vec![(limited, 1)];
    request.restock = true;
    let by = Refunder::Seller(seller);
    // The capture follows the payment by itself, and nobody waits for it.
    while let Err(early) = engine.refunds().request(by.clone(), first, request.clone()).await {
        assert_eq!(early.code(), "capture_pending");
        tokio::task::yield_now().await;
    }
    engine.orders().reserve(buyer.clone(), [(other, 4), (limited, 1)]).await.unwrap();
    let given_up = engine.orders().reserve(buyer.clone(), [(other, 1)]).await.unwrap().id;
    engine.orders().cancel(&buyer, given_up).await.unwrap();
}

async fn findings(database: &Database) -> Vec<String> {
    let mut inspector = PostgresInspector::from_url(database.url()).await.unwrap();
    let found = inspector.verify().await.unwrap();
    found.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn a_database_in_use_is_looked_into_and_found_in_order() {
    let database = a_busy_database().await;
    let _open = PostgresStorage::from_url(database.url()).await.unwrap();
    assert_eq!(findings(&database).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_database_without_the_tables_is_refused_and_left_as_it_is() {
    let database = Database::empty().await;
    let error = PostgresInspector::from_url(database.url()).await.unwrap_err();
    assert!(matches!(error, OpenError::NotAStore), "{error:?}");
    let schemas = "SELECT count(*) FROM pg_namespace WHERE nspname = 'ticketing'";
    let mut conn = database.connect().await;
    let schemas: i64 = sqlx::query_scalar(schemas).fetch_one(&mut conn).await.unwrap();
    assert_eq!(schemas, 0);
}

/// For each check, a statement that breaks what it looks for.
const PLANTED: &[(&str, &str)] = &[
    ("units_fit_the_capacity", "UPDATE ticketing.pools SET held = capacity, sold = 1, sold_out = true"),
    ("held_units_are_those_of_live_orders", "UPDATE ticketing.pools SET held = held + 1"),
    ("sold_units_are_those_of_paid_orders", "UPDATE ticketing.pools SET sold = sold - 1"),
    ("lines_name_different_pools_that_exist", "UPDATE ticketing.orders SET ticket = '00000000-0000-0000-0000-000000000000'"),
    (
        "lines_name_different_pools_that_exist",
        "UPDATE ticketing.order_lines SET ticket = (SELECT ticket FROM ticketing.orders WHERE id = order_id)",
    ),
    ("orders_have_all_their_lines", "DELETE FROM ticketing.order_lines"),
    ("orders_have_all_their_lines", "UPDATE ticketing.order_lines SET order_id = '00000000-0000-0000-0000-000000000000' WHERE due_at IS NOT NULL"),
    ("allowances_count_the_buyers_units", "UPDATE ticketing.allowances SET taken = taken + 1"),
    ("allowances_count_the_buyers_units", "DELETE FROM ticketing.allowances"),
    ("orders_are_within_the_limits", "UPDATE ticketing.pools SET max_per_order = 1"),
    ("orders_are_within_the_limits", "UPDATE ticketing.pools SET max_per_buyer = 1"),
    ("pools_repeat_their_listings", "UPDATE ticketing.pools SET sale_until = 1"),
    ("pools_repeat_their_listings", "UPDATE ticketing.tickets SET version = version + 1"),
    ("pools_repeat_their_listings", "DELETE FROM ticketing.tickets"),
    ("live_orders_have_a_deadline", "UPDATE ticketing.orders SET due_at = NULL"),
    ("live_orders_have_a_deadline", "UPDATE ticketing.order_lines SET due_at = NULL"),
    ("live_orders_have_a_deadline", "UPDATE ticketing.order_lines SET due_at = coalesce(due_at, 0) + 1"),
    ("totals_are_the_sums_of_their_lines", "UPDATE ticketing.orders SET total = total + 1"),
    ("totals_are_the_sums_of_their_lines", "UPDATE ticketing.orders SET refunded = total + 1"),
    ("totals_are_the_sums_of_their_lines", "UPDATE ticketing.orders SET restocked = 1"),
    ("paid_orders_have_their_payment", "UPDATE ticketing.payments SET state = 'voided'"),
    ("paid_orders_have_their_payment", "UPDATE ticketing.orders SET attempt = '00000000-0000-0000-0000-000000000000' WHERE attempt IS NOT NULL"),
    (
        "paid_orders_have_their_payment",
        "UPDATE ticketing.payments SET state = 'authorized'; UPDATE ticketing.orders SET state = 'created'",
    ),
    ("captured_money_is_retained_or_goes_back", "UPDATE ticketing.payments SET amount = amount + 1"),
    ("captured_charges_have_one_owner", "UPDATE ticketing.orders SET state = 'created'"),
    ("captured_charges_have_one_owner", "UPDATE ticketing.payments SET refunding = refunding + 1"),
    (
        "orders_have_one_live_payment",
        "DROP INDEX IF EXISTS ticketing.payments_may_pay;
         UPDATE ticketing.payments SET may_pay = true, order_id = (SELECT order_id FROM ticketing.payments ORDER BY order_id LIMIT 1)",
    ),
    (
        "orders_have_one_live_payment",
        "UPDATE ticketing.payments SET order_id = (SELECT order_id FROM ticketing.payments ORDER BY order_id LIMIT 1)",
    ),
    ("refunds_stay_within_what_was_captured", "UPDATE ticketing.payments SET refunding = amount + 1"),
    ("refunds_stay_within_what_was_captured", "UPDATE ticketing.payments SET refunding = 1, state = 'voided'"),
    (
        "refunds_stay_within_what_was_captured",
        "INSERT INTO ticketing.refunds (id, payment, version, amount, currency, attempt, begun_at, state, created_at)
         VALUES ('00000000-0000-0000-0000-000000000000', '00000000-0000-0000-0000-000000000000', 0, 1, 'USD', 0, 0, 'requested', 0)",
    ),
    (
        "refunds_stay_within_what_was_captured",
        "INSERT INTO ticketing.refunds (id, payment, version, amount, currency, attempt, begun_at, state, created_at)
         SELECT '00000000-0000-0000-0000-000000000000'::uuid, id, 0, amount + 1, 'USD', 0, 0, 'requested', 0 FROM ticketing.payments LIMIT 1",
    ),
    ("payments_ask_for_the_orders_total", "UPDATE ticketing.payments SET currency = 'EUR'"),
    ("payments_ask_for_the_orders_total", "UPDATE ticketing.payments SET buyer = 'somebody else'"),
    ("versions_have_no_gaps", "DELETE FROM ticketing.events WHERE kind = 'order' AND version = 1"),
    ("the_last_event_tells_of_the_stored_version", "UPDATE ticketing.orders SET version = version + 1"),
    ("the_last_event_tells_of_the_stored_version", "DELETE FROM ticketing.orders"),
    (
        "dead_letters_have_a_reason",
        "INSERT INTO ticketing.dead_letters (kind, id, version, reason, at) VALUES ('order', '00000000-0000-0000-0000-000000000000', 0, ' ', 0)",
    ),
    ("keys_have_an_answer", "UPDATE ticketing.keys SET answer_version = 100"),
    ("keys_have_an_answer", "UPDATE ticketing.keys SET answer_id = '00000000-0000-0000-0000-000000000000'"),
];

/// Lets go of whatever would refuse what is planted.
const UNGUARDED: &str = "DO $$ DECLARE rule record; BEGIN \
     FOR rule IN SELECT conrelid::regclass AS name, conname FROM pg_constraint \
     WHERE contype = 'c' AND connamespace = 'ticketing'::regnamespace LOOP \
     EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', rule.name, rule.conname); \
     END LOOP; END $$";

async fn run(conn: &mut PgConnection, sql: &'static str) {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(conn).await.unwrap();
}

#[tokio::test]
async fn whatever_breaks_a_rule_is_found() {
    let database = a_busy_database().await;
    let mut hand = database.connect().await;
    run(&mut hand, UNGUARDED).await;
    // Others see what is planted only after it was committed, so what was there is kept beside.
    run(&mut hand, KEEP).await;
    for (check, plant) in PLANTED {
        run(&mut hand, plant).await;
        let found = findings(&database).await;
        let is_found = found.iter().any(|it| it.starts_with(check));
        assert!(is_found, "{check} does not find what this breaks: {plant}\n{found:#?}");
        run(&mut hand, PUT_BACK).await;
    }
}

/// A copy of every table.
const KEEP: &str = "CREATE SCHEMA kept; DO $$ DECLARE name text; BEGIN \
     FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'ticketing' LOOP \
     EXECUTE format('CREATE TABLE kept.%1$I AS TABLE ticketing.%1$I', name); END LOOP; END $$";

const PUT_BACK: &str = "DO $$ DECLARE name text; BEGIN \
     FOR name IN SELECT tablename FROM pg_tables \
     WHERE schemaname = 'ticketing' AND tablename <> 'outbox' LOOP \
     EXECUTE format('DELETE FROM ticketing.%1$I', name); \
     EXECUTE format('INSERT INTO ticketing.%1$I TABLE kept.%1$I', name); END LOOP; END $$";

#[test]
fn every_check_is_seen_to_fail() {
    let planted: BTreeSet<&str> = PLANTED.iter().map(|(check, _)| *check).collect();
    let checks: BTreeSet<&str> = CHECKS.iter().map(|check| check.name).collect();
    assert_eq!(planted, checks);
    assert_eq!(checks.len(), CHECKS.len(), "two checks share a name");
}
