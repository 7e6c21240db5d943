//! What the tests of accounts work with.

use std::sync::atomic::{AtomicUsize, Ordering};

use secrecy::{ExposeSecret, SecretString};

use super::passwords::{HashError, PasswordHash, PasswordHasher};

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
