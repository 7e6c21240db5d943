//! The tables of the programs over PostgreSQL that do without the engine.
//!
//! They are as narrow as those of the program over SQLite, with the same two indexes: without them
//! a buyer would not find an order again, and nobody what is overdue. Pages of tickets are half
//! empty, so that a counter changes within its page and no index is touched.

use std::time::Duration;

use anyhow::{Result, ensure};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Row};
use uuid::Uuid;

use super::sale::{PRICE, UNITS};
use super::{Connections, Stored};

const TABLES: &str = "
    CREATE TABLE tickets (
        id bigint PRIMARY KEY, title text NOT NULL, price bigint NOT NULL,
        available bigint NOT NULL CHECK (available >= 0), held bigint NOT NULL
    ) WITH (fillfactor = 50);
    CREATE TABLE orders (
        id uuid PRIMARY KEY, ticket bigint NOT NULL, buyer text NOT NULL, quantity integer NOT NULL,
        price bigint NOT NULL, status text NOT NULL, created_at bigint NOT NULL,
        expires_at bigint NOT NULL
    );
    CREATE INDEX orders_of_buyer ON orders (buyer, created_at);
    CREATE INDEX orders_due ON orders (expires_at) WHERE status = 'created';
    CREATE TABLE outbox (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, type text NOT NULL, data text NOT NULL
    );
";

/// A schema of their own for a round, and the connections to it.
pub(super) struct Tables {
    schema: String,
    pool: PgPool,
}

impl Tables {
    /// Creates them, with so many tickets in them.
    pub(super) async fn create(url: &str, connections: Connections, tickets: u32) -> Result<Self> {
        let schema = format!("ticketing_bench_{}", Uuid::now_v7().simple());
        let pool = connect(url, &schema, connections).await?;
        let tables = Self { schema, pool };
        if let Err(error) = tables.fill(tickets).await {
            tables.remove().await?;
            return Err(error);
        }
        Ok(tables)
    }

    async fn fill(&self, tickets: u32) -> Result<()> {
        let create = format!("CREATE SCHEMA {}; {TABLES}", self.schema);
        sqlx::raw_sql(AssertSqlSafe(create)).execute(&self.pool).await?;
        sqlx::query(
            "INSERT INTO tickets (id, title, price, available, held) \
             SELECT id, 'Ticket ' || id, $2::bigint, $3::bigint, 0 \
             FROM generate_series(0::bigint, $1::bigint - 1) AS id",
        )
        .bind(i64::from(tickets))
        .bind(PRICE)
        .bind(UNITS)
        .execute(&self.pool)
        .await?;
        sqlx::raw_sql("VACUUM (ANALYZE) tickets").execute(&self.pool).await?;
        is_durable(&mut *self.pool.acquire().await?).await
    }

    pub(super) fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// What is in them. They are gone afterwards.
    pub(super) async fn count_and_remove(&self) -> Result<Stored> {
        let counted = self.count().await;
        self.remove().await?;
        counted
    }

    async fn count(&self) -> Result<Stored> {
        let row = sqlx::query(
            "SELECT (SELECT count(*) FROM orders) AS orders, \
             (SELECT sum(held)::bigint FROM tickets) AS held, \
             (SELECT count(*) FROM outbox) AS events",
        )
        .fetch_one(&self.pool)
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

    async fn remove(&self) -> Result<()> {
        let drop = format!("DROP SCHEMA IF EXISTS {} CASCADE", self.schema);
        sqlx::raw_sql(AssertSqlSafe(drop)).execute(&self.pool).await?;
        self.pool.close().await;
        Ok(())
    }
}

/// All connections, open before the round begins. None is asked whether it still lives before each
/// use: that would be a trip more for every reservation.
async fn connect(url: &str, schema: &str, Connections(number): Connections) -> Result<PgPool> {
    let options = url
        .parse::<PgConnectOptions>()?
        .options([("search_path", schema), ("synchronous_commit", "on")])
        .disable_statement_logging();
    let pool = PgPoolOptions::new()
        .max_connections(number)
        .test_before_acquire(false)
        .acquire_timeout(Duration::from_mins(1))
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_with(options)
        .await?;
    let mut open = Vec::new();
    for _ in 0..number {
        open.push(pool.acquire().await?);
    }
    drop(open);
    Ok(pool)
}

/// A server that does not wait for its disk measures something else.
pub(super) async fn is_durable(conn: &mut PgConnection) -> Result<()> {
    let fsync: String = sqlx::query_scalar("SHOW fsync").fetch_one(conn).await?;
    ensure!(fsync == "on", "fsync is {fsync} on this server: what it answers may be lost");
    Ok(())
}

/// What the server is, in words.
pub(super) async fn server(url: &str) -> Result<String> {
    let mut conn = url.parse::<PgConnectOptions>()?.connect().await?;
    let version: String = sqlx::query_scalar("SHOW server_version").fetch_one(&mut conn).await?;
    conn.close().await?;
    Ok(format!("PostgreSQL {version}, which waits for its disk"))
}

#[cfg(test)]
mod tests {
    use ticketing_core::testing::server_url;

    use super::*;

    #[tokio::test]
    async fn nothing_of_a_round_is_left() {
        let url = server_url("TICKETING_TEST_POSTGRES");
        let mut conn = url.parse::<PgConnectOptions>().unwrap().connect().await.unwrap();
        let tables = Tables::create(&url, Connections(1), 1).await.unwrap();
        let mut exists = async || -> bool {
            sqlx::query_scalar("SELECT to_regnamespace($1) IS NOT NULL")
                .bind(&tables.schema)
                .fetch_one(&mut conn)
                .await
                .unwrap()
        };
        assert!(exists().await);
        tables.count_and_remove().await.unwrap();
        assert!(!exists().await);
    }
}
