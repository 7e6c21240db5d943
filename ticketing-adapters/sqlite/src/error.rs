//! What can go wrong, at opening and later.

use std::io;
use std::path::PathBuf;

use sqlx::migrate::MigrateError;
use ticketing_core::ports::{PortError, PortErrorKind};

#[cfg(test)]
mod tests;

/// Why a file could not be opened as a storage.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The URL is not one of a SQLite file.
    #[error("{0:?} is not the URL of a SQLite file, such as sqlite:tickets.db")]
    NotAUrl(String),
    /// The URL asks for something that is not known; this is its name.
    #[error("the parameter {0:?} of the URL is not known, only: readers")]
    UnknownParameter(String),
    /// The URL asks for a number of readers that is none.
    #[error("the parameter readers of the URL must be a number from 1 on, not {0:?}")]
    WrongReaders(String),
    /// Another process, or another storage in this one, has it open.
    #[error("{} is in use by another storage, of this process or of another", .0.display())]
    InUse(PathBuf),
    /// Its lock file can't be made or locked.
    #[error("the lock file {} can't be used", .path.display())]
    Lock {
        /// The lock file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A later version of this library has changed its tables.
    #[error("the file was written by a later version: it has migration {found}, known is {known}")]
    FromLaterVersion {
        /// The migration that is not known here.
        found: i64,
        /// The last one that is.
        known: i64,
    },
    /// It has not the tables of this version: no storage was opened there yet, or none of this one.
    #[error("the file {} has not the tables of this version", .0.display())]
    NotAStore(PathBuf),
    /// It can't be written: its mode, its folder, or the file system it is on.
    #[error("the file {} can only be read", .0.display())]
    ReadOnly(PathBuf),
    /// The pool's database has no file.
    #[error("a database in memory keeps nothing that was acknowledged: open a pool over a file")]
    InMemory,
    /// Its connections keep no journal that outlives a crash; this is their `journal_mode`.
    #[error(
        "a crash would spoil the database: its journal_mode is {0}, and must be wal, which \
         SqliteConnectOptions::journal_mode sets"
    )]
    UnsafeJournal(String),
    /// Its tables are not as this version made them.
    #[error("the tables in the file can't be brought up to date")]
    Migration(#[source] MigrateError),
    /// It can't be opened, read or written.
    #[error("the file {} can't be opened as a SQLite database", .path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
}

/// Why something inside failed, before it is known which call of the port it was for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The database failed.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    /// Others wrote for longer than a call waits for its turn.
    #[error("the turn to write did not come in time")]
    NoTurn,
    /// It took longer than a call may take.
    #[error("it took too long")]
    Late,
    /// The database refuses to write this: a constraint.
    #[error("a constraint refuses it")]
    Refused(#[source] sqlx::Error),
    /// A row is not at the version that the write was decided on.
    #[error("a row of {table} has moved on")]
    Moved {
        /// Its table.
        table: &'static str,
    },
    /// A value does not fit a column.
    #[error("a value does not fit {table}.{column}")]
    Unfit {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
    },
    /// A row can't be read as what it should be.
    #[error("{table} {id} can't be read: wrong {column}")]
    Corrupt {
        /// Its table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The row.
        id: String,
    },
}

// The classes of SQLite's result codes that mean something here.
const PERMISSION: u32 = 3;
const READ_ONLY: u32 = 8;
const CORRUPT: u32 = 11;
const CANT_OPEN: u32 = 14;
const CONSTRAINT: u32 = 19;
const NOT_A_DATABASE: u32 = 26;

/// What a failure of the database means to the port. Only an operator can mend a file that can't be
/// opened or written; room on the disk and the turn of another come back by themselves.
fn kind_of(error: &sqlx::Error) -> PortErrorKind {
    match class_of(error) {
        Some(PERMISSION | READ_ONLY | CANT_OPEN) => PortErrorKind::Misconfigured,
        Some(CORRUPT | NOT_A_DATABASE) => {
            PortErrorKind::Corrupt { table: "database", column: "page", id: "file".to_owned() }
        }
        // A full disk, a failed read or write, and a lock of somebody else (FULL, IOERR, BUSY,
        // LOCKED) come first among the others, none of which is a reason to give up.
        Some(_) | None => PortErrorKind::Unavailable,
    }
}

/// Whether the database says that it can't be written.
pub(crate) fn is_read_only(error: &sqlx::Error) -> bool {
    class_of(error) == Some(READ_ONLY)
}

/// The class of SQLite's result code, if it has one; what is above it tells more.
fn class_of(error: &sqlx::Error) -> Option<u32> {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code)?;
    Some(code.parse::<u32>().ok()? & 0xff)
}

impl Failure {
    /// The failure of a statement that writes.
    pub(crate) fn of_write(error: sqlx::Error) -> Self {
        match class_of(&error) {
            Some(CONSTRAINT) => Self::Refused(error),
            Some(_) | None => Self::Database(error),
        }
    }

    /// Whether it is about what was to be written, or what is stored, and not about the database:
    /// other batches may fare better.
    pub(crate) fn has_culprit(&self) -> bool {
        match self {
            Self::Refused(_) | Self::Moved { .. } | Self::Unfit { .. } | Self::Corrupt { .. } => {
                true
            }
            Self::Database(_) | Self::NoTurn | Self::Late => false,
        }
    }

    /// The failure as the port tells it.
    pub(crate) fn of(self, operation: &'static str) -> PortError {
        match self {
            Self::Corrupt { table, column, id } => {
                PortError::new(PortErrorKind::Corrupt { table, column, id }, operation)
            }
            Self::Database(sqlx::Error::PoolClosed) => {
                PortError::new(PortErrorKind::Closed, operation)
            }
            Self::Database(error) => PortError::new(kind_of(&error), operation).with_source(error),
            late @ (Self::NoTurn | Self::Late) => {
                PortError::unavailable(operation).with_source(late)
            }
            refused @ (Self::Refused(_) | Self::Moved { .. } | Self::Unfit { .. }) => {
                PortError::new(PortErrorKind::Refused, operation).with_source(refused)
            }
        }
    }
}
