use std::time::Duration;

use sqlx::{Connection, SqlitePool};
use tempfile::TempDir;
use ticketing_core::domain::{Actor, NewTicket, Ticket};
use ticketing_core::ports::{
    BatchBuilder, Cause, Clock, Group, IdSource, RandomIds, Storage, SystemClock, WriteBatch,
};
use ticketing_core::values::{Money, OrderId, TicketId, UserId};
use uuid::Uuid;

use crate::config::SqliteConfig;

fn config(folder: &TempDir) -> SqliteConfig {
    SqliteConfig::new(folder.path().join("tickets.db")).readers(1)
}

fn listing() -> (TicketId, WriteBatch) {
    let (seller, now) = (UserId::new("seller").unwrap(), SystemClock.now());
    let id = TicketId::from_uuid(RandomIds.next());
    let new = NewTicket::new("Front row", Money::usd(20_00));
    let decision = Ticket::list(id, seller.clone(), new, now).unwrap();
    let cause = Cause { actor: Actor::User(seller), correlation: None };
    (id, BatchBuilder::new(cause, &RandomIds, now).ticket(decision).build())
}

/// Ends a transaction as SQLite does by itself when it can't read a page: sqlx believes that it goes
/// on.
async fn lose_a_transaction(pool: &SqlitePool) {
    let mut conn = pool.acquire().await.unwrap();
    let mut transaction = conn.begin().await.unwrap();
    sqlx::query("ROLLBACK").execute(&mut *transaction).await.unwrap();
}

#[tokio::test]
async fn a_reader_that_lost_its_transaction_does_not_stay_in_the_past() {
    let folder = tempfile::tempdir().unwrap();
    let storage = config(&folder).open().await.unwrap();
    lose_a_transaction(&storage.shared.readers).await;
    // It reads in a transaction, so from now on the connection could be in one.
    assert!(storage.order(OrderId::from_uuid(Uuid::nil())).await.unwrap().is_none());
    let (id, batch) = listing();
    assert!(storage.commit(Group::of(vec![batch])).await.outcomes.iter().all(Result::is_ok));
    assert_eq!(storage.listings(&[id]).await.unwrap().len(), 1, "it was acknowledged");
}

#[tokio::test]
async fn a_writer_that_lost_its_transaction_fails_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let storage = config(&folder).open().await.unwrap();
    lose_a_transaction(&storage.shared.writers).await;
    let (_, batch) = listing();
    let outcome = storage.commit(Group::of(vec![batch])).await.outcomes.remove(0);
    assert!(outcome.is_ok(), "{outcome:?}");
    lose_a_transaction(&storage.shared.notes).await;
    assert_eq!(storage.claim_outbox(Duration::from_mins(1), 9).await.unwrap().len(), 1);
}
