//! Who is behind an e-mail address, asked from outside of a server.

use std::path::Path;

use ticketing_core::values::UserId;

use super::email::Email;
use super::sqlite::SqliteAccounts;
use super::store::AccountStore as _;

/// The user behind an e-mail address, among the accounts in a folder. A server may be running there.
///
/// # Errors
/// The accounts can't be read. Where there are none yet, nobody is found.
pub async fn user_of(
    data_dir: &Path,
    email: &str,
) -> Result<Option<UserId>, Box<dyn std::error::Error + Send + Sync>> {
    let file = data_dir.join("accounts.db");
    let Ok(email) = email.parse::<Email>() else { return Ok(None) };
    if !file.exists() {
        return Ok(None);
    }
    let store = SqliteAccounts::open(file).await?;
    let account = store.account_by_email(&email).await;
    store.close().await;
    Ok(account?.map(|account| account.id))
}
