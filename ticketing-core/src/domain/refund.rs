//! The refund: one sum on its way back to the buyer.
//!
//! ```text
//! requested --> pending --> succeeded
//!   ^  |  |         |         |  ^
//!   |  |  '---------+-> failed <-'  |
//!   |  |                  |  '------' given back all the same
//!   |  '- next key        |
//!   '------- retry -------'
//! ```
//!
//! | command | requested | pending | succeeded | succeeded, nameless | failed |
//! |---|---|---|---|---|---|
//! | pending | pending | same | same | pending | same |
//! | succeeded | succeeded | succeeded | same | noted | succeeded |
//! | failed | failed | failed | failed | same | same |
//! | given back | succeeded | same | same | same | succeeded |
//! | not given back | same | same | same | failed | same |
//! | next key | noted | same | same | same | same |
//! | retry | same | same | same | same | requested |
//!
//! *Same* is an unchanged refund: a repeated command is no error. *Noted* changes something else
//! of it than the state. A refund is *nameless* if the money is known to be back, but not by
//! which of the gateway's refunds: somebody made it by hand, or the answer to ours was lost.
//! What the gateway says of our own try names it, unless that failed: then it was another one.
//!
//! | state | next step |
//! |---|---|
//! | requested | send it, under the key of this try; give up once the gateway may have forgotten the key |
//! | pending | ask how it stands |
//! | succeeded, failed | nothing |
//!
//! Each try has a key of its own, which lasts from when the try began. Another try begins when
//! an operator says so, or when the gateway answered with a server error that it may repeat for
//! the same key. Before one is sent the intent is looked up, since the money may be back.
//!
//! A refund is owed from the commit that requests it: the order and the payment count it at
//! once, and a failed one moves nothing back. It stays owed, and an operator sees it. A bank can
//! fail a refund that had succeeded, which is why that arrow exists.

use std::time::Duration;

use crate::domain::decision::Decision;
use crate::domain::event::DomainEvent;
use crate::domain::payment::Payment;
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
    /// When the current try began; its key lasts from then.
    pub begun_at: Timestamp,
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
    /// The intent's sum says: the money is back, by whichever refund.
    GivenBack,
    /// The intent's sum says: the money is not back after all.
    NotGivenBack,
    /// The gateway answered with an error that it may repeat for the key, and the money is not
    /// back.
    NextKey,
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
    /// Fail it: the gateway may have forgotten the key, and would give the money back twice.
    GiveUp,
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
            begun_at: now,
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
        match command {
            RefundCommand::Pending(reference) => self.pending(reference, now),
            RefundCommand::Succeeded(reference) => self.succeeded(reference),
            RefundCommand::Failed => self.failed(),
            RefundCommand::GivenBack => self.given_back(),
            RefundCommand::NotGivenBack => self.not_given_back(),
            RefundCommand::NextKey => self.next_key(now),
            RefundCommand::Retry => self.retry(now),
        }
    }

    fn pending(self, reference: RefundRef, now: Timestamp) -> Decision<Self> {
        match self.state {
            RefundState::Succeeded if !self.is_nameless() => Decision::unchanged(self),
            RefundState::Requested | RefundState::Succeeded => {
                let next_action_at = Some(now.plus(Self::ASK_AGAIN_AFTER));
                let reference = Some(reference);
                Self { state: RefundState::Pending, reference, next_action_at, ..self }.told()
            }
            RefundState::Pending | RefundState::Failed => Decision::unchanged(self),
        }
    }

    fn succeeded(self, reference: RefundRef) -> Decision<Self> {
        match self.state {
            RefundState::Succeeded if !self.is_nameless() => Decision::unchanged(self),
            RefundState::Requested
            | RefundState::Pending
            | RefundState::Succeeded
            | RefundState::Failed => self.settled(RefundState::Succeeded, Some(reference)),
        }
    }

    fn failed(self) -> Decision<Self> {
        match self.state {
            // Our own try came to nothing: the money went back by another one.
            RefundState::Succeeded if self.is_nameless() => Decision::unchanged(self),
            RefundState::Requested | RefundState::Pending | RefundState::Succeeded => {
                let reference = self.reference.clone();
                self.settled(RefundState::Failed, reference)
            }
            RefundState::Failed => Decision::unchanged(self),
        }
    }

    fn given_back(self) -> Decision<Self> {
        match self.state {
            RefundState::Requested | RefundState::Failed => {
                self.settled(RefundState::Succeeded, None)
            }
            RefundState::Pending | RefundState::Succeeded => Decision::unchanged(self),
        }
    }

    fn not_given_back(self) -> Decision<Self> {
        match self.state {
            RefundState::Succeeded if self.is_nameless() => self.settled(RefundState::Failed, None),
            RefundState::Requested
            | RefundState::Pending
            | RefundState::Succeeded
            | RefundState::Failed => Decision::unchanged(self),
        }
    }

    fn next_key(self, now: Timestamp) -> Decision<Self> {
        match self.state {
            RefundState::Requested => self.begun_again(now, now.plus(Self::ASK_AGAIN_AFTER)),
            RefundState::Pending | RefundState::Succeeded | RefundState::Failed => {
                Decision::unchanged(self)
            }
        }
    }

    fn retry(self, now: Timestamp) -> Decision<Self> {
        match self.state {
            RefundState::Failed => self.begun_again(now, now),
            RefundState::Requested | RefundState::Pending | RefundState::Succeeded => {
                Decision::unchanged(self)
            }
        }
    }

    /// Begins another try, under another key, to be sent from `send_at` on.
    fn begun_again(self, now: Timestamp, send_at: Timestamp) -> Decision<Self> {
        Self {
            attempt: self.attempt.saturating_add(1),
            begun_at: now,
            reference: None,
            state: RefundState::Requested,
            next_action_at: Some(send_at),
            ..self
        }
        .told()
    }

    /// Goes to a state in which nothing is left to do.
    fn settled(self, state: RefundState, reference: Option<RefundRef>) -> Decision<Self> {
        Self { state, reference, next_action_at: None, ..self }.told()
    }

    /// Whether the money is back by a refund of the gateway whose name is not known.
    pub fn is_nameless(&self) -> bool {
        self.state == RefundState::Succeeded && self.reference.is_none()
    }

    /// Whether the gateway counts it among what was given back of the intent.
    pub fn is_given_back(&self) -> bool {
        match self.state {
            RefundState::Pending | RefundState::Succeeded => true,
            RefundState::Requested | RefundState::Failed => false,
        }
    }

    /// What must be done at the gateway next, if anything.
    pub fn next_step(&self, now: Timestamp) -> Option<RefundStep> {
        let is_forgotten = now >= self.begun_at.plus(Payment::KEY_LASTS);
        match self.state {
            RefundState::Requested if is_forgotten => Some(RefundStep::GiveUp),
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
