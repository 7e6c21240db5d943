//! What accounts can be told before they are opened.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use ticketing_core::ports::{Clock, SystemClock};
use ticketing_core::values::UserId;

use super::limits::RateLimits;
use super::passwords::{Argon2id, PasswordHasher};
use super::place::AccountsPlace;
use super::tokens::SessionKeys;

/// What accounts can be told before they are opened.
///
/// ```
/// use ticketing_server::auth::AuthConfig;
///
/// let mut config = AuthConfig::new("/var/lib/ticketing");
/// config.production = true;
/// config.trusted_proxies = vec!["10.0.0.0/8".parse()?];
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct AuthConfig {
    /// Where `session.keys` is, unless keys are given.
    pub data_dir: PathBuf,
    /// Where accounts and sessions are kept; `accounts.db` in that folder unless said otherwise.
    pub accounts: AccountsPlace,
    /// Whether the cookie is for HTTPS only, which is also what allows its `__Host-` name. Turned
    /// off for plain HTTP in development.
    pub cookie_secure: bool,
    /// Whether well-known passwords are refused.
    pub production: bool,
    /// Who may give any money back.
    pub operators: Vec<UserId>,
    /// What tokens are signed with; made once and kept in `session.keys` unless given.
    ///
    /// After accounts came back from a backup, they must be replaced: which sessions ended since the
    /// backup is not in it.
    pub session_keys: Option<SessionKeys>,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// How long a session lasts; 14 days unless said otherwise.
    pub session_lifetime: Duration,
    /// After how long without use it ends; 7 days unless said otherwise.
    pub session_idle: Duration,
    /// How often is looked whether those who left have left something behind; every 10 seconds unless
    /// said otherwise.
    pub departures_every: Duration,
    /// How often one may try to sign in or up.
    pub limits: RateLimits,
    /// What hashes passwords; Argon2id unless said otherwise.
    pub hasher: Arc<dyn PasswordHasher>,
    /// What tells the time.
    pub clock: Arc<dyn Clock>,
}

const WEEK: Duration = Duration::from_hours(7 * 24);

impl AuthConfig {
    /// Accounts in a folder, with the safest choice of everything that has one.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        let data_dir = data_dir.into();
        Self {
            accounts: AccountsPlace::in_folder(&data_dir),
            data_dir,
            cookie_secure: true,
            production: false,
            operators: Vec::new(),
            session_keys: None,
            trusted_proxies: Vec::new(),
            session_lifetime: WEEK.saturating_mul(2),
            session_idle: WEEK,
            departures_every: Duration::from_secs(10),
            limits: RateLimits::default(),
            hasher: Arc::new(Argon2id),
            clock: Arc::new(SystemClock),
        }
    }
}
