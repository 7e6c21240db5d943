use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use sqlx::{ConnectOptions, Connection, SqliteConnection, SqlitePool};
use tempfile::TempDir;
use ticketing_core::domain::{Actor, NewTicket, Ticket};
use ticketing_core::ports::{
    BatchBuilder, Cause, Clock, CommitError, Group, IdSource, ListingQuery, PortErrorKind,
    RandomIds, Storage, SystemClock, WriteBatch,
};
use ticketing_core::values::{Money, OrderId, TicketId, Timestamp, UserId};
use uuid::Uuid;

use crate::config::SqliteConfig;
use crate::storage::SqliteStorage;

/// How long a call may take, where a test waits for that.
const SOON: Duration = Duration::from_millis(300);
/// What that may take on a machine that has much else to do.
const AT_LAST: Duration = Duration::from_secs(8);

fn config(folder: &TempDir) -> SqliteConfig {
    SqliteConfig::new(folder.path().join("tickets.db")).readers(1)
}

/// A storage whose calls must end soon.
fn hurried(mut storage: SqliteStorage) -> SqliteStorage {
    Arc::get_mut(&mut storage.shared).unwrap().call_max = SOON;
    storage
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

/// A clock that hangs, as a disk can, until it is told to go on.
#[derive(Debug)]
struct Hanging {
    began: Sender<()>,
    go_on: Mutex<Receiver<()>>,
}

impl Clock for Hanging {
    fn now(&self) -> Timestamp {
        self.began.send(()).ok();
        self.go_on.lock().unwrap().recv().ok();
        SystemClock.now()
    }
}

/// Nobody knows what becomes of a commit that hangs, until it comes again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_hangs_is_unknown_and_known_at_last() {
    let folder = tempfile::tempdir().unwrap();
    let ((began, begins), (goes_on, go_on)) = (channel(), channel());
    let clock = Hanging { began, go_on: Mutex::new(go_on) };
    let storage = hurried(config(&folder).clock(Arc::new(clock)).open().await.unwrap());
    let (_, batch) = listing();
    let first = storage.commit(Group::of(vec![batch.clone()]));
    let Err(CommitError::OutcomeUnknown(error)) = first.await.outcomes.remove(0) else {
        panic!("nobody can know");
    };
    assert_eq!(error.kind(), &PortErrorKind::Unavailable);
    begins.recv().unwrap();
    drop(goes_on);
    let patient = Instant::now();
    loop {
        let again = storage.commit(Group::of(vec![batch.clone()])).await.outcomes.remove(0);
        match again {
            Err(CommitError::Duplicate(_)) => break,
            Err(CommitError::NotApplied(_) | CommitError::OutcomeUnknown(_)) => {}
            other => panic!("it was committed by then: {other:?}"),
        }
        assert!(patient.elapsed() < AT_LAST);
    }
}

/// A host's pool waits as long as the host has told it to. A call does not.
#[tokio::test]
async fn a_read_that_hangs_ends() {
    let folder = tempfile::tempdir().unwrap();
    let options = SqliteConnectOptions::new()
        .filename(folder.path().join("host.db"))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Delete)
        .busy_timeout(Duration::from_hours(1));
    let pool = SqlitePool::connect_with(options.clone()).await.unwrap();
    let storage = hurried(SqliteStorage::from_pool(pool.clone()).await.unwrap());
    let mut other: SqliteConnection = options.connect().await.unwrap();
    sqlx::query("BEGIN EXCLUSIVE").execute(&mut other).await.unwrap();
    let began = Instant::now();
    let error = storage.search(&ListingQuery::default()).await.unwrap_err();
    assert_eq!(error.kind(), &PortErrorKind::Unavailable);
    assert!(began.elapsed() < AT_LAST, "{:?}", began.elapsed());
    sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
    let began = Instant::now();
    while storage.search(&ListingQuery::default()).await.is_err() {
        assert!(began.elapsed() < AT_LAST, "it goes on");
    }
}

/// What was read beside the file when it was closed would keep its log from being put into it.
#[tokio::test]
async fn who_gave_up_waiting_for_a_connection_leaves_none_open() {
    let folder = tempfile::tempdir().unwrap();
    for patience in (0..200).map(|step| Duration::from_micros(5 * step)) {
        let storage = config(&folder).readers(4).open().await.unwrap();
        let readers = &storage.shared.readers;
        let mut waiting: Vec<_> = (0..4).map(|_| Box::pin(readers.acquire())).collect();
        let mut got = Vec::new();
        let begun = Instant::now();
        while begun.elapsed() <= patience {
            waiting.retain_mut(|one| match one.now_or_never() {
                Some(conn) => {
                    got.push(conn.unwrap());
                    false
                }
                None => true,
            });
        }
        drop((waiting, got));
        storage.close().await;
        assert!(!folder.path().join("tickets.db-wal").exists(), "after {patience:?}");
    }
}
