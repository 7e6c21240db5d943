//! What a gateway knows, to be compared with our books.

use crate::domain::payment::ConfirmedBy;
use crate::domain::settlement::{IntentReport, IntentStatus};
use crate::ports::payment_gateway::{ClientSecret, FoundIntent, OpenIntent, RefundStatus};
use crate::values::{IntentRef, Money, RefundRef, Timestamp};

/// Everything that a gateway knows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Its intents, oldest first.
    pub intents: Vec<LedgerIntent>,
    /// Its refunds, oldest first.
    pub refunds: Vec<LedgerRefund>,
}

/// An intent in a gateway's ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerIntent {
    /// Its name.
    pub intent: IntentRef,
    /// What it was opened with: its sum, its metadata, and the key.
    pub opened: OpenIntent,
    /// How it stands.
    pub status: IntentStatus,
    /// What was captured: nothing, or its sum.
    pub captured: Money,
    /// What went back, or is on its way, by whoever's order.
    pub refunded: Money,
    /// When it was opened.
    pub created_at: Timestamp,
}

/// A refund in a gateway's ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerRefund {
    /// Its name.
    pub reference: RefundRef,
    /// On which intent.
    pub intent: IntentRef,
    /// How much.
    pub amount: Money,
    /// The key it was sent under; nothing if it was made by hand.
    pub key: Option<String>,
    /// How it stands.
    pub status: RefundStatus,
}

impl LedgerIntent {
    pub(super) fn report(&self) -> IntentReport {
        IntentReport { status: self.status, amount: self.opened.amount, refunded: self.refunded }
    }

    pub(super) fn found(&self) -> FoundIntent {
        FoundIntent {
            intent: self.intent.clone(),
            report: self.report(),
            store: Some(self.opened.store),
            attempt: Some(self.opened.attempt),
            created_at: self.created_at,
            client_secret: self.client_secret(),
        }
    }

    /// What the buyer's browser needs, if it is the one to confirm.
    pub(super) fn client_secret(&self) -> Option<ClientSecret> {
        match self.opened.confirmed_by {
            ConfirmedBy::Client => Some(ClientSecret::new(format!("{}_secret", self.intent))),
            ConfirmedBy::Server => None,
        }
    }
}
