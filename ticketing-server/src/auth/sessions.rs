//! Sign-ins and how they end. Whether a token is good is told without asking the store: its
//! signature says who it is, and a set in memory says which sessions have ended.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use secrecy::SecretString;
use ticketing_core::ports::{Clock, chain};
use ticketing_core::values::{Timestamp, UserId};

use super::error::AccountError;
use super::store::{Account, AccountStore, OpenSession, Revoked, Session, SessionId, StoreError};
use super::tokens::{Claims, Tokens};

mod ended;
#[cfg(test)]
mod tests;
mod upkeep;

use ended::Ended;

/// How long sessions last, and how old the knowledge about them may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SessionPolicy {
    /// From the sign-in on.
    pub(crate) lifetime: Duration,
    /// From the last use on.
    pub(crate) idle: Duration,
    /// After that long without news from the store, a request that changes something asks it.
    pub(crate) stale_after: Duration,
}

/// How many live sessions an account may have.
const MOST_SESSIONS: u32 = 50;

/// How many sessions are remembered as used until the store is told.
const MOST_SEEN: usize = 100_000;

/// Sign-ins. Its clones share what they know.
#[derive(Debug, Clone)]
pub(crate) struct Sessions(Arc<State>);

#[derive(Debug)]
struct State {
    store: Arc<dyn AccountStore>,
    tokens: Tokens,
    clock: Arc<dyn Clock>,
    policy: SessionPolicy,
    ended: RwLock<Ended>,
    /// Used since the store was told.
    seen: Mutex<HashSet<SessionId>>,
    /// Ended here when the store could not be told, with the time when their tokens have expired at
    /// the latest.
    owed: Mutex<HashMap<SessionId, Timestamp>>,
}

/// Whom a good token is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Recognised {
    pub(crate) user: UserId,
    pub(crate) session: SessionId,
    /// The e-mail address when the token was made.
    pub(crate) email: String,
    /// When the token was made, in seconds since 1970.
    pub(crate) iat: i64,
}

/// A session that was just opened.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) session: SessionId,
    pub(crate) token: SecretString,
    pub(crate) expires_at: Timestamp,
}

impl Sessions {
    /// Sessions over a store, once it is known which have ended.
    pub(crate) async fn start(
        store: Arc<dyn AccountStore>,
        tokens: Tokens,
        clock: Arc<dyn Clock>,
        policy: SessionPolicy,
    ) -> Result<Self, StoreError> {
        let ended = RwLock::new(Ended::new(Instant::now()));
        let (seen, owed) = (Mutex::default(), Mutex::default());
        let sessions = Self(Arc::new(State { store, tokens, clock, policy, ended, seen, owed }));
        sessions.reload().await?;
        Ok(sessions)
    }

    /// Opens a session for an account whose password was checked.
    pub(crate) async fn open(
        &self,
        account: &Account,
        user_agent: Option<String>,
    ) -> Result<Opened, AccountError> {
        let now = self.0.clock.now();
        let session = Session {
            id: SessionId::random(),
            user: account.id.clone(),
            created_at: now,
            last_seen_at: now,
            expires_at: now.plus(self.0.policy.lifetime),
            user_agent,
            revoked_at: None,
        };
        let token = self.0.tokens.sign(&session, &account.email, now);
        let token = token.map_err(|why| AccountError::Bug(why.into()))?.into();
        let opened = Opened { session: session.id, token, expires_at: session.expires_at };
        let new = OpenSession { session, seen: account.credentials, most: MOST_SESSIONS };
        self.note_ended(&self.0.store.open_session(&new).await?);
        Ok(opened)
    }

    /// Whom a token is of, if it is good as far as this process knows.
    pub(crate) fn known(&self, token: &str) -> Option<Recognised> {
        let claims = self.0.tokens.read(token, self.0.clock.now())?;
        if self.ended(|ended| ended.contains(claims.sid)) {
            return None;
        }
        self.note_seen(claims.sid);
        Some(claims.into())
    }

    /// Whom a token is of, if it is good, with the certainty that a change needs: never from
    /// knowledge that is older than the policy allows.
    pub(crate) async fn certain(&self, token: &str) -> Result<Option<Recognised>, StoreError> {
        let Some(known) = self.known(token) else {
            return Ok(None);
        };
        let is_good = !self.is_stale() || self.is_live(known.session).await?;
        Ok(is_good.then_some(known))
    }

    /// Ends a session, here at once. If the store can't be told, it is told later, again and again
    /// until it knows. Until then other processes don't know either: they take a request that changes
    /// something only if the store, asked by them, says that its session is live.
    pub(crate) async fn end(&self, id: SessionId) {
        let now = self.0.clock.now();
        let at_most = now.plus(self.0.policy.lifetime);
        self.note_ended(&[Revoked { id, expires_at: at_most }]);
        if let Err(error) = self.0.store.revoke(id, now).await {
            tracing::warn!(
                code = "sign_out_kept",
                error = chain(&error),
                "a sign-out is kept for later"
            );
            locked(&self.0.owed).insert(id, at_most);
        }
    }

    /// How many sessions have ended here that the store does not know of yet.
    pub(crate) fn owed(&self) -> usize {
        locked(&self.0.owed).len()
    }

    /// Notes sessions that ended in the store.
    pub(crate) fn note_ended(&self, revoked: &[Revoked]) {
        let mut ended = self.0.ended.write().unwrap_or_else(PoisonError::into_inner);
        ended.add(revoked);
    }

    async fn is_live(&self, id: SessionId) -> Result<bool, StoreError> {
        let now = self.0.clock.now();
        Ok(self.0.store.session(id).await?.is_some_and(|session| session.is_live(now)))
    }

    /// Whether the store has not answered for too long.
    pub(crate) fn is_stale(&self) -> bool {
        self.ended(|ended| ended.age(Instant::now())) > self.0.policy.stale_after
    }

    fn note_seen(&self, id: SessionId) {
        let mut seen = locked(&self.0.seen);
        if seen.len() < MOST_SEEN {
            seen.insert(id);
        }
    }

    fn ended<T>(&self, look: impl FnOnce(&Ended) -> T) -> T {
        look(&self.0.ended.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What a lock guards is whole at any time, so a panic elsewhere spoils nothing.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl From<Claims> for Recognised {
    fn from(claims: Claims) -> Self {
        let Claims { sub, sid, email, iat, .. } = claims;
        Self { user: sub, session: sid, email, iat }
    }
}
