//! What must always hold is looked for, and found when it does not.

#![expect(clippy::unwrap_used, reason = "a test that can't be set up must fail")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};
use tempfile::TempDir;
use ticketing_core::memory::MemoryGateway;
use ticketing_core::values::{IdempotencyKey, Money, UserId};
use ticketing_core::{
    Caller, Duties, NewTicket, PaymentMethod, PaymentOutcome, RefundRequest, Refunder, Ticketing,
};
use ticketing_sqlite::{CHECKS, OpenError, SqliteInspector, SqliteStorage};

/// A file in which there is something of everything: a listing with a limit and one without; orders
/// with one line and with two, live, complete, cancelled and partly refunded.
async fn a_busy_file() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tickets.db");
    let storage = SqliteStorage::open(&file).await.unwrap();
    let builder = Ticketing::builder().storage(storage.clone()).gateway(MemoryGateway::new());
    let engine = builder.duties(Duties::NONE).start().await.unwrap();
    sell(&engine).await;
    engine.shutdown().await.unwrap();
    storage.close().await;
    (folder, file)
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

async fn findings(file: &Path) -> Vec<String> {
    let mut inspector = SqliteInspector::open(file).await.unwrap();
    let found = inspector.verify().await.unwrap();
    found.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn a_file_in_use_is_looked_into_and_found_in_order() {
    let (_folder, file) = a_busy_file().await;
    let _open = SqliteStorage::open(&file).await.unwrap();
    assert_eq!(findings(&file).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_glance_leaves_no_trace() {
    let (folder, file) = a_busy_file().await;
    let names = || {
        let entries = std::fs::read_dir(folder.path()).unwrap();
        entries.map(|entry| entry.unwrap().file_name()).collect::<BTreeSet<_>>()
    };
    let (before, bytes) = (names(), std::fs::read(&file).unwrap());
    let mut glance = SqliteInspector::glance(&file).await.unwrap();
    assert_eq!(glance.parked_payments(10).await.unwrap(), []);
    drop(glance);
    assert_eq!((names(), std::fs::read(&file).unwrap()), (before, bytes));
    let open = SqliteStorage::open(&file).await.unwrap();
    let mut glance = SqliteInspector::glance(&file).await.unwrap();
    assert!(glance.outbox_depth().await.unwrap().rows > 0, "what a storage has written is seen");
    open.close().await;
}

#[tokio::test]
async fn a_file_without_the_tables_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let gone = folder.path().join("gone.db");
    let error = SqliteInspector::open(&gone).await.unwrap_err();
    assert!(matches!(error, OpenError::Database { .. }), "{error:?}");
    assert!(!gone.exists());
    let empty = folder.path().join("empty.db");
    std::fs::write(&empty, b"").unwrap();
    let error = SqliteInspector::open(&empty).await.unwrap_err();
    assert!(matches!(error, OpenError::NotAStore(_)), "{error:?}");
    assert_eq!(std::fs::metadata(&empty).unwrap().len(), 0);
}

/// What SQLite would take for a URL is a name like any other: the storage's file is looked into.
#[tokio::test]
async fn a_file_with_the_name_of_a_url_is_looked_into() {
    let folder = tempfile::tempdir().unwrap();
    std::env::set_current_dir(folder.path()).unwrap();
    let name = "file:tickets.db?mode=memory";
    let _open = SqliteStorage::open(name).await.unwrap();
    assert!(folder.path().join(name).exists());
    assert_eq!(findings(Path::new(name)).await, Vec::<String>::new());
}

/// For each check, a statement that breaks what it looks for.
const PLANTED: &[(&str, &str)] = &[
    ("units_fit_the_capacity", "UPDATE ticketing_pools SET held = capacity, sold = 1, sold_out = 1"),
    ("held_units_are_those_of_live_orders", "UPDATE ticketing_pools SET held = held + 1"),
    ("sold_units_are_those_of_paid_orders", "UPDATE ticketing_pools SET sold = sold - 1"),
    ("lines_name_different_pools_that_exist", "UPDATE ticketing_orders SET ticket = zeroblob(16)"),
    (
        "lines_name_different_pools_that_exist",
        "UPDATE ticketing_order_lines SET ticket = (SELECT ticket FROM ticketing_orders WHERE id = order_id)",
    ),
    ("orders_have_all_their_lines", "DELETE FROM ticketing_order_lines"),
    ("orders_have_all_their_lines", "UPDATE ticketing_order_lines SET order_id = zeroblob(16) WHERE due_at IS NOT NULL"),
    ("allowances_count_the_buyers_units", "UPDATE ticketing_allowances SET taken = taken + 1"),
    ("allowances_count_the_buyers_units", "DELETE FROM ticketing_allowances"),
    ("orders_are_within_the_limits", "UPDATE ticketing_pools SET max_per_order = 1"),
    ("orders_are_within_the_limits", "UPDATE ticketing_pools SET max_per_buyer = 1"),
    ("pools_repeat_their_listings", "UPDATE ticketing_pools SET sale_until = 1"),
    ("pools_repeat_their_listings", "UPDATE ticketing_tickets SET version = version + 1"),
    ("pools_repeat_their_listings", "DELETE FROM ticketing_tickets"),
    ("live_orders_have_a_deadline", "UPDATE ticketing_orders SET due_at = NULL"),
    ("live_orders_have_a_deadline", "UPDATE ticketing_order_lines SET due_at = NULL"),
    ("live_orders_have_a_deadline", "UPDATE ticketing_order_lines SET due_at = ifnull(due_at, 0) + 1"),
    ("totals_are_the_sums_of_their_lines", "UPDATE ticketing_orders SET total = total + 1"),
    ("totals_are_the_sums_of_their_lines", "UPDATE ticketing_orders SET refunded = total + 1"),
    ("totals_are_the_sums_of_their_lines", "UPDATE ticketing_orders SET restocked = 1"),
    ("paid_orders_have_their_payment", "UPDATE ticketing_payments SET state = 'voided'"),
    ("paid_orders_have_their_payment", "UPDATE ticketing_orders SET attempt = zeroblob(16) WHERE attempt IS NOT NULL"),
    (
        "paid_orders_have_their_payment",
        "UPDATE ticketing_payments SET state = 'authorized'; UPDATE ticketing_orders SET state = 'created'",
    ),
    ("captured_money_is_retained_or_goes_back", "UPDATE ticketing_payments SET amount = amount + 1"),
    ("captured_charges_have_one_owner", "UPDATE ticketing_orders SET state = 'created'"),
    ("captured_charges_have_one_owner", "UPDATE ticketing_payments SET refunding = refunding + 1"),
    (
        "orders_have_one_live_payment",
        "DROP INDEX ticketing_payments_may_pay;
         UPDATE ticketing_payments SET may_pay = 1, order_id = (SELECT min(order_id) FROM ticketing_payments)",
    ),
    (
        "orders_have_one_live_payment",
        "UPDATE ticketing_payments SET order_id = (SELECT min(order_id) FROM ticketing_payments)",
    ),
    ("refunds_stay_within_what_was_captured", "UPDATE ticketing_payments SET refunding = amount + 1"),
    ("refunds_stay_within_what_was_captured", "UPDATE ticketing_payments SET refunding = 1, state = 'voided'"),
    (
        "refunds_stay_within_what_was_captured",
        "INSERT INTO ticketing_refunds (id, payment, version, amount, currency, attempt, begun_at, state, created_at)
         VALUES (zeroblob(16), zeroblob(16), 0, 1, 'USD', 0, 0, 'requested', 0)",
    ),
    (
        "refunds_stay_within_what_was_captured",
        "INSERT INTO ticketing_refunds (id, payment, version, amount, currency, attempt, begun_at, state, created_at)
         SELECT zeroblob(16), id, 0, amount + 1, 'USD', 0, 0, 'requested', 0 FROM ticketing_payments LIMIT 1",
    ),
    ("payments_ask_for_the_orders_total", "UPDATE ticketing_payments SET currency = 'EUR'"),
    ("payments_ask_for_the_orders_total", "UPDATE ticketing_payments SET buyer = 'somebody else'"),
    ("versions_have_no_gaps", "DELETE FROM ticketing_events WHERE kind = 'order' AND version = 1"),
    ("the_last_event_tells_of_the_stored_version", "UPDATE ticketing_orders SET version = version + 1"),
    ("the_last_event_tells_of_the_stored_version", "DELETE FROM ticketing_orders"),
    (
        "dead_letters_have_a_reason",
        "INSERT INTO ticketing_dead_letters (kind, id, version, reason, at) VALUES ('order', zeroblob(16), 0, ' ', 0)",
    ),
    ("keys_have_an_answer", "UPDATE ticketing_keys SET answer_version = 100"),
    ("keys_have_an_answer", "UPDATE ticketing_keys SET answer_id = zeroblob(16)"),
];

#[tokio::test]
async fn whatever_breaks_a_rule_is_found() {
    let (folder, file) = a_busy_file().await;
    for (number, (check, plant)) in PLANTED.iter().enumerate() {
        let spoilt = folder.path().join(format!("spoilt-{number}.db"));
        std::fs::copy(&file, &spoilt).unwrap();
        let options = SqliteConnectOptions::new().filename(&spoilt);
        let mut hand = options.pragma("ignore_check_constraints", "on").connect().await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(*plant)).execute(&mut hand).await.unwrap();
        hand.close().await.unwrap();
        let found = findings(&spoilt).await;
        let is_found = found.iter().any(|it| it.starts_with(check));
        assert!(is_found, "{check} does not find what this breaks: {plant}\n{found:#?}");
    }
}

#[test]
fn every_check_is_seen_to_fail() {
    let planted: BTreeSet<&str> = PLANTED.iter().map(|(check, _)| *check).collect();
    let checks: BTreeSet<&str> = CHECKS.iter().map(|check| check.name).collect();
    assert_eq!(planted, checks);
    assert_eq!(checks.len(), CHECKS.len(), "two checks share a name");
}
