//! Why a gateway can't be made.

/// A setting that can't be used. None of them says what was given: it may be a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// Not a secret key.
    #[error("a secret key begins with sk_test_, sk_live_, rk_test_ or rk_live_")]
    SecretKey,
    /// Not a publishable key.
    #[error("a publishable key begins with pk_test_ or pk_live_")]
    PublishableKey,
    /// Not the secret of a webhook endpoint.
    #[error("the secret of a webhook endpoint begins with whsec_")]
    WebhookSecret,
    /// The two keys are not of the same mode.
    #[error("the secret and the publishable key must both be for test mode, or both for live mode")]
    MixedModes,
    /// Not an address that calls can be sent to.
    #[error("write the address as https://HOST, or http://HOST:PORT for a stand-in")]
    Address,
    /// The TLS provider has none of the versions that Stripe speaks.
    #[error("there is no TLS to reach Stripe with")]
    Tls,
    /// Keys that move real money would be sent for everybody to read.
    #[error("live keys are sent over https alone")]
    LiveInTheClear,
}
