//! How a command reaches the database: in a task of its own, so that a caller who goes away never
//! cuts it; again, if the database gave it up for another; and never for longer than it may take.

use std::future::Future;
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::{Connection as _, PgConnection, PgPool, Postgres, Row as _};

use super::PostgresAccounts;
use crate::auth::store::StoreError;

/// Something to ask of the database, which may be asked twice.
pub(super) trait Command: Send + Sync + 'static {
    type Answer: Send + 'static;

    /// What it does, for errors.
    const NAME: &'static str;

    fn run(
        &self,
        conn: &mut PgConnection,
    ) -> impl Future<Output = Result<Self::Answer, Failure>> + Send;
}

/// Why a command was not done.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error(transparent)]
    Refused(#[from] StoreError),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    #[error("the database did not answer within {0:?}")]
    Silent(Duration),
}

/// How often a command is tried that the database gives up for another.
const TRIES: u32 = 6;

/// How long to wait before the second try. Each further one waits twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(5);

/// How long a connection that was used may take to show that it can be used again.
const SHOWN_WITHIN: Duration = Duration::from_secs(2);

impl PostgresAccounts {
    /// Does something in a transaction.
    pub(super) async fn write<C: Command>(&self, command: C) -> Result<C::Answer, StoreError> {
        self.detached(&self.writers, InTransaction(command)).await
    }

    /// Asks something with one statement.
    pub(super) async fn read<C: Command>(&self, command: C) -> Result<C::Answer, StoreError> {
        self.detached(&self.readers, command).await
    }

    async fn detached<C: Command>(
        &self,
        pool: &PgPool,
        command: C,
    ) -> Result<C::Answer, StoreError> {
        let (pool, patience) = (pool.clone(), self.patience);
        let task = tokio::spawn(async move { again(&pool, &command, patience).await });
        match task.await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(Failure::Refused(why))) => Err(why),
            Ok(Err(why @ (Failure::Database(_) | Failure::Silent(_)))) => {
                Err(unavailable(C::NAME, why))
            }
            Err(died) => Err(unavailable(C::NAME, died)),
        }
    }
}

fn unavailable(
    operation: &'static str,
    why: impl std::error::Error + Send + Sync + 'static,
) -> StoreError {
    StoreError::Unavailable { operation, source: why.into() }
}

/// A command whose statements are done together or not at all.
struct InTransaction<C>(C);

impl<C: Command> Command for InTransaction<C> {
    type Answer = C::Answer;

    const NAME: &'static str = C::NAME;

    async fn run(&self, conn: &mut PgConnection) -> Result<C::Answer, Failure> {
        // Each statement must see what was committed while it waited for a lock, whatever the
        // database does by default.
        let mut transaction = conn.begin_with("BEGIN ISOLATION LEVEL READ COMMITTED").await?;
        let answer = self.0.run(&mut transaction).await?;
        transaction.commit().await?;
        Ok(answer)
    }
}

/// Does it as often as it takes, within bounds.
async fn again<C: Command>(
    pool: &PgPool,
    command: &C,
    patience: Duration,
) -> Result<C::Answer, Failure> {
    let mut pause = FIRST_PAUSE;
    for _ in 1..TRIES {
        match once(pool, command, patience).await {
            Err(Failure::Database(error)) if was_given_up(&error) => {
                tokio::time::sleep(pause).await;
                pause = pause.saturating_mul(2);
            }
            done => return done,
        }
    }
    once(pool, command, patience).await
}

async fn once<C: Command>(
    pool: &PgPool,
    command: &C,
    patience: Duration,
) -> Result<C::Answer, Failure> {
    let mut conn = pool.acquire().await?;
    // The database ends what takes too long. This is for a database that can't be heard any more,
    // which nothing else would ever tell. The connection is cut with it, never used again: it may be
    // in the middle of anything.
    if let Ok(done) = tokio::time::timeout(patience, command.run(&mut conn)).await {
        tokio::spawn(give_back(conn));
        return done;
    }
    drop(conn.detach());
    Err(Failure::Silent(patience))
}

/// Gives a connection back to its pool, if it can be used again. The pool would look, too; but it
/// takes leave of what it can't use, and over TLS a side that is not heard any more is waited for
/// without end, in a place that is missing for as long.
pub(super) async fn give_back(mut conn: PoolConnection<Postgres>) {
    if !matches!(is_clean(&mut conn).await, Ok(true)) {
        drop(conn.detach());
    }
}

/// Whether the database undid all of it, because another transaction was in its way:
/// `serialization_failure` or `deadlock_detected`.
fn was_given_up(error: &sqlx::Error) -> bool {
    has_code(error, &["40001", "40P01"])
}

/// Whether the database answered with one of these codes.
pub(super) fn has_code(error: &sqlx::Error, codes: &[&str]) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| codes.contains(&code.as_ref()))
}

/// Whether a connection can be used again. The driver counts transactions by itself and can be wrong:
/// a `BEGIN` that nobody waited for is not counted. So the database is asked: within a transaction
/// the time stands still, and in one that has failed nothing is answered.
pub(super) async fn is_clean(conn: &mut PgConnection) -> Result<bool, sqlx::Error> {
    let asked = async {
        let question = sqlx::raw_sql("SELECT statement_timestamp() = now()");
        question.fetch_one(conn).await?.try_get::<bool, _>(0)
    };
    tokio::time::timeout(SHOWN_WITHIN, asked).await.unwrap_or(Err(sqlx::Error::PoolTimedOut))
}
