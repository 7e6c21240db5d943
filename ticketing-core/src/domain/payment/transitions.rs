//! The payment's `decide`: one arm for each state and command, none of them a wildcard.

use crate::domain::decision::Decision;
use crate::domain::event::DomainEvent;
use crate::domain::payment::{
    ConfirmedBy, DeclineCode, Dispute, Payment, PaymentCommand, PaymentState, Trouble, VoidReason,
};
use crate::domain::rejection::{FieldError, Reason, Rejection};
use crate::domain::view::PaymentView;
use crate::values::{IntentRef, Money, OrderId, PaymentId, Timestamp, UserId, Version};

use PaymentCommand as Command;
use PaymentState as State;

type Verdict = Result<Decision<Payment>, Reason>;

impl Payment {
    /// Starts an attempt to take `amount` for `order`.
    pub fn initiate(
        id: PaymentId,
        (order, buyer): (OrderId, UserId),
        amount: Money,
        confirmed_by: ConfirmedBy,
        now: Timestamp,
    ) -> Decision<Self> {
        let next_action_at = Some(now.plus(Self::UNCONFIRMED_FOR));
        let owner = (Some(order), Some(buyer));
        let fresh = Self::new(id, owner, amount, confirmed_by, now);
        let event = DomainEvent::PaymentUpdated;
        Self { next_action_at, ..fresh }.first(event)
    }

    /// Writes down money that turned up at the gateway in our name, without a row of ours.
    ///
    /// Captured money is owed back, whole; anything else is voided.
    pub fn stray(
        id: PaymentId,
        intent: IntentRef,
        amount: Money,
        captured: bool,
        now: Timestamp,
    ) -> Decision<Self> {
        let fresh = Self::new(id, (None, None), amount, ConfirmedBy::Server, now);
        let (state, refunding, next_action_at) = if captured {
            (State::Captured, amount, None)
        } else {
            (State::Voiding { because: VoidReason::Stray }, fresh.refunding, Some(now))
        };
        let intent = Some(intent);
        Self { intent, state, refunding, next_action_at, ..fresh }
            .first(DomainEvent::PaymentUpdated)
    }

    fn new(
        id: PaymentId,
        (order, buyer): (Option<OrderId>, Option<UserId>),
        amount: Money,
        confirmed_by: ConfirmedBy,
        created_at: Timestamp,
    ) -> Self {
        Self {
            id,
            order,
            buyer,
            version: Version::FIRST,
            amount,
            confirmed_by,
            intent: None,
            search_only: false,
            state: State::Initiated,
            last_decline: None,
            refunding: Money::zero(amount.currency()),
            dispute: Dispute::None,
            confirmed_at: None,
            late_money: false,
            created_at,
            next_action_at: None,
        }
    }

    /// What becomes of the payment.
    ///
    /// # Errors
    /// A [`Rejection`] that names the state, the command and the reason.
    pub fn decide(self, command: Command, now: Timestamp) -> Result<Decision<Self>, Rejection> {
        let (name, state) = (command.name(), self.state);
        let verdict = match command {
            Command::Opened { intent, confirming } => self.opened(intent, confirming, now),
            Command::OpenInDoubt => Ok(self.open_in_doubt(now)),
            Command::Confirm => self.confirm(now),
            Command::ConfirmationLost => Ok(self.confirmation_lost(now)),
            Command::Declined(code) => Ok(self.declined(code, now)),
            Command::NeedsAction => Ok(self.needs_action(now)),
            Command::Authorized { accepted } => Ok(self.authorized(accepted, now)),
            Command::Captured { accepted } => Ok(self.captured(accepted)),
            Command::Gone => Ok(self.gone()),
            Command::Void(because) => self.void(because, now),
            Command::CaptureFailed => Ok(self.capture_failed(now)),
            Command::Refund(amount) => self.refund(amount),
            Command::RefundedAtGateway(amount) => Ok(self.refunded_at_gateway(amount)),
            Command::Dispute(dispute) => Ok(self.disputed(dispute)),
            Command::MarkLate => Ok(self.mark_late()),
            Command::Park(why) => Ok(self.park(why)),
            Command::Resume => Ok(self.resume(now)),
        };
        verdict.map_err(|reason| Rejection::new(name, state.name(), reason))
    }

    fn opened(self, intent: IntentRef, confirming: bool, now: Timestamp) -> Verdict {
        if let Some(known) = &self.intent {
            if *known != intent {
                // A second intent for one attempt would be a second charge waiting to happen.
                return Err(Reason::NoSuchStep);
            }
            // A webhook may have told of the intent before the gateway's answer reached us.
            return Ok(match self.state {
                State::Open if confirming => self.confirms(now),
                State::Open
                | State::Initiated
                | State::Confirming
                | State::NeedsAction
                | State::Authorized
                | State::Captured
                | State::Voiding { .. }
                | State::Declined { .. }
                | State::Voided
                | State::NeedsOperator { .. } => Decision::unchanged(self),
            });
        }
        let with_intent = Self { intent: Some(intent), search_only: false, ..self };
        Ok(match with_intent.state {
            State::Initiated if confirming => with_intent.confirms(now),
            State::Initiated => with_intent.waits(State::Open, now),
            State::Voiding { because } => with_intent.voids(because, now),
            State::Declined { .. } | State::Voided => with_intent.voids(VoidReason::Abandoned, now),
            State::Open
            | State::Confirming
            | State::NeedsAction
            | State::Authorized
            | State::Captured
            | State::NeedsOperator { .. } => with_intent.told(DomainEvent::PaymentUpdated),
        })
    }

    fn open_in_doubt(self, now: Timestamp) -> Decision<Self> {
        match self.state {
            State::Initiated | State::Voiding { .. }
                if self.intent.is_none() && !self.search_only =>
            {
                let next_action_at = Some(now.plus(Self::ASK_AGAIN_AFTER));
                Self { search_only: true, next_action_at, ..self }.told(DomainEvent::PaymentUpdated)
            }
            State::Initiated
            | State::Open
            | State::Confirming
            | State::NeedsAction
            | State::Authorized
            | State::Captured
            | State::Voiding { .. }
            | State::Declined { .. }
            | State::Voided
            | State::NeedsOperator { .. } => Decision::unchanged(self),
        }
    }

    fn confirm(self, now: Timestamp) -> Verdict {
        match self.state {
            State::Open | State::NeedsAction => Ok(self.confirms(now)),
            State::Initiated | State::Confirming => Err(Reason::PaymentRunning),
            State::Authorized | State::Captured => Err(Reason::OrderComplete),
            State::Voiding { .. } | State::Declined { .. } | State::Voided => {
                Err(Reason::NoSuchStep)
            }
            State::NeedsOperator { .. } => Err(Reason::NeedsOperator),
        }
    }

    /// The browser, or another token, may still confirm an intent that is the client's.
    fn confirmation_lost(self, now: Timestamp) -> Decision<Self> {
        match (self.state, self.confirmed_by) {
            (State::Confirming, ConfirmedBy::Client) => {
                // An earlier decline says nothing about the token that was lost.
                Self { last_decline: None, ..self }.waits(State::Open, now)
            }
            (State::Confirming, ConfirmedBy::Server)
            | (
                State::Initiated
                | State::Open
                | State::NeedsAction
                | State::Authorized
                | State::Captured
                | State::Voiding { .. }
                | State::Declined { .. }
                | State::Voided
                | State::NeedsOperator { .. },
                ConfirmedBy::Server | ConfirmedBy::Client,
            ) => Decision::unchanged(self),
        }
    }

    fn declined(self, code: DeclineCode, now: Timestamp) -> Decision<Self> {
        match (self.state, self.confirmed_by) {
            (State::Open, ConfirmedBy::Client) if self.last_decline == Some(code) => {
                Decision::unchanged(self)
            }
            (
                State::Initiated | State::Open | State::Confirming | State::NeedsAction,
                ConfirmedBy::Client,
            ) => Self { last_decline: Some(code), ..self }.waits(State::Open, now),
            (
                State::Initiated | State::Open | State::Confirming | State::NeedsAction,
                ConfirmedBy::Server,
            ) => Self { last_decline: Some(code), ..self }.voids(VoidReason::Declined(code), now),
            (
                State::Authorized
                | State::Captured
                | State::Voiding { .. }
                | State::Declined { .. }
                | State::Voided
                | State::NeedsOperator { .. },
                ConfirmedBy::Server | ConfirmedBy::Client,
            ) => Decision::unchanged(self),
        }
    }

    fn needs_action(self, now: Timestamp) -> Decision<Self> {
        match self.state {
            State::Initiated | State::Open | State::Confirming => {
                self.waits(State::NeedsAction, now)
            }
            State::NeedsAction
            | State::Authorized
            | State::Captured
            | State::Voiding { .. }
            | State::Declined { .. }
            | State::Voided
            | State::NeedsOperator { .. } => Decision::unchanged(self),
        }
    }

    fn authorized(self, accepted: bool, now: Timestamp) -> Decision<Self> {
        match self.state {
            State::Initiated | State::Open | State::Confirming | State::NeedsAction if accepted => {
                let next_action_at = Some(now.plus(Self::ASK_AGAIN_AFTER));
                Self { state: State::Authorized, next_action_at, ..self }
                    .told(DomainEvent::PaymentCreated)
            }
            State::Initiated
            | State::Open
            | State::Confirming
            | State::NeedsAction
            | State::Declined { .. }
            | State::Voided => self.voids(VoidReason::OrderOver, now),
            State::Authorized
            | State::Captured
            | State::Voiding { .. }
            | State::NeedsOperator { .. } => Decision::unchanged(self),
        }
    }

    fn captured(self, accepted: bool) -> Decision<Self> {
        match self.state {
            State::Authorized if accepted => {
                self.settled(State::Captured, DomainEvent::PaymentUpdated)
            }
            State::Initiated
            | State::Open
            | State::Confirming
            | State::NeedsAction
            | State::Authorized
            | State::Voiding { .. }
            | State::Declined { .. }
            | State::Voided => {
                if accepted {
                    return self.settled(State::Captured, DomainEvent::PaymentCreated);
                }
                let refunding = self.amount;
                Self { refunding, ..self }.settled(State::Captured, DomainEvent::PaymentRefunded)
            }
            State::Captured | State::NeedsOperator { .. } => Decision::unchanged(self),
        }
    }

    fn gone(self) -> Decision<Self> {
        match self.state {
            State::Voiding { because: VoidReason::Declined(code) } => {
                self.settled(State::Declined { code }, DomainEvent::PaymentFailed)
            }
            State::Initiated
            | State::Open
            | State::Confirming
            | State::NeedsAction
            | State::Authorized
            | State::Voiding { .. } => self.settled(State::Voided, DomainEvent::PaymentFailed),
            State::Captured
            | State::Declined { .. }
            | State::Voided
            | State::NeedsOperator { .. } => Decision::unchanged(self),
        }
    }

    fn void(self, because: VoidReason, now: Timestamp) -> Verdict {
        match self.state {
            State::Initiated | State::Open | State::Confirming | State::NeedsAction => {
                Ok(self.voids(because, now))
            }
            State::Voiding { .. } | State::Declined { .. } | State::Voided => {
                Ok(Decision::unchanged(self))
            }
            State::Authorized | State::Captured => Err(Reason::OrderComplete),
            State::NeedsOperator { .. } => Err(Reason::NeedsOperator),
        }
    }

    fn capture_failed(self, now: Timestamp) -> Decision<Self> {
        match self.state {
            State::Authorized => self.voids(VoidReason::CaptureFailed, now),
            State::Initiated
            | State::Open
            | State::Confirming
            | State::NeedsAction
            | State::Captured
            | State::Voiding { .. }
            | State::Declined { .. }
            | State::Voided
            | State::NeedsOperator { .. } => Decision::unchanged(self),
        }
    }

    fn refund(self, amount: Money) -> Verdict {
        match self.state {
            State::Captured if self.dispute == Dispute::Opened => Err(Reason::DisputeOpen),
            State::Captured if self.dispute == Dispute::Lost => Err(Reason::DisputeOpen),
            State::Captured => {
                let left = self.left_to_refund().map_err(|_foreign| Reason::NoSuchStep)?;
                if amount.is_zero() {
                    return Err(nothing_to_refund());
                }
                let too_large = Reason::RefundTooLarge { left };
                if left.checked_sub(amount).is_err() {
                    return Err(too_large);
                }
                let refunding = self.refunding.checked_add(amount).map_err(|_more| too_large)?;
                Ok(Self { refunding, ..self }.told(DomainEvent::PaymentRefunded))
            }
            State::Authorized => Err(Reason::CapturePending),
            State::NeedsOperator { .. } => Err(Reason::NeedsOperator),
            State::Initiated
            | State::Open
            | State::Confirming
            | State::NeedsAction
            | State::Voiding { .. }
            | State::Declined { .. }
            | State::Voided => Err(Reason::NotPaid),
        }
    }

    /// A refund made at the gateway is a fact: it is taken as far as our books have room for it.
    fn refunded_at_gateway(self, amount: Money) -> Decision<Self> {
        let room =
            self.refunding.checked_add(amount).ok().filter(|sum| {
                self.state == State::Captured && self.amount.checked_sub(*sum).is_ok()
            });
        match room {
            Some(refunding) if !amount.is_zero() => {
                Self { refunding, ..self }.told(DomainEvent::PaymentRefunded)
            }
            Some(_) | None => Decision::unchanged(self),
        }
    }

    fn disputed(self, dispute: Dispute) -> Decision<Self> {
        // Webhooks come in any order: the opening of a dispute may be told after its decision.
        let closed = matches!(self.dispute, Dispute::Won | Dispute::Lost);
        let verdict = matches!(dispute, Dispute::Won | Dispute::Lost);
        if self.dispute == dispute || (closed && !verdict) {
            return Decision::unchanged(self);
        }
        Self { dispute, ..self }.told(DomainEvent::PaymentUpdated)
    }

    fn mark_late(self) -> Decision<Self> {
        if self.late_money || !self.is_live() {
            return Decision::unchanged(self);
        }
        Self { late_money: true, ..self }.told(DomainEvent::PaymentUpdated)
    }

    fn park(self, why: Trouble) -> Decision<Self> {
        let state = State::NeedsOperator { why };
        if self.state == state {
            return Decision::unchanged(self);
        }
        self.settled(state, DomainEvent::PaymentUpdated)
    }

    fn resume(self, now: Timestamp) -> Decision<Self> {
        match self.state {
            State::NeedsOperator { .. } if self.intent.is_some() => self.confirms(now),
            State::NeedsOperator { .. } => self.waits(State::Initiated, now),
            State::Initiated
            | State::Open
            | State::Confirming
            | State::NeedsAction
            | State::Authorized
            | State::Captured
            | State::Voiding { .. }
            | State::Declined { .. }
            | State::Voided => Decision::unchanged(self),
        }
    }

    /// Goes to `confirming`, from where the confirmation is sent at once.
    fn confirms(self, now: Timestamp) -> Decision<Self> {
        Self { confirmed_at: Some(now), ..self }.waits(State::Confirming, now)
    }

    /// Goes to a state in which the gateway's word is awaited.
    fn waits(self, state: State, now: Timestamp) -> Decision<Self> {
        let next_action_at = Some(now.plus(Self::ASK_AGAIN_AFTER));
        Self { state, next_action_at, ..self }.told(DomainEvent::PaymentUpdated)
    }

    /// Goes to `voiding`, which is tried at once.
    fn voids(self, because: VoidReason, now: Timestamp) -> Decision<Self> {
        let state = State::Voiding { because };
        Self { state, next_action_at: Some(now), ..self }.told(DomainEvent::PaymentUpdated)
    }

    /// Goes to a state in which nothing is left to do.
    fn settled(self, state: State, event: fn(PaymentView) -> DomainEvent) -> Decision<Self> {
        Self { state, next_action_at: None, ..self }.told(event)
    }

    fn told(self, event: fn(PaymentView) -> DomainEvent) -> Decision<Self> {
        Self { version: self.version.next(), ..self }.first(event)
    }

    fn first(self, event: fn(PaymentView) -> DomainEvent) -> Decision<Self> {
        let event = event(self.view());
        Decision::changed(self, event)
    }
}

fn nothing_to_refund() -> Reason {
    let zero = FieldError::new("amount", "amount_not_positive", "Amount must be positive");
    Reason::Invalid(vec![zero])
}
