//! Where accounts are kept: in a file, or in a database.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::postgres::{PostgresAccounts, PostgresAccountsConfig};
use super::sqlite::SqliteAccounts;
use super::store::AccountStore;
use crate::check::{Reached, files};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Where accounts are kept.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum AccountsPlace {
    /// A SQLite file of their own.
    Sqlite(PathBuf),
    /// A schema of a Postgres database.
    Postgres(PostgresAccountsConfig),
}

/// The file in the folder for data.
const ACCOUNTS: &str = "accounts.db";

/// A store that was opened here, and is closed here.
#[derive(Debug, Clone)]
pub(crate) enum OpenedAccounts {
    Sqlite(SqliteAccounts),
    Postgres(PostgresAccounts),
}

impl AccountsPlace {
    /// The file that is used when nothing is said.
    pub fn in_folder(data: &Path) -> Self {
        Self::Sqlite(data.join(ACCOUNTS))
    }

    /// Whether processes on several machines can have the same accounts.
    pub fn can_be_shared(&self) -> bool {
        match self {
            Self::Sqlite(_) => false,
            Self::Postgres(_) => true,
        }
    }

    /// Opens it, makes it if it is not there, and brings its tables up to date.
    pub(crate) async fn open(&self) -> Result<OpenedAccounts, Failure> {
        Ok(match self {
            Self::Sqlite(file) => OpenedAccounts::Sqlite(SqliteAccounts::open(file).await?),
            Self::Postgres(config) => {
                OpenedAccounts::Postgres(PostgresAccounts::open(config).await?)
            }
        })
    }

    /// Looks at it, if there are accounts. Nothing is changed, whatever would change something fails,
    /// and a server may be using it.
    pub(crate) async fn look(&self) -> Result<Option<OpenedAccounts>, Failure> {
        Ok(match self {
            Self::Sqlite(file) if !file.exists() => None,
            Self::Sqlite(file) => {
                Some(OpenedAccounts::Sqlite(SqliteAccounts::look_into(file).await?))
            }
            Self::Postgres(config) => {
                PostgresAccounts::look_into(config).await?.map(OpenedAccounts::Postgres)
            }
        })
    }

    /// Whether it can be used. Nothing is changed, and a server that runs does not mind.
    ///
    /// # Errors
    /// It can't.
    pub async fn reach(&self) -> Result<Reached, Failure> {
        self.can_be_written()?;
        let Some(accounts) = self.look().await? else { return Ok(Reached::WillBeMade) };
        let is_current = accounts.is_current().await;
        accounts.close().await;
        Ok(if is_current? { Reached::Answers } else { Reached::WillBeUpdated })
    }

    /// Whether a file can be made or written. What a database allows, it tells itself.
    fn can_be_written(&self) -> Result<(), Failure> {
        match self {
            Self::Sqlite(file) if file.exists() => files::can_be_written(file),
            Self::Sqlite(file) => files::can_be_made(file),
            Self::Postgres(_) => Ok(()),
        }
    }
}

impl OpenedAccounts {
    pub(crate) fn port(&self) -> Arc<dyn AccountStore> {
        match self {
            Self::Sqlite(store) => Arc::new(store.clone()),
            Self::Postgres(store) => Arc::new(store.clone()),
        }
    }

    /// Whether its tables are those of this version.
    async fn is_current(&self) -> Result<bool, Failure> {
        Ok(match self {
            Self::Sqlite(store) => store.is_current().await?,
            Self::Postgres(store) => store.is_current().await?,
        })
    }

    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite(store) => store.close().await,
            Self::Postgres(store) => store.close().await,
        }
    }
}
