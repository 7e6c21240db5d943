//! What clients sent, and what they were told: their own knowledge, apart from every store.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ticketing_core::domain::NewTicket;
use ticketing_core::domain::view::{OrderView, RefundView, TicketView};
use ticketing_core::values::{CorrelationId, IdempotencyKey, OrderId, RefundId, TicketId, UserId};
use ticketing_core::{PaymentOutcome, RefundRequest};

/// A command as a client sends it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Command {
    List { seller: UserId, new: NewTicket },
    Reserve { buyer: UserId, lines: Vec<(TicketId, u32)> },
    Pay { buyer: UserId, order: OrderId, token: &'static str },
    Open { buyer: UserId, order: OrderId, token: &'static str },
    Cancel { buyer: UserId, order: OrderId },
    Extend { buyer: UserId, order: OrderId },
    Edit { seller: UserId, ticket: TicketId, new: NewTicket },
    Withdraw { seller: UserId, ticket: TicketId, cancel_holds: bool },
    Refund { order: OrderId, request: RefundRequest },
    RetryRefund { refund: RefundId },
}

/// What a client heard.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Answer {
    Order(OrderView),
    Ticket(TicketView),
    Refund(RefundView),
    Paid {
        order: Option<OrderId>,
        outcome: PaymentOutcome,
    },
    /// The rules say no, or it can't be done: nothing was changed.
    Refused {
        code: &'static str,
        ticket: Option<TicketId>,
    },
    /// It may have been done.
    Unknown {
        code: &'static str,
    },
}

impl Answer {
    /// A word for counting answers.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Order(_) | Self::Ticket(_) | Self::Refund(_) => "ok",
            Self::Paid { outcome: PaymentOutcome::Complete, .. } => "paid",
            Self::Paid { .. } => "of a payment",
            Self::Refused { code, .. } | Self::Unknown { code } => code,
        }
    }
}

/// A command that was sent once.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) command: Command,
    pub(crate) key: Option<IdempotencyKey>,
    pub(crate) correlation: CorrelationId,
    /// When it was sent, in virtual time, and after how many other things were noted.
    pub(crate) at: Duration,
    pub(crate) order_of_sending: u64,
    pub(crate) answer: Option<Answered>,
}

/// What came back, and when.
#[derive(Debug, Clone)]
pub(crate) struct Answered {
    pub(crate) answer: Answer,
    pub(crate) order_of_hearing: u64,
}

/// What all clients know. Clones are the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Clients {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    /// Counts what was sent and heard: an order of things that is finer than time.
    noted: u64,
    sent: Vec<Sent>,
    orders: Vec<(OrderId, UserId)>,
    tickets: Vec<(TicketId, UserId)>,
}

impl Clients {
    /// A command is on its way. Answers its place, under which its answer is noted.
    pub(crate) fn sends(
        &self,
        command: Command,
        key: Option<IdempotencyKey>,
        correlation: CorrelationId,
        at: Duration,
    ) -> usize {
        let mut state = self.lock();
        state.noted = state.noted.saturating_add(1);
        let order_of_sending = state.noted;
        let answer = None;
        state.sent.push(Sent { command, key, correlation, at, order_of_sending, answer });
        state.sent.len().saturating_sub(1)
    }

    /// An answer came back.
    pub(crate) fn hears(&self, place: usize, answer: Answer) {
        let mut state = self.lock();
        state.noted = state.noted.saturating_add(1);
        let order_of_hearing = state.noted;
        state.meet(&answer);
        if let Some(sent) = state.sent.get_mut(place) {
            sent.answer = Some(Answered { answer, order_of_hearing });
        }
    }

    /// Everything that was sent so far.
    pub(crate) fn sent(&self) -> Vec<Sent> {
        self.lock().sent.clone()
    }

    /// The nth newest command.
    pub(crate) fn recent_command(&self, place: u8) -> Option<Sent> {
        let state = self.lock();
        state.sent.iter().rev().nth(usize::from(place)).cloned()
    }

    /// The nth newest order that anybody was told of.
    pub(crate) fn recent_order(&self, place: u8) -> Option<(OrderId, UserId)> {
        recent(&self.lock().orders, place)
    }

    /// The nth newest ticket.
    pub(crate) fn recent_ticket(&self, place: u8) -> Option<(TicketId, UserId)> {
        recent(&self.lock().tickets, place)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The nth newest, or the oldest if there are not so many.
fn recent<T: Clone>(all: &[T], place: u8) -> Option<T> {
    let place = usize::from(place).min(all.len().saturating_sub(1));
    all.iter().rev().nth(place).cloned()
}

impl State {
    fn meet(&mut self, answer: &Answer) {
        match answer {
            Answer::Order(order) => {
                let known = (order.id, order.buyer_id.clone());
                if !self.orders.contains(&known) {
                    self.orders.push(known);
                }
            }
            Answer::Ticket(ticket) => {
                let known = (ticket.id, ticket.seller_id.clone());
                if !self.tickets.contains(&known) {
                    self.tickets.push(known);
                }
            }
            Answer::Refund(_)
            | Answer::Paid { .. }
            | Answer::Refused { .. }
            | Answer::Unknown { .. } => {}
        }
    }
}
