//! Passwords that cost little, for tests with many people.

use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use secrecy::{ExposeSecret, SecretString};
use ticketing_server::auth::{HashError, PasswordHash, PasswordHasher};

/// Argon2id as the server has it, with the least work that it can be told to do.
#[derive(Debug)]
pub(crate) struct HastyArgon2id;

fn argon2() -> Argon2<'static> {
    let least = Params::new(Params::MIN_M_COST, Params::MIN_T_COST, 1, None).unwrap();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, least)
}

impl PasswordHasher for HastyArgon2id {
    fn hash(&self, password: &SecretString) -> Result<PasswordHash, HashError> {
        let hash = argon2().hash_password(password.expose_secret().as_bytes());
        Ok(hash.map_err(|why| HashError(why.into()))?.to_string().into())
    }

    fn verify(&self, password: &SecretString, hash: &PasswordHash) -> Result<bool, HashError> {
        let hash = argon2::password_hash::phc::PasswordHash::new(hash.expose());
        let hash = hash.map_err(|why| HashError(why.into()))?;
        Ok(argon2().verify_password(password.expose_secret().as_bytes(), &hash).is_ok())
    }

    fn is_outdated(&self, _: &PasswordHash) -> bool {
        false
    }
}
