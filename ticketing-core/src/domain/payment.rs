//! The payment: one attempt to take the money for an order.
//!
//! ```text
//! initiated -> open -> confirming -> [needs action] -> authorized -> captured
//!     |          |         |               |               |
//!     '----------+---------+-------+-------'               '-- capture failed for good
//!                                  v                       v
//!                               voiding  <-----------------'
//!                                  |
//!                    declined <----+----> voided        captured, after all
//!                                                        needs operator: no machine can tell
//! ```
//!
//! What must still be done at the gateway is a function of the state, [`Payment::next_step`];
//! there is no job table. A step is written down before it is tried, and tried again, under the
//! same key, until its answer is known:
//!
//! | state | next step | told apart by |
//! |---|---|---|
//! | initiated | open the intent (or search for it, when opening may be repeated no more) | the attempt's key |
//! | open | ask, and void it when nobody confirms it in time | |
//! | confirming | ask: the confirmation is sent once, and in doubt looked up; one that is seen to be lost is given up after a minute: where the client confirms the intent is open again, else it is voided | |
//! | needs action | ask: the buyer is busy with the bank | |
//! | authorized | capture | the attempt's key |
//! | voiding | void, or open first when the intent is not known | the attempt's key |
//! | captured, declined, voided, needs operator | nothing | |
//!
//! `authorized` is what an accepted authorization is stored as, in the commit that completes the
//! order: from then on the capture is owed. Whether it was already sent changes nothing, so
//! there is no state of its own for it.
//!
//! What the gateway says, and what becomes of the payment:
//!
//! | command | initiated | open | confirming | needs action | authorized | captured | voiding (declined) | voiding (else) | declined, voided | needs operator |
//! |---|---|---|---|---|---|---|---|---|---|---|
//! | opened | open | noted | noted | noted | noted | noted | noted | noted | voiding (abandoned) | noted |
//! | opened, confirming | confirming | noted | noted | noted | noted | noted | noted | noted | voiding (abandoned) | noted |
//! | opened again | same | same | same | same | same | same | same | same | same | same |
//! | opened again, confirming | same | confirming | same | same | same | same | same | same | same | same |
//! | another intent opened | `no_such_step` | `no_such_step` | `no_such_step` | `no_such_step` | `no_such_step` | `no_such_step` | `no_such_step` | `no_such_step` | `no_such_step` | `no_such_step` |
//! | opening in doubt | noted | same | same | same | same | same | noted | noted | same | same |
//! | opening in doubt again, or intent known | same | same | same | same | same | same | same | same | same | same |
//! | declined, server confirms | voiding (declined) | voiding (declined) | voiding (declined) | voiding (declined) | same | same | same | same | same | same |
//! | declined, client confirms | open | noted | open | open | same | same | same | same | same | same |
//! | declined again, client confirms | open | same | open | open | same | same | same | same | same | same |
//! | needs action | needs action | needs action | needs action | same | same | same | same | same | same | same |
//! | authorized, accepted | authorized | authorized | authorized | authorized | same | same | same | same | voiding (order over) | same |
//! | authorized, not accepted | voiding (order over) | voiding (order over) | voiding (order over) | voiding (order over) | same | same | same | same | voiding (order over) | same |
//! | captured, accepted or not | captured | captured | captured | captured | captured | same | captured | captured | captured | same |
//! | confirmation lost, server confirms | same | same | same | same | same | same | same | same | same | same |
//! | confirmation lost, client confirms | same | same | open | same | same | same | same | same | same | same |
//! | gone | voided | voided | voided | voided | voided | same | declined | voided | same | same |
//! | capture failed | same | same | same | same | voiding (capture failed) | same | same | same | same | same |
//! | refunded at gateway | same | same | same | same | same | noted | same | same | same | same |
//! | refunded at gateway, beyond our books | same | same | same | same | same | same | same | same | same | same |
//! | disputed | noted | noted | noted | noted | noted | noted | noted | noted | noted | noted |
//! | disputed again, or after the decision | same | same | same | same | same | same | same | same | same | same |
//!
//! What we ask of it ourselves:
//!
//! | command | initiated | open | confirming | needs action | authorized | captured | voiding (declined) | voiding (else) | declined, voided | needs operator |
//! |---|---|---|---|---|---|---|---|---|---|---|
//! | confirm | `payment_running` | confirming | `payment_running` | confirming | `order_complete` | `order_complete` | `no_such_step` | `no_such_step` | `no_such_step` | `needs_operator` |
//! | void | voiding (abandoned) | voiding (abandoned) | voiding (abandoned) | voiding (abandoned) | `order_complete` | `order_complete` | same | same | same | `needs_operator` |
//! | refund | `not_paid` | `not_paid` | `not_paid` | `not_paid` | `capture_pending` | noted | `not_paid` | `not_paid` | `not_paid` | `needs_operator` |
//! | refund nothing | `not_paid` | `not_paid` | `not_paid` | `not_paid` | `capture_pending` | `invalid` | `not_paid` | `not_paid` | `not_paid` | `needs_operator` |
//! | refund more than is left | `not_paid` | `not_paid` | `not_paid` | `not_paid` | `capture_pending` | `refund_too_large` | `not_paid` | `not_paid` | `not_paid` | `needs_operator` |
//! | refund, dispute open or lost | `not_paid` | `not_paid` | `not_paid` | `not_paid` | `capture_pending` | `dispute_open` | `not_paid` | `not_paid` | `not_paid` | `needs_operator` |
//! | mark late | noted | noted | noted | noted | noted | same | noted | noted | same | same |
//! | mark late again | same | same | same | same | same | same | same | same | same | same |
//! | park | needs operator | needs operator | needs operator | needs operator | needs operator | needs operator | needs operator | needs operator | needs operator | needs operator |
//! | park again, for the same reason | needs operator | needs operator | needs operator | needs operator | needs operator | needs operator | needs operator | needs operator | needs operator | same |
//! | resume, intent known | same | same | same | same | same | same | same | same | same | confirming |
//! | resume, intent not known | same | same | same | same | same | same | same | same | same | initiated |
//!
//! A cell names the next state, or the code of the rejection. *Same* is an unchanged payment: a
//! repeated command is no error. *Noted* changes something else of it than the state. *Opened*
//! tells of an intent for the first time: one that is known never becomes another. *Void* is
//! shown for an abandoned attempt. Captured money that the order does not take is owed back,
//! whole.

mod transitions;

#[cfg(test)]
pub(crate) mod fixtures;
#[cfg(test)]
mod tests;

use std::fmt;
use std::time::Duration;

use crate::domain::view::PaymentView;
use crate::planted::{self, CoreBug};
use crate::values::{IntentRef, Money, MoneyError, OrderId, PaymentId, Timestamp, UserId, Version};

/// One attempt to take the money for an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// Its id; its keys at the gateway are made of it.
    pub id: PaymentId,
    /// The order it pays for; nothing for money that turned up at the gateway without a row.
    pub order: Option<OrderId>,
    /// Who pays.
    pub buyer: Option<UserId>,
    /// Counts its changes.
    pub version: Version,
    /// The sum, copied from the order.
    pub amount: Money,
    /// Who sends the confirmation to the gateway.
    pub confirmed_by: ConfirmedBy,
    /// The gateway's name for it, once known.
    pub intent: Option<IntentRef>,
    /// The intent must not be opened again, only searched for: the gateway answered the first
    /// try with an error that may hide a success.
    pub search_only: bool,
    /// Where it stands.
    pub state: PaymentState,
    /// The last decline, for a buyer who may try another card.
    pub last_decline: Option<DeclineCode>,
    /// What is refunded or owed, in all refunds that did not come to nothing.
    pub refunding: Money,
    /// Whether the buyer disputes it.
    pub dispute: Dispute,
    /// When its last confirmation was written down, to be sent.
    pub confirmed_at: Option<Timestamp>,
    /// Its order was released while the gateway could not be asked: money may still arrive.
    pub late_money: bool,
    /// When it was started.
    pub created_at: Timestamp,
    /// When somebody must look at it next; nothing when it is settled.
    pub next_action_at: Option<Timestamp>,
}

/// Who sends the confirmation to the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ConfirmedBy {
    /// We do, with a card token. A decline ends the attempt.
    Server,
    /// The buyer's browser does. A decline is noted; the intent stays open until the deadline.
    Client,
}

/// Where a payment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaymentState {
    /// Written down; the gateway may not know of it yet.
    Initiated,
    /// The gateway has an intent for it.
    Open,
    /// The confirmation was, or is about to be, sent.
    Confirming,
    /// The buyer must do something at the bank.
    NeedsAction,
    /// The money is reserved and the order complete: the capture is owed.
    Authorized,
    /// The money is ours.
    Captured,
    /// The gateway must be told to forget it; its answer decides.
    Voiding {
        /// Why.
        because: VoidReason,
    },
    /// The card was declined and the intent is dead.
    Declined {
        /// Why.
        code: DeclineCode,
    },
    /// The intent is dead, no money moved.
    Voided,
    /// No machine can settle it.
    NeedsOperator {
        /// What is wrong.
        why: Trouble,
    },
}

/// Why an intent is voided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VoidReason {
    /// The card was declined.
    Declined(DeclineCode),
    /// Nobody confirmed it in time.
    Abandoned,
    /// The order does not want the money any more.
    OrderOver,
    /// The capture failed for good.
    CaptureFailed,
    /// It belongs to no order that we know.
    Stray,
}

/// Why a card was declined, in words that a buyer can act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DeclineCode {
    /// The bank said no, without a reason.
    CardDeclined,
    /// Not enough money.
    InsufficientFunds,
    /// The card has expired.
    ExpiredCard,
    /// The security code is wrong.
    IncorrectCvc,
    /// The bank asked the buyer, who did not pass.
    AuthenticationFailed,
    /// The bank's systems failed; the same card may work later.
    ProcessingError,
    /// The gateway does not know the card token.
    InvalidMethod,
}

/// Why a payment needs a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Trouble {
    /// The gateway has another amount or currency than we asked for.
    WrongAmount,
    /// The gateway refuses what it must not refuse: wrong keys, a closed account.
    Misconfigured,
}

/// Whether the buyer disputes the payment with the bank.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dispute {
    /// No.
    None,
    /// Yes; the bank decides.
    Opened,
    /// The bank decided for us.
    Won,
    /// The bank decided for the buyer.
    Lost,
}

/// What can be asked of a payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PaymentCommand {
    /// The gateway has an intent for it.
    Opened {
        /// Its name.
        intent: IntentRef,
        /// The confirmation follows at once.
        confirming: bool,
    },
    /// Opening was answered with an error that may hide a success.
    OpenInDoubt,
    /// The confirmation is about to be sent.
    Confirm,
    /// The confirmation had no effect, or never arrived.
    ConfirmationLost,
    /// The gateway says: declined.
    Declined(DeclineCode),
    /// The gateway says: the buyer must act.
    NeedsAction,
    /// The gateway says: authorized.
    Authorized {
        /// The order takes the money.
        accepted: bool,
    },
    /// The gateway says: captured.
    Captured {
        /// The order takes the money; otherwise all of it is owed back.
        accepted: bool,
    },
    /// The gateway says: dead, or never heard of.
    Gone,
    /// Tell the gateway to forget it.
    Void(VoidReason),
    /// The capture failed for good.
    CaptureFailed,
    /// A refund of this sum is requested.
    Refund(Money),
    /// A refund of this sum was made at the gateway, by hand.
    RefundedAtGateway(Money),
    /// The state of the dispute.
    Dispute(Dispute),
    /// The units were released without the gateway's answer.
    MarkLate,
    /// Give it to an operator.
    Park(Trouble),
    /// The operator says: ask the gateway again.
    Resume,
}

/// What must be done at the gateway next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GatewayStep {
    /// Open the intent, under the attempt's key.
    Open,
    /// Look for the intent in the gateway's list.
    Search,
    /// Ask how the intent stands.
    LookUp,
    /// Capture.
    Capture,
    /// Void.
    Void,
}

impl Payment {
    /// How long an intent may stay unconfirmed before it is voided, and how long a running
    /// request is left alone before the reconciler looks at its attempt.
    pub const UNCONFIRMED_FOR: Duration = Duration::from_mins(1);
    /// How long the gateway remembers a key; later, an intent can only be searched for.
    pub const KEY_LASTS: Duration = Duration::from_hours(23);
    /// How long to wait before the gateway is asked about an attempt again.
    pub const ASK_AGAIN_AFTER: Duration = Duration::from_secs(30);

    /// What must be done at the gateway next, if anything.
    pub fn next_step(&self, now: Timestamp) -> Option<GatewayStep> {
        let known = self.intent.is_some();
        match self.state {
            PaymentState::Initiated => Some(self.open_or_search(now)),
            PaymentState::Voiding { .. } if !known => Some(self.open_or_search(now)),
            PaymentState::Voiding { .. } => Some(GatewayStep::Void),
            PaymentState::Open | PaymentState::Confirming | PaymentState::NeedsAction => {
                Some(GatewayStep::LookUp)
            }
            PaymentState::Authorized => Some(GatewayStep::Capture),
            PaymentState::Captured
            | PaymentState::Declined { .. }
            | PaymentState::Voided
            | PaymentState::NeedsOperator { .. } => None,
        }
    }

    fn open_or_search(&self, now: Timestamp) -> GatewayStep {
        if self.search_only || now >= self.created_at.plus(Self::KEY_LASTS) {
            GatewayStep::Search
        } else {
            GatewayStep::Open
        }
    }

    /// Whether it has waited so long for a confirmation that it is given up.
    pub fn is_abandoned(&self, now: Timestamp) -> bool {
        let waited = now >= self.created_at.plus(Self::UNCONFIRMED_FOR);
        waited && self.confirmed_by == ConfirmedBy::Server
    }

    /// Whether its confirmation was sent so long ago that it is lost if the gateway still waits
    /// for one.
    pub fn is_unanswered(&self, now: Timestamp) -> bool {
        let lost = |sent: Timestamp| now >= sent.plus(Self::UNCONFIRMED_FOR);
        self.state == PaymentState::Confirming && self.confirmed_at.is_some_and(lost)
    }

    /// Whether money may still move for it at the gateway.
    pub fn is_live(&self) -> bool {
        match self.state {
            PaymentState::Initiated
            | PaymentState::Open
            | PaymentState::Confirming
            | PaymentState::NeedsAction
            | PaymentState::Authorized
            | PaymentState::Voiding { .. } => true,
            PaymentState::Captured
            | PaymentState::Declined { .. }
            | PaymentState::Voided
            | PaymentState::NeedsOperator { .. } => false,
        }
    }

    /// Whether it may still pay for its order. A storage refuses a second one for the same order.
    ///
    /// One that is being voided may not, though it is live: it can lie beside another, when its
    /// intent was given up, the buyer tried again, and the gateway authorized it after all.
    pub fn may_pay(&self) -> bool {
        self.is_live() && !matches!(self.state, PaymentState::Voiding { .. })
    }

    /// Whether it is with an operator.
    pub fn is_parked(&self) -> bool {
        matches!(self.state, PaymentState::NeedsOperator { .. })
    }

    /// What of a captured payment can still be refunded.
    ///
    /// # Errors
    /// Never for a payment that the machine made.
    pub fn left_to_refund(&self) -> Result<Money, MoneyError> {
        if planted::is(CoreBug::PendingRefundsDontCount) {
            return Ok(self.amount);
        }
        self.amount.checked_sub(self.refunding)
    }

    /// What others see of it.
    pub fn view(&self) -> PaymentView {
        PaymentView::of(self)
    }
}

impl PaymentState {
    /// The state in words.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Initiated => "initiated",
            Self::Open => "open",
            Self::Confirming => "confirming",
            Self::NeedsAction => "needs action",
            Self::Authorized => "authorized",
            Self::Captured => "captured",
            Self::Voiding { .. } => "voiding",
            Self::Declined { .. } => "declined",
            Self::Voided => "voided",
            Self::NeedsOperator { .. } => "needs operator",
        }
    }
}

impl PaymentCommand {
    /// The command in words.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Opened { .. } => "note the intent",
            Self::OpenInDoubt => "note the doubt",
            Self::Confirm => "confirm the payment",
            Self::ConfirmationLost => "give up the confirmation",
            Self::Declined(_) => "decline the payment",
            Self::NeedsAction => "wait for the buyer",
            Self::Authorized { .. } => "authorize the payment",
            Self::Captured { .. } => "capture the payment",
            Self::Gone => "close the payment",
            Self::Void(_) => "void the payment",
            Self::CaptureFailed => "give up the capture",
            Self::Refund(_) => "refund the payment",
            Self::RefundedAtGateway(_) => "note the gateway's refund",
            Self::Dispute(_) => "note the dispute",
            Self::MarkLate => "mark the payment as late",
            Self::Park(_) => "call an operator",
            Self::Resume => "resume the payment",
        }
    }
}

impl DeclineCode {
    /// The stable, machine-readable word.
    pub fn code(self) -> &'static str {
        match self {
            Self::CardDeclined => "card_declined",
            Self::InsufficientFunds => "insufficient_funds",
            Self::ExpiredCard => "expired_card",
            Self::IncorrectCvc => "incorrect_cvc",
            Self::AuthenticationFailed => "authentication_failed",
            Self::ProcessingError => "processing_error",
            Self::InvalidMethod => "invalid_method",
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WrongAmount => "the gateway has another amount or currency",
            Self::Misconfigured => "the gateway refuses our keys or our account",
        })
    }
}

impl fmt::Display for DeclineCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CardDeclined => "the card was declined",
            Self::InsufficientFunds => "the card has insufficient funds",
            Self::ExpiredCard => "the card has expired",
            Self::IncorrectCvc => "the card's security code is incorrect",
            Self::AuthenticationFailed => "the bank could not authenticate the buyer",
            Self::ProcessingError => "the card could not be processed just now",
            Self::InvalidMethod => "the payment method is not valid",
        })
    }
}
