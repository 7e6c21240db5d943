//! What must never be is refused by the database itself, whoever writes it.

#![expect(clippy::unwrap_used, reason = "a test that can't be set up must fail")]

mod database;

use sqlx::{AssertSqlSafe, PgConnection};
use ticketing_core::memory::MemoryGateway;
use ticketing_core::values::{IdempotencyKey, Money, UserId};
use ticketing_core::{Caller, NewTicket, PaymentMethod, PaymentOutcome, Ticketing};
use ticketing_postgres::PostgresStorage;

use crate::database::Database;

/// A database in which two units of ten are sold and one is held.
async fn a_database_with_sales() -> Database {
    let database = Database::migrated(&ticketing_postgres::migrations()).await;
    let storage = PostgresStorage::from_url(database.url()).await.unwrap();
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
    database
}

/// A copy of a row of the table, with one column changed.
fn copied(table: &str, columns: &str, changed: &str) -> String {
    format!("INSERT INTO {table} ({columns}) SELECT {changed} FROM {table} LIMIT 1")
}

#[tokio::test]
async fn the_database_refuses_what_must_never_be() {
    let database = a_database_with_sales().await;
    let mut conn = database.connect().await;
    let events =
        "kind, id, version, event, type, occurred_at, actor, correlation, batch, first, data";
    let payments = "id, order_id, version, amount, currency, confirmed_by, intent, search_only, state, \
                    refunding, dispute, late_money, created_at, may_pay";
    let other_payment = |intent: &str, may_pay: &str| {
        let changed = payments
            .replacen("id", "'00000000-0000-0000-0000-000000000001'::uuid", 1)
            .replace("intent", intent)
            .replace("may_pay", may_pay);
        copied("ticketing.payments", payments, &changed)
    };
    let refused = [
        ("more units than there are", "UPDATE ticketing.pools SET held = 9".to_owned()),
        ("fewer than none held", "UPDATE ticketing.pools SET held = -1".to_owned()),
        ("fewer than none sold", "UPDATE ticketing.pools SET sold = -1, held = 0".to_owned()),
        ("a capacity below what is claimed", "UPDATE ticketing.pools SET capacity = 2".to_owned()),
        ("sold out while units are left", "UPDATE ticketing.pools SET sold_out = true".to_owned()),
        ("less than nothing of a limit", "UPDATE ticketing.allowances SET taken = -1".to_owned()),
        ("a version told twice", copied("ticketing.events", events, events)),
        (
            "a batch committed twice",
            format!(
                "INSERT INTO ticketing.events ({events}) SELECT {} FROM ticketing.events \
                 WHERE first LIMIT 1",
                events.replace("version", "version + 100")
            ),
        ),
        ("a key used twice", copied("ticketing.keys", KEYS, KEYS)),
        ("two payments of one intent", other_payment("intent", "false")),
        ("an order in no state", "UPDATE ticketing.orders SET state = 'sold'".to_owned()),
        ("more refunded than paid", "UPDATE ticketing.orders SET refunded = total + 1".to_owned()),
        ("more returned than bought", "UPDATE ticketing.orders SET returned = 2".to_owned()),
        (
            "more given back than captured",
            "UPDATE ticketing.payments SET refunding = amount + 1".to_owned(),
        ),
        ("a price of nothing", "UPDATE ticketing.tickets SET price = 0".to_owned()),
    ];
    for (what, sql) in refused {
        is_refused(&mut conn, what, sql).await;
    }
    sqlx::query("UPDATE ticketing.payments SET may_pay = true").execute(&mut conn).await.unwrap();
    is_refused(&mut conn, "two payments that may pay", other_payment("'pi_other'", "true")).await;
}

const KEYS: &str = "buyer, key, fingerprint, answer_kind, answer_id, answer_version, used_at";

async fn is_refused(conn: &mut PgConnection, what: &str, sql: String) {
    let answer = sqlx::query(AssertSqlSafe(sql)).execute(conn).await;
    assert!(answer.is_err(), "{what} was written");
    let error = answer.unwrap_err();
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    assert!(code.is_some_and(|code| code.starts_with("23")), "{what}: {error}");
}
