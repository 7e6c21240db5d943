//! What must never be is refused by the database itself, whoever writes it.

#![expect(clippy::unwrap_used, reason = "a test that can't be set up must fail")]

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, SqliteConnection};
use tempfile::TempDir;
use ticketing_core::memory::MemoryGateway;
use ticketing_core::values::{IdempotencyKey, Money, UserId};
use ticketing_core::{Caller, NewTicket, PaymentMethod, PaymentOutcome, Ticketing};
use ticketing_sqlite::SqliteStorage;

/// A file in which two units of ten are sold and one is held, and a connection beside the storage's.
async fn a_file_with_sales() -> (TempDir, SqliteConnection) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tickets.db");
    let storage = SqliteStorage::open(&file).await.unwrap();
    let builder = Ticketing::builder().storage(storage.clone()).gateway(MemoryGateway::new());
    let engine = builder.start().await.unwrap();
    let new = NewTicket::new("Front row", Money::usd(20_00)).quantity(10).max_per_buyer(5);
    let seller = UserId::new("seller").unwrap();
    let ticket = engine.tickets().list_for_sale(seller, new).await.unwrap().id;
    let buyer = UserId::new("buyer").unwrap();
    for number in 0..2 {
        let key = IdempotencyKey::new(format!("key-{number}")).unwrap();
        let orders = engine.caller(Caller::default().with_key(key)).orders();
        let order = orders.reserve(buyer.clone(), [(ticket, 1)]).await.unwrap();
        let card = PaymentMethod::card_token("tok_visa");
        let receipt = engine.payments().pay(&buyer, order.id, card).await.unwrap();
        assert_eq!(receipt.outcome(), PaymentOutcome::Complete);
    }
    engine.orders().reserve(buyer, [(ticket, 1)]).await.unwrap();
    engine.shutdown().await.unwrap();
    storage.close().await;
    let conn = SqliteConnectOptions::new().filename(&file).connect().await.unwrap();
    (folder, conn)
}

/// A copy of a row of the table, with one column changed.
fn copied(table: &str, columns: &str, changed: &str) -> String {
    format!("INSERT INTO {table} ({columns}) SELECT {changed} FROM {table} LIMIT 1")
}

#[tokio::test]
async fn the_database_refuses_what_must_never_be() {
    let (_folder, mut conn) = a_file_with_sales().await;
    let events =
        "kind, id, version, event, type, occurred_at, actor, correlation, batch, first, data";
    let payments = "id, order_id, version, amount, currency, confirmed_by, intent, search_only, state, \
                    refunding, dispute, late_money, created_at, may_pay";
    let other_payment = |intent: &str, may_pay: &str| {
        let changed = payments
            .replacen("id", "x'00000000000000000000000000000001'", 1)
            .replace("intent", intent)
            .replace("may_pay", may_pay);
        copied("ticketing_payments", payments, &changed)
    };
    let refused = [
        ("more units than there are", "UPDATE ticketing_pools SET held = 9".to_owned()),
        ("fewer than none held", "UPDATE ticketing_pools SET held = -1".to_owned()),
        ("fewer than none sold", "UPDATE ticketing_pools SET sold = -1, held = 0".to_owned()),
        ("a capacity below what is claimed", "UPDATE ticketing_pools SET capacity = 2".to_owned()),
        ("sold out while units are left", "UPDATE ticketing_pools SET sold_out = 1".to_owned()),
        ("less than nothing of a limit", "UPDATE ticketing_allowances SET taken = -1".to_owned()),
        ("a version told twice", copied("ticketing_events", events, events)),
        (
            "a batch committed twice",
            format!(
                "INSERT INTO ticketing_events ({events}) SELECT {} FROM ticketing_events \
                 WHERE first = 1 LIMIT 1",
                events.replace("version", "version + 100")
            ),
        ),
        ("a key used twice", copied("ticketing_keys", KEYS, KEYS)),
        ("two payments of one intent", other_payment("intent", "0")),
        ("an order in no state", "UPDATE ticketing_orders SET state = 'sold'".to_owned()),
        ("more refunded than paid", "UPDATE ticketing_orders SET refunded = total + 1".to_owned()),
        ("more returned than bought", "UPDATE ticketing_orders SET returned = 2".to_owned()),
        (
            "more given back than captured",
            "UPDATE ticketing_payments SET refunding = amount + 1".to_owned(),
        ),
        ("a price of nothing", "UPDATE ticketing_tickets SET price = 0".to_owned()),
        ("a number where a text belongs", "UPDATE ticketing_orders SET version = 'one'".to_owned()),
    ];
    for (what, sql) in refused {
        is_refused(&mut conn, what, sql).await;
    }
    sqlx::query("UPDATE ticketing_payments SET may_pay = 1").execute(&mut conn).await.unwrap();
    is_refused(&mut conn, "two payments that may pay", other_payment("'pi_other'", "1")).await;
}

const KEYS: &str = "user, key, fingerprint, answer_kind, answer_id, answer_version, used_at";

async fn is_refused(conn: &mut SqliteConnection, what: &str, sql: String) {
    let answer = sqlx::query(AssertSqlSafe(sql)).execute(conn).await;
    assert!(answer.is_err(), "{what} was written");
    let error = answer.unwrap_err();
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    let code: u32 = code.unwrap().parse().unwrap();
    assert_eq!(code & 0xff, 19, "{what}: {error}");
}
