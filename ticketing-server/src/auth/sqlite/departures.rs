//! The table of departures.

use ticketing_core::values::UserId;

use super::accounts::unavailable;
use super::{SqliteAccounts, rows};
use crate::auth::store::{Departure, StoreError};

impl SqliteAccounts {
    pub(super) async fn departed(
        &self,
        after: Option<&UserId>,
    ) -> Result<Vec<Departure>, StoreError> {
        let found = sqlx::query(
            "SELECT account, at FROM account_departures WHERE account > ? ORDER BY account LIMIT 100",
        )
        // No user's id is empty.
        .bind(after.map_or("", UserId::as_str))
        .fetch_all(&self.readers)
        .await
        .map_err(|error| unavailable("read departures", error))?;
        found.iter().map(rows::departure).collect()
    }

    pub(super) async fn forget_departed(&self, user: &UserId) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM account_departures WHERE account = ?")
            .bind(user.as_str())
            .execute(&self.writer)
            .await
            .map_err(|error| unavailable("forget a departure", error))?;
        Ok(())
    }
}
