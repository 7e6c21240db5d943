use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use sqlx::error::{DatabaseError, ErrorKind};
use sqlx::sqlite::SqliteConnectOptions;
use ticketing_core::memory::MemoryGateway;
use ticketing_core::values::{Money, UserId};
use ticketing_core::{Error, NewTicket, Ticketing};

use super::*;
use crate::storage::SqliteStorage;

/// A failure as SQLite tells it.
#[derive(Debug)]
struct Coded(u32);

impl fmt::Display for Coded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "code {}", self.0)
    }
}

impl StdError for Coded {}

impl DatabaseError for Coded {
    fn message(&self) -> &'static str {
        "coded"
    }

    fn code(&self) -> Option<Cow<'_, str>> {
        Some(self.0.to_string().into())
    }

    fn as_error(&self) -> &(dyn StdError + Send + Sync + 'static) {
        self
    }

    fn as_error_mut(&mut self) -> &mut (dyn StdError + Send + Sync + 'static) {
        self
    }

    fn into_error(self: Box<Self>) -> Box<dyn StdError + Send + Sync + 'static> {
        self
    }

    fn kind(&self) -> ErrorKind {
        ErrorKind::Other
    }
}

fn told(code: u32) -> PortError {
    Failure::from(sqlx::Error::Database(Box::new(Coded(code)))).of("commit")
}

#[test]
fn every_class_has_its_kind() {
    let corrupt =
        || PortErrorKind::Corrupt { table: "database", column: "page", id: "file".into() };
    for (name, code, kind) in [
        ("PERM", 3, PortErrorKind::Misconfigured),
        ("READONLY", 8, PortErrorKind::Misconfigured),
        ("CANTOPEN", 14, PortErrorKind::Misconfigured),
        ("CORRUPT", 11, corrupt()),
        ("NOTADB", 26, corrupt()),
        ("FULL", 13, PortErrorKind::Unavailable),
        ("IOERR", 10, PortErrorKind::Unavailable),
        ("BUSY", 5, PortErrorKind::Unavailable),
        ("LOCKED", 6, PortErrorKind::Unavailable),
        ("NOMEM", 7, PortErrorKind::Unavailable),
    ] {
        let extended = code | (3 << 8);
        assert_eq!(told(code).kind(), &kind, "{name}");
        assert_eq!(told(extended).kind(), &kind, "{name}, extended");
    }
}

#[test]
fn a_broken_constraint_is_refused() {
    let failure = Failure::of_write(sqlx::Error::Database(Box::new(Coded(CONSTRAINT | (8 << 8)))));
    assert!(failure.has_culprit());
    assert_eq!(failure.of("commit").kind(), &PortErrorKind::Refused);
}

#[test]
fn what_is_no_answer_of_the_database_is_unavailable() {
    let told = Failure::from(sqlx::Error::PoolTimedOut).of("commit");
    assert_eq!(told.kind(), &PortErrorKind::Unavailable);
    assert_eq!(Failure::NoTurn.of("commit").kind(), &PortErrorKind::Unavailable);
    let told = Failure::from(sqlx::Error::PoolClosed).of("commit");
    assert_eq!(told.kind(), &PortErrorKind::Closed);
}

/// Every connection that writes from now on may write, or only read.
async fn set_query_only(storage: &SqliteStorage, on: bool) {
    let value = if on { "1" } else { "0" };
    for pool in [&storage.shared.writers, &storage.shared.notes] {
        let options: SqliteConnectOptions = (*pool.connect_options()).clone();
        pool.set_connect_options(options.pragma("query_only", value));
        let mut conn = pool.acquire().await.unwrap();
        let sql = if on { "PRAGMA query_only = 1" } else { "PRAGMA query_only = 0" };
        sqlx::query(sql).execute(&mut *conn).await.unwrap();
    }
}

#[tokio::test]
async fn a_file_that_turns_read_only_is_told_and_the_engine_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let storage = SqliteStorage::open(folder.path().join("tickets.db")).await.unwrap();
    let builder = Ticketing::builder().storage(storage.clone()).gateway(MemoryGateway::new());
    let builder = builder.settings(|settings| settings.commit_patience = Duration::ZERO);
    let engine = builder.start().await.unwrap();
    let seller = UserId::new("seller").unwrap();
    let list = async || {
        let new = NewTicket::new("Front row", Money::usd(20_00));
        engine.tickets().list_for_sale(seller.clone(), new).await
    };
    list().await.unwrap();

    set_query_only(&storage, true).await;
    for _ in 0..2 {
        let Err(Error::Unavailable { source: error, .. }) = list().await else {
            panic!("it was written");
        };
        assert_eq!(error.kind(), &PortErrorKind::Misconfigured, "{error:?}");
        let cause = error.source().unwrap().to_string();
        assert!(cause.contains("readonly database"), "{cause}");
    }

    set_query_only(&storage, false).await;
    list().await.unwrap();
    engine.shutdown().await.unwrap();
}
