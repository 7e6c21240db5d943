//! Why accounts do not do as they are told.

use std::path::PathBuf;
use std::time::Duration;

use super::passwords::HashingFailed;
use super::store::StoreError;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// Why accounts could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Where the accounts are kept.
    #[error("the accounts can't be opened")]
    Accounts(#[source] Source),
    /// The file of session keys.
    #[error("the session keys in {} can't be used", .path.display())]
    Keys {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The signing of session tokens does not work.
    #[error("session tokens can't be signed and read")]
    Tokens,
    /// The sessions in the store.
    #[error("the sessions can't be read")]
    Sessions(#[source] StoreError),
    /// The hasher of passwords does not work.
    #[error("passwords can't be hashed")]
    Hashing(#[source] Source),
}

/// Why a use case refuses, or fails.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AccountError {
    #[error("another account has this e-mail address")]
    EmailInUse,
    #[error("the e-mail address or the password is wrong")]
    InvalidCredentials,
    #[error("nobody is signed in")]
    NotSignedIn,
    #[error("there is no such session")]
    NoSuchSession,
    #[error("an order of the account is being paid")]
    PaymentRunning,
    #[error("too many attempts")]
    TooMany(Duration),
    #[error("too many wait already")]
    Busy,
    #[error(transparent)]
    Store(StoreError),
    #[error(transparent)]
    Engine(#[from] ticketing_core::Error),
    #[error("accounts failed")]
    Bug(#[source] Source),
}

impl From<StoreError> for AccountError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::EmailTaken => Self::EmailInUse,
            // The password was right a moment ago, and is not any more.
            StoreError::Changed => Self::InvalidCredentials,
            other @ (StoreError::Unavailable { .. } | StoreError::Corrupt { .. }) => {
                Self::Store(other)
            }
        }
    }
}

impl From<HashingFailed> for AccountError {
    fn from(failure: HashingFailed) -> Self {
        match failure {
            HashingFailed::Busy => Self::Busy,
            other
            @ (HashingFailed::Hash(_) | HashingFailed::Died(_) | HashingFailed::Closed(_)) => {
                Self::Bug(other.into())
            }
        }
    }
}
