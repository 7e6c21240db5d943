//! A full disk, a file that can't be written, a row that can't be read: what is said, and that the
//! engine goes on when the cause is gone.

#![expect(clippy::unwrap_used, reason = "a test that can't be set up must fail")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions};
use sqlx::{ConnectOptions, SqliteConnection};
use tempfile::TempDir;
use ticketing_core::memory::MemoryGateway;
use ticketing_core::ports::{PortErrorKind, Storage};
use ticketing_core::values::{Money, OrderId, TicketId, UserId};
use ticketing_core::{Error, NewTicket, Ticketing};
use ticketing_sqlite::SqliteStorage;

struct Shop {
    engine: Ticketing,
    storage: SqliteStorage,
    ticket: TicketId,
}

impl Shop {
    async fn over(storage: SqliteStorage) -> Self {
        let builder = Ticketing::builder().storage(storage.clone()).gateway(MemoryGateway::new());
        // What can't be written is told soon.
        let builder = builder.settings(|settings| settings.commit_patience = Duration::ZERO);
        let engine = builder.start().await.unwrap();
        let new = NewTicket::new("Front row", Money::usd(20_00)).quantity(1_000_000);
        let seller = UserId::new("seller").unwrap();
        let ticket = engine.tickets().list_for_sale(seller, new).await.unwrap().id;
        Self { engine, storage, ticket }
    }

    async fn reserve(&self) -> Result<OrderId, Error> {
        let buyer = UserId::new("buyer").unwrap();
        Ok(self.engine.orders().reserve(buyer, [(self.ticket, 1)]).await?.id)
    }

    /// Reserves until the disk is full for every order. One that needs a page of its own is refused
    /// while another one still finds room in the pages that there are.
    async fn reserve_until_nothing_fits(&self) -> Vec<OrderId> {
        const REFUSED_IN_A_ROW: usize = 10;
        let mut orders = Vec::new();
        let mut refused = 0;
        while refused < REFUSED_IN_A_ROW {
            match self.reserve().await {
                Ok(order) => {
                    refused = 0;
                    orders.push(order);
                }
                Err(error) => {
                    assert!(matches!(error, Error::Unavailable { .. }), "{error:?}");
                    refused += 1;
                }
            }
            assert!(orders.len() < 100_000, "the disk is full at some time");
        }
        orders
    }

    /// Every order that was acknowledged is there, and no unit is held for any other.
    async fn has_exactly(&self, orders: &[OrderId]) {
        for id in orders {
            assert!(self.storage.order(*id).await.unwrap().is_some(), "{id} was acknowledged");
        }
        let listing = self.storage.listings(&[self.ticket]).await.unwrap().remove(0);
        assert_eq!(listing.pool.held, u32::try_from(orders.len()).unwrap());
    }
}

fn file_in(folder: &TempDir) -> PathBuf {
    folder.path().join("tickets.db")
}

/// A storage whose database may have so many pages. To SQLite it is a disk that is full.
async fn of_pages(file: &Path, pages: &'static str) -> (SqlitePool, SqliteStorage) {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(sqlx::sqlite::SqliteJournalMode::Wal)
        .pragma("max_page_count", pages);
    let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await.unwrap();
    let storage = SqliteStorage::from_pool(pool.clone()).await.unwrap();
    (pool, storage)
}

#[tokio::test]
async fn a_full_disk_refuses_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (pool, storage) = of_pages(&file_in(&folder), "120").await;
    let shop = Shop::over(storage.clone()).await;
    let orders = shop.reserve_until_nothing_fits().await;
    assert!(!orders.is_empty());
    shop.has_exactly(&orders).await;
    shop.engine.shutdown().await.unwrap();
    drop((shop, storage));
    pool.close().await;

    // Somebody makes room, and the program is started again.
    let (_pool, storage) = of_pages(&file_in(&folder), "1000000").await;
    let shop_again = Shop::over(storage.clone()).await;
    for id in &orders {
        assert!(storage.order(*id).await.unwrap().is_some());
    }
    shop_again.reserve().await.unwrap();
}

#[tokio::test]
async fn the_engine_goes_on_when_there_is_room_again() {
    let folder = tempfile::tempdir().unwrap();
    let (pool, storage) = of_pages(&file_in(&folder), "120").await;
    let shop = Shop::over(storage).await;
    let mut orders = Vec::new();
    while let Ok(order) = shop.reserve().await {
        orders.push(order);
    }
    // Room is made in the file that is full: old events go, and the space is used again.
    let mut conn = pool.acquire().await.unwrap();
    sqlx::query("DELETE FROM ticketing_events WHERE kind = 'pool'")
        .execute(&mut *conn)
        .await
        .unwrap();
    drop(conn);
    orders.push(shop.reserve().await.unwrap());
    shop.has_exactly(&orders).await;
}

#[tokio::test]
async fn a_spoilt_pool_stops_its_own_ticket_only() {
    let folder = tempfile::tempdir().unwrap();
    let storage = SqliteStorage::open(file_in(&folder)).await.unwrap();
    let spoilt = Shop::over(storage.clone()).await;
    let order = spoilt.reserve().await.unwrap();
    let new = NewTicket::new("Back row", Money::usd(10_00)).quantity(5);
    let seller = UserId::new("seller").unwrap();
    let sound = spoilt.engine.tickets().list_for_sale(seller, new).await.unwrap().id;
    let mut conn = raw(&file_in(&folder)).await;
    shift_version(&mut conn, spoilt.ticket, -1_000).await;

    let failed = storage.listings(&[spoilt.ticket]).await.unwrap_err();
    let PortErrorKind::Corrupt { table, column, id } = failed.kind() else {
        panic!("{failed:?}");
    };
    assert_eq!(
        (*table, *column, id.as_str()),
        ("pools", "pool_version", spoilt.ticket.to_string().as_str())
    );
    assert!(spoilt.reserve().await.is_err());
    let buyer = UserId::new("buyer").unwrap();
    spoilt.engine.orders().reserve(buyer, [(sound, 1)]).await.unwrap();

    shift_version(&mut conn, spoilt.ticket, 1_000).await;
    let next = spoilt.reserve().await.unwrap();
    spoilt.has_exactly(&[order, next]).await;
}

async fn raw(file: &Path) -> SqliteConnection {
    SqliteConnectOptions::new().filename(file).connect().await.unwrap()
}

async fn shift_version(conn: &mut SqliteConnection, pool: TicketId, by: i64) {
    sqlx::query("PRAGMA ignore_check_constraints = 1").execute(&mut *conn).await.unwrap();
    sqlx::query("UPDATE ticketing_pools SET version = version + ? WHERE id = ?")
        .bind(by)
        .bind(pool.as_uuid())
        .execute(conn)
        .await
        .unwrap();
}
