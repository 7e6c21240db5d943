//! Session tokens: JSON Web Tokens, signed with a secret of the server's.

use std::time::Duration;

use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode,
};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use ticketing_core::values::{Timestamp, UserId};

use super::email::Email;
use super::store::{Session, SessionId};

mod keys;
#[cfg(test)]
mod tests;

pub use keys::{InvalidSessionKeys, SessionKeys};

/// What a token says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Claims {
    iss: String,
    aud: String,
    /// Who signed in.
    pub(crate) sub: UserId,
    /// Which sign-in it is.
    pub(crate) sid: SessionId,
    /// The e-mail address at that time.
    pub(crate) email: String,
    /// When it was made, in seconds since 1970.
    pub(crate) iat: i64,
    /// When it expires, in seconds since 1970.
    pub(crate) exp: i64,
}

const ISSUER: &str = "ticketing-accounts";
const AUDIENCE: &str = "ticketing";

/// A type of its own: no other token that is signed with the same secret can be taken for one.
const TYPE: &str = "session+jwt";

/// The longest token that is looked at. Ours have some 500 bytes.
const LONGEST: usize = 4096;

/// How far in the future a token may have been made: the clocks of two processes differ.
const CLOCK_SKEW_SECONDS: i64 = 60;

/// Signs tokens, and reads those that it signed.
#[derive(Debug, Clone)]
pub(crate) struct Tokens {
    signing: (Header, EncodingKey),
    reading: Vec<(Header, DecodingKey)>,
    validation: Validation,
}

impl Tokens {
    pub(crate) fn new(keys: &SessionKeys) -> Self {
        let first = keys.first();
        let signing = EncodingKey::from_secret(first.secret.expose_secret().as_bytes());
        let reading = keys.iter().map(|key| {
            (header(&key.id), DecodingKey::from_secret(key.secret.expose_secret().as_bytes()))
        });
        Self {
            signing: (header(&first.id), signing),
            reading: reading.collect(),
            validation: validation(),
        }
    }

    /// Whether a token that is signed here can be read here: what is built without its cryptography
    /// must not start.
    pub(crate) fn work(&self, now: Timestamp) -> bool {
        let (Ok(user), Ok(email)) = (UserId::new("nobody"), "nobody@example.org".parse()) else {
            return false;
        };
        let session = Session {
            id: SessionId::random(),
            user,
            created_at: now,
            last_seen_at: now,
            expires_at: now.plus(Duration::from_mins(1)),
            user_agent: None,
            revoked_at: None,
        };
        let token = self.sign(&session, &email, now).ok();
        token.and_then(|token| self.read(&token, now)).is_some_and(|it| it.sid == session.id)
    }

    /// A session's token.
    pub(crate) fn sign(
        &self,
        session: &Session,
        email: &Email,
        now: Timestamp,
    ) -> Result<String, jsonwebtoken::errors::Error> {
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: session.user.clone(),
            sid: session.id,
            email: email.as_str().to_owned(),
            iat: seconds(now),
            exp: seconds(session.expires_at),
        };
        let (header, key) = &self.signing;
        encode(header, &claims, key)
    }

    /// What a token says, if it is one of ours and not expired.
    pub(crate) fn read(&self, token: &str, now: Timestamp) -> Option<Claims> {
        if token.len() > LONGEST {
            return None;
        }
        // The header must be one that we write, whole: a token can't bring its own key, or name
        // another algorithm.
        let header = decode_header(token).ok()?;
        let (_, key) = self.reading.iter().find(|(ours, _)| *ours == header)?;
        let claims = decode::<Claims>(token, key, &self.validation).ok()?.claims;
        let now = seconds(now);
        let is_in_time = claims.iat <= now.saturating_add(CLOCK_SKEW_SECONDS) && now < claims.exp;
        is_in_time.then_some(claims)
    }
}

fn header(key_id: &str) -> Header {
    let mut header = Header::new(Algorithm::HS256);
    header.typ = Some(TYPE.to_owned());
    header.kid = Some(key_id.to_owned());
    header
}

/// Times are left to [`Tokens::read`], whose clock a test can move.
fn validation() -> Validation {
    let mut validation = Validation::new(Algorithm::HS256);
    validation.set_required_spec_claims(&["exp", "sub", "iss", "aud"]);
    validation.set_issuer(&[ISSUER]);
    validation.set_audience(&[AUDIENCE]);
    validation.validate_exp = false;
    validation
}

/// Whole seconds since 1970, as tokens count.
pub(crate) fn seconds(at: Timestamp) -> i64 {
    at.as_micros().div_euclid(1_000_000)
}
