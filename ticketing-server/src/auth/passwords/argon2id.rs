//! Argon2id, as OWASP and RFC 9106 recommend it.

use argon2::password_hash::phc;
use argon2::password_hash::{Error, PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use secrecy::{ExposeSecret, SecretString};

use super::{HashError, PasswordHash, PasswordHasher};

/// Argon2id with 19 MiB of memory, two passes and one lane.
#[derive(Debug, Clone, Copy, Default)]
pub struct Argon2id;

/// 19 MiB, two passes, one lane: the first choice of OWASP's cheat sheet, and what ASVS 5.0 asks for.
const PARAMETERS: Params = match Params::new(19 * 1024, 2, 1, None) {
    Ok(parameters) => parameters,
    Err(_never) => Params::DEFAULT,
};

fn argon2() -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, PARAMETERS)
}

impl PasswordHasher for Argon2id {
    fn hash(&self, password: &SecretString) -> Result<PasswordHash, HashError> {
        let hash = argon2().hash_password(password.expose_secret().as_bytes()).map_err(failed)?;
        Ok(hash.to_string().into())
    }

    fn verify(&self, password: &SecretString, hash: &PasswordHash) -> Result<bool, HashError> {
        let hash = phc::PasswordHash::new(hash.expose()).map_err(|why| HashError(why.into()))?;
        match argon2().verify_password(password.expose_secret().as_bytes(), &hash) {
            Ok(()) => Ok(true),
            Err(Error::PasswordInvalid) => Ok(false),
            Err(other) => Err(failed(other)),
        }
    }

    fn is_outdated(&self, hash: &PasswordHash) -> bool {
        let Ok(hash) = phc::PasswordHash::new(hash.expose()) else {
            return true;
        };
        let parameters = Params::try_from(&hash);
        let is_same = parameters.is_ok_and(|it| {
            (it.m_cost(), it.t_cost(), it.p_cost())
                == (PARAMETERS.m_cost(), PARAMETERS.t_cost(), PARAMETERS.p_cost())
        });
        !is_same || hash.algorithm != Algorithm::Argon2id.ident()
    }
}

fn failed(why: Error) -> HashError {
    HashError(why.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_have_the_recommended_parameters() {
        let hash = Argon2id.hash(&"correct horse".into()).unwrap();
        assert!(hash.expose().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.expose());
        assert!(!Argon2id.is_outdated(&hash));
        assert!(Argon2id.verify(&"correct horse".into(), &hash).unwrap());
        assert!(!Argon2id.verify(&"correct horsf".into(), &hash).unwrap());
    }

    #[test]
    fn hashes_of_other_parameters_are_outdated() {
        let salt_and_hash = "c29tZXNhbHRzb21lc2FsdA$2Qm4xWmGGzTBLBxVXlbGnQ";
        for parameters in [
            "$argon2id$v=19$m=19455,t=2,p=1$",
            "$argon2id$v=19$m=19456,t=1,p=1$",
            "$argon2id$v=19$m=19456,t=2,p=2$",
            "$argon2i$v=19$m=19456,t=2,p=1$",
            "not a hash ",
        ] {
            let hash = PasswordHash::from(format!("{parameters}{salt_and_hash}"));
            assert!(Argon2id.is_outdated(&hash), "{parameters}");
        }
        let same = format!("$argon2id$v=19$m=19456,t=2,p=1${salt_and_hash}");
        assert!(!Argon2id.is_outdated(&PasswordHash::from(same)));
    }

    #[test]
    fn a_text_that_is_no_hash_is_an_error_and_is_not_shown() {
        let no_hash = PasswordHash::from("top-secret".to_owned());
        assert!(Argon2id.verify(&"password".into(), &no_hash).is_err());
        assert!(!format!("{no_hash:?}").contains("top-secret"));
    }
}
