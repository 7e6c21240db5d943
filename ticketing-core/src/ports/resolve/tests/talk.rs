//! The part of a story in which orders, payments and refunds go on.

use proptest::sample::Index;

use crate::domain::decision::Decision;
use crate::domain::event::AggregateKind;
use crate::domain::order::{Canceller, Line, Order, OrderCommand, OrderRefund, ReturnedLine};
use crate::domain::payment::{ConfirmedBy, Dispute, Payment, PaymentCommand};
use crate::domain::refund::{Refund, RefundCommand};
use crate::ports::batch::{BatchBuilder, WebhookKey};
use crate::ports::resolve::tests::author::Draft;
use crate::ports::resolve::tests::cases::{PATIENCE, POLICY, payment_id, refund_id};
use crate::ports::resolve::tests::store::Store;
use crate::values::{GatewayName, Money, Quantity, RefundRef, TimeWindow, Timestamp, WebhookId};

/// What an order, its payment or its refund is told.
#[derive(Debug, Clone)]
pub(super) enum Word {
    Extend,
    Pay { extending: bool },
    Money { captured: bool },
    Ended,
    CaptureFailed,
    Cancel(Canceller),
    Expire,
    Release,
    Refund(Return),
    Dispute,
    RefundSent,
}

/// Some money, and units of every line, one by one.
#[derive(Debug, Clone)]
pub(super) struct Return {
    pub(super) cents: u32,
    pub(super) units: u32,
    pub(super) restock: bool,
}

/// An order that somebody talks to, and when.
struct Talk<'w> {
    world: &'w Store,
    number: u8,
    order: Order,
    at: Timestamp,
}

/// Tells one of the orders that there are.
pub(super) fn tell<'a>(
    batch: BatchBuilder<'a>,
    index: Index,
    what: &Word,
    world: &Store,
    at: Timestamp,
) -> Option<Draft<'a>> {
    let ids = world.states.keys();
    let orders = ids.filter(|id| id.kind == AggregateKind::Order);
    let numbers: Vec<u8> = orders.map(|id| u8::try_from(id.id.as_u128() & 0xff).unwrap()).collect();
    let number = *numbers.get(index.index(numbers.len().max(1)))?;
    let order = world.order(number)?;
    let window = match what {
        Word::Extend | Word::Pay { .. } => TimeWindow::ending(order.deadline()),
        Word::Expire => TimeWindow::starting(order.deadline()),
        Word::Money { .. }
        | Word::Ended
        | Word::CaptureFailed
        | Word::Cancel(_)
        | Word::Release
        | Word::Refund(_)
        | Word::Dispute
        | Word::RefundSent => TimeWindow::always(),
    };
    let talk = Talk { world, number, order, at };
    Some((talk.tell(batch, what)?, window))
}

impl Talk<'_> {
    fn tell<'a>(self, batch: BatchBuilder<'a>, word: &Word) -> Option<BatchBuilder<'a>> {
        match word {
            Word::Extend => self.order(batch, OrderCommand::Extend(POLICY)),
            Word::Pay { extending } => self.pay(batch, *extending),
            Word::Money { captured } => self.money(batch, *captured),
            Word::Ended => {
                let attempt = self.order.attempt()?;
                let batch = self.payment(batch, PaymentCommand::Gone)?;
                self.order(batch, OrderCommand::PaymentEnded { attempt })
            }
            Word::CaptureFailed => {
                let attempt = self.order.attempt()?;
                let batch = self.payment(batch, PaymentCommand::CaptureFailed)?;
                self.order(batch, OrderCommand::CaptureFailed { attempt })
            }
            Word::Cancel(by) => {
                let (by, patience) = (*by, PATIENCE);
                self.order(batch, OrderCommand::Cancel { by, patience })
            }
            Word::Expire => {
                let patience = PATIENCE;
                self.order(batch, OrderCommand::Expire { patience })
            }
            Word::Release => self.order(batch, OrderCommand::ReleaseUnpaid),
            Word::Refund(refund) => self.refund(batch, refund),
            Word::Dispute => self.payment(batch, PaymentCommand::Dispute(Dispute::Opened)),
            Word::RefundSent => {
                let reference = RefundRef::new(format!("re_{}", self.number)).unwrap();
                let refund = self.world.refund(self.number)?;
                Some(batch.refund(refund.decide(RefundCommand::Succeeded(reference), self.at)))
            }
        }
    }

    fn order<'a>(
        &self,
        batch: BatchBuilder<'a>,
        command: OrderCommand,
    ) -> Option<BatchBuilder<'a>> {
        let decision = self.order.clone().decide(command, self.at);
        Some(batch.order(decision.ok()?))
    }

    fn payment<'a>(
        &self,
        batch: BatchBuilder<'a>,
        command: PaymentCommand,
    ) -> Option<BatchBuilder<'a>> {
        let payment = self.world.payment(self.order.attempt()?)?;
        Some(batch.payment(payment.decide(command, self.at).ok()?))
    }

    /// An attempt to pay, in one batch with a longer hold if wanted.
    fn pay(self, batch: BatchBuilder<'_>, extending: bool) -> Option<BatchBuilder<'_>> {
        let attempt = payment_id(self.number, self.order.version);
        let payment = self.initiate(attempt);
        let policy = POLICY;
        let command = OrderCommand::StartPayment { attempt, policy };
        if !extending {
            return self.order(batch.payment(payment), command);
        }
        let longer = self.order.decide(OrderCommand::Extend(policy), self.at).ok()?;
        let paying = longer.next().clone().decide(command, self.at).ok()?;
        Some(batch.order(longer).payment(payment).order(paying))
    }

    fn initiate(&self, attempt: crate::values::PaymentId) -> Decision<Payment> {
        let owner = (self.order.id, self.order.buyer.clone());
        Payment::initiate(attempt, owner, self.order.total, ConfirmedBy::Server, self.at)
    }

    /// Captured money goes through two versions of the payment at once.
    fn money<'a>(&self, batch: BatchBuilder<'a>, captured: bool) -> Option<BatchBuilder<'a>> {
        let attempt = self.order.attempt()?;
        let payment = self.world.payment(attempt)?;
        let batch = self.order(batch, OrderCommand::MoneyArrived { attempt, captured })?;
        let accepted = PaymentCommand::Authorized { accepted: true };
        let authorized = payment.decide(accepted, self.at).ok()?;
        let then = authorized.next().clone();
        let webhook = WebhookKey {
            gateway: GatewayName::new("sandbox").unwrap(),
            id: WebhookId::new(attempt.to_string()).unwrap(),
        };
        let batch = batch.payment(authorized).closing(Some(webhook));
        if !captured {
            return Some(batch);
        }
        let command = PaymentCommand::Captured { accepted: true };
        Some(batch.payment(then.decide(command, self.at).ok()?))
    }

    fn refund<'a>(&self, batch: BatchBuilder<'a>, back: &Return) -> Option<BatchBuilder<'a>> {
        let payment = self.order.attempt()?;
        let one = |line: &Line| ReturnedLine { ticket: line.ticket_id, quantity: Quantity::ONE };
        let lines = (0..back.units).flat_map(|_| self.order.lines.iter().map(one));
        let amount = Money::usd(back.cents);
        let command = OrderCommand::Refund(OrderRefund {
            amount,
            lines: lines.collect(),
            restock: back.restock,
            reason: None,
        });
        let id = refund_id(self.number);
        let owed = Refund::request(id, payment, Some(self.order.id), amount, None, self.at);
        Some(self.order(batch, command)?.refund(owed))
    }
}
