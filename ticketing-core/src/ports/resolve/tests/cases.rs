//! The pieces that the tables are made of.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use uuid::Uuid;

use crate::domain::decision::Decision;
use crate::domain::event::{Actor, AggregateRef, EventKey};
use crate::domain::order::{Canceller, HoldPolicy, NewOrder, Order, OrderCommand};
use crate::domain::ticket::{NewTicket, Ticket, TicketDecision};
use crate::ports::batch::{BatchBuilder, Cause, Fingerprint, KeyRecord, WriteBatch};
use crate::ports::ids::IdSource;
use crate::ports::resolve::tests::store::Store;
use crate::values::{
    IdempotencyKey, Money, OrderId, PaymentId, Quantity, RefundId, TicketId, Timestamp, UserId,
    Version,
};

pub(super) const NOW: Timestamp = Timestamp::from_millis(1_767_323_045_678);

pub(super) const POLICY: HoldPolicy = HoldPolicy {
    hold: Duration::from_mins(10),
    grace: Duration::from_mins(5),
    cap: Duration::from_mins(25),
};

pub(super) const PATIENCE: Duration = Duration::from_mins(5);

/// What a buyer says to an order who does not want it any more.
pub(super) fn cancel() -> OrderCommand {
    OrderCommand::Cancel { by: Canceller::Buyer, patience: PATIENCE }
}

/// Ids that count.
#[derive(Debug, Default)]
pub(super) struct Ids(AtomicU64);

impl IdSource for Ids {
    fn next(&self) -> Uuid {
        uuid(9, self.0.fetch_add(1, Ordering::Relaxed))
    }
}

fn uuid(kind: u8, number: u64) -> Uuid {
    Uuid::from_u128((u128::from(kind) << 64) | u128::from(number))
}

pub(super) fn ticket_id(number: u8) -> TicketId {
    TicketId::from_uuid(uuid(1, number.into()))
}

pub(super) fn order_id(number: u8) -> OrderId {
    OrderId::from_uuid(uuid(2, number.into()))
}

pub(super) fn payment_id(order: u8, attempt: Version) -> PaymentId {
    PaymentId::from_uuid(uuid(3, (u64::from(order) << 32) | attempt.get()))
}

pub(super) fn refund_id(order: u8) -> RefundId {
    RefundId::from_uuid(uuid(4, order.into()))
}

pub(super) fn buyer(number: u8) -> UserId {
    UserId::new(format!("buyer-{number}")).unwrap()
}

pub(super) fn units(number: u32) -> Quantity {
    Quantity::new(number).unwrap()
}

pub(super) fn of(actor: Actor) -> Cause {
    Cause { actor, correlation: None }
}

pub(super) fn key_record(number: u8, fingerprint: u64) -> KeyRecord {
    KeyRecord {
        user: buyer(number % 2),
        key: IdempotencyKey::new(format!("key-{number}")).unwrap(),
        fingerprint: Fingerprint::of(&fingerprint.to_be_bytes()),
        answer: EventKey {
            aggregate: AggregateRef::from(order_id(number)),
            version: Version::FIRST,
        },
        used_at: NOW,
    }
}

/// A listing of so many units, to be refined.
pub(super) fn listing(quantity: u32) -> NewTicket {
    NewTicket::new("Front row", Money::usd(20_00)).quantity(quantity)
}

pub(super) fn list(number: u8, new: NewTicket, now: Timestamp) -> TicketDecision {
    let seller = UserId::new("seller").unwrap();
    Ticket::list(ticket_id(number), seller, new, now).unwrap()
}

/// A world with these listings, numbered from 0.
pub(super) fn world(listings: impl IntoIterator<Item = NewTicket>) -> Scene {
    let ids = Ids::default();
    let mut store = Store::empty(NOW);
    for (new, number) in listings.into_iter().zip(0..) {
        let batch =
            BatchBuilder::new(of(Actor::Engine), &ids, NOW).ticket(list(number, new, NOW)).build();
        assert!(store.commit(&[batch])[0].is_ok());
    }
    Scene { ids, store, clock: NOW }
}

/// A world, and batches for it.
pub(super) struct Scene {
    pub(super) ids: Ids,
    pub(super) store: Store,
    /// What time it is where batches are decided.
    pub(super) clock: Timestamp,
}

impl Scene {
    pub(super) fn batch(&self) -> BatchBuilder<'_> {
        self.at(self.clock)
    }

    /// An empty batch, decided at `now`.
    pub(super) fn at(&self, now: Timestamp) -> BatchBuilder<'_> {
        BatchBuilder::new(of(Actor::Engine), &self.ids, now)
    }

    /// What the stored order makes of `command`.
    pub(super) fn told(&self, order: u8, command: OrderCommand) -> Decision<Order> {
        self.store.order(order).unwrap().decide(command, self.clock).unwrap()
    }

    /// One order, one line for each ticket and quantity.
    pub(super) fn place(&self, order: u8, buyer: u8, lines: &[(u8, u32)]) -> WriteBatch {
        self.placing(self.batch(), order, buyer, lines).build()
    }

    pub(super) fn placing<'a>(
        &self,
        batch: BatchBuilder<'a>,
        order: u8,
        by: u8,
        lines: &[(u8, u32)],
    ) -> BatchBuilder<'a> {
        let tickets: Vec<_> = lines
            .iter()
            .map(|(ticket, count)| (self.store.ticket(*ticket).unwrap(), units(*count)))
            .collect();
        let lines: Vec<_> = tickets.iter().map(|(t, n)| (t.as_ref(), *n)).collect();
        let new =
            NewOrder { id: order_id(order), buyer: &buyer(by), lines: &lines, policy: POLICY };
        batch.order(Order::place(new, self.clock).unwrap().0)
    }
}
