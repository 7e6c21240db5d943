//! Payments over Stripe: its keys, which are settings of their own, and the gateway that they make.

use ticketing_core::ports::PaymentGateway as _;
use ticketing_core::values::Timestamp;
use ticketing_stripe::{
    ConfigError, PublishableKey, SecretKey, StripeConfig, StripeGateway, WebhookSecret,
};

use crate::check::Reached;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What Stripe is talked to with. Of secrets, Debug output shows none.
#[derive(Debug, Clone, Default)]
pub struct StripeKeys {
    secret: Option<SecretKey>,
    webhook_secrets: Vec<WebhookSecret>,
    publishable: Option<PublishableKey>,
    script: Option<String>,
}

/// Where Stripe's script for browsers is. Stripe wants it to be loaded from there, and nowhere else.
const SCRIPT: &str = "https://js.stripe.com/v3/";

/// Keys that do not make a gateway.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidStripeKeys {
    /// There is no key to make calls with.
    #[error("payments over Stripe need it: a key of the account, sk_... or rk_...")]
    NoSecret,
    /// They, or the address, can't be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

impl InvalidStripeKeys {
    /// The setting that is wrong.
    pub(crate) fn setting(&self) -> &'static str {
        match self {
            Self::Config(ConfigError::MixedModes | ConfigError::PublishableKey) => {
                "stripe_publishable_key"
            }
            Self::Config(ConfigError::WebhookSecret) => "stripe_webhook_secrets",
            Self::Config(ConfigError::SecretKey) | Self::NoSecret => "stripe_secret_key",
            Self::Config(_) => "payments",
        }
    }
}

impl StripeKeys {
    /// With the key that calls are made with.
    ///
    /// # Errors
    /// It does not look like one.
    pub fn with_secret(self, key: &str) -> Result<Self, InvalidStripeKeys> {
        Ok(Self { secret: Some(SecretKey::new(key)?), ..self })
    }

    /// With secrets that webhooks are signed with, with commas: two while one replaces the other.
    ///
    /// # Errors
    /// One of them does not look like one.
    pub fn with_webhook_secrets(self, secrets: &str) -> Result<Self, InvalidStripeKeys> {
        let named = secrets.split(',').map(str::trim).filter(|secret| !secret.is_empty());
        let read = named.map(WebhookSecret::new).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { webhook_secrets: read, ..self })
    }

    /// With the key that browsers are given.
    ///
    /// # Errors
    /// It does not look like one.
    pub fn with_publishable(self, key: &str) -> Result<Self, InvalidStripeKeys> {
        Ok(Self { publishable: Some(PublishableKey::new(key)?), ..self })
    }

    /// With a script in the place of Stripe's, for tests: an absolute URL.
    #[must_use]
    pub fn with_script(self, url: &str) -> Self {
        Self { script: Some(url.to_owned()), ..self }
    }

    /// Where the script is that browsers load.
    pub(crate) fn script(&self) -> &str {
        self.script.as_deref().unwrap_or(SCRIPT)
    }

    /// The key that browsers are given.
    pub fn publishable(&self) -> Option<&str> {
        self.publishable.as_ref().map(PublishableKey::as_str)
    }

    /// Whether real money moves.
    pub(crate) fn is_live(&self) -> bool {
        self.secret.as_ref().is_some_and(SecretKey::is_live)
    }

    /// Whether any webhook can be believed.
    pub(crate) fn has_webhook_secret(&self) -> bool {
        !self.webhook_secrets.is_empty()
    }

    /// The gateway. Nothing is sent before its first call.
    pub(crate) fn open(&self, address: Option<&str>) -> Result<StripeGateway, InvalidStripeKeys> {
        let config = StripeConfig::new(self.secret.clone().ok_or(InvalidStripeKeys::NoSecret)?);
        let secrets = self.webhook_secrets.iter().cloned();
        let mut config = secrets.fold(config, StripeConfig::webhook_secret);
        if let Some(key) = &self.publishable {
            config = config.publishable_key(key.clone());
        }
        if let Some(address) = address {
            config = config.address(address);
        }
        Ok(config.open()?)
    }

    /// Whether Stripe takes the key: a list is asked for that is empty.
    pub(super) async fn reach(&self, address: Option<&str>) -> Result<Reached, Failure> {
        self.open(address)?.list_since(far_ahead(), None).await?;
        Ok(Reached::Answers)
    }
}

/// The beginning of the year 3000: nothing was created since then.
fn far_ahead() -> Timestamp {
    Timestamp::from_micros(32_503_680_000_000_000)
}

/// The address that a URL without its scheme names; nothing for Stripe's own.
pub(super) fn address(rest: &str) -> Option<String> {
    match rest {
        "" => None,
        rest if rest.starts_with("http://") || rest.starts_with("https://") => {
            Some(rest.to_owned())
        }
        host => Some(format!("https://{host}")),
    }
}
