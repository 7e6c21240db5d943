//! What a server may do with wake-ups, by its configuration.

use std::fmt;

use redis::aio::ConnectionLike;
use redis::{InfoDict, RedisResult};

/// A setting of the server by which wake-ups can be lost. Orders do not depend on them: what is lost
/// is found by the sweep over the storage, some seconds late.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Risk {
    /// It throws keys away when its memory is full.
    MayEvict {
        /// Its `maxmemory-policy`.
        policy: String,
    },
    /// It forgets everything when it ends: its append-only file is off.
    DoesNotPersist,
}

impl fmt::Display for Risk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MayEvict { policy } => write!(
                f,
                "the Redis may throw wake-ups away when it is full (maxmemory-policy {policy}): \
                 set it to noeviction"
            ),
            Self::DoesNotPersist => f.write_str(
                "the Redis forgets wake-ups when it ends (appendonly no): turn appendonly on",
            ),
        }
    }
}

impl Risk {
    /// What a server tells of itself. It need not tell everything to everybody.
    pub(crate) fn told(info: &InfoDict) -> Vec<Self> {
        let policy = info.get::<String>("maxmemory_policy");
        let evicts = policy.filter(|policy| policy != "noeviction");
        let forgets = info.get::<String>("aof_enabled").is_some_and(|enabled| enabled == "0");
        let evicts = evicts.map(|policy| Self::MayEvict { policy });
        evicts.into_iter().chain(forgets.then_some(Self::DoesNotPersist)).collect()
    }
}

/// Asks a server what it may do with wake-ups.
pub(crate) async fn risks_of(connection: &mut impl ConnectionLike) -> RedisResult<Vec<Risk>> {
    match redis::cmd("INFO").query_async::<InfoDict>(connection).await {
        Ok(info) => Ok(Risk::told(&info)),
        // Who may use the keys alone is not told.
        Err(error) if error.code() == Some("NOPERM") => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_judged_by_what_it_tells() {
        let told = |info: &str| Risk::told(&InfoDict::new(info));
        assert_eq!(told("maxmemory_policy:noeviction\r\naof_enabled:1\r\n"), []);
        let policy = "volatile-lru".to_owned();
        let both = [Risk::MayEvict { policy }, Risk::DoesNotPersist];
        assert_eq!(told("# Memory\r\nmaxmemory_policy:volatile-lru\r\naof_enabled:0\r\n"), both);
        assert_eq!(told(""), []);
    }

    #[test]
    fn a_risk_says_what_to_do() {
        let policy = "allkeys-lru".to_owned();
        let told = Risk::MayEvict { policy }.to_string();
        assert!(told.contains("allkeys-lru") && told.contains("noeviction"), "{told}");
        assert!(Risk::DoesNotPersist.to_string().contains("appendonly"));
    }
}
