//! The server's own accounts: who may sign in, and who is signed in.
//!
//! [`Accounts`] over an [`AccountStore`] has the use cases, `http::users` has their routes, and
//! [`Accounts::authenticator`] tells the engine's routes who calls. An application with accounts of
//! its own needs none of it: it brings its own [`Authenticator`](crate::http::Authenticator).

mod accounts;
mod authenticator;
mod config;
mod email;
mod error;
mod limits;
mod lookup;
mod passwords;
mod place;
mod postgres;
mod sessions;
mod sqlite;
mod store;
#[cfg(test)]
pub(crate) mod testing;
mod tokens;

pub use accounts::Accounts;
pub(crate) use accounts::{AcceptedPassword, Export, SignedInNow, Visit};
pub use config::AuthConfig;
pub use email::{Email, InvalidEmail};
pub(crate) use error::AccountError;
pub use error::OpenError;
pub use limits::{Rate, RateLimits};
pub(crate) use lookup::reach_session_keys;
pub use lookup::user_of;
pub(crate) use passwords::PASSWORD_RULE;
pub use passwords::{Argon2id, HashError, PasswordHash, PasswordHasher};
pub use place::AccountsPlace;
pub(crate) use postgres::refuse_strange_parameters;
pub use postgres::{
    InvalidPostgresUrl, PostgresAccounts, PostgresAccountsConfig, PostgresOpenError,
};
pub(crate) use sessions::Recognised;
pub use sqlite::{SqliteAccounts, SqliteOpenError};
pub use store::{
    Account, AccountStore, Departure, NewPassword, OpenSession, Revocations, RevocationsMark,
    Revoked, Session, SessionId, StoreError,
};
pub use tokens::{InvalidSessionKeys, SessionKeys};
