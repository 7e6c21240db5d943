//! The order's `decide`: one arm for each state and command, none of them a wildcard.

use std::sync::Arc;

use crate::domain::decision::{Decision, Units};
use crate::domain::event::DomainEvent;
use crate::domain::order::{
    CancelReason, HoldPolicy, Line, Order, OrderCommand, OrderRefund, OrderState, ReturnedLine,
};
use crate::domain::rejection::{FieldError, Reason, Rejection};
use crate::domain::view::OrderView;
use crate::planted::{self, CoreBug};
use crate::values::{PaymentId, TicketId, Timestamp};

use OrderCommand as Command;
use OrderState as State;

type Verdict = Result<Decision<Order>, Reason>;

impl Order {
    /// What becomes of the order.
    ///
    /// # Errors
    /// A [`Rejection`] that names the state, the command and the reason.
    pub fn decide(self, command: Command, now: Timestamp) -> Result<Decision<Self>, Rejection> {
        let (name, state) = (command.name(), self.state);
        let verdict = match command {
            Command::Extend(policy) => self.extend(policy, now),
            Command::StartPayment { attempt, policy } => self.start_payment(attempt, policy, now),
            Command::MoneyArrived { attempt, captured } => self.money_arrived(attempt, captured),
            Command::PaymentEnded { attempt } => self.payment_ended(attempt, now),
            Command::CaptureFailed { attempt } => Ok(self.capture_failed(attempt)),
            Command::Cancel { by, patience } => self.cancel(by.into(), now.plus(patience)),
            Command::Expire { patience } => self.expire(now, now.plus(patience)),
            Command::ReleaseUnpaid => self.release_unpaid(now),
            Command::Refund(refund) => self.refund(&refund),
        };
        verdict.map_err(|reason| Rejection::new(name, state.name(), reason))
    }

    fn extend(self, policy: HoldPolicy, now: Timestamp) -> Verdict {
        match self.state {
            State::Created if now >= self.deadline() => Err(Reason::OrderExpired),
            State::Created => self.hold_longer(policy),
            State::AwaitingPayment { .. } => Err(Reason::PaymentRunning),
            State::Cancelling { .. } => Err(Reason::OrderCancelling),
            State::Complete { .. } => Err(Reason::OrderComplete),
            State::Cancelled { reason } => Err(Reason::OrderCancelled(reason)),
            State::Refunded { .. } => Err(Reason::OrderRefunded),
        }
    }

    fn hold_longer(self, policy: HoldPolicy) -> Verdict {
        let longest = self.created_at.plus(policy.cap);
        if planted::is(CoreBug::HoldsExtendedAgain) {
            let expires_at = self.expires_at.plus(policy.hold);
            return Ok(Self { expires_at, extended: true, ..self }.told(DomainEvent::OrderUpdated));
        }
        let expires_at = self.expires_at.plus(policy.hold).min(longest);
        if self.extended || expires_at <= self.expires_at {
            return Err(Reason::AlreadyExtended);
        }
        Ok(Self { expires_at, extended: true, ..self }.told(DomainEvent::OrderUpdated))
    }

    fn start_payment(self, attempt: PaymentId, policy: HoldPolicy, now: Timestamp) -> Verdict {
        match self.state {
            State::Created if now >= self.deadline() => Err(Reason::OrderExpired),
            State::Created => {
                let longest = self.created_at.plus(policy.cap);
                let first = now.plus(policy.grace).min(longest);
                let pay_deadline = Some(self.pay_deadline.unwrap_or(first));
                let state = State::AwaitingPayment { attempt };
                Ok(Self { pay_deadline, state, ..self }.told(DomainEvent::OrderUpdated))
            }
            State::AwaitingPayment { .. } => Err(Reason::PaymentRunning),
            State::Cancelling { .. } => Err(Reason::OrderCancelling),
            State::Complete { .. } => Err(Reason::OrderComplete),
            State::Cancelled { reason: CancelReason::Expired } => Err(Reason::OrderExpired),
            State::Cancelled { reason } => Err(Reason::OrderCancelled(reason)),
            State::Refunded { .. } => Err(Reason::OrderRefunded),
        }
    }

    fn money_arrived(self, money: PaymentId, captured: bool) -> Verdict {
        match self.state {
            State::Created => Err(Reason::NoSuchStep),
            State::AwaitingPayment { attempt } if attempt == money => Ok(self.complete(money)),
            State::Cancelling { reason: CancelReason::Expired, attempt, .. }
                if captured && attempt == money =>
            {
                Ok(self.complete(money))
            }
            State::Cancelling { .. } => Err(Reason::OrderCancelling),
            State::Complete { payment } | State::Refunded { payment } if payment == money => {
                Ok(Decision::unchanged(self))
            }
            State::AwaitingPayment { .. } | State::Complete { .. } | State::Refunded { .. } => {
                Err(Reason::NoSuchStep)
            }
            State::Cancelled { reason } => Err(Reason::OrderCancelled(reason)),
        }
    }

    fn complete(self, payment: PaymentId) -> Decision<Self> {
        let state = State::Complete { payment };
        Self { state, ..self }.told(DomainEvent::OrderCompleted).moving(Units::Sell)
    }

    fn payment_ended(self, ended: PaymentId, now: Timestamp) -> Verdict {
        match self.state {
            State::AwaitingPayment { attempt } if attempt == ended => {
                if now >= self.deadline() {
                    return Ok(self.cancelled(CancelReason::Expired).moving(Units::Release));
                }
                Ok(Self { state: State::Created, ..self }.told(DomainEvent::OrderUpdated))
            }
            State::Cancelling { reason, attempt, .. } if attempt == ended => {
                Ok(self.cancelled(reason).moving(Units::Release))
            }
            State::Complete { payment } | State::Refunded { payment } if payment == ended => {
                Err(Reason::NoSuchStep)
            }
            State::Created
            | State::AwaitingPayment { .. }
            | State::Cancelling { .. }
            | State::Complete { .. }
            | State::Cancelled { .. }
            | State::Refunded { .. } => Ok(Decision::unchanged(self)),
        }
    }

    fn capture_failed(self, failed: PaymentId) -> Decision<Self> {
        match self.state {
            State::Complete { payment } if payment == failed => {
                let units = Units::Return(sold_units(&self.lines));
                self.cancelled(CancelReason::Payment).moving(units)
            }
            State::Created
            | State::AwaitingPayment { .. }
            | State::Cancelling { .. }
            | State::Complete { .. }
            | State::Cancelled { .. }
            | State::Refunded { .. } => Decision::unchanged(self),
        }
    }

    fn cancel(self, reason: CancelReason, release_at: Timestamp) -> Verdict {
        match self.state {
            State::Created => Ok(self.cancelled(reason).moving(Units::Release)),
            State::AwaitingPayment { attempt } => Ok(self.cancelling(reason, attempt, release_at)),
            State::Cancelled { .. } if planted::is(CoreBug::UnconditionalRelease) => {
                Ok(self.cancelled(reason).moving(Units::Release))
            }
            State::Cancelling { .. } | State::Cancelled { .. } => Ok(Decision::unchanged(self)),
            State::Complete { .. } if planted::is(CoreBug::LateCancelUnsells) => {
                let units = Units::Return(sold_units(&self.lines));
                Ok(self.cancelled(reason).moving(units))
            }
            State::Complete { .. } => Err(Reason::OrderComplete),
            State::Refunded { .. } => Err(Reason::OrderRefunded),
        }
    }

    fn expire(self, now: Timestamp, release_at: Timestamp) -> Verdict {
        let deadline = self.deadline();
        match self.state {
            State::Created | State::AwaitingPayment { .. } if now < deadline => {
                Err(Reason::NotYetDue { deadline })
            }
            State::Created => Ok(self.cancelled(CancelReason::Expired).moving(Units::Release)),
            State::AwaitingPayment { attempt } => {
                Ok(self.cancelling(CancelReason::Expired, attempt, release_at))
            }
            State::Cancelling { .. }
            | State::Complete { .. }
            | State::Cancelled { .. }
            | State::Refunded { .. } => Ok(Decision::unchanged(self)),
        }
    }

    fn release_unpaid(self, now: Timestamp) -> Verdict {
        match self.state {
            State::Cancelling { release_at, .. } if now < release_at => {
                Err(Reason::NotYetDue { deadline: release_at })
            }
            State::Cancelling { reason, .. } => Ok(self.cancelled(reason).moving(Units::Release)),
            State::Created | State::AwaitingPayment { .. } => Err(Reason::NoSuchStep),
            State::Complete { .. } | State::Cancelled { .. } | State::Refunded { .. } => {
                Ok(Decision::unchanged(self))
            }
        }
    }

    fn refund(self, refund: &OrderRefund) -> Verdict {
        match self.state {
            State::Complete { payment } => self.give_back(refund, payment),
            State::Refunded { .. } => Err(Reason::OrderRefunded),
            State::Created
            | State::AwaitingPayment { .. }
            | State::Cancelling { .. }
            | State::Cancelled { .. } => Err(Reason::NotPaid),
        }
    }

    fn give_back(self, refund: &OrderRefund, payment: PaymentId) -> Verdict {
        let left = self.left_to_refund().map_err(|_too_much| Reason::NoSuchStep)?;
        if refund.amount.is_zero() {
            let zero = FieldError::new("amount", "amount_not_positive", "Amount must be positive");
            return Err(Reason::Invalid(vec![zero]));
        }
        left.checked_sub(refund.amount).map_err(|_more| Reason::RefundTooLarge { left })?;
        let refunded = self
            .refunded
            .checked_add(refund.amount)
            .map_err(|_more| Reason::RefundTooLarge { left })?;
        let lines = with_returns(&self.lines, &refund.lines, refund.restock)?;
        let units = units_of(refund);
        let next = Self { lines, refunded, ..self };
        let decision = if next.refunded == next.total {
            Self { state: State::Refunded { payment }, ..next }.told(DomainEvent::OrderRefunded)
        } else {
            next.told(DomainEvent::OrderUpdated)
        };
        Ok(decision.moving(units))
    }

    fn cancelled(self, reason: CancelReason) -> Decision<Self> {
        Self { state: State::Cancelled { reason }, ..self }.told(DomainEvent::OrderCancelled)
    }

    fn cancelling(
        self,
        reason: CancelReason,
        attempt: PaymentId,
        release_at: Timestamp,
    ) -> Decision<Self> {
        let state = State::Cancelling { reason, attempt, release_at };
        Self { state, ..self }.told(DomainEvent::OrderUpdated)
    }

    /// The next version of this order, and the event that tells of it.
    fn told(self, event: fn(OrderView) -> DomainEvent) -> Decision<Self> {
        let next = Self { version: self.version.next(), ..self };
        let event = event(next.view());
        Decision::changed(next, event)
    }
}

fn sold_units(lines: &[Line]) -> Vec<(TicketId, u32)> {
    let sold = lines.iter().map(|line| (line.ticket_id, line.counted_as_sold()));
    sold.filter(|(_, units)| *units > 0).collect()
}

fn units_of(refund: &OrderRefund) -> Units {
    if !refund.restock || refund.lines.is_empty() {
        return Units::Stay;
    }
    Units::Return(refund.lines.iter().map(|line| (line.ticket, line.quantity.get())).collect())
}

/// The lines after `returns`, or which of them takes back more than there is.
fn with_returns(
    lines: &Arc<[Line]>,
    returns: &[ReturnedLine],
    restock: bool,
) -> Result<Arc<[Line]>, Reason> {
    let mut lines = lines.to_vec();
    for returned in returns {
        let too_large = Reason::ReturnTooLarge { ticket: returned.ticket };
        let units = returned.quantity.get();
        let line = lines.iter_mut().find(|line| line.ticket_id == returned.ticket);
        let Some(line) = line.filter(|line| units <= line.kept()) else {
            return Err(too_large);
        };
        line.returned = line.returned.saturating_add(units);
        if restock {
            line.restocked = line.restocked.saturating_add(units);
        }
    }
    Ok(lines.into())
}
