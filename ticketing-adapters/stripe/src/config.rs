//! What a gateway is made of.

use std::time::Duration;

use hyper::Uri;
use hyper::http::uri::{Authority, Scheme};

use crate::error::ConfigError;
use crate::gateway::StripeGateway;
use crate::keys::{PublishableKey, SecretKey, WebhookSecret};
use crate::transport::Transport;

/// Where Stripe is.
const STRIPE: &str = "https://api.stripe.com";
/// How long one try may take. A bank can take some seconds to agree.
const TRY_WITHIN: Duration = Duration::from_secs(10);
/// How long a connection may take to come about.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// How often a call is tried, under one key.
const TRIES: u32 = 3;
/// How long it waits before the second try; twice as long before the third.
const PAUSE: Duration = Duration::from_millis(200);
/// How far the time of a webhook's signature may be from now.
const TOLERANCE: Duration = Duration::from_mins(5);

/// What a gateway is made of. Everything but the keys has a default.
#[derive(Debug, Clone)]
pub struct StripeConfig {
    pub(crate) secret_key: SecretKey,
    pub(crate) webhook_secrets: Vec<WebhookSecret>,
    pub(crate) publishable_key: Option<PublishableKey>,
    pub(crate) address: String,
    pub(crate) limits: Limits,
    pub(crate) tolerance: Duration,
}

/// How patient calls are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) try_within: Duration,
    pub(crate) connect_within: Duration,
    pub(crate) tries: u32,
    pub(crate) pause: Duration,
}

impl StripeConfig {
    /// With the key that calls are made with.
    pub fn new(secret_key: SecretKey) -> Self {
        Self {
            secret_key,
            webhook_secrets: Vec::new(),
            publishable_key: None,
            address: STRIPE.to_owned(),
            limits: Limits {
                try_within: TRY_WITHIN,
                connect_within: CONNECT_WITHIN,
                tries: TRIES,
                pause: PAUSE,
            },
            tolerance: TOLERANCE,
        }
    }

    /// With the secret of a webhook endpoint. While one replaces another, both: a webhook that is
    /// signed with either is believed. Without any, none is.
    #[must_use]
    pub fn webhook_secret(mut self, secret: WebhookSecret) -> Self {
        self.webhook_secrets.push(secret);
        self
    }

    /// With the key that browsers are given.
    #[must_use]
    pub fn publishable_key(self, key: PublishableKey) -> Self {
        Self { publishable_key: Some(key), ..self }
    }

    /// With another place for Stripe's API: `https://HOST`, or `http://HOST:PORT` for a stand-in.
    #[must_use]
    pub fn address(self, address: impl Into<String>) -> Self {
        Self { address: address.into(), ..self }
    }

    /// How long one try of a call may take. 10 seconds, unless named.
    #[must_use]
    pub fn try_within(mut self, limit: Duration) -> Self {
        self.limits.try_within = limit;
        self
    }

    /// How often a call is tried under its key: 1 to 10 times. 3, unless named.
    #[must_use]
    pub fn tries(mut self, tries: u32) -> Self {
        self.limits.tries = tries.clamp(1, 10);
        self
    }

    /// How long it waits before the second try, and twice as long before each after that. 200 ms,
    /// unless named.
    #[must_use]
    pub fn pause(mut self, pause: Duration) -> Self {
        self.limits.pause = pause;
        self
    }

    /// How far the time of a webhook's signature may be from now. 5 minutes, unless named.
    #[must_use]
    pub fn tolerance(self, tolerance: Duration) -> Self {
        Self { tolerance, ..self }
    }

    /// Whether real money moves.
    pub fn is_live(&self) -> bool {
        self.secret_key.is_live()
    }

    /// The gateway. Nothing is sent before the first call.
    ///
    /// # Errors
    /// The keys or the address do not go together.
    pub fn open(self) -> Result<StripeGateway, ConfigError> {
        let address = Address::read(&self.address)?;
        let live = self.is_live();
        if live && !address.is_secure() {
            return Err(ConfigError::LiveInTheClear);
        }
        if self.publishable_key.as_ref().is_some_and(|key| key.is_live() != live) {
            return Err(ConfigError::MixedModes);
        }
        let transport = Transport::open(address, &self.secret_key, self.limits)?;
        Ok(StripeGateway::over(transport, self))
    }
}

/// Where calls are sent: an origin without a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) scheme: Scheme,
    pub(crate) authority: Authority,
}

impl Address {
    fn read(text: &str) -> Result<Self, ConfigError> {
        let uri: Uri = text.parse().map_err(|_invalid| ConfigError::Address)?;
        let parts = uri.into_parts();
        let bare = parts.path_and_query.is_none_or(|path| path.as_str() == "/");
        let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else {
            return Err(ConfigError::Address);
        };
        let known = scheme == Scheme::HTTP || scheme == Scheme::HTTPS;
        // A name and a password in it would be sent to whoever is there.
        if !known || !bare || authority.as_str().contains('@') {
            return Err(ConfigError::Address);
        }
        Ok(Self { scheme, authority })
    }

    fn is_secure(&self) -> bool {
        self.scheme == Scheme::HTTPS
    }
}
