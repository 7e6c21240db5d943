//! What the server says of a storage's connections.

use std::time::{Duration, Instant};

use sqlx::PgConnection;

/// How long after the last call a transaction may still be on its way.
const SOON: Duration = Duration::from_secs(15);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Connections of storages in this database, by their state.
pub(crate) async fn in_state(conn: &mut PgConnection, state: &str) -> i64 {
    sqlx::query_scalar(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
         AND application_name = 'ticketing' AND state LIKE $1",
    )
    .bind(state)
    .fetch_one(conn)
    .await
    .unwrap()
}

/// Waits until none of them is inside of a transaction, which must be soon after the last call.
pub(crate) async fn none_is_in_a_transaction(conn: &mut PgConnection) {
    let began = Instant::now();
    while in_state(conn, "idle in transaction%").await > 0 || in_state(conn, "active").await > 0 {
        assert!(began.elapsed() < SOON, "a connection is left inside of a transaction");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Ends every connection of storages in this database. Answers how many those were.
pub(crate) async fn end_all(conn: &mut PgConnection) -> usize {
    let ended: Vec<bool> = sqlx::query_scalar(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE datname = current_database() AND application_name = 'ticketing'",
    )
    .fetch_all(conn)
    .await
    .unwrap();
    ended.len()
}
