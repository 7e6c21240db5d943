//! The order: a buyer's reservation, from the hold to paid, cancelled or refunded.
//!
//! ```text
//! created --pay--> awaiting payment --money arrived--> complete --full refund--> refunded
//!  |  ^  ^____ended, time left___|  |                     '--capture failed--> cancelled(payment)
//!  |  '-- extend                    |
//!  |                                '--cancel, deadline--> cancelling{reason} --ended--> cancelled
//!  '--cancel, deadline--> cancelled{reason}
//! ```
//!
//! | command | created | awaiting payment | cancelling (expired) | cancelling (buyer, seller) | complete | cancelled (expired) | cancelled (else) | refunded |
//! |---|---|---|---|---|---|---|---|---|
//! | extend | created ◦, `order_expired` ● | `payment_running` | `order_cancelling` | `order_cancelling` | `order_complete` | `order_cancelled` | `order_cancelled` | `order_refunded` |
//! | extend again, or beyond the cap | `already_extended` ◦, `order_expired` ● | `payment_running` | `order_cancelling` | `order_cancelling` | `order_complete` | `order_cancelled` | `order_cancelled` | `order_refunded` |
//! | pay | awaiting payment ◦, `order_expired` ● | `payment_running` | `order_cancelling` | `order_cancelling` | `order_complete` | `order_expired` | `order_cancelled` | `order_refunded` |
//! | money authorized | `no_such_step` | complete | `order_cancelling` | `order_cancelling` | same | `order_cancelled` | `order_cancelled` | same |
//! | money captured | `no_such_step` | complete | complete | `order_cancelling` | same | `order_cancelled` | `order_cancelled` | same |
//! | money of another attempt | `no_such_step` | `no_such_step` | `order_cancelling` | `order_cancelling` | `no_such_step` | `order_cancelled` | `order_cancelled` | `no_such_step` |
//! | payment ended | same | created ◦, cancelled (expired) ● | cancelled (expired) | cancelled (same reason) | `no_such_step` | same | same | `no_such_step` |
//! | another attempt ended | same | same | same | same | same | same | same | same |
//! | capture failed | same | same | same | same | cancelled (payment) | same | same | same |
//! | capture of another failed | same | same | same | same | same | same | same | same |
//! | cancel (buyer) | cancelled (buyer) | cancelling (buyer) | same | same | `order_complete` | same | same | `order_refunded` |
//! | cancel (seller) | cancelled (seller) | cancelling (seller) | same | same | `order_complete` | same | same | `order_refunded` |
//! | expire | `not_yet_due` ◦, cancelled (expired) ● | `not_yet_due` ◦, cancelling (expired) ● | same | same | same | same | same | same |
//! | release unpaid | `no_such_step` | `no_such_step` | `not_yet_due` ◦, cancelled (expired) ● | `not_yet_due` ◦, cancelled (same reason) ● | same | same | same | same |
//! | refund a part | `not_paid` | `not_paid` | `not_paid` | `not_paid` | complete | `not_paid` | `not_paid` | `order_refunded` |
//! | refund what is left | `not_paid` | `not_paid` | `not_paid` | `not_paid` | refunded | `not_paid` | `not_paid` | `order_refunded` |
//! | refund more | `not_paid` | `not_paid` | `not_paid` | `not_paid` | `refund_too_large` | `not_paid` | `not_paid` | `order_refunded` |
//! | refund nothing | `not_paid` | `not_paid` | `not_paid` | `not_paid` | `invalid` | `not_paid` | `not_paid` | `order_refunded` |
//! | return more units than are kept | `not_paid` | `not_paid` | `not_paid` | `not_paid` | `return_too_large` | `not_paid` | `not_paid` | `order_refunded` |
//!
//! A cell names the next state, or the code of the rejection. ◦ is before the deadline, ● at or
//! after it; without a mark it is both. The deadline of an order that is cancelling is its
//! `release_at`: then its units are released even if the gateway was never reached. *Same* is an
//! unchanged state: a repeated command is no error. *Money*, *ended* and *capture failed* name
//! the attempt that the order waits for, or was paid with, unless another one is mentioned.
//!
//! Units are held by placing an order, sold by completing it, and released by cancelling it
//! unpaid. A capture that failed puts what is sold back on sale, a refund what is returned with
//! it if that is asked for. No other step moves units.
//!
//! At the deadline itself a hold is expired. Prices, titles and quantities are frozen in the
//! lines when the order is placed; nothing that happens to a listing later changes them.

mod lines;
mod transitions;

#[cfg(test)]
pub(crate) mod fixtures;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use lines::{Line, NewOrder, ReturnedLine};

use crate::domain::view::OrderView;
use crate::planted::{self, CoreBug};
use crate::values::{Money, Note, OrderId, PaymentId, Timestamp, UserId, Version};

/// An order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Its id.
    pub id: OrderId,
    /// Who buys.
    pub buyer: UserId,
    /// Counts its changes.
    pub version: Version,
    /// What is bought: one line for each ticket, never empty.
    pub lines: Arc<[Line]>,
    /// The sum of the lines.
    pub total: Money,
    /// What was given back of it, or is owed.
    pub refunded: Money,
    /// When it was placed.
    pub created_at: Timestamp,
    /// Until when the units are held.
    pub expires_at: Timestamp,
    /// Until when a payment may run, set by the first one.
    pub pay_deadline: Option<Timestamp>,
    /// Whether the hold was extended.
    pub extended: bool,
    /// Where it stands.
    pub state: OrderState,
}

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderState {
    /// Its units are held; it can be paid.
    Created,
    /// A payment attempt runs.
    AwaitingPayment {
        /// That attempt.
        attempt: PaymentId,
    },
    /// It is over for the buyer; the units stay held until the gateway says that no money moves.
    Cancelling {
        /// Why it ends.
        reason: CancelReason,
        /// The attempt that is being voided.
        attempt: PaymentId,
        /// When the units are released without the gateway's answer.
        release_at: Timestamp,
    },
    /// It is paid for.
    Complete {
        /// The attempt that paid.
        payment: PaymentId,
    },
    /// It ended without a sale.
    Cancelled {
        /// Why.
        reason: CancelReason,
    },
    /// All of its money went back.
    Refunded {
        /// The attempt that had paid.
        payment: PaymentId,
    },
}

/// Why an order ended without a sale.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum CancelReason {
    /// Its buyer cancelled.
    Buyer,
    /// Its time ran out.
    Expired,
    /// A seller took the ticket back.
    Seller,
    /// Its payment could not be captured.
    Payment,
}

impl fmt::Display for CancelReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Buyer => "buyer",
            Self::Expired => "expired",
            Self::Seller => "seller",
            Self::Payment => "payment",
        })
    }
}

/// Who cancels an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Canceller {
    /// Its buyer.
    Buyer,
    /// The seller of one of its tickets.
    Seller,
}

impl From<Canceller> for CancelReason {
    fn from(by: Canceller) -> Self {
        match by {
            Canceller::Buyer => Self::Buyer,
            Canceller::Seller => Self::Seller,
        }
    }
}

/// How long units are held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HoldPolicy {
    /// The hold of a new order, and of one extension.
    pub hold: Duration,
    /// The least time that the first payment gets.
    pub grace: Duration,
    /// The longest hold in all, counted from the order's creation; never below `hold`.
    pub cap: Duration,
}

/// What can be asked of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderCommand {
    /// Hold the units for one more hold time, once.
    Extend(HoldPolicy),
    /// A payment attempt starts.
    StartPayment {
        /// The attempt.
        attempt: PaymentId,
        /// How long it may take.
        policy: HoldPolicy,
    },
    /// The gateway has the buyer's money.
    MoneyArrived {
        /// For this attempt.
        attempt: PaymentId,
        /// It is captured; otherwise only authorized.
        captured: bool,
    },
    /// No money will come of the attempt: it was declined or voided.
    PaymentEnded {
        /// The attempt.
        attempt: PaymentId,
    },
    /// Authorized money could not be captured, for good.
    CaptureFailed {
        /// The attempt.
        attempt: PaymentId,
    },
    /// End it.
    Cancel {
        /// In whose name.
        by: Canceller,
        /// How long to wait for the gateway, if a payment runs.
        patience: Duration,
    },
    /// Its time is up.
    Expire {
        /// How long to wait for the gateway, if a payment runs.
        patience: Duration,
    },
    /// The gateway was waited for long enough.
    ReleaseUnpaid,
    /// Give money back.
    Refund(OrderRefund),
}

/// Money, and perhaps units, on their way back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderRefund {
    /// The sum; above zero.
    pub amount: Money,
    /// The units that the buyer returns with it.
    pub lines: Vec<ReturnedLine>,
    /// Put the returned units back on sale.
    pub restock: bool,
    /// Why, in the refunder's words.
    pub reason: Option<Note>,
}

impl Order {
    /// The deadline in force: of the hold, or of the payment where that is later.
    pub fn deadline(&self) -> Timestamp {
        self.pay_deadline.map_or(self.expires_at, |pay| pay.max(self.expires_at))
    }

    /// Whether units are held or sold for it and its story goes on without a command.
    pub fn is_live(&self) -> bool {
        match self.state {
            OrderState::Created
            | OrderState::AwaitingPayment { .. }
            | OrderState::Cancelling { .. } => true,
            OrderState::Complete { .. }
            | OrderState::Cancelled { .. }
            | OrderState::Refunded { .. } => false,
        }
    }

    /// When somebody must end it, unless something else does before.
    pub fn due_at(&self) -> Option<Timestamp> {
        match self.state {
            OrderState::Created | OrderState::AwaitingPayment { .. } => Some(self.deadline()),
            OrderState::Cancelling { release_at, .. } => Some(release_at),
            OrderState::Complete { .. }
            | OrderState::Cancelled { .. }
            | OrderState::Refunded { .. } => None,
        }
    }

    /// The attempt that runs, or that paid.
    pub fn attempt(&self) -> Option<PaymentId> {
        match self.state {
            OrderState::AwaitingPayment { attempt } | OrderState::Cancelling { attempt, .. } => {
                Some(attempt)
            }
            OrderState::Complete { payment } | OrderState::Refunded { payment } => Some(payment),
            OrderState::Created | OrderState::Cancelled { .. } => None,
        }
    }

    /// Whether it is complete, with the money of that attempt.
    pub fn is_paid_with(&self, attempt: PaymentId) -> bool {
        self.state == OrderState::Complete { payment: attempt }
    }

    /// What of its money is not refunded.
    ///
    /// # Errors
    /// Never for an order that the machine made; a foreign row may have refunded too much.
    pub fn left_to_refund(&self) -> Result<Money, crate::values::MoneyError> {
        if planted::is(CoreBug::PendingRefundsDontCount) {
            return Ok(self.total);
        }
        self.total.checked_sub(self.refunded)
    }

    /// What others see of it.
    pub fn view(&self) -> OrderView {
        OrderView::of(self)
    }
}

impl OrderState {
    /// The state in words.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::AwaitingPayment { .. } => "awaiting payment",
            Self::Cancelling { .. } => "cancelling",
            Self::Complete { .. } => "complete",
            Self::Cancelled { .. } => "cancelled",
            Self::Refunded { .. } => "refunded",
        }
    }
}

impl OrderCommand {
    /// The command in words.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Extend(_) => "extend the hold",
            Self::StartPayment { .. } => "pay for the order",
            Self::MoneyArrived { .. } => "complete the order",
            Self::PaymentEnded { .. } => "end the payment",
            Self::CaptureFailed { .. } => "undo the sale",
            Self::Cancel { .. } => "cancel the order",
            Self::Expire { .. } => "expire the order",
            Self::ReleaseUnpaid => "release the units",
            Self::Refund(_) => "refund the order",
        }
    }
}
