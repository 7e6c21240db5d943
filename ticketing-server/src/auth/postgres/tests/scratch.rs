//! A schema for each test, which is gone when the test has ended, however it ended.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt as _;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use ticketing_core::values::{Timestamp, UserId};
use uuid::Uuid;

use crate::auth::postgres::{PostgresAccounts, PostgresAccountsConfig};
use crate::auth::store::{Account, AccountStore as _, OpenSession, Session, SessionId};

/// How long to wait for what must come of itself.
pub(super) const SOON: Duration = Duration::from_secs(20);

/// The Postgres to test with. Without one nothing was tested, which is a failure.
pub(super) fn url() -> String {
    std::env::var("TICKETING_TEST_POSTGRES").expect(
        "TICKETING_TEST_POSTGRES must name a Postgres to test with: `scripts/services up` starts \
         one, and `scripts/services env` prints the variable",
    )
}

/// That Postgres, with parameters.
pub(super) fn config(parameters: &str) -> PostgresAccountsConfig {
    let url = url();
    let joint = if url.contains('?') { '&' } else { '?' };
    PostgresAccountsConfig::from_url(&format!("{url}{joint}{parameters}")).unwrap()
}

/// Runs a test in a schema of its own.
pub(super) async fn in_schema(case: impl AsyncFnOnce(PostgresAccountsConfig)) {
    in_schema_with("", case).await;
}

/// The same, with parameters for every connection.
pub(super) async fn in_schema_with(
    parameters: &str,
    case: impl AsyncFnOnce(PostgresAccountsConfig),
) {
    let name = format!("t_{}", Uuid::new_v4().simple());
    let mut config = config(parameters).schema(&name).unwrap();
    *config.server = config.server.as_ref().clone().application_name(&name);
    let outcome = AssertUnwindSafe(case(config.clone())).catch_unwind().await;
    let drop = format!("DROP SCHEMA IF EXISTS {} CASCADE", config.quoted_schema());
    sqlx::query(AssertSqlSafe(drop)).execute(&mut outside(&config).await).await.unwrap();
    if let Err(failure) = outcome {
        std::panic::resume_unwind(failure);
    }
}

/// A connection like those of the store, which is none of them.
pub(super) async fn outside(config: &PostgresAccountsConfig) -> PgConnection {
    PgConnection::connect_with(&config.options()).await.unwrap()
}

pub(super) async fn opened(config: &PostgresAccountsConfig) -> PostgresAccounts {
    PostgresAccounts::open(config).await.unwrap()
}

pub(super) fn at(seconds: u64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000).plus(Duration::from_secs(seconds))
}

pub(super) fn user(name: &str) -> UserId {
    UserId::new(name).unwrap()
}

pub(super) fn account(name: &str) -> Account {
    Account {
        id: user(name),
        email: format!("{name}@example.org").parse().unwrap(),
        password: "first".to_owned().into(),
        credentials: 0,
        created_at: at(0),
    }
}

pub(super) fn session(name: &str) -> Session {
    Session {
        id: SessionId::random(),
        user: user(name),
        created_at: at(1),
        last_seen_at: at(1),
        expires_at: at(1000),
        user_agent: None,
        revoked_at: None,
    }
}

/// An account that is there, with a session.
pub(super) async fn member(store: &PostgresAccounts, name: &str) -> Session {
    store.add_account(&account(name)).await.unwrap();
    let session = session(name);
    let new = OpenSession { session: session.clone(), seen: 0, most: 50 };
    store.open_session(&new).await.unwrap();
    session
}

/// Looks until it is so, or for too long.
pub(super) async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let looking = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(SOON, looking).await.unwrap_or_else(|_late| panic!("never: {what}"));
}

/// Looks until somebody in the schema waits for a lock.
pub(super) async fn until_somebody_waits(config: &PostgresAccountsConfig) {
    let mut conn = outside(config).await;
    until("somebody waits", async || {
        sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM pg_stat_activity
             WHERE application_name = $1 AND wait_event_type = 'Lock')",
        )
        .bind(config.schema_name())
        .fetch_one(&mut conn)
        .await
        .unwrap()
    })
    .await;
}
