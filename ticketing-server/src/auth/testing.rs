//! What the tests of accounts work with.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use ticketing_core::values::{Timestamp, UserId};

use super::email::Email;
use super::passwords::{HashError, PasswordHash, PasswordHasher};
use super::store::{
    Account, AccountStore, Departure, NewPassword, OpenSession, Revocations, RevocationsMark,
    Revoked, Session, SessionId, StoreError,
};

/// Hashes that hide nothing and cost nothing. It counts what it is asked.
#[derive(Debug, Default)]
pub(crate) struct CheapHasher {
    hashed: AtomicUsize,
    compared: AtomicUsize,
    generation: AtomicUsize,
}

impl CheapHasher {
    /// How often it hashed and compared so far.
    pub(crate) fn calls(&self) -> (usize, usize) {
        (self.hashed.load(Ordering::SeqCst), self.compared.load(Ordering::SeqCst))
    }

    /// From now on hashes are made with other parameters.
    pub(crate) fn change_parameters(&self) {
        self.generation.fetch_add(1, Ordering::SeqCst);
    }

    fn prefix(&self) -> String {
        format!("cheap${}$", self.generation.load(Ordering::SeqCst))
    }
}

impl PasswordHasher for CheapHasher {
    fn hash(&self, password: &SecretString) -> Result<PasswordHash, HashError> {
        self.hashed.fetch_add(1, Ordering::SeqCst);
        Ok(format!("{}{}", self.prefix(), password.expose_secret()).into())
    }

    fn verify(&self, password: &SecretString, hash: &PasswordHash) -> Result<bool, HashError> {
        self.compared.fetch_add(1, Ordering::SeqCst);
        let hashed = hash.expose().splitn(3, '$').nth(2);
        Ok(hashed.ok_or_else(|| HashError("no hash".into()))? == password.expose_secret())
    }

    fn is_outdated(&self, hash: &PasswordHash) -> bool {
        !hash.expose().starts_with(&self.prefix())
    }
}

/// A store that fails for as long as it is told to.
#[derive(Debug)]
pub(crate) struct FlakyStore {
    inner: Arc<dyn AccountStore>,
    is_down: AtomicBool,
}

impl FlakyStore {
    pub(crate) fn over(inner: Arc<dyn AccountStore>) -> Self {
        Self { inner, is_down: AtomicBool::new(false) }
    }

    pub(crate) fn set_down(&self, is_down: bool) {
        self.is_down.store(is_down, Ordering::SeqCst);
    }

    fn up(&self) -> Result<&dyn AccountStore, StoreError> {
        if self.is_down.load(Ordering::SeqCst) {
            let source = "down, as a test wants it".into();
            return Err(StoreError::Unavailable { operation: "test", source });
        }
        Ok(self.inner.as_ref())
    }
}

#[async_trait]
impl AccountStore for FlakyStore {
    async fn add_account(&self, account: &Account) -> Result<(), StoreError> {
        self.up()?.add_account(account).await
    }

    async fn account(&self, user: &UserId) -> Result<Option<Account>, StoreError> {
        self.up()?.account(user).await
    }

    async fn account_by_email(&self, email: &Email) -> Result<Option<Account>, StoreError> {
        self.up()?.account_by_email(email).await
    }

    async fn change_email(
        &self,
        user: &UserId,
        email: &Email,
        seen: u64,
    ) -> Result<(), StoreError> {
        self.up()?.change_email(user, email, seen).await
    }

    async fn change_password(
        &self,
        user: &UserId,
        new: &NewPassword,
    ) -> Result<Vec<Revoked>, StoreError> {
        self.up()?.change_password(user, new).await
    }

    async fn rehash(
        &self,
        user: &UserId,
        hash: &PasswordHash,
        seen: u64,
    ) -> Result<(), StoreError> {
        self.up()?.rehash(user, hash, seen).await
    }

    async fn remove_account(
        &self,
        user: &UserId,
        at: Timestamp,
    ) -> Result<Vec<Revoked>, StoreError> {
        self.up()?.remove_account(user, at).await
    }

    async fn departures(&self, after: Option<&UserId>) -> Result<Vec<Departure>, StoreError> {
        self.up()?.departures(after).await
    }

    async fn forget_departure(&self, user: &UserId) -> Result<(), StoreError> {
        self.up()?.forget_departure(user).await
    }

    async fn open_session(&self, new: &OpenSession) -> Result<Vec<Revoked>, StoreError> {
        self.up()?.open_session(new).await
    }

    async fn session(&self, id: SessionId) -> Result<Option<Session>, StoreError> {
        self.up()?.session(id).await
    }

    async fn live_sessions(
        &self,
        user: &UserId,
        now: Timestamp,
    ) -> Result<Vec<Session>, StoreError> {
        self.up()?.live_sessions(user, now).await
    }

    async fn revoke(&self, id: SessionId, at: Timestamp) -> Result<Option<Revoked>, StoreError> {
        self.up()?.revoke(id, at).await
    }

    async fn revoke_others(
        &self,
        user: &UserId,
        keep: SessionId,
        at: Timestamp,
    ) -> Result<Vec<Revoked>, StoreError> {
        self.up()?.revoke_others(user, keep, at).await
    }

    async fn note_seen(&self, ids: &[SessionId], at: Timestamp) -> Result<(), StoreError> {
        self.up()?.note_seen(ids, at).await
    }

    async fn revoke_idle(
        &self,
        before: Timestamp,
        at: Timestamp,
    ) -> Result<Vec<Revoked>, StoreError> {
        self.up()?.revoke_idle(before, at).await
    }

    async fn revoked_after(&self, after: RevocationsMark) -> Result<Revocations, StoreError> {
        self.up()?.revoked_after(after).await
    }

    async fn prune(&self, now: Timestamp) -> Result<(), StoreError> {
        self.up()?.prune(now).await
    }
}
