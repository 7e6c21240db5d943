//! Where webhooks go.

use std::error::Error;
use std::future::Future;

use async_trait::async_trait;
use ticketing_core::ports::WebhookRequest;
use ticketing_core::service::Payments;

/// Why a webhook was not taken. It is delivered again.
pub type SinkError = Box<dyn Error + Send + Sync>;

/// Whoever listens to webhooks.
///
/// An engine's payments are one, and so is a function, for instance one that posts to a server:
///
/// ```
/// use ticketing_core::ports::WebhookRequest;
/// use ticketing_local::{Deliveries, NoRuntime, SandboxGateway};
///
/// fn print(gateway: &SandboxGateway) -> Result<Deliveries, NoRuntime> {
///     gateway.deliver_to(|webhook: WebhookRequest| async move {
///         println!("{}", String::from_utf8_lossy(&webhook.body));
///         Ok::<(), std::io::Error>(())
///     })
/// }
/// ```
#[async_trait]
pub trait WebhookSink: Send + Sync + 'static {
    /// Takes a webhook: what is acknowledged is never delivered again.
    ///
    /// The same webhook may come twice, in any order with others. If the future is dropped, it
    /// comes again.
    ///
    /// # Errors
    /// It was not taken; the gateway tries again later.
    async fn deliver(&self, webhook: WebhookRequest) -> Result<(), SinkError>;
}

#[async_trait]
impl WebhookSink for Payments {
    async fn deliver(&self, webhook: WebhookRequest) -> Result<(), SinkError> {
        self.webhook(&webhook).await?;
        Ok(())
    }
}

#[async_trait]
impl<F, Answer, E> WebhookSink for F
where
    F: Fn(WebhookRequest) -> Answer + Send + Sync + 'static,
    Answer: Future<Output = Result<(), E>> + Send,
    E: Into<SinkError>,
{
    async fn deliver(&self, webhook: WebhookRequest) -> Result<(), SinkError> {
        self(webhook).await.map_err(Into::into)
    }
}
