//! What a batch is made of, from the decisions that it is built of.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::*;
use crate::domain::event::EventType;
use crate::domain::inventory::{Pool, PoolTerms};
use crate::domain::order::{
    Canceller, HoldPolicy, NewOrder, OrderCommand, OrderRefund, ReturnedLine,
};
use crate::domain::payment::ConfirmedBy;
use crate::domain::ticket::{NewTicket, TicketCommand};
use crate::ports::snapshot::Footprint;
use crate::values::{Money, OrderId, PaymentId, Quantity, RefundId, TicketId};

const NOW: Timestamp = Timestamp::from_millis(1_767_323_045_678);

const POLICY: HoldPolicy = HoldPolicy {
    hold: Duration::from_mins(10),
    grace: Duration::from_mins(5),
    cap: Duration::from_mins(25),
};

/// Ids that count from 100.
#[derive(Debug)]
struct Ids(AtomicU64);

impl Ids {
    fn new() -> Self {
        Self(AtomicU64::new(100))
    }
}

impl IdSource for Ids {
    fn next(&self) -> Uuid {
        id(self.0.fetch_add(1, Ordering::Relaxed))
    }
}

fn id(number: u64) -> Uuid {
    Uuid::from_u128(number.into())
}

fn user(name: &str) -> UserId {
    UserId::new(name).unwrap()
}

fn units(number: u32) -> Quantity {
    Quantity::new(number).unwrap()
}

fn by_ada() -> Cause {
    Cause { actor: Actor::User(user("ada")), correlation: Some(CorrelationId::from_uuid(id(7))) }
}

fn empty(ids: &Ids) -> BatchBuilder<'_> {
    BatchBuilder::new(by_ada(), ids, NOW)
}

fn listed(number: u64) -> TicketDecision {
    let new = NewTicket::new("Front row", Money::usd(20_00)).quantity(9);
    Ticket::list(TicketId::from_uuid(id(number)), user("sam"), new, NOW).unwrap()
}

fn ticket(number: u64) -> Ticket {
    listed(number).ticket.into_next()
}

/// An order of two units of ticket 1 and three of ticket 2.
fn placed() -> Decision<Order> {
    let new = NewOrder {
        id: OrderId::from_uuid(id(10)),
        buyer: &user("ada"),
        lines: &[(&ticket(1), units(2)), (&ticket(2), units(3))],
        policy: POLICY,
    };
    Order::place(new, NOW).unwrap().0
}

const ATTEMPT: PaymentId = PaymentId::from_uuid(Uuid::from_u128(20));

/// The orders of [`placed`] on their way to complete, one decision after the other.
fn paid() -> [Decision<Order>; 2] {
    let start = OrderCommand::StartPayment { attempt: ATTEMPT, policy: POLICY };
    let arrived = OrderCommand::MoneyArrived { attempt: ATTEMPT, captured: true };
    let awaiting = placed().into_next().decide(start, NOW).unwrap();
    let complete = awaiting.next().clone().decide(arrived, NOW).unwrap();
    [awaiting, complete]
}

fn initiated() -> Decision<Payment> {
    let order = placed().into_next();
    let owner = (order.id, order.buyer);
    Payment::initiate(ATTEMPT, owner, order.total, ConfirmedBy::Server, NOW)
}

fn commands(batch: &WriteBatch) -> Vec<(PoolId, Option<UserId>, PoolCommand)> {
    let moves = batch.moves().iter().cloned();
    moves.map(|step| (step.pool, step.buyer, step.command)).collect()
}

/// The move of every line of [`placed`], in its buyer's name.
fn of_each_line(command: fn(u32) -> PoolCommand) -> Vec<(PoolId, Option<UserId>, PoolCommand)> {
    let lines = [(1, 2), (2, 3)];
    lines
        .map(|(ticket, units)| {
            let pool = TicketId::from_uuid(id(ticket));
            (pool, Some(user("ada")), command(units))
        })
        .to_vec()
}

#[test]
fn a_batch_has_the_id_of_its_first_event() {
    let ids = Ids::new();
    let [awaiting, complete] = paid();
    let batch = empty(&ids).payment(initiated()).order(awaiting).order(complete).build();
    let events: Vec<_> = batch.changes().iter().map(|change| change.event.header.id).collect();
    assert_eq!(events, [100, 101, 102].map(|number| EventId::from_uuid(id(number))));
    assert_eq!(batch.id(), BatchId::from(events[0]));
    let receipt = Receipt { batch: batch.id(), decided_at: NOW };
    assert_eq!(batch.receipt(), receipt);
}

#[test]
fn every_event_says_who_caused_it_when_and_in_which_batch() {
    let ids = Ids::new();
    let batch = empty(&ids).payment(initiated()).ticket(listed(1)).build();
    assert_eq!(batch.changes().len(), 2);
    for change in batch.changes() {
        let header = &change.event.header;
        assert_eq!(header.actor, Actor::User(user("ada")));
        assert_eq!(header.correlation, by_ada().correlation);
        assert_eq!(header.causation, Some(batch.id()));
        assert_eq!(header.occurred_at, NOW);
    }
}

#[test]
fn a_change_is_guarded_by_the_version_before_it() {
    let ids = Ids::new();
    let [awaiting, complete] = paid();
    let batch = empty(&ids).order(placed()).order(awaiting).order(complete).build();
    let expected: Vec<_> = batch.changes().iter().map(|change| change.expected).collect();
    assert_eq!(expected, [None, Some(Version::new(0)), Some(Version::new(1))]);
    let versions: Vec<_> = batch.changes().iter().map(|change| change.state.version()).collect();
    assert_eq!(versions, [0, 1, 2].map(Version::new));
    for change in batch.changes() {
        let key = change.event.key();
        assert_eq!(key.aggregate, change.state.aggregate());
        assert_eq!(key.version, change.state.version());
    }
}

#[test]
fn what_did_not_change_leaves_nothing() {
    let ids = Ids::new();
    let withdrawn =
        ticket(1).decide(TicketCommand::Withdraw { pool: pool(1), cancel_holds: false }).unwrap();
    let again = TicketCommand::Withdraw { pool: pool(1), cancel_holds: false };
    let unchanged = withdrawn.ticket.into_next().decide(again).unwrap();
    let batch = empty(&ids)
        .order(Decision::unchanged(placed().into_next()))
        .payment(Decision::unchanged(initiated().into_next()))
        .refund(Decision::unchanged(requested().into_next()))
        .ticket(unchanged)
        .build();
    assert!(batch.is_empty());
    assert_eq!(batch.window(), TimeWindow::always());
}

fn requested() -> Decision<Refund> {
    let id = RefundId::from_uuid(id(30));
    Refund::request(id, ATTEMPT, None, Money::usd(1), None, NOW)
}

fn pool(number: u64) -> Pool {
    let terms = PoolTerms {
        listing: Version::FIRST,
        sale: TimeWindow::always(),
        capacity: 9,
        max_per_order: None,
        max_per_buyer: None,
    };
    Pool::open(TicketId::from_uuid(id(number)), terms)
}

#[test]
fn anything_at_all_makes_a_batch_that_is_not_empty() {
    let ids = Ids::new();
    let batches = [
        empty(&ids).ticket(listed(1)),
        empty(&ids).order(placed()),
        empty(&ids).payment(initiated()),
        empty(&ids).refund(requested()),
        empty(&ids).cleared(TicketId::from_uuid(id(1))),
        empty(&ids).keyed(Some(record())),
        empty(&ids).closing(Some(webhook())),
    ];
    for batch in batches {
        assert!(!batch.build().is_empty());
    }
    let bounded = empty(&ids).within(TimeWindow::ending(NOW));
    assert!(bounded.keyed(None).closing(None).build().is_empty());
}

fn record() -> KeyRecord {
    KeyRecord {
        user: user("ada"),
        key: IdempotencyKey::new("key").unwrap(),
        fingerprint: Fingerprint::of(b"command"),
        answer: placed().event().unwrap().key(),
        used_at: NOW,
    }
}

fn webhook() -> WebhookKey {
    WebhookKey {
        gateway: GatewayName::new("sandbox").unwrap(),
        id: WebhookId::new("evt_1").unwrap(),
    }
}

#[test]
fn units_move_with_every_line_of_an_order() {
    let ids = Ids::new();
    let [awaiting, complete] = paid();
    let cancel = OrderCommand::Cancel { by: Canceller::Buyer, patience: Duration::from_mins(5) };
    let cancelled = placed().into_next().decide(cancel, NOW).unwrap();
    let failed = OrderCommand::CaptureFailed { attempt: ATTEMPT };
    let undone = complete.next().clone().decide(failed, NOW).unwrap();
    let moved = |decision| commands(&empty(&ids).order(decision).build());
    let hold = |units| PoolCommand::Hold { units, listing: Version::FIRST };
    assert_eq!(moved(placed()), of_each_line(hold));
    assert_eq!(moved(awaiting), []);
    assert_eq!(moved(complete), of_each_line(PoolCommand::Sell));
    assert_eq!(moved(cancelled), of_each_line(PoolCommand::Release));
    assert_eq!(moved(undone), of_each_line(PoolCommand::Return));
}

#[test]
fn a_refund_returns_what_it_restocks() {
    let ids = Ids::new();
    let [_, complete] = paid();
    let back = |restock| {
        let refund = OrderRefund {
            amount: Money::usd(20_00),
            lines: vec![ReturnedLine { ticket: TicketId::from_uuid(id(2)), quantity: units(1) }],
            restock,
            reason: None,
        };
        let order = complete.next().clone();
        let decision = order.decide(OrderCommand::Refund(refund), NOW).unwrap();
        commands(&empty(&ids).order(decision).build())
    };
    let returned = (TicketId::from_uuid(id(2)), Some(user("ada")), PoolCommand::Return(1));
    assert_eq!(back(true), [returned]);
    assert_eq!(back(false), []);
}

#[test]
fn a_listing_tells_its_pool() {
    let ids = Ids::new();
    let withdrawn = ticket(1).decide(TicketCommand::Withdraw { pool: pool(1), cancel_holds: true });
    let batch = empty(&ids)
        .ticket(listed(2))
        .ticket(withdrawn.unwrap())
        .cleared(TicketId::from_uuid(id(3)))
        .build();
    let withdraw = PoolCommand::Withdraw { listing: Version::new(1), cancel_holds: true };
    let [one, two, three] = [1, 2, 3].map(|number| TicketId::from_uuid(id(number)));
    let expected = [
        (two, None, PoolCommand::Open(pool(2))),
        (one, None, withdraw),
        (three, None, PoolCommand::Cleared),
    ];
    assert_eq!(commands(&batch), expected);
    let told: Vec<_> =
        batch.changes().iter().map(|change| change.event.data.event_type()).collect();
    assert_eq!(told, [EventType::TicketCreated, EventType::TicketWithdrawn]);
}

#[test]
fn windows_are_met_all_at_once() {
    let ids = Ids::new();
    let later = NOW.plus(Duration::from_secs(10));
    let batch =
        empty(&ids).within(TimeWindow::starting(NOW)).within(TimeWindow::ending(later)).build();
    assert_eq!(batch.window(), TimeWindow::new(Some(NOW), Some(later)).unwrap());
    assert_eq!(batch.decided_at(), NOW);
}

#[test]
fn key_and_webhook_travel_along() {
    let ids = Ids::new();
    let batch = empty(&ids).keyed(Some(record())).closing(Some(webhook())).build();
    assert_eq!(batch.key(), Some(&record()));
    assert_eq!(batch.closes(), Some(&webhook()));
}

#[test]
fn equal_commands_have_equal_fingerprints() {
    let print = Fingerprint::of(b"reserve 1 of a");
    assert_eq!(print, Fingerprint::of(b"reserve 1 of a"));
    assert_ne!(print, Fingerprint::of(b"reserve 2 of a"));
    assert_eq!(Fingerprint::from_uuid(print.as_uuid()), print);
}

#[test]
fn a_footprint_names_everything_that_is_touched() {
    let ids = Ids::new();
    let [awaiting, _] = paid();
    let group = [
        empty(&ids).order(placed()).keyed(Some(record())).build(),
        empty(&ids).order(awaiting).payment(initiated()).build(),
        empty(&ids).keyed(Some(record())).build(),
        empty(&ids).cleared(TicketId::from_uuid(id(3))).build(),
    ];
    let order = AggregateRef::from(OrderId::from_uuid(id(10)));
    let [one, two, three] = [1, 2, 3].map(|number| TicketId::from_uuid(id(number)));
    let footprint = Footprint::of(&group);
    let expected = Footprint {
        batches: [group[0].id(), group[1].id()].into(),
        keys: [(user("ada"), record().key)].into(),
        pools: [one, two, three].into(),
        buyers: [(one, user("ada")), (two, user("ada"))].into(),
        existing: [order].into(),
        fresh: [order, ATTEMPT.into()].into(),
    };
    assert_eq!(footprint, expected);
}
