//! What one can do with an account.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::request::Parts;
use secrecy::SecretString;
use ticketing_core::Ticketing;
use ticketing_core::values::Timestamp;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::authenticator::SessionAuthenticator;
use super::config::AuthConfig;
use super::email::Email;
use super::error::{AccountError, OpenError};
use super::limits::Limits;
use super::lookup::KEYS;
use super::passwords::{self, PasswordProblem, Passwords};
use super::place::OpenedAccounts;
use super::sessions::{Opened, Recognised, SessionPolicy, Sessions};
use super::store::{Account, AccountStore, SessionId};
use super::tokens::{SessionKeys, Tokens};
use crate::background::watched;
use crate::http::client_address::ClientAddress;
use crate::http::{AuthUnavailable, Authenticator};

mod belongings;
mod credentials;
mod devices;
mod entrance;
mod export;
mod leaving;

pub(crate) use export::Export;
use leaving::Leaving;

/// The accounts of a server: who may sign in, and who is signed in. Clones are the same accounts.
///
/// Everything that writes is to be run in a task of its own, so that a client that hangs up does
/// not leave it half done.
#[derive(Debug, Clone)]
pub struct Accounts(Arc<Shared>);

/// What the use cases work with.
#[derive(Debug)]
struct Shared {
    store: Arc<dyn AccountStore>,
    engine: Ticketing,
    passwords: Passwords,
    sessions: Sessions,
    limits: Limits,
    leaving: Leaving,
    /// Places of those whose export is being made.
    exports: Semaphore,
    authenticator: Arc<SessionAuthenticator>,
    config: AuthConfig,
    upkeep: Upkeep,
    /// The store, if these accounts opened it.
    opened: Option<OpenedAccounts>,
}

/// What runs in the background: it keeps sessions up to date, and looks after those who left.
#[derive(Debug)]
struct Upkeep {
    stop: CancellationToken,
    tasks: tokio::sync::Mutex<JoinSet<()>>,
}

/// Where somebody who signs in or up comes from.
#[derive(Debug, Clone, Default)]
pub(crate) struct Visit {
    pub(crate) address: Option<IpAddr>,
    pub(crate) user_agent: Option<String>,
    /// The session that the new one takes the place of.
    pub(crate) replaces: Option<SessionId>,
}

/// Somebody who just signed in or up, or has a new token.
#[derive(Debug)]
pub(crate) struct SignedInNow {
    pub(crate) account: Account,
    pub(crate) token: SecretString,
    pub(crate) expires_at: Timestamp,
}

/// A password that is good enough for an account.
#[derive(Debug, Clone)]
pub(crate) struct AcceptedPassword(SecretString);

/// After that long without news from the store, a request that changes something asks it.
const STALE_AFTER: Duration = Duration::from_secs(5);

/// As much as is kept of what a browser calls itself.
const LONGEST_USER_AGENT: usize = 256;

impl Accounts {
    /// Opens the accounts where they are configured to be.
    ///
    /// # Errors
    /// Their store or the session keys can't be used.
    pub async fn open(config: AuthConfig, engine: Ticketing) -> Result<Self, OpenError> {
        let opened = config.accounts.open().await.map_err(OpenError::Accounts)?;
        let shared = Shared::assemble(config, opened.port(), engine, STALE_AFTER).await?;
        Ok(Self(Arc::new(Shared { opened: Some(opened), ..shared })))
    }

    /// Accounts over a store that is open. Several may share one: whoever signs out in one of them
    /// is signed out in the others within seconds.
    ///
    /// # Errors
    /// The store can't be read, or the session keys can't be used.
    pub async fn with_store(
        config: AuthConfig,
        store: Arc<dyn AccountStore>,
        engine: Ticketing,
    ) -> Result<Self, OpenError> {
        Self::with_patience(config, store, engine, STALE_AFTER).await
    }

    pub(crate) async fn with_patience(
        config: AuthConfig,
        store: Arc<dyn AccountStore>,
        engine: Ticketing,
        stale_after: Duration,
    ) -> Result<Self, OpenError> {
        let shared = Shared::assemble(config, store, engine, stale_after).await?;
        Ok(Self(Arc::new(shared)))
    }

    /// Where they are kept.
    pub fn store(&self) -> Arc<dyn AccountStore> {
        Arc::clone(&self.0.store)
    }

    /// What tells the engine's routes who calls.
    pub fn authenticator(&self) -> Arc<dyn Authenticator> {
        Arc::<SessionAuthenticator>::clone(&self.0.authenticator)
    }

    /// Whether it is known which sessions have ended. While it is not, every request that changes
    /// something asks the store, and is refused if that does not answer.
    pub fn is_up_to_date(&self) -> bool {
        !self.0.sessions.is_stale()
    }

    /// How many sign-outs could not be written down yet. They are known in this process alone, and
    /// lost if it is killed; it tries to write them down every two seconds, and once more when it
    /// ends.
    pub fn owed_sign_outs(&self) -> usize {
        self.0.sessions.owed()
    }

    /// Stops what runs in the background, once it has written what it knows, and closes the
    /// store that [`open`](Self::open) opened.
    pub async fn shutdown(&self) {
        self.0.upkeep.stop().await;
        if let Some(opened) = &self.0.opened {
            opened.close().await;
        }
    }

    /// The name of the cookie that carries a session's token.
    pub(crate) fn cookie_name(&self) -> &'static str {
        cookie_name(self.0.config.cookie_secure)
    }

    /// Whether that cookie is for HTTPS only.
    pub(crate) fn is_cookie_secure(&self) -> bool {
        self.0.config.cookie_secure
    }

    /// Whose request it is, and by which session, as far as this process knows.
    pub(crate) fn known(&self, request: &Parts) -> Option<Recognised> {
        self.0.authenticator.known(request)
    }

    /// Whose request it is, and by which session; for one that changes something, with certainty.
    pub(crate) async fn recognise(
        &self,
        request: &Parts,
    ) -> Result<Option<Recognised>, AuthUnavailable> {
        self.0.authenticator.recognise(request).await
    }

    /// Where a request comes from.
    pub(crate) fn address_of(&self, request: &Parts) -> ClientAddress {
        ClientAddress::of(&request.extensions, &request.headers, &self.0.config.trusted_proxies)
    }

    /// Takes a password for an account, if it is good enough.
    pub(crate) fn accept(
        &self,
        password: SecretString,
        email: Option<&Email>,
    ) -> Result<AcceptedPassword, PasswordProblem> {
        passwords::check(&password, email, self.0.config.production)?;
        Ok(AcceptedPassword(password))
    }

    /// How long a token is good for from now on.
    pub(crate) fn time_left(&self, expires_at: Timestamp) -> Duration {
        expires_at.since(self.0.config.clock.now())
    }

    fn now(&self) -> Timestamp {
        self.0.config.clock.now()
    }

    /// The account of a session, unless it is gone.
    async fn account_of(&self, member: &Recognised) -> Result<Account, AccountError> {
        self.0.store.account(&member.user).await?.ok_or(AccountError::NotSignedIn)
    }

    /// The account of a session, once its password is confirmed.
    async fn confirmed(
        &self,
        member: &Recognised,
        password: SecretString,
    ) -> Result<Account, AccountError> {
        let account = self.account_of(member).await?;
        self.0.limits.confirm(&account.email)?;
        let is_right = self.0.passwords.verify(password, Some(account.password.clone())).await?;
        if is_right { Ok(account) } else { Err(AccountError::InvalidCredentials) }
    }
}

impl Shared {
    async fn assemble(
        config: AuthConfig,
        store: Arc<dyn AccountStore>,
        engine: Ticketing,
        stale_after: Duration,
    ) -> Result<Self, OpenError> {
        let policy = SessionPolicy {
            lifetime: config.session_lifetime,
            idle: config.session_idle,
            stale_after,
        };
        let tokens = Tokens::new(&keys(&config)?);
        if !tokens.work(config.clock.now()) {
            return Err(OpenError::Tokens);
        }
        let passwords = Passwords::new(Arc::clone(&config.hasher)).await;
        let passwords = passwords.map_err(|why| OpenError::Hashing(why.into()))?;
        let clock = Arc::clone(&config.clock);
        let sessions = Sessions::start(Arc::clone(&store), tokens, clock, policy).await;
        let sessions = sessions.map_err(OpenError::Sessions)?;
        let limits = Limits::new(&config.limits);
        let operators = config.operators.iter().cloned().collect();
        let cookie = cookie_name(config.cookie_secure);
        let authenticator = SessionAuthenticator::new(sessions.clone(), operators, cookie);
        let authenticator = Arc::new(authenticator);
        let leaving = Leaving {
            store: Arc::clone(&store),
            engine: engine.clone(),
            clock: Arc::clone(&config.clock),
            every: config.departures_every,
        };
        let upkeep = Upkeep::start(sessions.clone(), leaving.clone());
        Ok(Self {
            store,
            engine,
            passwords,
            sessions,
            limits,
            leaving,
            exports: Semaphore::new(export::AT_ONCE),
            authenticator,
            config,
            upkeep,
            opened: None,
        })
    }
}

impl SignedInNow {
    fn new(account: Account, opened: Opened) -> Self {
        Self { account, token: opened.token, expires_at: opened.expires_at }
    }
}

impl Visit {
    /// A visit with what a browser calls itself, as far as that is worth keeping.
    pub(crate) fn new(address: Option<IpAddr>, user_agent: Option<&str>) -> Self {
        let user_agent = user_agent.map(|text| text.chars().take(LONGEST_USER_AGENT).collect());
        Self { address, user_agent, replaces: None }
    }
}

impl Upkeep {
    fn start(sessions: Sessions, leaving: Leaving) -> Self {
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        tasks.spawn(watched("account_sessions", stop.clone(), sessions.run(stop.clone())));
        tasks.spawn(watched("account_departures", stop.clone(), leaving.run(stop.clone())));
        Self { stop, tasks: tokio::sync::Mutex::new(tasks) }
    }

    async fn stop(&self) {
        self.stop.cancel();
        let mut tasks = self.tasks.lock().await;
        while tasks.join_next().await.is_some() {}
    }
}

impl Drop for Upkeep {
    /// They end by themselves, so that what is known is still written down.
    fn drop(&mut self) {
        self.stop.cancel();
        self.tasks.get_mut().detach_all();
    }
}

fn keys(config: &AuthConfig) -> Result<SessionKeys, OpenError> {
    if let Some(keys) = &config.session_keys {
        return Ok(keys.clone());
    }
    let path = config.data_dir.join(KEYS);
    SessionKeys::kept_in(&path).map_err(|source| OpenError::Keys { path, source })
}

/// Browsers take the prefix for a promise that the cookie came over HTTPS from this very host.
fn cookie_name(secure: bool) -> &'static str {
    if secure { "__Host-session" } else { "session" }
}
