//! The gateway, and how its calls are answered.

use std::time::Duration;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use stripe_client_core::RequestBuilder;
use ticketing_core::domain::settlement::IntentReport;
use ticketing_core::ports::{FoundIntent, GatewayError, GatewayErrorKind, PaymentMethod};
use ticketing_core::values::IntentRef;

use crate::answers::{Intent, Method, Refusal};
use crate::calls;
use crate::config::StripeConfig;
use crate::keys::{PublishableKey, WebhookSecret};
use crate::transport::Transport;

/// A [`PaymentGateway`](ticketing_core::ports::PaymentGateway) over Stripe. Clones share their
/// connections.
#[derive(Debug, Clone)]
pub struct StripeGateway {
    pub(crate) transport: Transport,
    pub(crate) webhook_secrets: Vec<WebhookSecret>,
    pub(crate) tolerance: Duration,
    pub(crate) is_live: bool,
    publishable_key: Option<PublishableKey>,
}

impl StripeGateway {
    pub(crate) fn over(transport: Transport, config: StripeConfig) -> Self {
        Self {
            transport,
            is_live: config.is_live(),
            webhook_secrets: config.webhook_secrets,
            tolerance: config.tolerance,
            publishable_key: config.publishable_key,
        }
    }

    /// The key that browsers are given, if there is one.
    pub fn publishable_key(&self) -> Option<&PublishableKey> {
        self.publishable_key.as_ref()
    }

    /// Sends a call, and reads what it is answered with.
    pub(crate) async fn ask<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        call: RequestBuilder,
        key: Option<&str>,
    ) -> Result<Result<T, Refusal>, GatewayError> {
        match self.transport.send(operation, call, key).await? {
            Ok(body) => read(operation, &body).map(Ok),
            Err(refusal) => Ok(Err(refusal)),
        }
    }

    /// The same about an intent, where a refusal is an error.
    pub(crate) async fn change(
        &self,
        operation: &'static str,
        call: RequestBuilder,
        key: &str,
    ) -> Result<IntentReport, GatewayError> {
        let answered = self.ask::<Intent>(operation, call, Some(key)).await?;
        let intent = answered.map_err(|refusal| refused(operation, refusal))?;
        intent.report().map_err(|odd| unreadable(operation, odd))
    }

    /// How an intent stands, where it must be there.
    pub(crate) async fn stands(
        &self,
        operation: &'static str,
        intent: &IntentRef,
    ) -> Result<IntentReport, GatewayError> {
        let found = self.find(operation, intent).await?;
        let missing = || GatewayError::new(GatewayErrorKind::Refused, operation);
        found.map(|found| found.report).ok_or_else(missing)
    }

    pub(crate) async fn find(
        &self,
        operation: &'static str,
        intent: &IntentRef,
    ) -> Result<Option<FoundIntent>, GatewayError> {
        if !is_name(intent.as_str()) {
            return Ok(None);
        }
        match self.ask::<Intent>(operation, calls::look_up(intent), None).await? {
            Ok(found) => found.found().map(Some).map_err(|odd| unreadable(operation, odd)),
            Err(refusal) if refusal.is_missing() => Ok(None),
            Err(refusal) => Err(refused(operation, refusal)),
        }
    }

    /// The payment method that a buyer pays with: a card token is made one first.
    pub(crate) async fn method(
        &self,
        operation: &'static str,
        method: &PaymentMethod,
        key: &str,
    ) -> Result<String, GatewayError> {
        if !method.expose().starts_with("tok_") {
            return Ok(method.expose().to_owned());
        }
        // Under a key of its own, so that a repeated confirmation names the same method.
        let key = format!("{key}:method");
        let made = self.ask::<Method>(operation, calls::method_of(method), Some(&key)).await?;
        made.map(|made| made.id).map_err(|refusal| refused(operation, refusal))
    }
}

/// Whether that can be the name of something of Stripe's, and stand in a path.
pub(crate) fn is_name(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn read<T: DeserializeOwned>(operation: &'static str, body: &Bytes) -> Result<T, GatewayError> {
    // The place of what is wrong, without what stands there: a client secret may.
    serde_json::from_slice(body).map_err(|error| {
        let at = format!("unreadable at line {} column {}", error.line(), error.column());
        unreadable(operation, at)
    })
}

/// An answer came, but what it says is not known: it may have happened.
pub(crate) fn unreadable(
    operation: &'static str,
    why: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> GatewayError {
    GatewayError::new(GatewayErrorKind::Unknown, operation).with_source(why)
}

/// Stripe said no.
pub(crate) fn refused(operation: &'static str, refusal: Refusal) -> GatewayError {
    let kind = if refusal.is_about_the_account() {
        GatewayErrorKind::Misconfigured
    } else {
        GatewayErrorKind::Refused
    };
    GatewayError::new(kind, operation).with_source(refusal)
}
