//! Keys: what of them is said, and what is not.

use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};

use crate::error::ConfigError;

/// The key that calls are made with. Never shown.
#[derive(Clone)]
pub struct SecretKey(SecretString);

/// The key that browsers are given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishableKey(String);

/// A secret that webhooks are signed with. Never shown.
#[derive(Clone)]
pub struct WebhookSecret(SecretString);

/// The longest key; Stripe's have some hundred characters.
const LONGEST: usize = 512;

impl SecretKey {
    /// A secret key (`sk_`) or a restricted one (`rk_`), for test or live mode.
    ///
    /// # Errors
    /// It does not look like one.
    pub fn new(key: impl Into<String>) -> Result<Self, ConfigError> {
        let key = SecretString::from(key.into());
        let is_one = is_key(key.expose_secret(), &["sk_test_", "sk_live_", "rk_test_", "rk_live_"]);
        if is_one { Ok(Self(key)) } else { Err(ConfigError::SecretKey) }
    }

    /// Whether it moves real money.
    pub fn is_live(&self) -> bool {
        let key = self.0.expose_secret();
        key.starts_with("sk_live_") || key.starts_with("rk_live_")
    }

    pub(crate) fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl PublishableKey {
    /// A publishable key (`pk_`), for test or live mode.
    ///
    /// # Errors
    /// It does not look like one.
    pub fn new(key: impl Into<String>) -> Result<Self, ConfigError> {
        let key = key.into();
        let is_one = is_key(&key, &["pk_test_", "pk_live_"]);
        if is_one { Ok(Self(key)) } else { Err(ConfigError::PublishableKey) }
    }

    /// The key, for the browser.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it goes with keys that move real money.
    pub fn is_live(&self) -> bool {
        self.0.starts_with("pk_live_")
    }
}

impl WebhookSecret {
    /// The secret of a webhook endpoint (`whsec_`).
    ///
    /// # Errors
    /// It does not look like one.
    pub fn new(secret: impl Into<String>) -> Result<Self, ConfigError> {
        let secret = SecretString::from(secret.into());
        let is_one = is_key(secret.expose_secret(), &["whsec_"]);
        if is_one { Ok(Self(secret)) } else { Err(ConfigError::WebhookSecret) }
    }

    pub(crate) fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

fn is_key(key: &str, beginnings: &[&str]) -> bool {
    let rest = beginnings.iter().find_map(|beginning| key.strip_prefix(beginning));
    key.len() <= LONGEST
        && key.bytes().all(|byte| byte.is_ascii_graphic())
        && rest.is_some_and(|rest| !rest.is_empty())
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(..)")
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(..)")
    }
}
