//! What Stripe knows.

use std::collections::BTreeMap;

use crate::cards::Behaviour;

/// Everything that it knows, each oldest first.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    /// Intents to pay.
    pub intents: Vec<Intent>,
    /// Charges: what a card agreed to.
    pub charges: Vec<Charge>,
    /// Refunds.
    pub refunds: Vec<Refund>,
    /// Disputes.
    pub disputes: Vec<Dispute>,
    pub(crate) methods: BTreeMap<String, Behaviour>,
    names: u64,
}

/// An intent to pay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intent {
    /// Its name.
    pub id: String,
    /// The sum.
    pub amount: i64,
    /// Its currency, in small letters.
    pub currency: String,
    /// How it stands.
    pub status: IntentStatus,
    /// What a browser needs.
    pub client_secret: String,
    /// What the account noted on it.
    pub metadata: BTreeMap<String, String>,
    /// When it was created, in seconds.
    pub created: i64,
    /// The key that it was created under.
    pub key: Option<String>,
    /// Its charge, if a card agreed to one.
    pub charge: Option<String>,
    pub(crate) manual_capture: bool,
    pub(crate) method: Option<String>,
    pub(crate) failure: Option<(&'static str, Option<&'static str>)>,
}

/// How an intent stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntentStatus {
    /// It waits for a card.
    RequiresPaymentMethod,
    /// It has a card, and waits to be confirmed.
    RequiresConfirmation,
    /// The buyer must act.
    RequiresAction,
    /// The money is reserved.
    RequiresCapture,
    /// The money is taken.
    Succeeded,
    /// It is over.
    Canceled,
}

impl IntentStatus {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::RequiresPaymentMethod => "requires_payment_method",
            Self::RequiresConfirmation => "requires_confirmation",
            Self::RequiresAction => "requires_action",
            Self::RequiresCapture => "requires_capture",
            Self::Succeeded => "succeeded",
            Self::Canceled => "canceled",
        }
    }
}

/// What a card agreed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// Its name.
    pub id: String,
    /// Its intent.
    pub intent: String,
    /// The sum.
    pub amount: i64,
    /// What of it was taken.
    pub captured: i64,
    /// What of that went back, or is on its way.
    pub refunded: i64,
    /// Whether the buyer disputes it, or did.
    pub disputed: bool,
    /// When the card agreed, in seconds.
    pub authorized_at: i64,
    /// When the money was taken, or was free again.
    pub ended_at: Option<i64>,
}

/// Money that goes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refund {
    /// Its name.
    pub id: String,
    /// Of which intent.
    pub intent: String,
    /// How much.
    pub amount: i64,
    /// Its currency.
    pub currency: String,
    /// How it stands.
    pub status: RefundStatus,
    /// The key that it was sent under; nothing if it was made by hand.
    pub key: Option<String>,
    pub(crate) charge: String,
    pub(crate) created: i64,
}

/// How a refund stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefundStatus {
    /// In work.
    Pending,
    /// Done.
    Succeeded,
    /// Not possible.
    Failed,
}

impl RefundStatus {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
        }
    }
}

/// A dispute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dispute {
    /// Its name.
    pub id: String,
    /// About which intent.
    pub intent: String,
    /// How it stands.
    pub status: DisputeStatus,
    pub(crate) charge: String,
    pub(crate) amount: i64,
    pub(crate) currency: String,
}

/// How a dispute stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DisputeStatus {
    /// The bank asks before there is a dispute.
    InquiryNeedsResponse,
    /// The bank has asked, and no dispute came of it so far.
    InquiryClosed,
    /// It is open.
    NeedsResponse,
    /// For the account.
    Won,
    /// For the buyer.
    Lost,
}

impl DisputeStatus {
    /// Whether the bank has taken the money back, for now or for good.
    pub(crate) fn takes_money(self) -> bool {
        matches!(self, Self::NeedsResponse | Self::Lost)
    }

    /// Whether nothing more is expected.
    pub(crate) fn is_closed(self) -> bool {
        matches!(self, Self::InquiryClosed | Self::Won | Self::Lost)
    }

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::InquiryNeedsResponse => "warning_needs_response",
            Self::InquiryClosed => "warning_closed",
            Self::NeedsResponse => "needs_response",
            Self::Won => "won",
            Self::Lost => "lost",
        }
    }
}

impl Ledger {
    /// The intent of that name.
    pub fn intent(&self, id: &str) -> Option<&Intent> {
        self.intents.iter().find(|intent| intent.id == id)
    }

    /// The charge of an intent.
    pub fn charge_of(&self, intent: &str) -> Option<&Charge> {
        self.charges.iter().rev().find(|charge| charge.intent == intent)
    }

    pub(crate) fn intent_mut(&mut self, id: &str) -> Option<&mut Intent> {
        self.intents.iter_mut().find(|intent| intent.id == id)
    }

    pub(crate) fn charge_mut(&mut self, id: &str) -> Option<&mut Charge> {
        self.charges.iter_mut().find(|charge| charge.id == id)
    }

    pub(crate) fn refund(&self, id: &str) -> Option<&Refund> {
        self.refunds.iter().find(|refund| refund.id == id)
    }

    /// A name that nothing has yet.
    pub(crate) fn name(&mut self, kind: &str) -> String {
        self.names = self.names.saturating_add(1);
        format!("{kind}_standin{:08}", self.names)
    }
}
