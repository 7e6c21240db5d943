//! What is asked of accounts and session keys from outside of a server.

use std::path::Path;

use ticketing_core::values::UserId;

use super::email::Email;
use super::place::AccountsPlace;
use super::tokens::SessionKeys;
use crate::check::{Reached, files};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The user behind an e-mail address. Nothing is written, and a server may be using the accounts.
///
/// # Errors
/// The accounts can't be read. Where there are none yet, nobody is found.
pub async fn user_of(place: &AccountsPlace, email: &str) -> Result<Option<UserId>, Failure> {
    let Ok(email) = email.parse::<Email>() else { return Ok(None) };
    let Some(accounts) = place.look().await? else { return Ok(None) };
    let account = accounts.port().account_by_email(&email).await;
    accounts.close().await;
    Ok(account?.map(|account| account.id))
}

/// The file of session keys, unless they are given.
pub(super) const KEYS: &str = "session.keys";

/// Whether the session keys in a folder can be used. Nothing is changed.
pub(crate) fn reach_session_keys(data_dir: &Path) -> Result<Reached, Failure> {
    let file = data_dir.join(KEYS);
    if !file.exists() {
        return files::can_be_made(&file).map(|()| Reached::WillBeMade);
    }
    files::can_be_written(&file)?;
    let is_there = SessionKeys::look_into(&file)?.is_some();
    Ok(if is_there { Reached::Answers } else { Reached::WillBeMade })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use ticketing_core::values::Timestamp;

    use super::*;
    use crate::auth::sqlite::SqliteAccounts;
    use crate::auth::store::{Account, AccountStore as _};

    /// Every file in a folder, with what is in it.
    fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
        let entry = |entry: std::io::Result<std::fs::DirEntry>| {
            let path = entry.unwrap().path();
            (path.display().to_string(), std::fs::read(&path).unwrap())
        };
        std::fs::read_dir(folder).unwrap().map(entry).collect()
    }

    async fn with_ada(folder: &Path) -> SqliteAccounts {
        let store = SqliteAccounts::open(folder.join("accounts.db")).await.unwrap();
        let account = Account {
            id: UserId::new("user-7").unwrap(),
            email: "ada@example.org".parse().unwrap(),
            password: "hash".to_owned().into(),
            credentials: 0,
            created_at: Timestamp::from_millis(0),
        };
        store.add_account(&account).await.unwrap();
        store
    }

    #[tokio::test]
    async fn whoever_asks_changes_nothing_beside_a_server_or_without_one() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let place = AccountsPlace::in_folder(folder);
        assert_eq!(user_of(&place, "ada@example.org").await.unwrap(), None);
        assert!(contents(folder).is_empty(), "nothing was made");
        let store = with_ada(folder).await;
        let before = contents(folder);
        let asked = async || {
            let known = user_of(&place, "Ada@Example.org").await.unwrap();
            assert_eq!(known.as_ref().map(UserId::as_str), Some("user-7"));
            assert_eq!(user_of(&place, "bob@example.org").await.unwrap(), None);
        };
        asked().await;
        assert_eq!(kept(contents(folder)), kept(before), "nothing was written");
        store.close().await;
        let before = contents(folder);
        asked().await;
        assert_eq!(contents(folder), before, "nothing is beside it that was not before");
    }

    /// Without what readers tell each other, in memory that the file ending in -shm stands for.
    fn kept(mut files: BTreeMap<String, Vec<u8>>) -> BTreeMap<String, Vec<u8>> {
        files.retain(|name, _| !name.ends_with("-shm"));
        files
    }

    #[tokio::test]
    async fn a_look_can_not_write() {
        let folder = tempfile::tempdir().unwrap();
        let store = with_ada(folder.path()).await;
        let look = SqliteAccounts::look_into(&folder.path().join("accounts.db")).await.unwrap();
        let user = UserId::new("user-7").unwrap();
        look.remove_account(&user, Timestamp::from_millis(1)).await.unwrap_err();
        assert!(store.account(&user).await.unwrap().is_some());
        look.close().await;
        store.close().await;
    }
}
