//! Reservations: one ticket or many, in time, within limits, and as fast as can be refused.

use futures_util::future::join_all;

use super::watched_storage::Answer;
use super::*;
use crate::domain::event::Actor;
use crate::domain::order::{CancelReason, OrderState};
use crate::domain::view::OrderStatus;
use crate::service::caller::Caller;
use crate::testing::SkewedClock;
use crate::testing::builders::{a_buyer, a_new_ticket};
use crate::values::{CorrelationId, Money, Version};

const HOUR: Duration = Duration::from_hours(1);

#[test]
fn a_reservation_holds_units_and_tells_of_it() {
    let market = Market::new();
    let ticket = market.list(a_new_ticket());
    let correlation = CorrelationId::from_uuid(uuid::Uuid::from_u128(7));
    let orders = market.engine.caller(Caller::default().with_correlation(correlation)).orders();
    let order = market.run(orders.reserve(a_buyer(), [(ticket.id, 2)])).unwrap();
    assert_eq!((order.status, order.version), (OrderStatus::Created, Version::FIRST));
    assert_eq!((order.total, order.refunded), (Money::usd(40_00), Money::usd(0)));
    assert_eq!((order.created_at, order.expires_at), (START, START.plus(HOLD)));
    let line = &order.lines[0];
    assert_eq!((line.price, line.quantity.get()), (ticket.price, 2));
    assert_eq!((&line.title, &line.seller_id), (&ticket.title, &ticket.seller_id));
    assert_eq!(market.claimed(ticket.id), (2, 0));
    assert_eq!(market.order(order.id).view(), order);

    let events = market.books().events;
    let told = events.iter().find(|event| event.key().aggregate == order.id.into()).unwrap();
    assert_eq!(told.data.event_type(), EventType::OrderCreated);
    assert_eq!(told.header.actor, Actor::User(a_buyer()));
    assert_eq!(told.header.correlation, Some(correlation));
    let batch = told.header.causation.unwrap();
    assert_eq!(batch.as_uuid(), told.header.id.as_uuid(), "a batch is named after its event");
}

#[test]
fn an_order_of_many_tickets_holds_all_of_them_or_none() {
    let market = Market::new();
    let plenty: Vec<TicketId> = (0..19).map(|_| market.list(a_new_ticket()).id).collect();
    let scarce = market.list(a_new_ticket().quantity(1)).id;
    let mut lines: Vec<(TicketId, u32)> = plenty.iter().map(|id| (*id, 2)).collect();
    lines.push((scarce, 2));
    let refused = market.reserve("buyer", &lines);
    assert_eq!(refusal(refused), (scarce, Refusal::SoldOut { left: 1 }));
    assert!(market.books().pools.iter().all(|pool| pool.held == 0));
    assert!(market.books().orders.is_empty());
    lines[19].1 = 1;
    let order = market.reserve("buyer", &lines).unwrap();
    assert_eq!((order.lines.len(), order.total), (20, Money::usd(78_000)));
    assert!(plenty.iter().all(|id| market.claimed(*id) == (2, 0)));
    assert_eq!(market.claimed(scarce), (1, 0));
}

#[test]
fn a_sale_is_open_from_its_first_instant_and_closed_at_its_last() {
    let market = Market::new();
    let (opens, closes) = (START.plus(HOUR), START.plus(2 * HOUR));
    let ticket = market.list(a_new_ticket().sale_starts_at(opens).sale_ends_at(closes)).id;
    let other = market.list(a_new_ticket()).id;
    let both = [(other, 1), (ticket, 1)];
    let early = (ticket, Refusal::SaleNotOpen { opens });
    assert_eq!(refusal(market.reserve("buyer", &both)), early);
    market.pass(HOUR.saturating_sub(Duration::from_micros(1)));
    assert_eq!(refusal(market.reserve("buyer", &both)), early);
    market.pass(Duration::from_micros(1));
    market.reserve("buyer", &both).unwrap();
    market.pass(HOUR.saturating_sub(Duration::from_micros(1)));
    market.reserved("buyer", ticket, 1);
    market.pass(Duration::from_micros(1));
    assert_eq!(refusal(market.reserve("buyer", &both)), (ticket, Refusal::SaleOver));
    assert_eq!(market.claimed(other), (1, 0));
}

#[test]
fn sales_that_are_never_open_together_are_refused_by_the_one_that_is_closed() {
    let market = Market::new();
    let noon = START.plus(HOUR);
    let morning = market.list(a_new_ticket().sale_ends_at(noon)).id;
    let evening = market.list(a_new_ticket().sale_starts_at(noon)).id;
    let both = [(morning, 1), (evening, 1)];
    let (refused_by, _) = refusal(market.reserve("buyer", &both));
    assert_eq!(refused_by, evening);
    market.pass(HOUR);
    assert_eq!(refusal(market.reserve("buyer", &both)), (morning, Refusal::SaleOver));
}

/// What a process believes of the time must open no sale, and keep none shut.
#[test]
fn a_clock_that_jumps_sells_nothing_early_and_refuses_nothing_in_time() {
    let market = Market::new();
    let opens = START.plus(HOUR);
    let ticket = market.list(a_new_ticket().sale_starts_at(opens)).id;
    let clock = SkewedClock::new(Arc::clone(&market.clock));
    let other = market.another_engine(Arc::new(clock.clone()));
    let reserve = || market.run(other.orders().reserve(a_buyer(), [(ticket, 1)]));
    clock.set_ahead(2 * HOUR);
    assert_eq!(refusal(reserve()), (ticket, Refusal::SaleNotOpen { opens }));
    market.pass(HOUR);
    clock.set_behind(2 * HOUR);
    let order = reserve().unwrap();
    assert_eq!(order.created_at, opens, "in the storage's time");
    assert_eq!(order.expires_at, opens.plus(HOLD));
}

#[test]
fn a_limit_per_order_is_kept() {
    let market = Market::new();
    let ticket = market.list(a_new_ticket().max_per_order(3)).id;
    let refused = market.reserve("buyer", &[(ticket, 4)]);
    assert_eq!(refusal(refused), (ticket, Refusal::OverOrderLimit { limit: 3 }));
    market.reserved("buyer", ticket, 3);
    market.reserved("buyer", ticket, 3);
}

#[test]
fn a_limit_per_buyer_counts_all_orders_and_gives_back() {
    let market = Market::new();
    let ticket = market.list(a_new_ticket().max_per_buyer(3)).id;
    let first = market.reserved("buyer", ticket, 2);
    let refused = market.reserve("buyer", &[(ticket, 2)]);
    assert_eq!(refusal(refused), (ticket, Refusal::OverBuyerLimit { left: 1 }));
    market.reserved("another", ticket, 3);
    market.reserved("buyer", ticket, 1);
    market.run(market.engine.orders().cancel(&user("buyer"), first.id)).unwrap();
    let paid = market.reserved("buyer", ticket, 2);
    market.pay("buyer", paid.id, "tok_visa");
    let refused = market.reserve("buyer", &[(ticket, 1)]);
    assert_eq!(refusal(refused), (ticket, Refusal::OverBuyerLimit { left: 0 }), "sold counts too");
}

#[test]
fn a_hot_ticket_costs_one_call() {
    let market = Market::new();
    let ticket = market.list(a_new_ticket()).id;
    market.storage.take_calls();
    market.reserved("first", ticket, 1);
    assert_eq!(market.storage.take_calls(), ["listings", "commit"]);
    market.reserved("second", ticket, 1);
    assert_eq!(market.storage.take_calls(), ["commit"]);
    let counts = market.storage.inner.commit_counts();
    assert_eq!((counts.optimistic, counts.missed), (2, 0), "nothing is read to decide it");
}

#[test]
fn what_nobody_pays_for_in_time_is_sold_though_nobody_swept() {
    let market = Market::new();
    let ticket = market.list(a_new_ticket()).id;
    let unpaid = market.reserved("slow", ticket, 10);
    market.pass(HOLD.saturating_sub(Duration::from_micros(1)));
    assert_eq!(code(market.reserve("quick", &[(ticket, 1)])), "sold_out");
    market.pass(Duration::from_micros(1));
    market.pass(SECOND);
    market.reserved("quick", ticket, 1);
    let expired = OrderState::Cancelled { reason: CancelReason::Expired };
    assert_eq!(market.order(unpaid.id).state, expired);
    assert_eq!(market.story(unpaid.id), [EventType::OrderCreated, EventType::OrderCancelled]);
    assert_eq!(market.claimed(ticket), (1, 0));
}

#[test]
fn as_many_overdue_orders_end_as_one_reservation_needs() {
    let market = Market::new();
    let ticket = market.list(a_new_ticket().quantity(200)).id;
    for buyer in 0..200 {
        market.reserved(&format!("slow-{buyer}"), ticket, 1);
    }
    market.pass(HOLD);
    market.reserved("quick", ticket, 200);
    assert_eq!(market.claimed(ticket), (200, 0));
}

#[test]
fn a_buyers_own_overdue_hold_does_not_count_against_the_limit() {
    let market = Market::new();
    let ticket = market.list(a_new_ticket().max_per_buyer(2)).id;
    market.reserved("buyer", ticket, 2);
    market.pass(HOLD);
    market.reserved("buyer", ticket, 2);
    assert_eq!(market.claimed(ticket), (2, 0));
}

#[test]
fn an_overdue_order_whose_payment_runs_keeps_its_units() {
    let market = Market::new();
    let ticket = market.list(a_new_ticket().quantity(1)).id;
    let paying = market.reserved("payer", ticket, 1);
    market.pass(HOLD.saturating_sub(SECOND));
    market.pay("payer", paying.id, "tok_threeDSecure");
    market.pass(Duration::from_mins(2));
    assert_eq!(code(market.reserve("quick", &[(ticket, 1)])), "sold_out");
    let state = market.order(paying.id).state;
    assert!(matches!(state, OrderState::AwaitingPayment { .. }), "{state:?}");
    assert_eq!(market.claimed(ticket), (1, 0));
}

#[test]
fn many_who_are_refused_at_once_share_one_look_for_overdue_orders() {
    let market = Market::new();
    let ticket = market.list(a_new_ticket().quantity(1)).id;
    market.reserved("first", ticket, 1);
    market.storage.take_calls();
    market.storage.hold_call(Some("due_orders_of"));
    let orders = market.engine.orders();
    let crowd = (0..50).map(|buyer| orders.reserve(user(&format!("late-{buyer}")), [(ticket, 1)]));
    let refused = market.run(async {
        let answer = async {
            market.engine.engine.runtime.sleep(SECOND).await;
            market.storage.hold_call(None);
        };
        tokio::join!(join_all(crowd), answer).0
    });
    assert!(refused.into_iter().all(|outcome| code(outcome) == "sold_out"));
    let calls = market.storage.take_calls();
    let looks = calls.iter().filter(|call| **call == "due_orders_of").count();
    assert_eq!(looks, 1, "{calls:?}");
}

#[test]
fn a_trouble_with_an_overdue_order_is_not_the_next_buyers() {
    let market = Market::new();
    let ticket = market.list(a_new_ticket().quantity(1)).id;
    market.reserved("slow", ticket, 1);
    market.pass(HOLD);
    market.storage.fail("order");
    assert_eq!(code(market.reserve("quick", &[(ticket, 1)])), "sold_out");
    market.storage.mend();
    market.pass(SECOND);
    market.reserved("quick", ticket, 1);
}

#[test]
fn sold_out_is_said_without_asking_for_a_second_at_most() {
    let market = Market::new();
    let ticket = market.list(a_new_ticket()).id;
    market.reserved("first", ticket, 9);
    let refuse = |units| refusal(market.reserve("late", &[(ticket, units)]));
    assert_eq!(refuse(2), (ticket, Refusal::SoldOut { left: 1 }));
    market.storage.take_calls();
    market.pass(SECOND.saturating_sub(Duration::from_nanos(1)));
    assert_eq!(refuse(2), (ticket, Refusal::SoldOut { left: 1 }));
    assert_eq!(market.storage.take_calls(), [""; 0], "not one call");
    market.pass(Duration::from_nanos(1));
    assert_eq!(refuse(2), (ticket, Refusal::SoldOut { left: 1 }));
    assert!(market.storage.take_calls().contains(&"commit"), "asked again");
    market.reserved("modest", ticket, 1);
    assert_eq!(refuse(1), (ticket, Refusal::SoldOut { left: 0 }), "never a yes out of memory");
}

/// A memory that outlived a deadline would refuse units that nobody holds any more.
#[test]
fn sold_out_is_said_without_asking_until_a_deadline_at_most() {
    let market = Market::new();
    let ticket = market.list(a_new_ticket().quantity(1)).id;
    market.reserved("slow", ticket, 1);
    market.pass(HOLD.saturating_sub(SECOND / 2));
    assert_eq!(code(market.reserve("quick", &[(ticket, 1)])), "sold_out");
    market.storage.take_calls();
    market.pass((SECOND / 2).saturating_sub(Duration::from_micros(1)));
    assert_eq!(code(market.reserve("quick", &[(ticket, 1)])), "sold_out");
    assert_eq!(market.storage.take_calls(), [""; 0], "not one call");
    market.pass(Duration::from_micros(1));
    market.reserved("quick", ticket, 1);
}

#[test]
fn a_deadline_of_another_process_ends_the_refusals_as_well() {
    let market = Market::new();
    let other = market.another_engine(Arc::clone(&market.clock));
    let ticket = market.list(a_new_ticket().quantity(2)).id;
    market.run(other.orders().reserve(user("slow"), [(ticket, 1)])).unwrap();
    market.pass(SECOND / 2);
    market.reserved("slower", ticket, 1);
    market.pass(HOLD.saturating_sub(SECOND).saturating_add(SECOND / 4));
    assert_eq!(code(market.reserve("quick", &[(ticket, 1)])), "sold_out");
    market.pass(SECOND / 4);
    market.reserved("quick", ticket, 1);
}

/// The gateway is away, so that an order can't end at its deadline: no reason to ask for ever.
#[test]
fn a_deadline_that_passed_in_vain_shortens_no_memory() {
    let market = Market::new();
    let ticket = market.list(a_new_ticket().quantity(1)).id;
    market.reserved("slow", ticket, 1);
    market.pass(HOLD);
    market.storage.fail("order");
    assert_eq!(code(market.reserve("quick", &[(ticket, 1)])), "sold_out");
    market.storage.take_calls();
    market.pass(SECOND.saturating_sub(Duration::from_nanos(1)));
    assert_eq!(code(market.reserve("quick", &[(ticket, 1)])), "sold_out");
    assert_eq!(market.storage.take_calls(), [""; 0], "not one call");
}

#[test]
fn a_release_ends_the_refusals_at_once() {
    let market = Market::new();
    let ticket = market.list(a_new_ticket().quantity(1)).id;
    let holder = market.reserved("holder", ticket, 1);
    assert_eq!(code(market.reserve("waiting", &[(ticket, 1)])), "sold_out");
    market.run(market.engine.orders().cancel(&user("holder"), holder.id)).unwrap();
    market.reserved("waiting", ticket, 1);
}

#[test]
fn a_release_by_another_process_ends_them_within_a_second() {
    let market = Market::new();
    let other = market.another_engine(Arc::clone(&market.clock));
    let ticket = market.list(a_new_ticket().quantity(1)).id;
    let holder = market.reserved("holder", ticket, 1);
    assert_eq!(code(market.reserve("waiting", &[(ticket, 1)])), "sold_out");
    market.run(other.orders().cancel(&user("holder"), holder.id)).unwrap();
    market.pass(SECOND);
    market.reserved("waiting", ticket, 1);
}

#[test]
fn more_capacity_ends_the_refusals_too() {
    let market = Market::new();
    let ticket = market.list(a_new_ticket().quantity(1)).id;
    market.reserved("holder", ticket, 1);
    assert_eq!(code(market.reserve("waiting", &[(ticket, 1)])), "sold_out");
    let more = a_new_ticket().quantity(2);
    market.run(market.engine.tickets().edit(&a_seller(), ticket, more, None)).unwrap();
    market.reserved("waiting", ticket, 1);
}

#[test]
fn a_lost_answer_is_no_second_order() {
    let market = Market::new();
    let ticket = market.list(a_new_ticket()).id;
    market.storage.answer([Answer::LostAfter]);
    let order = market.reserved("buyer", ticket, 2);
    assert_eq!(market.books().orders, [market.order(order.id)]);
    assert_eq!(market.claimed(ticket), (2, 0));
    market.storage.answer([Answer::LostBefore; 9]);
    let late = market.reserved("buyer", ticket, 1);
    assert!(late.created_at > START, "decided anew when it could be committed");
    assert_eq!(market.claimed(ticket), (3, 0));
}

#[test]
fn a_storage_that_is_away_makes_reservations_unavailable() {
    let market = Market::new();
    let ticket = market.list(a_new_ticket()).id;
    market.storage.answer([Answer::NotReached]);
    assert_eq!(code(market.reserve("buyer", &[(ticket, 1)])), "unavailable");
    market.storage.answer([Answer::LostBefore; 64]);
    assert_eq!(code(market.reserve("buyer", &[(ticket, 1)])), "unavailable");
    market.storage.answer([]);
    assert!(market.books().orders.is_empty());
}

#[test]
fn a_caller_that_goes_away_leaves_an_order_or_nothing() {
    for polls in 0..40 {
        let market = Market::new();
        let ticket = market.list(a_new_ticket()).id;
        let orders = market.engine.orders();
        let mut call = Box::pin(orders.reserve(a_buyer(), [(ticket, 3)]));
        for _ in 0..polls {
            let _polled = futures_util::FutureExt::now_or_never(call.as_mut());
            if !market.world.step() {
                break;
            }
        }
        drop(call);
        market.settle();
        let held = market.claimed(ticket).0;
        let orders = market.books().orders.len();
        assert!(matches!((orders, held), (0, 0) | (1, 3)), "{polls}: {orders} {held}");
    }
}
