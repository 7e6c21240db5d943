//! A database of its own for a round of the engine in PostgreSQL.

use anyhow::{Context, Result};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Row};
use ticketing_postgres::{PostgresConfig, PostgresStorage};
use uuid::Uuid;

use super::{Stored, tables};

/// The database, and the engine's storage in it.
pub(super) struct Database {
    server: PgConnectOptions,
    name: String,
    storage: PostgresStorage,
}

impl Database {
    /// Makes it, on the server that the URL names.
    pub(super) async fn create(url: &str) -> Result<Self> {
        let server: PgConnectOptions = url.parse()?;
        let name = format!("ticketing_bench_{}", Uuid::now_v7().simple());
        let mut conn = server.clone().disable_statement_logging().connect().await?;
        tables::is_durable(&mut conn).await?;
        sqlx::raw_sql(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut conn).await?;
        conn.close().await?;
        match PostgresConfig::new(server.clone().database(&name)).open().await {
            Ok(storage) => Ok(Self { server, name, storage }),
            Err(error) => {
                remove(&server, &name).await?;
                Err(error.into())
            }
        }
    }

    /// The storage.
    pub(super) fn storage(&self) -> PostgresStorage {
        self.storage.clone()
    }

    /// What is in it. It is gone afterwards.
    pub(super) async fn count_and_remove(&self) -> Result<Stored> {
        self.storage.close().await;
        let counted = self.count().await;
        remove(&self.server, &self.name).await?;
        counted
    }

    async fn count(&self) -> Result<Stored> {
        let mut conn = self.server.clone().database(&self.name).connect().await?;
        let row = sqlx::query(
            "SELECT (SELECT count(*) FROM ticketing.orders) AS orders, \
             (SELECT sum(held)::bigint FROM ticketing.pools) AS held, \
             (SELECT count(*) FROM ticketing.events WHERE kind = 'order' AND version = 0) \
             AS events, \
             (SELECT count(*) FROM ticketing.outbox) AS transactions",
        )
        .fetch_one(&mut conn)
        .await?;
        conn.close().await?;
        let number =
            |column: &str| -> Result<u64> { Ok(u64::try_from(row.try_get::<i64, _>(column)?)?) };
        Ok(Stored {
            orders: number("orders")?,
            held: number("held")?,
            events: number("events")?,
            transactions: Some(number("transactions")?),
        })
    }
}

async fn remove(server: &PgConnectOptions, name: &str) -> Result<()> {
    let mut conn: PgConnection = server.clone().disable_statement_logging().connect().await?;
    sqlx::raw_sql(AssertSqlSafe(format!("DROP DATABASE {name} WITH (FORCE)")))
        .execute(&mut conn)
        .await
        .with_context(|| format!("the database {name} is left over"))?;
    Ok(conn.close().await?)
}
