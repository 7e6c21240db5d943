//! The history of one pool, out of what clients sent and heard.

use std::collections::BTreeMap;
use std::time::Duration;

use ticketing_core::PaymentOutcome;
use ticketing_core::domain::DomainEvent;
use ticketing_core::memory::Books;
use ticketing_core::values::{CorrelationId, OrderId, PoolId, Timestamp};

use crate::clients::{Answer, Command, Sent};
use crate::world::{HOLD, START};

use super::pool::{Stage, State, Step};
use super::search::Op;

/// For how long a process may repeat a refusal: SETTLED as part of the engine's contract.
const REFUSALS_LAST: Duration = Duration::from_secs(1);
/// How far the time at which something was decided may be from the storage's.
const CLOCKS_DIFFER: Duration = Duration::from_secs(2);

/// A pool at its beginning, and all that was done to it.
pub(super) struct History {
    pub(super) start: State,
    pub(super) ops: Vec<Op>,
}

/// The history of a pool; nothing if nobody knows how it began.
pub(super) fn of_pool(books: &Books, sent: &[Sent], pool: PoolId) -> Option<History> {
    let maker = Maker::new(books, sent, pool);
    let capacity = books.events.iter().find_map(|event| {
        if let DomainEvent::TicketCreated(view) = &event.data {
            (view.id == pool).then(|| view.quantity.get())
        } else {
            None
        }
    })?;
    let orders = maker.orders.iter().map(|(_, units)| (Stage::Nowhere, *units)).collect();
    let mut ops = Vec::new();
    for one in sent {
        ops.extend(maker.op(one));
    }
    ops.extend(maker.own_steps());
    Some(History { start: State { on_sale: true, capacity, orders }, ops })
}

struct Maker<'a> {
    books: &'a Books,
    sent: &'a [Sent],
    pool: PoolId,
    /// The orders that have units here, and how many.
    orders: Vec<(OrderId, u32)>,
    /// Which command placed an order.
    placed_by: BTreeMap<CorrelationId, OrderId>,
}

impl<'a> Maker<'a> {
    fn new(books: &'a Books, sent: &'a [Sent], pool: PoolId) -> Self {
        let mut orders = Vec::new();
        for order in &books.orders {
            let line = order.lines.iter().find(|line| line.ticket_id == pool);
            orders.extend(line.map(|line| (order.id, line.quantity.get())));
        }
        let mut placed_by = BTreeMap::new();
        for event in &books.events {
            if let (DomainEvent::OrderCreated(view), Some(correlation)) =
                (&event.data, event.header.correlation)
            {
                placed_by.insert(correlation, view.id);
            }
        }
        Self { books, sent, pool, orders, placed_by }
    }

    fn place(&self, order: OrderId) -> Option<usize> {
        self.orders.iter().position(|(known, _)| *known == order)
    }

    /// What a client's command was to this pool, if anything.
    fn op(&self, sent: &Sent) -> Option<Op> {
        let answer = sent.answer.as_ref().map(|answered| &answered.answer);
        let answer = answer.filter(|answer| !matches!(answer, Answer::Unknown { .. }));
        let step = self.step(sent, answer)?;
        let since = match step {
            Step::SoldOut(_) => self.noted_before(sent.at.saturating_sub(REFUSALS_LAST)),
            Step::Place(_)
            | Step::Cancel(_)
            | Step::Free(_)
            | Step::Sell(_)
            | Step::Return(_)
            | Step::SeenSold(_)
            | Step::SeenGone(_)
            | Step::Resize(_)
            | Step::Withdraw => sent.order_of_sending,
        };
        let heard = answer.and(sent.answer.as_ref()).map(|answered| answered.order_of_hearing);
        // A key that was used before shows what was done then, whenever that was.
        let told_again = matches!(step, Step::Cancel(_) | Step::Resize(_) | Step::Withdraw)
            && self.is_repeated(sent);
        let heard = heard.filter(|_| !told_again);
        Some(Op { step, sent: since.min(sent.order_of_sending), heard })
    }

    /// What it did or saw here; without an answer, what it may do.
    fn step(&self, sent: &Sent, answer: Option<&Answer>) -> Option<Step> {
        let refused = match answer {
            Some(Answer::Refused { code, .. }) => Some(*code),
            Some(
                Answer::Order(_)
                | Answer::Ticket(_)
                | Answer::Refund(_)
                | Answer::Paid { .. }
                | Answer::Unknown { .. },
            )
            | None => None,
        };
        match &sent.command {
            Command::Reserve { lines, .. } => self.reserve(sent, lines, answer),
            Command::Edit { ticket, new, .. } => {
                (*ticket == self.pool && refused.is_none()).then_some(Step::Resize(new.quantity))
            }
            Command::Withdraw { ticket, .. } => {
                (*ticket == self.pool && refused.is_none()).then_some(Step::Withdraw)
            }
            Command::Cancel { order, .. } => match refused {
                None => self.place(*order).map(Step::Cancel),
                Some(code) => self.seen(*order, code),
            },
            Command::Pay { order, .. } | Command::Open { order, .. } => match (answer, refused) {
                (_, Some(code)) => self.seen(*order, code),
                (Some(Answer::Paid { order: Some(order), outcome }), _)
                    if *outcome == PaymentOutcome::Complete =>
                {
                    self.place(*order).map(Step::SeenSold)
                }
                (_, None) => None,
            },
            Command::Extend { order, .. } => self.seen(*order, refused?),
            Command::List { .. } | Command::Refund { .. } | Command::RetryRefund { .. } => None,
        }
    }

    /// What a refusal shows of an order.
    fn seen(&self, order: OrderId, code: &str) -> Option<Step> {
        let place = self.place(order)?;
        match code {
            "order_complete" => Some(Step::SeenSold(place)),
            "order_cancelled" => Some(Step::SeenGone(place)),
            _ => None,
        }
    }

    fn is_repeated(&self, sent: &Sent) -> bool {
        self.sent.iter().filter(|other| other.key == sent.key).count() > 1
    }

    fn reserve(
        &self,
        sent: &Sent,
        lines: &[(PoolId, u32)],
        answer: Option<&Answer>,
    ) -> Option<Step> {
        let (_, units) = lines.iter().find(|(pool, _)| *pool == self.pool)?;
        if let Some(Answer::Refused { code, ticket }) = answer {
            let here = *code == "sold_out" && *ticket == Some(self.pool);
            return here.then_some(Step::SoldOut(*units));
        }
        // An order that was placed under the same key before is the one that was placed then.
        let order = self.placed_by.get(&sent.correlation)?;
        self.place(*order).map(Step::Place)
    }

    /// How much was noted before that time.
    fn noted_before(&self, at: Duration) -> u64 {
        let earlier = self.sent.iter().filter(|sent| sent.at < at);
        earlier.map(|sent| sent.order_of_sending).max().unwrap_or(0)
    }

    /// What the engine does by itself: holds end, money arrives, sales are undone.
    fn own_steps(&self) -> Vec<Op> {
        let mut ops = Vec::new();
        for (place, (id, _)) in self.orders.iter().enumerate() {
            let pending = |step, sent| Op { step, sent, heard: None };
            let stored = self.books.orders.iter().find(|order| order.id == *id);
            let Some(order) = stored else { continue };
            let over = self.time_is_up(order.created_at).min(self.first_ended(*id));
            ops.push(pending(Step::Free(place), over));
            if let Some(paying) = self.first(|command| pays(command, *id)) {
                ops.push(pending(Step::Sell(place), paying));
                ops.push(pending(Step::Return(place), paying));
            }
        }
        ops
    }

    /// When a hold can have ended at the earliest by its time.
    fn time_is_up(&self, created_at: Timestamp) -> u64 {
        let end = created_at.since(START).saturating_add(HOLD).saturating_sub(CLOCKS_DIFFER);
        self.noted_before(end)
    }

    /// When somebody began to end an order.
    fn first_ended(&self, id: OrderId) -> u64 {
        let by_somebody = self.first(|command| {
            if let Command::Withdraw { ticket, cancel_holds, .. } = command {
                return *cancel_holds && self.is_of(id, *ticket);
            }
            matches!(command, Command::Cancel { order, .. } if *order == id)
        });
        by_somebody.unwrap_or(u64::MAX)
    }

    fn is_of(&self, id: OrderId, pool: PoolId) -> bool {
        let order = self.books.orders.iter().find(|order| order.id == id);
        order.is_some_and(|order| order.lines.iter().any(|line| line.ticket_id == pool))
    }

    fn first(&self, wanted: impl Fn(&Command) -> bool) -> Option<u64> {
        let mut sent = self.sent.iter().filter(|sent| wanted(&sent.command));
        sent.next().map(|sent| sent.order_of_sending)
    }
}

fn pays(command: &Command, id: OrderId) -> bool {
    matches!(command, Command::Pay { order, .. } | Command::Open { order, .. } if *order == id)
}
