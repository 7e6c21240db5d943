//! The refund: one sum on its way back to the buyer.
//!
//! ```text
//! requested --> pending --> succeeded
//!     ^  |         |            |
//!     |  '---------+-> failed <-'
//!     '---- retry -------'
//! ```
//!
//! | command | requested | pending | succeeded | failed |
//! |---|---|---|---|---|
//! | pending | pending | same | same | same |
//! | succeeded | succeeded | succeeded | same | succeeded |
//! | failed | failed | failed | failed | same |
//! | retry | same | same | same | requested |
//!
//! *Same* is an unchanged refund: a repeated command is no error. A retry goes under a new key.
//!
//! A refund is owed from the commit that requests it: the order and the payment count it at
//! once, and a failed one moves nothing back. It stays owed, and an operator sees it. A bank can
//! fail a refund that had succeeded, which is why that arrow exists.

use std::time::Duration;

use crate::domain::decision::Decision;
use crate::domain::event::DomainEvent;
use crate::domain::view::RefundView;
use crate::values::{Money, Note, OrderId, PaymentId, RefundId, RefundRef, Timestamp, Version};

/// One sum on its way back to the buyer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refund {
    /// Its id; its keys at the gateway are made of it.
    pub id: RefundId,
    /// The payment it goes back on.
    pub payment: PaymentId,
    /// The order it is for; nothing for stray money.
    pub order: Option<OrderId>,
    /// Counts its changes.
    pub version: Version,
    /// The sum.
    pub amount: Money,
    /// Why, in the refunder's words.
    pub reason: Option<Note>,
    /// How often it was sent under a new key.
    pub attempt: u32,
    /// The gateway's name for it, once known.
    pub reference: Option<RefundRef>,
    /// Where it stands.
    pub state: RefundState,
    /// When it was requested.
    pub created_at: Timestamp,
    /// When somebody must look at it next; nothing when it is settled.
    pub next_action_at: Option<Timestamp>,
}

/// Where a refund stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RefundState {
    /// Written down, to be sent.
    Requested,
    /// The gateway works on it.
    Pending,
    /// The money is back.
    Succeeded,
    /// It could not be given back; it stays owed.
    Failed,
}

/// What can be asked of a refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefundCommand {
    /// The gateway says: in work, under this name.
    Pending(RefundRef),
    /// The gateway says: done, under this name.
    Succeeded(RefundRef),
    /// The gateway says: not possible.
    Failed,
    /// The operator says: once more.
    Retry,
}

/// What must be done at the gateway next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefundStep {
    /// Send it, under its key.
    Send,
    /// Ask how it stands.
    LookUp,
}

impl Refund {
    /// How long to wait before the gateway is asked about a refund again.
    pub const ASK_AGAIN_AFTER: Duration = Duration::from_secs(30);

    /// Owes `amount` back.
    pub fn request(
        id: RefundId,
        payment: PaymentId,
        order: Option<OrderId>,
        amount: Money,
        reason: Option<Note>,
        now: Timestamp,
    ) -> Decision<Self> {
        Self {
            id,
            payment,
            order,
            version: Version::FIRST,
            amount,
            reason,
            attempt: 0,
            reference: None,
            state: RefundState::Requested,
            created_at: now,
            next_action_at: Some(now),
        }
        .first()
    }

    /// Writes down a refund that was made at the gateway by hand.
    pub fn noted(
        id: RefundId,
        payment: PaymentId,
        order: Option<OrderId>,
        amount: Money,
        now: Timestamp,
    ) -> Decision<Self> {
        let requested = Self::request(id, payment, order, amount, None, now).into_next();
        Self { state: RefundState::Succeeded, next_action_at: None, ..requested }.first()
    }

    /// What becomes of the refund. Every command has an answer in every state.
    pub fn decide(self, command: RefundCommand, now: Timestamp) -> Decision<Self> {
        match (self.state, command) {
            (RefundState::Requested, RefundCommand::Pending(reference)) => {
                let next_action_at = Some(now.plus(Self::ASK_AGAIN_AFTER));
                let reference = Some(reference);
                Self { state: RefundState::Pending, reference, next_action_at, ..self }.told()
            }
            (
                RefundState::Requested | RefundState::Pending | RefundState::Failed,
                RefundCommand::Succeeded(reference),
            ) => {
                let reference = Some(reference);
                Self { state: RefundState::Succeeded, reference, next_action_at: None, ..self }
                    .told()
            }
            (
                RefundState::Requested | RefundState::Pending | RefundState::Succeeded,
                RefundCommand::Failed,
            ) => Self { state: RefundState::Failed, next_action_at: None, ..self }.told(),
            (RefundState::Failed, RefundCommand::Retry) => {
                let attempt = self.attempt.saturating_add(1);
                let next_action_at = Some(now);
                let (state, reference) = (RefundState::Requested, None);
                Self { attempt, reference, state, next_action_at, ..self }.told()
            }
            (
                RefundState::Pending | RefundState::Succeeded | RefundState::Failed,
                RefundCommand::Pending(_),
            )
            | (RefundState::Succeeded, RefundCommand::Succeeded(_))
            | (RefundState::Failed, RefundCommand::Failed)
            | (
                RefundState::Requested | RefundState::Pending | RefundState::Succeeded,
                RefundCommand::Retry,
            ) => Decision::unchanged(self),
        }
    }

    /// What must be done at the gateway next, if anything.
    pub fn next_step(&self) -> Option<RefundStep> {
        match self.state {
            RefundState::Requested => Some(RefundStep::Send),
            RefundState::Pending => Some(RefundStep::LookUp),
            RefundState::Succeeded | RefundState::Failed => None,
        }
    }

    /// The key under which the gateway knows this try.
    pub fn key(&self) -> String {
        format!("refund:{}:{}", self.id, self.attempt)
    }

    /// What others see of it.
    pub fn view(&self) -> RefundView {
        RefundView::of(self)
    }

    fn told(self) -> Decision<Self> {
        Self { version: self.version.next(), ..self }.first()
    }

    fn first(self) -> Decision<Self> {
        let event = DomainEvent::RefundUpdated(self.view());
        Decision::changed(self, event)
    }
}

#[cfg(test)]
mod tests;
