//! A Postgres database for one test, which several servers share.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use ticketing_core::testing::server_url;

/// What signs the sessions of servers that share their people.
pub(crate) const KEYS: &str = "a:0123456789abcdef0123456789abcdef";

/// Few connections: other tests want some, too.
const PARAMETERS: &str = "lanes=2&readers=2&background=1&password=VerySecret";

async fn tell(server: &str, statement: String) {
    let mut conn = PgConnection::connect(server).await.unwrap();
    sqlx::query(AssertSqlSafe(statement)).execute(&mut conn).await.unwrap();
    conn.close().await.unwrap();
}

/// Runs a test with the URL of a database of its own, which is gone afterwards. The URL has a password
/// in it.
pub(crate) async fn in_database(case: impl AsyncFnOnce(&str)) {
    let server = server_url("TICKETING_TEST_POSTGRES");
    let name = format!("t_{}", uuid::Uuid::new_v4().simple());
    let (address, parameters) = server.split_once('?').unwrap_or((&server, ""));
    let (address, _) = address.rsplit_once('/').expect("the URL names a database");
    let url = format!("{address}/{name}?{PARAMETERS}&{parameters}");
    tell(&server, format!("CREATE DATABASE {name} ENCODING 'UTF8' TEMPLATE template0")).await;
    let outcome = AssertUnwindSafe(case(&url)).catch_unwind().await;
    tell(&server, format!("DROP DATABASE {name} WITH (FORCE)")).await;
    if let Err(failure) = outcome {
        std::panic::resume_unwind(failure);
    }
}
