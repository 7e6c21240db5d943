//! A Postgres database for one test, which several servers share.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::time::Duration;

use futures_util::FutureExt as _;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tempfile::NamedTempFile;
use ticketing_core::testing::server_url;
use ticketing_core::values::Timestamp;
use ticketing_server::Config;
use ticketing_server::config::Sources;
use tokio::process::Command;

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

/// Has a server keep everything but its files in the database.
pub(crate) fn in_this_database(config: &mut Config, url: &str) {
    let variables = [
        ("TICKETING_DATABASE", url),
        ("TICKETING_SESSION_KEYS", KEYS),
        ("TICKETING_LISTEN", "127.0.0.1:0"),
        ("TICKETING_DATA_DIR", config.data_dir.to_str().unwrap()),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let variables = BTreeMap::from(variables);
    *config = Config::load(&Sources { variables, ..Sources::default() }).unwrap();
}

/// The URL without what only our adapter reads.
pub(crate) fn plain(database: &str) -> String {
    let (address, parameters) = database.split_once('?').unwrap_or((database, ""));
    let ours = ["lanes", "readers", "background"];
    let others = parameters
        .split('&')
        .filter(|one| one.split_once('=').is_some_and(|(name, _)| !ours.contains(&name)));
    format!("{address}?{}", others.collect::<Vec<_>>().join("&"))
}

/// A database whose clock a test moves. Whoever connects once it has one goes by it.
#[derive(Debug, Clone)]
pub(crate) struct Clocked {
    url: String,
}

impl Clocked {
    /// Its clock stands at that time.
    pub(crate) async fn standing(url: &str, at: Timestamp) -> Self {
        let table = format!("SELECT {} AS at, interval '0' AS ahead", sql_of(at));
        Self::made(url, &table, "at + ahead").await
    }

    /// Its clock runs, and can be put forward.
    pub(crate) async fn running(url: &str) -> Self {
        Self::made(url, "SELECT interval '0' AS ahead", "pg_catalog.clock_timestamp() + ahead")
            .await
    }

    async fn made(url: &str, table: &str, now: &str) -> Self {
        let clock = Self { url: url.to_owned() };
        clock
            .tell(&format!(
                "CREATE SCHEMA clocked;
             CREATE TABLE clocked.clock AS {table};
             CREATE FUNCTION clocked.clock_timestamp() RETURNS timestamptz
                 LANGUAGE sql VOLATILE AS 'SELECT {now} FROM clocked.clock'"
            ))
            .await;
        clock.rule().await;
        clock
    }

    /// The same after the database came back from a backup, with a clock that knows what time it is
    /// now: a backup has neither that nor who goes by it.
    pub(crate) async fn restored(&self, at: Timestamp) -> Self {
        self.tell(&format!("UPDATE clocked.clock SET at = {}, ahead = '0'", sql_of(at))).await;
        self.rule().await;
        self.clone()
    }

    pub(crate) async fn advance(&self, by: Duration) {
        let micros = by.as_micros();
        let sql =
            format!("UPDATE clocked.clock SET ahead = ahead + {micros} * interval '1 microsecond'");
        self.tell(&sql).await;
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    async fn rule(&self) {
        let sql = "DO $$ BEGIN EXECUTE format(
             'ALTER DATABASE %I SET search_path = clocked, pg_catalog', current_database());
         END $$";
        self.tell(sql).await;
    }

    async fn tell(&self, sql: &str) {
        let mut conn = PgConnection::connect(&plain(&self.url)).await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut conn).await.unwrap();
        conn.close().await.unwrap();
    }
}

fn sql_of(at: Timestamp) -> String {
    format!("timestamptz 'epoch' + {} * interval '1 microsecond'", at.as_micros())
}

/// A database as it was while others worked on it, by the programs that come with Postgres.
#[derive(Debug)]
pub(crate) struct Backup(NamedTempFile);

impl Backup {
    pub(crate) async fn of(url: &str) -> Self {
        let file = NamedTempFile::new().unwrap();
        let url = format!("--dbname={}", plain(url));
        let path = file.path().to_str().unwrap();
        run("pg_dump", &["--format=custom", "--no-owner", "--file", path, &url]).await;
        Self(file)
    }

    /// Puts it in the place of what is there now. Nobody may be connected.
    pub(crate) async fn restore(&self, url: &str) {
        let server = server_url("TICKETING_TEST_POSTGRES");
        let plain = plain(url);
        let (address, _) = plain.split_once('?').unwrap_or((&plain, ""));
        let (_, name) = address.rsplit_once('/').expect("the URL names a database");
        tell(&server, format!("DROP DATABASE {name} WITH (FORCE)")).await;
        tell(&server, format!("CREATE DATABASE {name} ENCODING 'UTF8' TEMPLATE template0")).await;
        let (url, path) = (format!("--dbname={plain}"), self.0.path().to_str().unwrap());
        run("pg_restore", &["--exit-on-error", "--no-owner", &url, path]).await;
    }
}

/// Runs a program that comes with Postgres.
async fn run(program: &str, arguments: &[&str]) {
    let folder = std::env::var("TICKETING_TEST_POSTGRES_BIN");
    let folder = folder.expect("TICKETING_TEST_POSTGRES_BIN: see scripts/services");
    let ran = Command::new(PathBuf::from(folder).join(program)).args(arguments).output().await;
    let ran = ran.unwrap();
    assert!(ran.status.success(), "{program}: {}", String::from_utf8_lossy(&ran.stderr));
}
