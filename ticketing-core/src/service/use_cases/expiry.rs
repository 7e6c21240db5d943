//! Expiration: by timers over the bus where they work, by the sweeper where they don't.

use super::*;
use crate::domain::event::Actor;
use crate::domain::expiration::Expiration;
use crate::domain::order::{CancelReason, OrderState};
use crate::memory::Mischief;
use crate::ports::timers::{Timers as _, Wakeup};
use crate::service::expiration::ExpirationSubscriber;
use crate::service::outbox_relay::OutboxRelay;
use crate::testing::builders::{a_buyer, a_new_ticket};
use crate::testing::faulty::{FaultKind, Faults, FaultyBus, Operation};
use crate::values::Version;

/// The least time that the engine tells apart.
const INSTANT: Duration = Duration::from_millis(1);
const EXPIRED: OrderState = OrderState::Cancelled { reason: CancelReason::Expired };

/// Timers and bus do the work: the sweeper looks once a week.
fn by_timers(seed: u64) -> Market {
    let duties = Duties { reconciler: false, ..Duties::ALL };
    Market::seeded(seed, duties, |settings| {
        settings.sweep_every = Duration::from_hours(7 * 24);
    })
}

impl Market {
    fn expire(&self, order: OrderId) -> Expiration {
        self.run(self.engine.orders().expire(order)).unwrap()
    }

    /// Orders of one unit each, by as many buyers.
    fn crowd(&self, ticket: TicketId, orders: usize) -> Vec<OrderId> {
        (0..orders).map(|buyer| self.reserved(&format!("buyer-{buyer}"), ticket, 1).id).collect()
    }

    fn are_expired(&self, orders: &[OrderId]) -> bool {
        orders.iter().all(|id| self.order(*id).state == EXPIRED)
    }
}

#[test]
fn an_order_expires_at_its_deadline_and_not_before() {
    let market = Market::new();
    let ticket = market.list(a_new_ticket()).id;
    let order = market.reserved("buyer", ticket, 2);
    market.pass(HOLD.saturating_sub(INSTANT));
    assert_eq!(market.expire(order.id), Expiration::Rearm(order.expires_at));
    assert_eq!(market.step(&mut market.sweeper()).unwrap(), Progress::Idle);
    assert_eq!(market.claimed(ticket), (2, 0));
    market.pass(INSTANT);
    assert_eq!(market.expire(order.id), Expiration::Due);
    assert_eq!(market.order(order.id).state, EXPIRED);
    assert_eq!(market.claimed(ticket), (0, 0));
    assert_eq!(market.expire(order.id), Expiration::Nothing, "again");
    assert_eq!(market.expire(OrderId::from_uuid(uuid::Uuid::nil())), Expiration::Nothing);
    assert_eq!(market.story(order.id).len(), 2);
}

#[test]
fn the_sweeper_ends_what_is_overdue_a_group_at_a_time() {
    let market = Market::new();
    let ticket = market.list(a_new_ticket().quantity(500)).id;
    let orders = market.crowd(ticket, 300);
    let paid = market.reserved("payer", ticket, 1);
    market.pay("payer", paid.id, "tok_visa");
    market.pass(HOLD);
    market.storage.take_groups();
    let mut sweeper = market.sweeper();
    assert_eq!(market.step(&mut sweeper).unwrap(), Progress::Busy);
    assert_eq!(market.claimed(ticket), (300 - 256, 1));
    assert_eq!(market.step(&mut sweeper).unwrap(), Progress::Busy);
    assert!(market.are_expired(&orders));
    assert_eq!(market.claimed(ticket), (0, 1));
    assert_eq!(market.step(&mut sweeper).unwrap(), Progress::Idle);
    assert!(market.storage.take_groups().len() <= 4, "they share commits");
    let events = market.books().events;
    let by_timer = events.iter().filter(|event| event.header.actor == Actor::Timer).count();
    assert_eq!(by_timer, 300);
}

#[test]
fn one_overdue_order_that_can_not_be_ended_keeps_no_other_waiting() {
    let market = Market::new();
    let ticket = market.list(a_new_ticket()).id;
    let stuck = market.reserved("payer", ticket, 1);
    market.pay("payer", stuck.id, "tok_threeDSecure");
    let other = market.reserved("buyer", ticket, 1);
    market.pass(HOLD);
    market.storage.fail("payment");
    let mut sweeper = market.sweeper();
    assert_eq!(market.step(&mut sweeper).unwrap(), Progress::Busy);
    assert_eq!(market.order(other.id).state, EXPIRED);
    assert_eq!(code(market.step(&mut sweeper)), "unavailable", "so that it pauses");
    market.storage.mend();
    market.step(&mut sweeper).unwrap();
    market.settle();
    assert_eq!(market.order(stuck.id).state, EXPIRED);
    assert_eq!(market.claimed(ticket), (0, 0));
}

/// As many as one look of the sweeper finds can't be ended, and are overdue for longest.
#[test]
fn many_overdue_orders_that_can_not_be_ended_keep_no_other_waiting() {
    let market = Market::new();
    let ticket = market.list(a_new_ticket().quantity(1_000)).id;
    for buyer in 0..256 {
        let buyer = format!("payer-{buyer}");
        let stuck = market.reserved(&buyer, ticket, 1);
        market.pay(&buyer, stuck.id, "tok_threeDSecure");
    }
    market.pass(SECOND);
    let other = market.reserved("buyer", ticket, 1);
    market.pass(market.engine.engine.settings.holds.cap);
    market.storage.fail("payment");
    let mut sweeper = market.sweeper();
    assert_eq!(code(market.step(&mut sweeper)), "unavailable");
    assert_eq!(market.step(&mut sweeper).unwrap(), Progress::Busy);
    assert_eq!(market.order(other.id).state, EXPIRED);
    market.storage.mend();
    market.pass(MINUTE);
    market.step(&mut sweeper).unwrap();
    market.settle();
    assert_eq!(market.claimed(ticket), (0, 0), "what was put off has its turn again");
}

#[test]
fn timers_end_an_order_within_a_second_of_its_deadline() {
    let market = by_timers(1);
    let ticket = market.list(a_new_ticket()).id;
    let order = market.reserved("buyer", ticket, 2);
    market.pass(HOLD.saturating_sub(INSTANT));
    assert_eq!(market.order(order.id).state, OrderState::Created);
    market.pass(SECOND);
    assert_eq!(market.order(order.id).state, EXPIRED);
    assert_eq!(market.claimed(ticket), (0, 0));
}

#[test]
fn an_extended_hold_is_ended_at_its_new_deadline() {
    let market = by_timers(1);
    let ticket = market.list(a_new_ticket()).id;
    let order = market.reserved("buyer", ticket, 2);
    market.pass(MINUTE);
    market.run(market.engine.orders().extend(&a_buyer(), order.id)).unwrap();
    market.pass((HOLD + HOLD).saturating_sub(MINUTE + INSTANT));
    assert_eq!(market.order(order.id).state, OrderState::Created);
    market.pass(SECOND);
    assert_eq!(market.order(order.id).state, EXPIRED);
}

#[test]
fn wake_ups_that_are_early_repeated_or_stale_do_no_harm() {
    let market = by_timers(1);
    let ticket = market.list(a_new_ticket()).id;
    let order = market.reserved("buyer", ticket, 2);
    let paid = market.reserved("payer", ticket, 1);
    market.pay("payer", paid.id, "tok_visa");
    market.pass(SECOND);
    let unknown = OrderId::from_uuid(uuid::Uuid::nil());
    for id in [order.id, paid.id, unknown] {
        let early = Wakeup { order: id, version: Version::FIRST, at: market.now() };
        market.run(market.timers.arm(early)).unwrap();
        market.pass(SECOND);
    }
    assert_eq!(market.order(order.id).state, OrderState::Created);
    assert!(matches!(market.order(paid.id).state, OrderState::Complete { .. }));
    assert_eq!(market.claimed(ticket), (2, 1));
}

/// Whatever the bus does, every order ends, once, as soon as the sweeper has looked.
#[test]
fn messages_that_are_lost_repeated_and_reordered_change_no_outcome() {
    for seed in 0..8 {
        let market = Market::seeded(seed, Duties { reconciler: false, ..Duties::ALL }, |_| {});
        let mischief =
            Mischief { seed, repeat_per_1000: 300, reorder_per_1000: 500, lose_per_1000: 300 };
        market.bus.set_mischief(Some(mischief));
        let ticket = market.list(a_new_ticket().quantity(100)).id;
        let orders = market.crowd(ticket, 40);
        for (index, id) in orders.iter().enumerate() {
            let buyer = user(&format!("buyer-{index}"));
            if index % 4 == 1 {
                market.run(market.engine.orders().extend(&buyer, *id)).unwrap();
            } else if index % 4 == 2 {
                market.pay(&format!("buyer-{index}"), *id, "tok_visa");
            }
        }
        market.pass(HOLD + 2 * SECOND);
        for (index, id) in orders.iter().enumerate() {
            let state = market.order(*id).state;
            match index % 4 {
                1 => assert_eq!(state, OrderState::Created, "seed {seed}: extended"),
                2 => assert!(matches!(state, OrderState::Complete { .. }), "seed {seed}: paid"),
                _ => assert_eq!(state, EXPIRED, "seed {seed}: {index}"),
            }
        }
        market.pass(HOLD);
        assert_eq!(market.claimed(ticket), (0, 10), "seed {seed}");
        let lengths: Vec<usize> = orders.iter().map(|id| market.story(*id).len()).collect();
        let expected: Vec<usize> =
            (0..40).map(|index| if index % 4 == 0 || index % 4 == 3 { 2 } else { 3 }).collect();
        assert_eq!(lengths, expected, "seed {seed}: each ended once");
    }
}

#[test]
fn with_every_message_lost_the_sweeper_does_it_all() {
    let market = Market::with(Duties { reconciler: false, ..Duties::ALL }, |_| {});
    market.bus.set_mischief(Some(Mischief { lose_per_1000: 1_000, ..Mischief::default() }));
    let ticket = market.list(a_new_ticket().quantity(50)).id;
    let orders = market.crowd(ticket, 50);
    market.pass(HOLD.saturating_sub(INSTANT));
    assert_eq!(market.claimed(ticket), (50, 0));
    market.pass(market.engine.engine.settings.sweep_every + INSTANT);
    assert!(market.are_expired(&orders));
    assert_eq!(market.claimed(ticket), (0, 0));
}

#[test]
fn a_process_that_only_expires_does_not_need_the_others() {
    let market = Market::new();
    let ticket = market.list(a_new_ticket()).id;
    let order = market.reserved("buyer", ticket, 1);
    let sweeping = market.run(async {
        let node = market.world.node();
        let engine = Ticketing::builder()
            .storage(market.storage.clone())
            .gateway(market.gateway.clone())
            .clock(Arc::clone(&market.clock))
            .ids(Arc::new(SeededIds::new(9, 9)))
            .runtime(node)
            .duties(Duties { sweeper: true, ..Duties::NONE });
        engine.start().await.unwrap()
    });
    market.pass(HOLD + SECOND);
    assert_eq!(market.order(order.id).state, EXPIRED);
    market.run(sweeping.shutdown()).unwrap();
}

/// Whoever stopped for each acknowledgement that is not heard would fall behind for minutes, while
/// the bus brings all of it again.
#[test]
fn an_acknowledgement_that_is_not_heard_stops_nobody() {
    let market = Market::new();
    let faults = Faults::new(1, market.world.node());
    let bus = FaultyBus::new(Arc::new(market.bus.clone()), &faults);
    let node = market.world.node();
    let deaf = Ticketing::builder()
        .storage(market.storage.clone())
        .gateway(market.gateway.clone())
        .bus(Arc::new(bus))
        .timers(Arc::new(market.timers.clone()))
        .clock(Arc::clone(&market.clock))
        .ids(Arc::new(SeededIds::new(2, node.id())))
        .runtime(node)
        .duties(Duties::NONE);
    let deaf = market.run(deaf.start()).unwrap();
    let mut armer = ExpirationSubscriber::armer(Arc::clone(&deaf.engine));
    assert_eq!(market.step(&mut armer).unwrap(), Progress::Idle);
    market.an_order();
    market.step(&mut OutboxRelay::new(Arc::clone(&market.engine.engine))).unwrap();
    // The listing's events, then the order's.
    for _event in 0..3 {
        faults.next(Operation::Acknowledge, FaultKind::Before);
        market.run(armer.idle());
        assert_eq!(market.step(&mut armer).unwrap(), Progress::Busy);
    }
    market.pass(HOLD);
    let woken = market.run(market.timers.claim(10, SECOND)).unwrap();
    assert_eq!(woken.len(), 1, "what was done without being heard is done");
}
