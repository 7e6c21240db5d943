//! The table of departures.

use sqlx::PgConnection;
use ticketing_core::values::UserId;

use super::command::{Command, Failure};
use super::rows;
use crate::auth::store::Departure;

pub(super) struct After(pub(super) Option<UserId>);

impl Command for After {
    type Answer = Vec<Departure>;

    const NAME: &'static str = "read departures";

    async fn run(&self, conn: &mut PgConnection) -> Result<Vec<Departure>, Failure> {
        let found = sqlx::query(
            "SELECT account, at FROM account_departures WHERE account > $1
             ORDER BY account LIMIT 100",
        )
        // No user's id is empty.
        .bind(self.0.as_ref().map_or("", UserId::as_str))
        .fetch_all(conn)
        .await?;
        Ok(found.iter().map(rows::departure).collect::<Result<_, _>>()?)
    }
}

pub(super) struct Forget(pub(super) UserId);

impl Command for Forget {
    type Answer = ();

    const NAME: &'static str = "forget a departure";

    async fn run(&self, conn: &mut PgConnection) -> Result<(), Failure> {
        sqlx::query("DELETE FROM account_departures WHERE account = $1")
            .bind(self.0.as_str())
            .execute(conn)
            .await?;
        Ok(())
    }
}
