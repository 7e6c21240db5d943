//! A real file system that is full. `scripts/test` mounts one where it may, as that takes a right that
//! not everybody has; `failures.rs` shows the same to everybody with a database that may not grow.

#![expect(clippy::unwrap_used, reason = "a test that can't be set up must fail")]

use std::path::PathBuf;
use std::time::Duration;

use ticketing_core::memory::MemoryGateway;
use ticketing_core::ports::Storage;
use ticketing_core::values::{Money, OrderId, TicketId, UserId};
use ticketing_core::{Error, NewTicket, Ticketing};
use ticketing_sqlite::SqliteStorage;

/// What is taken away to make room again.
const BALLAST: usize = 512 * 1024;

async fn reserve(engine: &Ticketing, ticket: TicketId) -> Result<OrderId, Error> {
    let buyer = UserId::new("buyer").unwrap();
    Ok(engine.orders().reserve(buyer, [(ticket, 1)]).await?.id)
}

#[tokio::test]
#[ignore = "needs a small file system, see scripts/test"]
async fn a_full_disk_loses_nothing_and_the_engine_goes_on() {
    let disk = PathBuf::from(std::env::var_os("TICKETING_SMALL_DISK").unwrap());
    let (file, ballast) = (disk.join("tickets.db"), disk.join("ballast"));
    std::fs::write(&ballast, vec![7; BALLAST]).unwrap();
    let storage = SqliteStorage::open(&file).await.unwrap();
    let engine = Ticketing::builder()
        .storage(storage.clone())
        .gateway(MemoryGateway::new())
        .settings(|settings| settings.commit_patience = Duration::ZERO)
        .start()
        .await
        .unwrap();
    let new = NewTicket::new("Front row", Money::usd(20_00)).quantity(1_000_000);
    let seller = UserId::new("seller").unwrap();
    let ticket = engine.tickets().list_for_sale(seller, new).await.unwrap().id;

    let mut orders = Vec::new();
    let failed = loop {
        match reserve(&engine, ticket).await {
            Ok(order) => orders.push(order),
            Err(error) => break error,
        }
        assert!(orders.len() < 1_000_000, "the disk is full at some time");
    };
    assert!(matches!(failed, Error::Unavailable { .. }), "{failed:?}");
    assert!(reserve(&engine, ticket).await.is_err(), "still full");

    std::fs::remove_file(&ballast).unwrap();
    orders.push(reserve(&engine, ticket).await.unwrap());
    engine.shutdown().await.unwrap();
    storage.close().await;
    drop((engine, storage));

    let storage = SqliteStorage::open(&file).await.unwrap();
    for id in &orders {
        assert!(storage.order(*id).await.unwrap().is_some(), "{id} was acknowledged");
    }
    let listing = storage.listings(&[ticket]).await.unwrap().remove(0);
    assert_eq!(listing.pool.held, u32::try_from(orders.len()).unwrap());
}
