//! A batch inside a transaction of the host's.

use std::collections::BTreeMap;
use std::slice;

use sqlx::PgConnection;
use ticketing_core::domain::Pool;
use ticketing_core::ports::{CommitError, PortError, Receipt, WriteBatch};
use ticketing_core::values::PoolId;

use crate::commit::{Locks, decide};
use crate::error::Failure;
use crate::storage::PostgresStorage;

const OPERATION: &str = "commit_in";

/// What a batch came to in a transaction that has not ended yet. It is as good as the transaction:
/// nothing may be told to anybody before that is committed.
#[derive(Debug)]
#[must_use = "it is true only once the transaction is committed: then say so with `committed`"]
pub struct Pending<T> {
    value: T,
}

impl<T> Pending<T> {
    /// Says that the transaction was committed, and answers what became true by that.
    pub fn committed(self) -> T {
        self.value
    }
}

/// What became of a batch in a host's transaction.
#[derive(Debug, Clone)]
pub struct HostReceipt {
    /// The batch's receipt.
    pub receipt: Receipt,
    /// The pools that it moved units of, as they are since.
    pub pools: Vec<Pool>,
}

impl PostgresStorage {
    /// Commits a batch in a transaction of the host's, with what the host writes there: both happen,
    /// or neither.
    ///
    /// It locks the pools of the batch until that transaction ends, and everybody who wants units of
    /// them waits, for a moment, and is told to try again. So make it the **last statement before
    /// `COMMIT`**. For a pool that somebody else has locked it waits as long as the host's
    /// `lock_timeout` says.
    /// Its isolation must be `READ COMMITTED`: in a snapshot of before, the batch would be decided on
    /// what is no longer true.
    ///
    /// A batch that is refused leaves nothing behind and the transaction usable: what is done here is
    /// behind a savepoint. The events that it caused are published by the relay of whichever process
    /// has one, once the transaction is committed; it looks for them by itself.
    ///
    /// # Errors
    /// As a commit of the batch alone. After [`CommitError::OutcomeUnknown`] or an error of the
    /// connection the host's transaction is lost, too.
    pub async fn commit_in(
        &self,
        conn: &mut PgConnection,
        batch: &WriteBatch,
    ) -> Result<Pending<HostReceipt>, CommitError> {
        let not_applied = |failure: Failure| CommitError::NotApplied(failure.of(OPERATION));
        must_read_what_is_committed(conn).await.map_err(not_applied)?;
        tell(conn, "SAVEPOINT ticketing_batch").await.map_err(not_applied)?;
        let decided = decide(conn, slice::from_ref(batch), Locks::Wait).await;
        let result = match decided {
            Ok(mut decided) => match decided.outcomes.pop() {
                Some(outcome) => outcome.map(|receipt| (receipt, decided.pools)),
                None => Err(CommitError::NotApplied(PortError::unavailable(OPERATION))),
            },
            Err(failure) => Err(not_applied(failure)),
        };
        let end = if result.is_ok() {
            "RELEASE SAVEPOINT ticketing_batch"
        } else {
            "ROLLBACK TO SAVEPOINT ticketing_batch; RELEASE SAVEPOINT ticketing_batch"
        };
        tell(conn, end).await.map_err(not_applied)?;
        result.map(pending)
    }
}

fn pending((receipt, pools): (Receipt, BTreeMap<PoolId, Pool>)) -> Pending<HostReceipt> {
    Pending { value: HostReceipt { receipt, pools: pools.into_values().collect() } }
}

async fn must_read_what_is_committed(conn: &mut PgConnection) -> Result<(), Failure> {
    let level: String = sqlx::query_scalar("SHOW transaction_isolation")
        .fetch_one(conn)
        .await
        .map_err(Failure::of_statement)?;
    if level == "read committed" { Ok(()) } else { Err(Failure::Isolation { level }) }
}

async fn tell(conn: &mut PgConnection, what: &'static str) -> Result<(), Failure> {
    sqlx::raw_sql(what).execute(conn).await.map_err(Failure::of_statement)?;
    Ok(())
}
