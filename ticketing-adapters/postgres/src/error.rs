//! What can go wrong, at opening and later.

use sqlx::migrate::MigrateError;
use ticketing_core::ports::{PortError, PortErrorKind};

#[cfg(test)]
mod tests;

/// Why a database could not be opened as a storage.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The URL is not one of a PostgreSQL database. What else is in it is not shown: it may be a
    /// password.
    #[error("this is not the URL of a PostgreSQL database, such as postgres://user@host/database")]
    NotAUrl(#[source] sqlx::Error),
    /// The URL asks for a number of connections that is none.
    #[error("the parameter {name} of the URL must be a number from 1 to 1000, not {given:?}")]
    WrongNumber {
        /// The parameter.
        name: &'static str,
        /// What was given.
        given: String,
    },
    /// A later version of this library has changed its tables.
    #[error(
        "the database was written by a later version: it has migration {found}, known is {known}"
    )]
    FromLaterVersion {
        /// The migration that is not known here.
        found: i64,
        /// The last one that is.
        known: i64,
    },
    /// It has not the tables of this version: no storage was opened there yet, or none of this one.
    #[error("the database has not the tables of this version")]
    NotAStore,
    /// Its tables are not as this version made them, or the user may not make them.
    #[error("the tables can't be brought up to date")]
    Migration(#[source] MigrateError),
    /// The server can't be reached, or refuses.
    #[error("the database can't be used")]
    Database(#[source] sqlx::Error),
}

/// Why something inside failed, before it is known which call of the port it was for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The database failed, or what leads to it.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    /// The database did not answer in time. What it was told may still happen.
    #[error("the database did not answer in time")]
    Late,
    /// The database refuses to write this: a constraint, or a value that it can't hold.
    #[error("the database refuses what was to be written")]
    Refused(#[source] sqlx::Error),
    /// Somebody else holds a row for longer than a call waits for it.
    #[error("a row is locked by another transaction")]
    Locked(#[source] sqlx::Error),
    /// The database gave this transaction up for another one's sake. It may be done again.
    #[error("the database gave the transaction up for another one's sake")]
    GivenUp(#[source] sqlx::Error),
    /// A host's transaction has another isolation than a batch is decided in.
    #[error("the isolation of the transaction must be read committed, not {level}")]
    Isolation {
        /// What it is.
        level: String,
    },
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

/// The five characters that PostgreSQL's errors have, if it was the database that failed.
fn code_of(error: &sqlx::Error) -> Option<String> {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code)?;
    Some(code.into_owned())
}

/// What a failure of the database means to the port. Only an operator can mend a password, a missing
/// database or table, or a right that was not given; everything else comes back by itself.
fn kind_of(error: &sqlx::Error) -> PortErrorKind {
    let Some(code) = code_of(error) else {
        return PortErrorKind::Unavailable;
    };
    match code.get(..2) {
        // Who we are; which database; a schema, table, column or right that is not there; a server
        // that only reads.
        Some("28" | "3D" | "3F" | "42" | "25") => PortErrorKind::Misconfigured,
        Some("XX") if code != "XX000" => {
            PortErrorKind::Corrupt { table: "database", column: "page", id: code }
        }
        Some(_) | None => PortErrorKind::Unavailable,
    }
}

impl From<&Failure> for PortErrorKind {
    fn from(failure: &Failure) -> Self {
        match failure {
            Failure::Database(sqlx::Error::PoolClosed) => Self::Closed,
            Failure::Database(error) => kind_of(error),
            Failure::Isolation { .. } => Self::Misconfigured,
            Failure::Late | Failure::Locked(_) | Failure::GivenUp(_) => Self::Unavailable,
            Failure::Refused(_) | Failure::Moved { .. } | Failure::Unfit { .. } => Self::Refused,
            Failure::Corrupt { table, column, id } => {
                Self::Corrupt { table, column, id: id.clone() }
            }
        }
    }
}

impl Failure {
    /// The failure of a statement inside a transaction.
    pub(crate) fn of_statement(error: sqlx::Error) -> Self {
        match code_of(&error).as_deref() {
            Some("55P03") => Self::Locked(error),
            Some("40001" | "40P01") => Self::GivenUp(error),
            // A constraint, or data that no column of its type can hold.
            Some(code) if code.starts_with("23") || code.starts_with("22") => Self::Refused(error),
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
            Self::Database(_)
            | Self::Late
            | Self::Locked(_)
            | Self::GivenUp(_)
            | Self::Isolation { .. } => false,
        }
    }

    /// Whether it says for certain that what was told to the database has not happened: the database
    /// itself answered, and not that it is going away.
    pub(crate) fn is_certain(&self) -> bool {
        match self {
            Self::Database(error) => match code_of(error) {
                Some(code) => !code.starts_with("57P") && !code.starts_with("08"),
                None => false,
            },
            Self::Late => false,
            Self::Refused(_)
            | Self::Locked(_)
            | Self::GivenUp(_)
            | Self::Isolation { .. }
            | Self::Moved { .. }
            | Self::Unfit { .. }
            | Self::Corrupt { .. } => true,
        }
    }

    /// The failure as the port tells it.
    pub(crate) fn of(self, operation: &'static str) -> PortError {
        let error = PortError::new(PortErrorKind::from(&self), operation);
        match self {
            Self::Corrupt { .. } | Self::Database(sqlx::Error::PoolClosed) => error,
            Self::Database(source) => error.with_source(source),
            failure @ (Self::Late
            | Self::Refused(_)
            | Self::Locked(_)
            | Self::GivenUp(_)
            | Self::Isolation { .. }
            | Self::Moved { .. }
            | Self::Unfit { .. }) => error.with_source(failure),
        }
    }
}
