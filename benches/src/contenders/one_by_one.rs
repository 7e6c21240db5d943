//! What a careful program without the engine does: one transaction for each reservation.
//!
//! It is written as well as that can be. One connection writes, and callers wait for it in a fair
//! queue, as SQLite's own waiting is neither fair nor quick. The claim is one conditional update,
//! statements are prepared once, the rows are narrow, and the event is written as JSON text. It
//! writes the same three things that the engine does: the counter, the order, the event for others.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Result, ensure};
use async_trait::async_trait;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, Row, SqliteConnection};
use tokio::sync::Mutex;

use super::sale::{PRICE, Sale, UNITS};
use super::{Contender, Stored};

const SCHEMA: &str = "
    CREATE TABLE tickets (
        id INTEGER PRIMARY KEY, title TEXT NOT NULL, price INTEGER NOT NULL,
        available INTEGER NOT NULL CHECK (available >= 0), held INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE orders (
        id BLOB PRIMARY KEY, ticket INTEGER NOT NULL, buyer TEXT NOT NULL, quantity INTEGER NOT NULL,
        price INTEGER NOT NULL, status TEXT NOT NULL, created_at INTEGER NOT NULL,
        expires_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX orders_of_buyer ON orders (buyer, created_at);
    CREATE INDEX orders_due ON orders (expires_at) WHERE status = 'created';
    CREATE TABLE outbox (id INTEGER PRIMARY KEY, type TEXT NOT NULL, data TEXT NOT NULL) STRICT;
";

pub(crate) struct OneByOne {
    file: PathBuf,
    conn: Mutex<SqliteConnection>,
}

impl OneByOne {
    pub(crate) async fn start(tickets: u32, folder: &Path) -> Result<Self> {
        let file = folder.join("one-by-one.db");
        let mut conn = SqliteConnectOptions::new()
            .filename(&file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .disable_statement_logging()
            .connect()
            .await?;
        sqlx::raw_sql(SCHEMA).execute(&mut conn).await?;
        for number in 0..tickets {
            sqlx::query(
                "INSERT INTO tickets (id, title, price, available, held) VALUES (?, ?, ?, ?, 0)",
            )
            .bind(i64::from(number))
            .bind(format!("Ticket {number}"))
            .bind(PRICE)
            .bind(UNITS)
            .execute(&mut conn)
            .await?;
        }
        Ok(Self { file, conn: Mutex::new(conn) })
    }
}

#[async_trait]
impl Contender for OneByOne {
    async fn reserve(&self, ticket: usize, buyer: usize) -> Result<()> {
        let sale = Sale::new(ticket, buyer)?;
        let event = sale.event();
        let mut conn = self.conn.lock().await;
        let mut transaction = conn.begin_with("BEGIN IMMEDIATE").await?;
        let claimed = sqlx::query(
            "UPDATE tickets SET available = available - 1, held = held + 1 \
             WHERE id = ? AND available >= 1",
        )
        .bind(sale.ticket)
        .execute(&mut *transaction)
        .await?;
        ensure!(claimed.rows_affected() == 1, "sold out");
        sqlx::query(
            "INSERT INTO orders (id, ticket, buyer, quantity, price, status, created_at, expires_at) \
             VALUES (?, ?, ?, 1, ?, 'created', ?, ?)",
        )
        .bind(sale.id)
        .bind(sale.ticket)
        .bind(sale.buyer)
        .bind(PRICE)
        .bind(sale.created_at)
        .bind(sale.expires_at)
        .execute(&mut *transaction)
        .await?;
        sqlx::query("INSERT INTO outbox (type, data) VALUES ('order.created', ?)")
            .bind(event)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(())
    }

    async fn finish(self: Arc<Self>) -> Result<Stored> {
        let mut conn = SqliteConnectOptions::new().filename(&self.file).connect().await?;
        let row = sqlx::query(
            "SELECT (SELECT count(*) FROM orders) AS orders, (SELECT sum(held) FROM tickets) AS held, \
             (SELECT count(*) FROM outbox) AS events",
        )
        .fetch_one(&mut conn)
        .await?;
        let number =
            |column: &str| -> Result<u64> { Ok(u64::try_from(row.try_get::<i64, _>(column)?)?) };
        let orders = number("orders")?;
        Ok(Stored {
            orders,
            held: number("held")?,
            events: number("events")?,
            transactions: Some(orders),
        })
    }
}
