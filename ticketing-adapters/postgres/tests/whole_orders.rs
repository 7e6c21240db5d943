//! An order with several lines is read as it was at one moment, whatever is written meanwhile.

#![expect(clippy::unwrap_used, reason = "a test that can't be set up must fail")]

mod database;

use sqlx::PgConnection;
use ticketing_core::domain::Order;
use ticketing_core::memory::MemoryGateway;
use ticketing_core::ports::{OrderDirection, Storage};
use ticketing_core::values::{Money, OrderId, Page, PoolId, UserId};
use ticketing_core::{NewTicket, Ticketing};
use ticketing_postgres::PostgresStorage;

use crate::database::Database;

/// How often the order changes while it is read.
const CHANGES: usize = 400;

/// Gives a unit of each line back, and takes both again, each time in one transaction.
async fn change(mut conn: PgConnection, order: OrderId) {
    sqlx::query("SET synchronous_commit = off").execute(&mut conn).await.unwrap();
    for _ in 0..CHANGES {
        sqlx::query("BEGIN").execute(&mut conn).await.unwrap();
        for sql in [
            "UPDATE ticketing.orders SET returned = 1 - returned WHERE id = $1",
            "UPDATE ticketing.order_lines SET returned = 1 - returned WHERE order_id = $1",
        ] {
            let done = sqlx::query(sql).bind(order.as_uuid()).execute(&mut conn).await.unwrap();
            assert_eq!(done.rows_affected(), 1);
        }
        sqlx::query("COMMIT").execute(&mut conn).await.unwrap();
    }
}

/// The order by each of the calls that read it.
async fn each_read(storage: &PostgresStorage, id: OrderId, buyer: &UserId) -> [Order; 3] {
    let by_id = storage.order(id).await.unwrap().unwrap();
    let direction = OrderDirection::OldestFirst;
    let own = storage.orders_of(buyer, direction, Page::default()).await.unwrap();
    let pool = PoolId::from(by_id.lines.last().unwrap().ticket_id);
    let live = storage.live_orders(pool, None, 1).await.unwrap();
    [by_id, own.items.first().unwrap().clone(), live.first().unwrap().clone()]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_are_read_at_one_moment() {
    let database = Database::migrated(&ticketing_postgres::migrations()).await;
    let storage = PostgresStorage::from_url(database.url()).await.unwrap();
    let builder = Ticketing::builder().storage(storage.clone()).gateway(MemoryGateway::new());
    let engine = builder.start().await.unwrap();
    let (seller, buyer) = (UserId::new("seller").unwrap(), UserId::new("buyer").unwrap());
    let mut wanted = Vec::new();
    for title in ["Front row", "Back row"] {
        let new = NewTicket::new(title, Money::usd(20_00));
        wanted.push((engine.tickets().list_for_sale(seller.clone(), new).await.unwrap().id, 1));
    }
    let order = engine.orders().reserve(buyer.clone(), wanted).await.unwrap().id;
    engine.shutdown().await.unwrap();

    let changes = tokio::spawn(change(database.connect().await, order));
    while !changes.is_finished() {
        for read in each_read(&storage, order, &buyer).await {
            let returned: Vec<u32> = read.lines.iter().map(|line| line.returned).collect();
            assert!(returned == [0, 0] || returned == [1, 1], "two moments: {returned:?}");
        }
    }
    changes.await.unwrap();
}
