//! What can go wrong, at opening and later.

use std::io;
use std::path::PathBuf;

use redis::{ErrorKind, RedisError};
use ticketing_core::ports::{PortError, PortErrorKind};

/// Why timers could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The URL is not one of a Redis. What else is in it is not shown: it may be a password.
    #[error("this is not the URL of a Redis, such as redis://:password@host/0")]
    NotAUrl(#[source] RedisError),
    /// The same, found without asking the driver.
    #[error("this is not the URL of a Redis, such as redis://:password@host/0")]
    Malformed,
    /// The URL has a parameter that is not known.
    #[error("there is no parameter {0:?}, only: prefix, shards, ca")]
    UnknownParameter(String),
    /// The URL has a parameter that is not as it must be.
    #[error("write {0} as {1}")]
    WrongParameter(&'static str, &'static str),
    /// The certificates that are to be trusted can't be read.
    #[error("the certificates in {file} can't be read")]
    Authority {
        /// The file that was named.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The server refuses, and will.
    #[error("the server can't be used")]
    Server(#[source] RedisError),
}

/// Whether only an operator can mend it: who we are, or what we may.
pub(crate) fn is_for_the_operator(error: &RedisError) -> bool {
    let refusals = ["NOAUTH", "WRONGPASS", "NOPERM"];
    matches!(error.kind(), ErrorKind::AuthenticationFailed | ErrorKind::InvalidClientConfig)
        || error.code().is_some_and(|code| refusals.contains(&code))
}

/// The failure as the port tells it. What is not the operator's to mend comes back by itself: a
/// server that is away, loads its files, is full, or has become a replica.
pub(crate) fn port_error(error: RedisError, operation: &'static str) -> PortError {
    let kind = if is_for_the_operator(&error) {
        PortErrorKind::Misconfigured
    } else {
        PortErrorKind::Unavailable
    };
    PortError::new(kind, operation).with_source(error)
}

#[cfg(test)]
mod tests {
    use redis::{ServerErrorKind, make_extension_error};

    use super::*;

    #[test]
    fn what_only_an_operator_mends_is_told_apart() {
        let refused = |code: &str| make_extension_error(code.to_owned(), None);
        for code in ["NOAUTH", "WRONGPASS", "NOPERM"] {
            let told = port_error(refused(code), "claim");
            assert_eq!(*told.kind(), PortErrorKind::Misconfigured, "{code}");
        }
        let loading = RedisError::from((ErrorKind::Server(ServerErrorKind::BusyLoading), "so"));
        let away = RedisError::from(io::Error::from(io::ErrorKind::ConnectionRefused));
        for passes in [refused("OOM"), refused("READONLY"), loading, away] {
            let told = port_error(passes, "claim");
            assert_eq!(*told.kind(), PortErrorKind::Unavailable, "{told:?}");
        }
    }
}
