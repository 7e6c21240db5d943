//! Where accounts and sessions are kept.

use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use ticketing_core::values::{Timestamp, UserId};
use uuid::Uuid;

use super::email::Email;
use super::passwords::PasswordHash;

#[cfg(test)]
pub(crate) mod conformance;

/// One sign-in, until it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionId(Uuid);

impl SessionId {
    /// A new one, which nobody can guess.
    pub(crate) fn random() -> Self {
        Self(Uuid::new_v4())
    }

    /// The session with this UUID.
    pub const fn from_uuid(uuid: Uuid) -> Self {
        Self(uuid)
    }

    /// The UUID behind it.
    pub const fn as_uuid(self) -> Uuid {
        self.0
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.0.as_hyphenated(), f)
    }
}

impl std::str::FromStr for SessionId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, uuid::Error> {
        text.parse::<uuid::fmt::Hyphenated>().map(|id| Self(id.into_uuid()))
    }
}

/// Somebody who can sign in.
#[derive(Debug, Clone)]
pub struct Account {
    /// The engine's buyer or seller.
    pub id: UserId,
    /// What it signs in with; no two accounts have the same.
    pub email: Email,
    /// The hash of its password.
    pub password: PasswordHash,
    /// How often the password was changed.
    pub credentials: u64,
    /// When it signed up.
    pub created_at: Timestamp,
}

/// A sign-in that has, or had, a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its id, which its token carries.
    pub id: SessionId,
    /// Whose it is.
    pub user: UserId,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last used, to within some minutes.
    pub last_seen_at: Timestamp,
    /// When its token expires.
    pub expires_at: Timestamp,
    /// What the browser called itself.
    pub user_agent: Option<String>,
    /// When it ended before its time.
    pub revoked_at: Option<Timestamp>,
}

impl Session {
    /// Whether its token is good at this time.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && now < self.expires_at
    }
}

/// A session to open.
#[derive(Debug, Clone)]
pub struct OpenSession {
    /// The session.
    pub session: Session,
    /// The [`Account::credentials`] with which the password was checked.
    pub seen: u64,
    /// How many live sessions the account may have with it; the oldest end.
    pub most: u32,
}

/// A password to set.
#[derive(Debug, Clone)]
pub struct NewPassword {
    /// Its hash.
    pub hash: PasswordHash,
    /// The [`Account::credentials`] with which the old password was checked.
    pub seen: u64,
    /// The only session that stays.
    pub keep: SessionId,
    /// Now.
    pub at: Timestamp,
}

/// A session that ended before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Revoked {
    /// The session.
    pub id: SessionId,
    /// When its token expires by itself: after that it need not be remembered.
    pub expires_at: Timestamp,
}

/// An account that is gone, and what it leaves behind elsewhere may not have ended yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Departure {
    /// Whose it was.
    pub user: UserId,
    /// When it was removed.
    pub at: Timestamp,
}

/// How far a process has read the revocations; only its store knows what the number means.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct RevocationsMark(pub i64);

/// Some of the revocations after a mark.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Revocations {
    /// The sessions, oldest revocation first.
    pub revoked: Vec<Revoked>,
    /// From where to read on.
    pub mark: RevocationsMark,
    /// Whether there is more to read now.
    pub more: bool,
}

/// Why a store did not do as it was told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another account has the e-mail address.
    #[error("another account has this e-mail address")]
    EmailTaken,
    /// The account is gone, or its password was changed since it was checked.
    #[error("the account has changed")]
    Changed,
    /// The store can't be reached, or can't answer.
    #[error("{operation}: the accounts are unavailable")]
    Unavailable {
        /// What was to be done.
        operation: &'static str,
        /// Why it was not.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A row can't be read as what it should be.
    #[error("{table}.{column} can't be read")]
    Corrupt {
        /// Its table.
        table: &'static str,
        /// The column.
        column: &'static str,
    },
}

/// Where accounts and sessions are kept.
///
/// # Contract
/// Each call is one transaction: all of it is done, on disk, when it answers, or none. A future that
/// is dropped may have done it or not. Several processes may use one store at the same time. The
/// callers bring the time; a store has no clock.
///
/// A session ends in the same transaction as what ends it, and is then in what
/// [`revoked_after`](Self::revoked_after) answers, until its token has expired.
#[async_trait]
pub trait AccountStore: fmt::Debug + Send + Sync + 'static {
    /// Adds an account.
    ///
    /// # Errors
    /// [`StoreError::EmailTaken`] if one with the same [`Email::key`] is there.
    async fn add_account(&self, account: &Account) -> Result<(), StoreError>;

    /// An account by its id.
    async fn account(&self, user: &UserId) -> Result<Option<Account>, StoreError>;

    /// An account by its e-mail address, without regard to case.
    async fn account_by_email(&self, email: &Email) -> Result<Option<Account>, StoreError>;

    /// Gives an account another e-mail address. Its sessions stay.
    ///
    /// # Errors
    /// [`StoreError::EmailTaken`]; [`StoreError::Changed`] if the account is gone, or its
    /// `credentials` are not `seen` any more.
    async fn change_email(&self, user: &UserId, email: &Email, seen: u64)
    -> Result<(), StoreError>;

    /// Gives an account another password, counts its `credentials` up, and ends all of its sessions
    /// but one. Answers which.
    ///
    /// # Errors
    /// [`StoreError::Changed`] if the account is gone, or its `credentials` are not those that were
    /// seen.
    async fn change_password(
        &self,
        user: &UserId,
        new: &NewPassword,
    ) -> Result<Vec<Revoked>, StoreError>;

    /// Writes a better hash of the same password. Does nothing if the account is gone, or its
    /// `credentials` are not `seen` any more.
    async fn rehash(&self, user: &UserId, hash: &PasswordHash, seen: u64)
    -> Result<(), StoreError>;

    /// Removes an account with its sessions, and answers which of them were live. Its e-mail address
    /// is free again, and it is among the [`departures`](Self::departures). Nothing happens if it is gone
    /// already.
    async fn remove_account(
        &self,
        user: &UserId,
        at: Timestamp,
    ) -> Result<Vec<Revoked>, StoreError>;

    /// Up to 100 departures that were not forgotten, of users after this one, in an order of users that
    /// stays the same.
    async fn departures(&self, after: Option<&UserId>) -> Result<Vec<Departure>, StoreError>;

    /// Forgets a departure, if there is one.
    async fn forget_departure(&self, user: &UserId) -> Result<(), StoreError>;

    /// Opens a session, and ends the oldest of those that are too many. Answers which.
    ///
    /// # Errors
    /// [`StoreError::Changed`] if the account is gone, or its `credentials` are not `seen` any more:
    /// the password that was checked is not the password.
    async fn open_session(&self, new: &OpenSession) -> Result<Vec<Revoked>, StoreError>;

    /// A session, whether or not it is live.
    async fn session(&self, id: SessionId) -> Result<Option<Session>, StoreError>;

    /// An account's live sessions, newest first.
    async fn live_sessions(
        &self,
        user: &UserId,
        now: Timestamp,
    ) -> Result<Vec<Session>, StoreError>;

    /// Ends a session. Answers it, unless there is none that has not ended.
    async fn revoke(&self, id: SessionId, at: Timestamp) -> Result<Option<Revoked>, StoreError>;

    /// Ends all of an account's sessions but one, and answers which.
    async fn revoke_others(
        &self,
        user: &UserId,
        keep: SessionId,
        at: Timestamp,
    ) -> Result<Vec<Revoked>, StoreError>;

    /// Notes that sessions were used.
    async fn note_seen(&self, ids: &[SessionId], at: Timestamp) -> Result<(), StoreError>;

    /// Ends up to 500 sessions that were not used since `before`, and answers which.
    async fn revoke_idle(
        &self,
        before: Timestamp,
        at: Timestamp,
    ) -> Result<Vec<Revoked>, StoreError>;

    /// Up to 1000 revocations after a mark. A revocation that was committed before this call and is
    /// not in the answers up to `after` is in this answer, or in the next while it says `more`; one
    /// may come twice.
    async fn revoked_after(&self, after: RevocationsMark) -> Result<Revocations, StoreError>;

    /// Removes up to 500 sessions and as many revocations whose tokens expired before `now`.
    async fn prune(&self, now: Timestamp) -> Result<(), StoreError>;
}
