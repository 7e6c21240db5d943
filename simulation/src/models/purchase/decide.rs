//! What a command, or the gateway's word, does to the rows of an order: the domain's `decide`
//! and `settle`, with guards that can be taken away.

use super::state::{CancelReason, Command, OrderState, PaymentState, Rows, Time, Units, Word};
use super::{Purchase, PurchaseGuard as Guard};

/// The rows that follow, and where units go.
pub(super) type Decision = (Rows, Units);

impl Purchase {
    /// What a command does, if it does anything.
    pub(super) fn decide(&self, place: usize, rows: Rows, command: Command) -> Option<Decision> {
        match command {
            Command::Reserve if rows.order == OrderState::NotPlaced => {
                Some((rows.with_order(OrderState::Created), Units::Hold))
            }
            Command::Reserve => None,
            Command::Pay => self.pay(rows, self.attempts_of(place)),
            Command::Cancel => self.cancel(rows),
            Command::Expire => self.expire(rows),
            Command::Release => release(rows),
        }
    }

    fn pay(&self, rows: Rows, attempts: usize) -> Option<Decision> {
        let may_start = match rows.order {
            OrderState::Created => true,
            OrderState::AwaitingPayment { .. } => !self.has(Guard::OneAttempt),
            OrderState::NotPlaced
            | OrderState::Cancelling { .. }
            | OrderState::Complete { .. }
            | OrderState::Cancelled { .. } => false,
        };
        let attempt = rows.next_attempt(attempts).filter(|_| may_start)?;
        let rows = rows.with_payment(attempt, PaymentState::Initiated);
        Some((rows.with_order(OrderState::AwaitingPayment { attempt }), Units::Stay))
    }

    fn cancel(&self, rows: Rows) -> Option<Decision> {
        let reason = CancelReason::Buyer;
        let cancelled = rows.with_order(OrderState::Cancelled { reason });
        match rows.order {
            OrderState::Created => Some((cancelled, Units::Release)),
            OrderState::AwaitingPayment { attempt } => cancelling(rows, reason, attempt),
            OrderState::Cancelled { .. } if !self.has(Guard::EndedOnce) => {
                Some((cancelled, Units::Release))
            }
            OrderState::Complete { .. } if !self.has(Guard::SaleIsFinal) => {
                Some((cancelled, Units::Return))
            }
            OrderState::NotPlaced
            | OrderState::Cancelling { .. }
            | OrderState::Complete { .. }
            | OrderState::Cancelled { .. } => None,
        }
    }

    fn expire(&self, rows: Rows) -> Option<Decision> {
        let reason = CancelReason::Expired;
        let cancelled = OrderState::Cancelled { reason };
        match rows.order {
            OrderState::Created => Some((rows.with_order(cancelled), Units::Release)),
            OrderState::AwaitingPayment { attempt } => {
                let (rows, _) = cancelling(rows, reason, attempt)?;
                if self.has(Guard::AskBeforeRelease) {
                    return Some((rows, Units::Stay));
                }
                Some((rows.with_order(cancelled), Units::Release))
            }
            OrderState::NotPlaced
            | OrderState::Cancelling { .. }
            | OrderState::Complete { .. }
            | OrderState::Cancelled { .. } => None,
        }
    }

    /// What the gateway's word about an attempt does, if it does anything.
    pub(super) fn settle(&self, rows: Rows, time: Time, attempt: usize, word: Word) -> Decision {
        match word {
            Word::Declined => (declined(rows, attempt), Units::Stay),
            Word::Authorized => self.authorized(rows, attempt),
            Word::Captured => self.captured(rows, time, attempt),
            Word::Gone => gone(rows, time, attempt),
        }
    }

    fn authorized(&self, rows: Rows, attempt: usize) -> Decision {
        let accepted = self.accepts(rows, attempt, false);
        let next = match rows.payment(attempt).state {
            PaymentState::Initiated | PaymentState::Open | PaymentState::Confirming
                if accepted.is_some() =>
            {
                PaymentState::Authorized
            }
            PaymentState::Initiated
            | PaymentState::Open
            | PaymentState::Confirming
            | PaymentState::Voided => PaymentState::Voiding,
            other @ (PaymentState::NotStarted
            | PaymentState::Authorized
            | PaymentState::Captured
            | PaymentState::Voiding) => other,
        };
        let taken = next == PaymentState::Authorized || !self.has(Guard::VoidDecides);
        let rows = rows.with_payment(attempt, next);
        with_order(rows, accepted.filter(|_| taken))
    }

    fn captured(&self, rows: Rows, time: Time, attempt: usize) -> Decision {
        let state = rows.payment(attempt).state;
        if matches!(state, PaymentState::NotStarted | PaymentState::Captured) {
            return (rows, Units::Stay);
        }
        let accepted = self.accepts(rows, attempt, true);
        let mut rows = rows.with_payment(attempt, PaymentState::Captured);
        if let Some(payment) = rows.payments.get_mut(attempt) {
            payment.owed = accepted.is_none() && self.has(Guard::LateCaptureIsOwed);
        }
        with_order(rows, accepted.or_else(|| payment_ended(rows.order, time, attempt)))
    }

    /// As `Order::money_arrived`.
    fn accepts(&self, rows: Rows, money: usize, captured: bool) -> Option<(OrderState, Units)> {
        let complete = (OrderState::Complete { payment: money }, Units::Sell);
        match rows.order {
            OrderState::AwaitingPayment { attempt } if attempt == money => Some(complete),
            OrderState::Cancelling { reason: CancelReason::Expired, attempt }
                if captured && attempt == money =>
            {
                Some(complete)
            }
            OrderState::Complete { payment } if payment == money => Some((rows.order, Units::Stay)),
            OrderState::Cancelling { .. } | OrderState::Cancelled { .. }
                if !self.has(Guard::OverIsOver) =>
            {
                Some(complete)
            }
            OrderState::NotPlaced
            | OrderState::Created
            | OrderState::AwaitingPayment { .. }
            | OrderState::Cancelling { .. }
            | OrderState::Complete { .. }
            | OrderState::Cancelled { .. } => None,
        }
    }
}

fn with_order(rows: Rows, moved: Option<(OrderState, Units)>) -> Decision {
    match moved {
        Some((order, units)) => (rows.with_order(order), units),
        None => (rows, Units::Stay),
    }
}

/// The payment is voided in the same commit, unless it was settled meanwhile.
fn cancelling(rows: Rows, reason: CancelReason, attempt: usize) -> Option<Decision> {
    let state = rows.payment(attempt).state;
    if matches!(state, PaymentState::Authorized | PaymentState::Captured) {
        return None;
    }
    let rows = rows.with_order(OrderState::Cancelling { reason, attempt });
    let voids = state.is_live();
    Some((
        if voids { rows.with_payment(attempt, PaymentState::Voiding) } else { rows },
        Units::Stay,
    ))
}

/// As `Order::release_unpaid`.
fn release(rows: Rows) -> Option<Decision> {
    let OrderState::Cancelling { reason, .. } = rows.order else { return None };
    Some((rows.with_order(OrderState::Cancelled { reason }), Units::Release))
}

/// As `Payment::declined`, where we confirm ourselves.
fn declined(rows: Rows, attempt: usize) -> Rows {
    match rows.payment(attempt).state {
        PaymentState::Initiated | PaymentState::Open | PaymentState::Confirming => {
            rows.with_payment(attempt, PaymentState::Voiding)
        }
        PaymentState::NotStarted
        | PaymentState::Authorized
        | PaymentState::Captured
        | PaymentState::Voiding
        | PaymentState::Voided => rows,
    }
}

/// As `settlement::ended`.
pub(super) fn gone(rows: Rows, time: Time, attempt: usize) -> Decision {
    if !rows.payment(attempt).state.is_live() {
        return (rows, Units::Stay);
    }
    let rows = rows.with_payment(attempt, PaymentState::Voided);
    if rows.order == (OrderState::Complete { payment: attempt }) {
        let reason = CancelReason::Payment;
        return (rows.with_order(OrderState::Cancelled { reason }), Units::Return);
    }
    with_order(rows, payment_ended(rows.order, time, attempt))
}

/// As `Order::payment_ended`.
fn payment_ended(order: OrderState, time: Time, ended: usize) -> Option<(OrderState, Units)> {
    match order {
        OrderState::AwaitingPayment { attempt } if attempt == ended && time.deadline => {
            let reason = CancelReason::Expired;
            Some((OrderState::Cancelled { reason }, Units::Release))
        }
        OrderState::AwaitingPayment { attempt } if attempt == ended => {
            Some((OrderState::Created, Units::Stay))
        }
        OrderState::Cancelling { reason, attempt } if attempt == ended => {
            Some((OrderState::Cancelled { reason }, Units::Release))
        }
        OrderState::NotPlaced
        | OrderState::Created
        | OrderState::AwaitingPayment { .. }
        | OrderState::Cancelling { .. }
        | OrderState::Complete { .. }
        | OrderState::Cancelled { .. } => None,
    }
}
