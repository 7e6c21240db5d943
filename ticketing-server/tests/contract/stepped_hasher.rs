//! Passwords that are compared when a test wants them to be.

use secrecy::SecretString;
use ticketing_server::auth::{HashError, PasswordHash, PasswordHasher};
use tokio::runtime::Handle;

use crate::gate::Gate;
use crate::hasher::HastyArgon2id;

/// Hasty passwords, compared behind a gate.
#[derive(Debug)]
pub(crate) struct SteppedHasher(pub(crate) Gate);

impl PasswordHasher for SteppedHasher {
    fn hash(&self, password: &SecretString) -> Result<PasswordHash, HashError> {
        HastyArgon2id.hash(password)
    }

    fn verify(&self, password: &SecretString, hash: &PasswordHash) -> Result<bool, HashError> {
        // On a thread that may block, and that the runtime waits for.
        Handle::current().block_on(self.0.pass());
        HastyArgon2id.verify(password, hash)
    }

    fn is_outdated(&self, hash: &PasswordHash) -> bool {
        HastyArgon2id.is_outdated(hash)
    }
}
