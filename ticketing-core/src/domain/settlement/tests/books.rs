//! One order, its attempts and the units and sums that their decisions move: what a storage
//! would hold after the commits of the services, with every invariant checked after each.

use uuid::Uuid;

use crate::domain::decision::{Decision, Units};
use crate::domain::laws::assert_lawful;
use crate::domain::order::fixtures::{ORDER, PATIENCE, PLACED, POLICY, placed, user};
use crate::domain::order::{Canceller, Order, OrderCommand, OrderState};
use crate::domain::payment::{ConfirmedBy, Payment, PaymentCommand, PaymentState, VoidReason};
use crate::domain::rejection::Rejection;
use crate::domain::settlement::{
    IntentReport, IntentStatus, Settlement, capture_failed, settle, tests::word,
};
use crate::values::{IntentRef, Money, PaymentId, Timestamp};

#[derive(Debug, Clone)]
pub(super) struct Books {
    pub(super) order: Order,
    pub(super) attempts: Vec<Payment>,
    /// For each attempt, what was owed back for money that came too late, in minor units.
    pub(super) owed: Vec<i64>,
    pub(super) held: u32,
    pub(super) sold: u32,
    pub(super) now: Timestamp,
}

impl Books {
    /// A new order, its units held.
    pub(super) fn open() -> Self {
        let order = placed();
        let held = order.lines.iter().map(|line| line.quantity.get()).sum();
        let (attempts, owed) = (Vec::new(), Vec::new());
        Self { order, attempts, owed, held, sold: 0, now: PLACED }
    }

    /// A new order, and an attempt whose confirmation is on its way.
    pub(super) fn paying(confirmed_by: ConfirmedBy) -> Self {
        let mut books = Self::open();
        books.pay(confirmed_by).unwrap();
        books
    }

    /// Starts an attempt and sends its confirmation.
    pub(super) fn pay(&mut self, confirmed_by: ConfirmedBy) -> Result<(), Rejection> {
        let number = self.attempts.len() + 1;
        let attempt = PaymentId::from_uuid(Uuid::from_u64_pair(0xa, number.try_into().unwrap()));
        let start = OrderCommand::StartPayment { attempt, policy: POLICY };
        let order = self.order.clone().decide(start, self.now)?;
        let owner = (ORDER, user("buyer"));
        let amount = self.order.total;
        let payment = Payment::initiate(attempt, owner, amount, confirmed_by, self.now);
        self.put_order(order);
        self.attempts.push(payment.into_next());
        self.owed.push(0);
        let intent = IntentRef::new(format!("pi_{number}")).unwrap();
        let confirming = confirmed_by == ConfirmedBy::Server;
        self.tell(number - 1, PaymentCommand::Opened { intent, confirming });
        Ok(())
    }

    /// A command to an attempt alone.
    pub(super) fn tell(&mut self, attempt: usize, command: PaymentCommand) {
        self.tell_unchecked(attempt, command);
        self.check();
    }

    /// The same, when order and attempt agree again only after the gateway's next word: an
    /// operator may resume what is settled.
    pub(super) fn tell_unchecked(&mut self, attempt: usize, command: PaymentCommand) {
        let verdict = self.attempts[attempt].clone().decide(command, self.now);
        assert_lawful(&self.attempts[attempt], &verdict);
        if let Ok(decision) = verdict {
            self.attempts[attempt] = decision.into_next();
        }
    }

    /// The gateway's word about an attempt, with the amount that we asked for.
    pub(super) fn hear(&mut self, attempt: usize, status: IntentStatus) {
        self.hear_report(attempt, word(status));
    }

    pub(super) fn hear_report(&mut self, attempt: usize, report: IntentReport) {
        let payment = self.attempts[attempt].clone();
        let settled = settle(payment, Some(self.order.clone()), report, self.now);
        self.put_settlement(attempt, settled.unwrap());
        self.check();
        self.hear_nothing_new(attempt, report);
    }

    /// The same word once more changes nothing.
    fn hear_nothing_new(&self, attempt: usize, report: IntentReport) {
        let payment = self.attempts[attempt].clone();
        let again = settle(payment, Some(self.order.clone()), report, self.now).unwrap();
        assert!(!again.payment.is_change(), "{report:?} twice: {again:?}");
        assert_eq!((again.order, again.owed, again.noted), (None, None, None));
    }

    pub(super) fn fail_capture(&mut self, attempt: usize) {
        let payment = self.attempts[attempt].clone();
        let settled = capture_failed(payment, Some(self.order.clone()), self.now);
        self.put_settlement(attempt, settled.unwrap());
        self.check();
    }

    /// Ends the order as the services do: the attempt that it was waiting for is voided, or
    /// marked as late, in the same commit.
    pub(super) fn end(&mut self, command: OrderCommand) -> Result<(), Rejection> {
        let waited = self.order.attempt();
        let verdict = self.order.clone().decide(command, self.now);
        assert_lawful(&self.order, &verdict);
        let decision = verdict?;
        let attempt = self.attempts.iter().position(|attempt| Some(attempt.id) == waited);
        let changed = decision.is_change();
        self.put_order(decision);
        if let (Some(attempt), true) = (attempt, changed) {
            let waits = matches!(self.order.state, OrderState::Cancelling { .. });
            let command = if waits {
                PaymentCommand::Void(VoidReason::OrderOver)
            } else {
                PaymentCommand::MarkLate
            };
            self.tell(attempt, command);
        }
        self.check();
        Ok(())
    }

    pub(super) fn cancel(&mut self, by: Canceller) -> Result<(), Rejection> {
        self.end(OrderCommand::Cancel { by, patience: PATIENCE })
    }

    pub(super) fn expire(&mut self) -> Result<(), Rejection> {
        self.end(OrderCommand::Expire { patience: PATIENCE })
    }

    fn put_settlement(&mut self, attempt: usize, settlement: Settlement) {
        self.attempts[attempt] = settlement.payment.into_next();
        if let Some(order) = settlement.order {
            self.put_order(order);
        }
        let owed = settlement.owed.map_or(0, Money::minor);
        self.owed[attempt] += owed;
    }

    fn put_order(&mut self, decision: Decision<Order>) {
        let all: u32 = self.order.lines.iter().map(|line| line.quantity.get()).sum();
        match decision.units() {
            Units::Stay => {}
            Units::Hold => panic!("an order holds its units once"),
            Units::Release => self.held = self.held.checked_sub(all).expect("held units"),
            Units::Sell => {
                self.held = self.held.checked_sub(all).expect("held units");
                self.sold += all;
            }
            Units::Return(lines) => {
                let back: u32 = lines.iter().map(|(_, units)| units).sum();
                self.sold = self.sold.checked_sub(back).expect("sold units");
            }
        }
        self.order = decision.into_next();
    }

    /// Whether the money of this attempt is in our books as the order's.
    fn took(&self, attempt: &Payment) -> bool {
        matches!(self.order.state, OrderState::Complete { payment }
            | OrderState::Refunded { payment } if payment == attempt.id)
    }

    /// What holds between order, attempts, units and sums after every commit.
    pub(super) fn check(&self) {
        let lines = self.order.lines.iter();
        let (all, kept) = lines.fold((0, 0), |(all, kept), line| {
            (all + line.quantity.get(), kept + line.counted_as_sold())
        });
        let (held, sold) = match self.order.state {
            OrderState::Created
            | OrderState::AwaitingPayment { .. }
            | OrderState::Cancelling { .. } => (all, 0),
            OrderState::Complete { .. } | OrderState::Refunded { .. } => (0, kept),
            OrderState::Cancelled { .. } => (0, 0),
        };
        assert_eq!((self.held, self.sold), (held, sold), "units follow the order: {self:#?}");
        let mut taken = 0;
        for (attempt, owed) in self.attempts.iter().zip(&self.owed) {
            self.check_attempt(attempt, *owed);
            taken += u32::from(self.took(attempt));
        }
        let complete =
            matches!(self.order.state, OrderState::Complete { .. } | OrderState::Refunded { .. });
        assert_eq!(taken, u32::from(complete), "one attempt pays for a complete order: {self:#?}");
    }

    fn check_attempt(&self, attempt: &Payment, owed: i64) {
        let waits = self.order.is_live() && self.order.attempt() == Some(attempt.id);
        let took = self.took(attempt);
        match attempt.state {
            PaymentState::Initiated
            | PaymentState::Open
            | PaymentState::Confirming
            | PaymentState::NeedsAction => assert!(waits, "nobody waits for it: {self:#?}"),
            PaymentState::Authorized => assert!(took, "money without an order: {self:#?}"),
            PaymentState::Captured if took => assert_eq!(owed, 0, "owed and kept: {self:#?}"),
            PaymentState::Captured => {
                assert_eq!(owed, attempt.amount.minor(), "kept for nothing: {self:#?}");
                assert_eq!(attempt.refunding, attempt.amount);
            }
            PaymentState::Voiding { .. } => assert!(!took, "voided and complete: {self:#?}"),
            PaymentState::Declined { .. } | PaymentState::Voided => {
                assert!(!took && !waits, "over, and nobody told the order: {self:#?}");
            }
            PaymentState::NeedsOperator { .. } => {}
        }
    }
}
