//! Passwords: which are good enough, and how they are hashed without stopping everything else.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

mod argon2id;
mod guessable;
mod rules;
#[cfg(test)]
mod tests;

pub use argon2id::Argon2id;
pub(crate) use rules::{PASSWORD_RULE, PasswordProblem, check};

/// The hash of a password, as its hasher writes it: with its algorithm, its parameters and its
/// salt.
#[derive(Debug, Clone)]
pub struct PasswordHash(SecretString);

impl PasswordHash {
    /// The text to store.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl From<String> for PasswordHash {
    fn from(stored: String) -> Self {
        Self(stored.into())
    }
}

/// A password can't be hashed, or a hash can't be read.
#[derive(Debug, thiserror::Error)]
#[error("a password can't be hashed or compared")]
pub struct HashError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// What makes hashes of passwords and compares them.
///
/// # Contract
/// Slow on purpose, and blocking: it is called on threads that may block, as many at a time as there
/// are processors. Comparing takes as long whether or not the password is right.
pub trait PasswordHasher: fmt::Debug + Send + Sync + 'static {
    /// The hash of a password, with a new salt.
    ///
    /// # Errors
    /// It can't be made.
    fn hash(&self, password: &SecretString) -> Result<PasswordHash, HashError>;

    /// Whether a hash is this password's.
    ///
    /// # Errors
    /// It is no hash.
    fn verify(&self, password: &SecretString, hash: &PasswordHash) -> Result<bool, HashError>;

    /// Whether a hash was made with other parameters than would be used now.
    fn is_outdated(&self, hash: &PasswordHash) -> bool;
}

/// Hashes passwords: a few at a time, and a few more that wait.
#[derive(Debug, Clone)]
pub(crate) struct Passwords {
    hasher: Arc<dyn PasswordHasher>,
    /// What is compared when there is no account, so that it takes as long.
    nobodys: PasswordHash,
    /// Room for those that are hashed or wait for it.
    room: Arc<Semaphore>,
    /// As many as are hashed at a time.
    workers: Arc<Semaphore>,
}

/// Why a password was not hashed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HashingFailed {
    #[error("too many passwords wait to be hashed")]
    Busy,
    #[error(transparent)]
    Hash(#[from] HashError),
    #[error("hashing ended unexpectedly")]
    Died(#[source] tokio::task::JoinError),
    #[error("the server shuts down")]
    Closed(#[source] tokio::sync::AcquireError),
}

/// How many may wait for each that is hashed. At some 30 ms for each, nobody waits for long.
const WAITING_PER_WORKER: usize = 16;

impl Passwords {
    pub(crate) async fn new(hasher: Arc<dyn PasswordHasher>) -> Result<Self, HashingFailed> {
        let workers = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Self::with_workers(hasher, workers).await
    }

    async fn with_workers(
        hasher: Arc<dyn PasswordHasher>,
        workers: usize,
    ) -> Result<Self, HashingFailed> {
        let room = workers.saturating_mul(WAITING_PER_WORKER.saturating_add(1));
        let mut passwords = Self {
            hasher,
            nobodys: String::new().into(),
            room: Arc::new(Semaphore::new(room)),
            workers: Arc::new(Semaphore::new(workers)),
        };
        passwords.nobodys = passwords.hash("nobody has this password".into()).await?;
        Ok(passwords)
    }

    /// The hash of a password.
    pub(crate) async fn hash(&self, password: SecretString) -> Result<PasswordHash, HashingFailed> {
        self.work(move |hasher| hasher.hash(&password)).await
    }

    /// Whether a hash is this password's. Without a hash it is not, and that takes as long to find
    /// out.
    pub(crate) async fn verify(
        &self,
        password: SecretString,
        hash: Option<PasswordHash>,
    ) -> Result<bool, HashingFailed> {
        let is_there = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.nobodys.clone());
        let matches = self.work(move |hasher| hasher.verify(&password, &hash)).await?;
        Ok(matches && is_there)
    }

    /// Whether a hash should be made anew, now that the password is known.
    pub(crate) fn is_outdated(&self, hash: &PasswordHash) -> bool {
        self.hasher.is_outdated(hash)
    }

    async fn work<T: Send + 'static>(
        &self,
        job: impl FnOnce(&dyn PasswordHasher) -> Result<T, HashError> + Send + 'static,
    ) -> Result<T, HashingFailed> {
        let room = Arc::clone(&self.room).try_acquire_owned();
        let room = room.map_err(|_full| HashingFailed::Busy)?;
        let worker = Arc::clone(&self.workers).acquire_owned().await;
        let worker = worker.map_err(HashingFailed::Closed)?;
        let hasher = Arc::clone(&self.hasher);
        let hashing = tokio::task::spawn_blocking(move || {
            // The job keeps its place until it is done, whether or not its caller still waits.
            let _places = (room, worker);
            job(hasher.as_ref())
        });
        Ok(hashing.await.map_err(HashingFailed::Died)??)
    }
}
