//! Why the engine says no: stable codes for programs, sentences for people.

use std::fmt;

use crate::domain::inventory::Refusal;
use crate::domain::order::CancelReason;
use crate::values::{Money, TicketId, Timestamp};

/// A refused command: which command, in which state, for which reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot {command} ({state}): {reason}")]
pub struct Rejection {
    /// The command in words, such as `pay for the order`.
    pub command: &'static str,
    /// The state that refused it, such as `cancelled`.
    pub state: &'static str,
    /// The reason, with a stable code.
    pub reason: Reason,
}

impl Rejection {
    /// A rejection of `command` in `state`.
    pub fn new(command: &'static str, state: &'static str, reason: Reason) -> Self {
        Self { command, state, reason }
    }

    /// The stable, machine-readable word for the reason.
    pub fn code(&self) -> &'static str {
        self.reason.code()
    }
}

/// Why a command was refused.
///
/// New reasons may come; the [code](Reason::code) of an existing one never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// The input is wrong; one entry per field.
    Invalid(Vec<FieldError>),
    /// Only the owner may do this.
    NotOwner,
    /// The listing was withdrawn.
    TicketWithdrawn,
    /// Units of the listing are held or sold, which fixes its title, price and limits.
    TicketReserved,
    /// The listing moved on since the caller read it.
    StaleVersion,
    /// The capacity would fall below what is held and sold.
    CapacityTooLow {
        /// Units held or sold.
        claimed: u32,
    },
    /// The tickets of one order are priced in different currencies.
    MixedCurrencies,
    /// The units can't be claimed.
    Claim {
        /// The ticket that refused.
        ticket: TicketId,
        /// Why.
        refusal: Refusal,
    },
    /// The order was cancelled.
    OrderCancelled(CancelReason),
    /// The hold's deadline has passed.
    OrderExpired,
    /// The order is paid for.
    OrderComplete,
    /// The order was refunded.
    OrderRefunded,
    /// The order is being cancelled; the gateway has still to confirm that no money moves.
    OrderCancelling,
    /// A payment is running for the order.
    PaymentRunning,
    /// The deadline has not come yet.
    NotYetDue {
        /// The deadline in force.
        deadline: Timestamp,
    },
    /// The hold was extended before, or is at its cap.
    AlreadyExtended,
    /// The order is not paid for, so nothing can be refunded.
    NotPaid,
    /// The money is authorized but not captured yet; try again in a moment.
    CapturePending,
    /// More than what is left of the payment.
    RefundTooLarge {
        /// What can still be refunded.
        left: Money,
    },
    /// More units than the line still has.
    ReturnTooLarge {
        /// The line's ticket.
        ticket: TicketId,
    },
    /// The buyer disputes the payment with the bank, which settles the money.
    DisputeOpen,
    /// The payment is in the hands of an operator.
    NeedsOperator,
    /// The key was used for another command.
    KeyReused,
    /// The machine has no such step: a caller's bug.
    NoSuchStep,
}

impl Reason {
    /// The stable, machine-readable word.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "invalid",
            Self::NotOwner => "not_owner",
            Self::TicketWithdrawn => "ticket_withdrawn",
            Self::TicketReserved => "ticket_reserved",
            Self::StaleVersion => "stale_version",
            Self::CapacityTooLow { .. } => "capacity_too_low",
            Self::MixedCurrencies => "mixed_currencies",
            Self::Claim { refusal, .. } => refusal.code(),
            Self::OrderCancelled(_) => "order_cancelled",
            Self::OrderExpired => "order_expired",
            Self::OrderComplete => "order_complete",
            Self::OrderRefunded => "order_refunded",
            Self::OrderCancelling => "order_cancelling",
            Self::PaymentRunning => "payment_running",
            Self::NotYetDue { .. } => "not_yet_due",
            Self::AlreadyExtended => "already_extended",
            Self::NotPaid => "not_paid",
            Self::CapturePending => "capture_pending",
            Self::RefundTooLarge { .. } => "refund_too_large",
            Self::ReturnTooLarge { .. } => "return_too_large",
            Self::DisputeOpen => "dispute_open",
            Self::NeedsOperator => "needs_operator",
            Self::KeyReused => "idempotency_key_reused",
            Self::NoSuchStep => "no_such_step",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(fields) => write_fields(f, fields),
            Self::NotOwner => f.write_str("only the owner may do this"),
            Self::TicketWithdrawn => f.write_str("the ticket was withdrawn"),
            Self::TicketReserved => f.write_str("units of the ticket are held or sold"),
            Self::StaleVersion => f.write_str("the ticket has changed since it was read"),
            Self::CapacityTooLow { claimed } => {
                write!(f, "{claimed} units are held or sold, the capacity can't be less")
            }
            Self::MixedCurrencies => f.write_str("the tickets are priced in different currencies"),
            Self::Claim { ticket, refusal } => write!(f, "ticket {ticket}: {refusal}"),
            Self::OrderCancelled(reason) => write!(f, "the order was cancelled ({reason})"),
            Self::OrderExpired => f.write_str("the reservation has expired"),
            Self::OrderComplete => f.write_str("the order is already paid"),
            Self::OrderRefunded => f.write_str("the order was refunded"),
            Self::OrderCancelling => f.write_str("the order is being cancelled"),
            Self::PaymentRunning => f.write_str("a payment is running for this order"),
            Self::NotYetDue { deadline } => write!(f, "the deadline is {deadline}"),
            Self::AlreadyExtended => f.write_str("the hold can't be extended any further"),
            Self::NotPaid => f.write_str("the order is not paid for"),
            Self::CapturePending => f.write_str("the payment is still being captured"),
            Self::RefundTooLarge { left } => write!(f, "only {left} can still be refunded"),
            Self::ReturnTooLarge { ticket } => {
                write!(f, "the order has not so many units of ticket {ticket} left")
            }
            Self::DisputeOpen => f.write_str("the payment is disputed"),
            Self::NeedsOperator => f.write_str("the payment waits for an operator"),
            Self::KeyReused => f.write_str("the idempotency key was used for another command"),
            Self::NoSuchStep => f.write_str("there is no such step"),
        }
    }
}

fn write_fields(f: &mut fmt::Formatter<'_>, fields: &[FieldError]) -> fmt::Result {
    for (index, field) in fields.iter().enumerate() {
        if index > 0 {
            f.write_str("; ")?;
        }
        write!(f, "{}: {}", field.field, field.message)?;
    }
    Ok(())
}

/// One wrong field of an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// The field's name on the wire.
    pub field: &'static str,
    /// A stable, machine-readable word.
    pub code: &'static str,
    /// A sentence for people.
    pub message: String,
}

impl FieldError {
    /// A wrong field.
    pub fn new(field: &'static str, code: &'static str, message: impl Into<String>) -> Self {
        Self { field, code, message: message.into() }
    }
}

#[cfg(test)]
mod tests;
