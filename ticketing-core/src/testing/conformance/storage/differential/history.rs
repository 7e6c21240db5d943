//! Random groups of batches, about what is stored and about what was stored a while ago.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::domain::event::{Actor, AggregateKind, AggregateRef, EventKey};
use crate::domain::inventory::Pool;
use crate::domain::order::{
    Canceller, NewOrder, Order, OrderCommand, OrderRefund, OrderState, ReturnedLine,
};
use crate::domain::payment::{ConfirmedBy, Payment, PaymentCommand};
use crate::domain::refund::Refund;
use crate::domain::settlement::{IntentReport, IntentStatus, settle};
use crate::domain::ticket::{NewTicket, Ticket, TicketCommand, TicketEdit};
use crate::memory::Books;
use crate::ports::snapshot::Footprint;
use crate::ports::{
    BatchBuilder, Cause, Fingerprint, Group, IdSource, KeyRecord, Snapshot, WriteBatch,
};
use crate::testing::SeededRng;
use crate::testing::builders::{HOLD_POLICY, user};
use crate::values::{
    IdempotencyKey, Money, OrderId, PaymentId, PoolId, Quantity, RefundId, TicketId, TimeWindow,
    Timestamp, UserId, Version,
};

const HOUR: Duration = Duration::from_hours(1);

/// Where groups come from.
#[derive(Debug)]
pub(super) struct History {
    ids: Arc<dyn IdSource>,
    rng: SeededRng,
    /// What was stored some groups ago.
    old: Option<Books>,
    /// Pools as a writer remembers them: mostly as they are.
    seen: BTreeMap<PoolId, Pool>,
    /// What was sent before, some of it refused.
    sent: Vec<WriteBatch>,
}

impl History {
    pub(super) fn new(ids: Arc<dyn IdSource>, seed: u64) -> Self {
        Self {
            ids,
            rng: SeededRng::new(seed).fork("history"),
            old: None,
            seen: BTreeMap::new(),
            sent: Vec::new(),
        }
    }

    /// The next group, and half of the time what a writer would predict for it.
    pub(super) fn next_group(&mut self, books: &Books, now: Timestamp) -> Group {
        let mut batches = Vec::new();
        for _ in 0..=self.rng.below(7) {
            // Not everything that comes to mind is possible; something soon is.
            let mut tries = 0..20;
            let batch = tries.find_map(|_| self.next_batch(books, now));
            batches.extend(batch);
        }
        self.sent.extend(batches.iter().cloned());
        let predicted = self.rng.chance(500).then(|| self.predict(books, &batches, now));
        if self.old.is_none() || self.rng.chance(100) {
            self.old = Some(books.clone());
        }
        Group { batches: batches.into(), predicted }
    }

    /// Remembers most of the pools that a commit told.
    pub(super) fn note(&mut self, pools: Vec<Pool>) {
        for pool in pools {
            if self.rng.chance(800) {
                self.seen.insert(pool.id, pool);
            }
        }
    }

    /// Where something is put into a group.
    pub(super) fn any_place(&mut self) -> usize {
        self.rng.index(64)
    }

    fn predict(&mut self, books: &Books, batches: &[WriteBatch], now: Timestamp) -> Snapshot {
        let footprint = Footprint::of(batches);
        let mut snapshot = Snapshot::empty(now);
        for pool in &footprint.pools {
            snapshot.pools.extend(self.seen.get(pool).map(|seen| (*pool, *seen)));
        }
        let known = self.world(books);
        for aggregate in &footprint.existing {
            let version = version_in(&known, *aggregate);
            snapshot.versions.extend(version.map(|version| (*aggregate, version)));
        }
        snapshot
    }

    /// What is stored, or now and then what was.
    fn world(&mut self, books: &Books) -> Books {
        let stale = self.rng.chance(150);
        let old = self.old.as_ref().filter(|_| stale);
        old.unwrap_or(books).clone()
    }

    fn next_batch(&mut self, books: &Books, now: Timestamp) -> Option<WriteBatch> {
        if self.rng.chance(80) {
            return self.rng.pick(&self.sent).cloned();
        }
        let world = self.world(books);
        let decided = if self.rng.chance(30) { now.minus(HOUR) } else { now };
        let ids = Arc::clone(&self.ids);
        let cause = Cause { actor: Actor::User(self.buyer()), correlation: None };
        let batch = BatchBuilder::new(cause, &*ids, decided);
        let batch = match self.rng.below(20) {
            0..=2 => self.list(batch, decided),
            3..=8 => self.reserve(batch, &world, decided),
            9..=11 => self.order(batch, &world, decided),
            12..=13 => self.pay(batch, &world, decided),
            14..=16 => self.settle(batch, &world, decided),
            17 => self.refund(batch, &world, decided),
            18 => self.edit(batch, &world),
            _ => self.withdraw(batch, &world),
        }?;
        let batch = match self.rng.below(20) {
            0 => batch.within(TimeWindow::ending(now.minus(HOUR))),
            1 => batch.within(TimeWindow::starting(now.plus(HOUR))),
            2 => batch.within(TimeWindow::starting(now.minus(HOUR))),
            _ => batch,
        };
        let record = self.rng.chance(200).then(|| self.key(now));
        Some(batch.keyed(record.flatten()).build())
    }

    fn list<'a>(&mut self, batch: BatchBuilder<'a>, now: Timestamp) -> Option<BatchBuilder<'a>> {
        let id = TicketId::from_uuid(self.ids.next());
        let terms = self.terms();
        Some(batch.ticket(Ticket::list(id, user("seller"), terms, now).ok()?))
    }

    fn terms(&mut self) -> NewTicket {
        let units = self.number(1, 6);
        let price = Money::usd(self.number(1, 3) * 10_00);
        let terms = NewTicket::new(format!("Row {units}"), price).quantity(units);
        match self.rng.below(4) {
            0 => terms.max_per_buyer(self.number(1, 3)),
            1 => terms.max_per_order(self.number(1, 3)),
            _ => terms,
        }
    }

    fn reserve<'a>(
        &mut self,
        batch: BatchBuilder<'a>,
        world: &Books,
        now: Timestamp,
    ) -> Option<BatchBuilder<'a>> {
        let mut lines: Vec<(&Ticket, Quantity)> = Vec::new();
        for _ in 0..=self.rng.below(3) {
            // Mostly of the newest listings, so that they get full.
            let newest = world.tickets.len().saturating_sub(8);
            let some = world.tickets.get(newest..).unwrap_or_default();
            let ticket = self.rng.pick(some)?;
            lines.push((ticket, Quantity::new(self.number(1, 2)).ok()?));
        }
        let known = self.rng.pick(&world.orders).map(|order| order.id);
        let fresh = OrderId::from_uuid(self.ids.next());
        let id = known.filter(|_| self.rng.chance(30)).unwrap_or(fresh);
        let buyer = self.buyer();
        let new = NewOrder { id, buyer: &buyer, lines: &lines, policy: HOLD_POLICY };
        let (placed, open) = Order::place(new, now).ok()?;
        Some(batch.order(placed).within(open))
    }

    fn order<'a>(
        &mut self,
        batch: BatchBuilder<'a>,
        world: &Books,
        now: Timestamp,
    ) -> Option<BatchBuilder<'a>> {
        let order = self.rng.pick(&world.orders)?.clone();
        let patience = HOUR;
        let command = match self.rng.below(4) {
            0 => OrderCommand::Extend(HOLD_POLICY),
            1 => OrderCommand::Cancel { by: Canceller::Seller, patience },
            _ => OrderCommand::Cancel { by: Canceller::Buyer, patience },
        };
        let decision = order.decide(command, now).ok()?;
        decision.is_change().then(|| batch.order(decision))
    }

    fn pay<'a>(
        &mut self,
        batch: BatchBuilder<'a>,
        world: &Books,
        now: Timestamp,
    ) -> Option<BatchBuilder<'a>> {
        let order = self.rng.pick(&world.orders)?.clone();
        let attempt = PaymentId::from_uuid(self.ids.next());
        let owner = (order.id, order.buyer.clone());
        let started = Payment::initiate(attempt, owner, order.total, ConfirmedBy::Server, now);
        let command = OrderCommand::StartPayment { attempt, policy: HOLD_POLICY };
        Some(batch.order(order.decide(command, now).ok()?).payment(started))
    }

    fn settle<'a>(
        &mut self,
        batch: BatchBuilder<'a>,
        world: &Books,
        now: Timestamp,
    ) -> Option<BatchBuilder<'a>> {
        let payment = self.rng.pick(&world.payments)?.clone();
        let order = world.orders.iter().find(|order| Some(order.id) == payment.order).cloned();
        let statuses = [IntentStatus::Authorized, IntentStatus::Captured, IntentStatus::Gone];
        let report = IntentReport {
            status: *self.rng.pick(&statuses)?,
            amount: payment.amount,
            refunded: Money::zero(payment.amount.currency()),
        };
        // A dead attempt that comes back to life beside a live one is what the database refuses.
        let live = payment.is_live().then_some(payment)?;
        let settled = settle(live, order, report, now).ok()?;
        let batch = settled.payment.is_change().then(|| batch.payment(settled.payment))?;
        Some(match settled.order {
            Some(order) => batch.order(order),
            None => batch,
        })
    }

    fn refund<'a>(
        &mut self,
        batch: BatchBuilder<'a>,
        world: &Books,
        now: Timestamp,
    ) -> Option<BatchBuilder<'a>> {
        let complete = |order: &&Order| matches!(order.state, OrderState::Complete { .. });
        let paid: Vec<&Order> = world.orders.iter().filter(complete).collect();
        let order = Order::clone(self.rng.pick(&paid)?);
        let payment = world.payments.iter().find(|payment| Some(payment.id) == order.attempt());
        let payment = payment?.clone();
        let amount = Money::usd(self.number(1, 2) * 5_00);
        let line = order.lines.first()?;
        let returned = ReturnedLine { ticket: line.ticket_id, quantity: Quantity::ONE };
        let refund = OrderRefund {
            amount,
            lines: vec![returned],
            restock: self.rng.chance(500),
            reason: None,
        };
        let id = RefundId::from_uuid(self.ids.next());
        let owed = Refund::request(id, payment.id, Some(order.id), amount, None, now);
        let payment = payment.decide(PaymentCommand::Refund(amount), now).ok()?;
        let order = order.decide(OrderCommand::Refund(refund), now).ok()?;
        Some(batch.order(order).payment(payment).refund(owed))
    }

    fn edit<'a>(&mut self, batch: BatchBuilder<'a>, world: &Books) -> Option<BatchBuilder<'a>> {
        let (ticket, pool) = self.listing(world)?;
        let edit = TicketEdit { terms: self.terms(), seen: None, pool };
        let decision = ticket.decide(TicketCommand::Edit(edit)).ok()?;
        decision.ticket.is_change().then(|| batch.ticket(decision))
    }

    fn withdraw<'a>(&mut self, batch: BatchBuilder<'a>, world: &Books) -> Option<BatchBuilder<'a>> {
        let (ticket, pool) = self.listing(world)?;
        let cancel_holds = self.rng.chance(700);
        if self.rng.chance(300) {
            return Some(batch.cleared(pool.id));
        }
        let decision = ticket.decide(TicketCommand::Withdraw { pool, cancel_holds }).ok()?;
        decision.ticket.is_change().then(|| batch.ticket(decision))
    }

    fn listing(&mut self, world: &Books) -> Option<(Ticket, Pool)> {
        let ticket = self.rng.pick(&world.tickets)?.clone();
        let pool = world.pools.iter().find(|pool| pool.id == ticket.id)?;
        Some((ticket, *pool))
    }

    /// One of few keys, so that some are taken.
    fn key(&mut self, now: Timestamp) -> Option<KeyRecord> {
        let key = format!("key-{}", self.rng.below(40));
        let aggregate = AggregateRef { kind: AggregateKind::Order, id: self.ids.next() };
        Some(KeyRecord {
            user: self.buyer(),
            key: IdempotencyKey::new(&key).ok()?,
            fingerprint: Fingerprint::of(key.as_bytes()),
            answer: EventKey { aggregate, version: Version::FIRST },
            used_at: now,
        })
    }

    fn buyer(&mut self) -> UserId {
        user(&format!("buyer-{}", self.rng.below(4)))
    }

    fn number(&mut self, least: u32, most: u32) -> u32 {
        let width = u64::from(most.saturating_sub(least).saturating_add(1));
        least.saturating_add(u32::try_from(self.rng.below(width)).unwrap_or(0))
    }
}

fn version_in(books: &Books, aggregate: AggregateRef) -> Option<Version> {
    let id = aggregate.id;
    match aggregate.kind {
        AggregateKind::Ticket => {
            let row = books.tickets.iter().find(|row| row.id.as_uuid() == id);
            row.map(|row| row.version)
        }
        AggregateKind::Pool => None,
        AggregateKind::Order => {
            let row = books.orders.iter().find(|row| row.id.as_uuid() == id);
            row.map(|row| row.version)
        }
        AggregateKind::Payment => {
            let row = books.payments.iter().find(|row| row.id.as_uuid() == id);
            row.map(|row| row.version)
        }
        AggregateKind::Refund => {
            let row = books.refunds.iter().find(|row| row.id.as_uuid() == id);
            row.map(|row| row.version)
        }
    }
}
