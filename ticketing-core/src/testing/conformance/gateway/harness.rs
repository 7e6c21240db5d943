//! What an adapter gives to the suite: a gateway, its test cards and its webhooks.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use crate::domain::payment::DeclineCode;
use crate::ports::{IdSource, PaymentGateway, PaymentMethod, RandomIds, WebhookRequest};
use crate::values::{IntentRef, Money, Timestamp};

/// Opens gateways for the suite.
#[async_trait]
pub trait GatewayHarness: fmt::Debug + Send + Sync {
    /// A gateway; other cases may use the same account.
    async fn open(&self) -> Box<dyn GatewayNamespace>;
}

/// What a test card does when an intent is confirmed with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Card {
    /// The money is reserved.
    Authorizes,
    /// The money is taken at once: a method that can't wait.
    Captures,
    /// The bank asks the buyer.
    NeedsAction,
    /// The bank says no.
    Declines(DeclineCode),
}

impl Card {
    /// The token of the reference gateway's card for it, which the sandbox takes as well. A buyer
    /// who fails at the bank has none.
    pub fn token(self) -> Option<&'static str> {
        match self {
            Self::Authorizes => Some("tok_visa"),
            Self::Captures => Some("tok_automatic"),
            Self::NeedsAction => Some("tok_threeDSecure"),
            Self::Declines(DeclineCode::CardDeclined) => Some("tok_chargeDeclined"),
            Self::Declines(DeclineCode::InsufficientFunds) => {
                Some("tok_chargeDeclinedInsufficientFunds")
            }
            Self::Declines(DeclineCode::ExpiredCard) => Some("tok_chargeDeclinedExpiredCard"),
            Self::Declines(DeclineCode::IncorrectCvc) => Some("tok_chargeDeclinedIncorrectCvc"),
            Self::Declines(DeclineCode::ProcessingError) => {
                Some("tok_chargeDeclinedProcessingError")
            }
            Self::Declines(DeclineCode::InvalidMethod) => Some("tok_unheardOf"),
            Self::Declines(DeclineCode::AuthenticationFailed) => None,
        }
    }
}

/// One case's gateway.
#[async_trait]
pub trait GatewayNamespace: fmt::Debug + Send + Sync {
    /// The gateway.
    fn gateway(&self) -> Arc<dyn PaymentGateway>;

    /// Ends what the case needed, after it has passed.
    async fn close(&mut self) {}

    /// The gateway's time, or a guess within a minute of it.
    fn now(&self) -> Timestamp;

    /// A card that does that; nothing if the gateway has none for tests. Every gateway has one
    /// that [authorizes](Card::Authorizes).
    fn card(&self, card: Card) -> Option<PaymentMethod>;

    /// A sum that the gateway accepts, above one unit of the currency.
    fn amount(&self) -> Money {
        Money::usd(20_00)
    }

    /// Where ids and keys come from. A gateway that remembers keys longer than a test run needs
    /// new ones every time.
    fn ids(&self) -> Arc<dyn IdSource> {
        Arc::new(RandomIds)
    }

    /// The webhook that tells of a change of this intent, as the gateway would send it now, with
    /// those headers only that authenticate it; nothing if the harness can't make one.
    async fn webhook(&self, intent: &IntentRef) -> Option<WebhookRequest>;

    /// A webhook with this body and a good signature of now; nothing if the harness can't make
    /// one.
    async fn signed(&self, body: Vec<u8>) -> Option<WebhookRequest>;
}
