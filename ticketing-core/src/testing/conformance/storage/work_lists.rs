//! What is due: orders whose time is up, and those that hold units of a pool.

use std::time::Duration;

use super::samples::{NO_HOLD, cancel_by, units_for_sale};
use super::scene::Scene;
use crate::domain::order::{Canceller, HoldPolicy, Order, OrderCommand};
use crate::domain::payment::{ConfirmedBy, PaymentCommand, Trouble};
use crate::domain::refund::RefundCommand;
use crate::domain::ticket::Ticket;
use crate::ports::{Due, DuePlace, LiveHolds};
use crate::testing::builders::{a_buyer, user};
use crate::testing::conformance::verdict::{found, worked};
use crate::values::{Money, OrderId, PoolId, Timestamp};

/// Orders that hold units are counted once each, with the units of all their lines; those that
/// were paid for, or have ended, are not.
pub async fn what_is_held_is_counted(scene: &Scene) {
    let holds = async || worked(scene.storage().live_holds().await, "live_holds");
    assert_eq!(holds().await, LiveHolds::default());
    let one = scene.list(units_for_sale(300)).await.ticket;
    let two = scene.list(units_for_sale(300)).await.ticket;
    let both = scene.reserve(&a_buyer(), &[(&one, 2), (&two, 3)]).await;
    let other = scene.reserve(&a_buyer(), &[(&two, 4)]).await;
    let overdue = scene.make().await.with_policy(NO_HOLD);
    scene.apply(overdue.reserve(&a_buyer(), &[(&one, 5)])).await;
    scene.sell(&a_buyer(), &[(&one, 6)]).await;
    assert_eq!(holds().await, LiveHolds { orders: 3, units: 14 }, "what is overdue is held still");
    scene.pay(&both).await;
    assert_eq!(holds().await, LiveHolds { orders: 3, units: 14 }, "a payment that runs holds");
    scene.cancel(&other).await;
    assert_eq!(holds().await, LiveHolds { orders: 2, units: 10 });
}

/// Exactly those orders whose deadline has come by the time that the list names, the longest
/// overdue first, whatever the order of ids.
pub async fn due_orders_are_those_whose_time_is_up(scene: &Scene) {
    let ticket = scene.list(units_for_sale(100)).await.ticket;
    let orders = orders_of_every_kind(scene, &ticket).await;
    for round in 0..3 {
        let due = worked(scene.storage().due_orders(100).await, "due_orders");
        assert_due(&due, &orders, 100);
        for limit in [1, 3] {
            let due = worked(scene.storage().due_orders(limit).await, "due_orders");
            assert_due(&due, &orders, limit);
        }
        assert!(due.items.len() >= 6, "round {round}: those without a hold are due");
        scene.pass(1).await;
    }
    let due = worked(scene.storage().due_orders(100).await, "due_orders");
    let ids: Vec<OrderId> = due.items.iter().map(|order| order.id).collect();
    let deadline = |order: &&Order| order.due_at().is_some_and(|at| at < due.now);
    let late = orders.iter().filter(deadline).map(|order| order.id);
    assert!(late.clone().all(|id| ids.contains(&id)), "every late one is there");
    assert!(late.count() >= 8, "those held for a tick as well");
}

/// A hold ends at its deadline: at that very time the order is due.
pub async fn an_order_is_due_at_its_deadline(scene: &Scene) {
    let ticket = scene.list(units_for_sale(5)).await.ticket;
    let policy = HoldPolicy { hold: scene.tick(), ..NO_HOLD };
    let make = scene.make().await.with_policy(policy);
    let order = scene.apply(make.reserve(&a_buyer(), &[(&ticket, 1)])).await;
    let before = worked(scene.storage().due_orders(10).await, "due_orders");
    assert_due(&before, std::slice::from_ref(&order), 10);
    assert_eq!(before.items, [], "a tick is longer than a few calls");
    scene.pass(1).await;
    let at = worked(scene.storage().due_orders(10).await, "due_orders");
    assert!(at.now >= order.deadline(), "a tick has passed");
    assert_eq!(at.items, std::slice::from_ref(&order));
    let expired = scene.apply(scene.make().await.expire(&order)).await;
    let after = worked(scene.storage().due_orders(10).await, "due_orders");
    assert_eq!(after.items, [], "{expired:?}");
}

/// The due orders of one pool are those that have a line there.
pub async fn due_orders_of_a_pool_are_its_own(scene: &Scene) {
    let one = scene.list(units_for_sale(100)).await.ticket;
    let two = scene.list(units_for_sale(100)).await.ticket;
    let mut of_one = Vec::new();
    let mut of_two = Vec::new();
    for steps in (0..9).rev() {
        let make = scene.make_aged(steps).await.with_policy(NO_HOLD);
        let lines: &[(&Ticket, u32)] = match steps % 3 {
            0 => &[(&one, 1)],
            1 => &[(&two, 1)],
            _ => &[(&one, 1), (&two, 2)],
        };
        let order = scene.apply(make.reserve(&a_buyer(), lines)).await;
        if steps % 3 != 1 {
            of_one.push(order.clone());
        }
        if steps % 3 != 0 {
            of_two.push(order);
        }
    }
    let held = scene.reserve(&a_buyer(), &[(&one, 1)]).await;
    for (pool, orders) in [(one.id, &of_one), (two.id, &of_two)] {
        for limit in [100, 2] {
            let due = worked(scene.storage().due_orders_of(pool, limit).await, "due_orders_of");
            assert_due(&due, orders, limit);
            assert!(!due.items.contains(&held), "its time is not up");
        }
    }
    let nowhere = PoolId::from_uuid(scene.ids().next());
    let due = worked(scene.storage().due_orders_of(nowhere, 10).await, "due_orders_of");
    assert_eq!(due.items, []);
}

/// The live orders of a pool are those that hold units of it, the soonest to end first, from
/// wherever the page before ended.
pub async fn live_orders_come_by_their_end(scene: &Scene) {
    let ticket = scene.list(units_for_sale(100)).await.ticket;
    let other = scene.list(units_for_sale(100)).await.ticket;
    let orders = orders_of_every_kind(scene, &ticket).await;
    let both = scene.reserve(&a_buyer(), &[(&other, 1), (&ticket, 1)]).await;
    scene.reserve(&a_buyer(), &[(&other, 1)]).await;
    let mut live: Vec<Order> = orders.into_iter().filter(Order::is_live).collect();
    live.push(both);
    live.sort_by_key(DuePlace::of);

    for limit in [1, 3, 100] {
        let mut read = Vec::new();
        let mut after = None;
        for _ in 0..=live.len() {
            let page = scene.storage().live_orders(ticket.id, after, limit).await;
            let page = worked(page, "live_orders");
            assert!(page.len() <= limit, "a page keeps to its limit");
            after = page.last().and_then(DuePlace::of).or(after);
            read.extend(page);
        }
        assert_eq!(read, live, "{limit} a page");
    }
}

/// A limit of zero is answered with nothing, and one without end with everything.
pub async fn every_limit_is_kept(scene: &Scene) {
    let ticket = scene.list(units_for_sale(5)).await.ticket;
    let make = scene.make().await.with_policy(NO_HOLD);
    scene.apply(make.reserve(&a_buyer(), &[(&ticket, 1)])).await;
    let webhook = scene.received("evt_1").await;
    let (storage, lease) = (scene.storage(), scene.tick());
    for (limit, some) in [(0, false), (usize::MAX, true)] {
        let due = worked(storage.due_orders(limit).await, "due_orders");
        assert_eq!(!due.items.is_empty(), some, "due_orders");
        let due = worked(storage.due_orders_of(ticket.id, limit).await, "due_orders_of");
        assert_eq!(!due.items.is_empty(), some, "due_orders_of");
        let live = worked(storage.live_orders(ticket.id, None, limit).await, "live_orders");
        assert_eq!(!live.is_empty(), some, "live_orders");
        worked(storage.clearing_pools(limit).await, "clearing_pools");
        worked(storage.unsettled_payments(lease, limit).await, "unsettled_payments");
        worked(storage.unsettled_refunds(lease, limit).await, "unsettled_refunds");
        worked(storage.parked_payments(limit).await, "parked_payments");
        worked(storage.failed_refunds(limit).await, "failed_refunds");
        let open = worked(storage.claim_webhooks(lease, limit).await, "claim_webhooks");
        assert_eq!(!open.is_empty(), some, "claim_webhooks");
        let rows = worked(storage.claim_outbox(lease, limit).await, "claim_outbox");
        assert_eq!(!rows.is_empty(), some, "claim_outbox");
        scene.note(&rows);
        worked(storage.published_since(Timestamp::MIN, None, limit).await, "published_since");
        worked(storage.dead_letters(limit).await, "dead_letters");
        let gone = worked(storage.prune(Timestamp::MIN, limit).await, "prune");
        assert_eq!(gone, 0, "nothing is so old");
    }
    scene.close_webhook(&webhook).await;
}

/// What is with an operator is listed until it is resumed, and what failed until it is tried
/// again: the oldest first, as far as the limit goes. Nothing else is.
pub async fn what_needs_an_operator_is_listed(scene: &Scene) {
    let storage = scene.storage();
    let ticket = scene.list(units_for_sale(100)).await.ticket;
    let (mut parked, mut failed) = (Vec::new(), Vec::new());
    for steps in (0..3).rev() {
        let make = || scene.make_aged(steps);
        let sold = scene.sell(&a_buyer(), &[(&ticket, 2)]).await;
        let owed = scene.apply(make().await.refund(&sold, Money::usd(5_00))).await;
        let refund = found(owed.refund, "the refund");
        failed.push(scene.apply(make().await.refund_step(&refund, RefundCommand::Failed)).await);
        let order = scene.reserve(&a_buyer(), &[(&ticket, 1)]).await;
        let paying = scene.apply(make().await.start_payment(&order, ConfirmedBy::Server)).await;
        let park = PaymentCommand::Park(Trouble::Misconfigured);
        parked.push(scene.apply(make().await.payment(&paying.payment, park)).await);
    }
    for limit in [0, 2, 100] {
        let read = worked(storage.parked_payments(limit).await, "parked_payments");
        assert_eq!(read, parked.iter().take(limit).cloned().collect::<Vec<_>>());
        let read = worked(storage.failed_refunds(limit).await, "failed_refunds");
        assert_eq!(read, failed.iter().take(limit).cloned().collect::<Vec<_>>());
    }
    let (first_parked, first_failed) = (parked.remove(0), failed.remove(0));
    let make = scene.make().await;
    scene.apply(make.payment(&first_parked, PaymentCommand::Resume)).await;
    scene.apply(make.refund_step(&first_failed, RefundCommand::Retry)).await;
    assert_eq!(worked(storage.parked_payments(100).await, "parked_payments"), parked);
    assert_eq!(worked(storage.failed_refunds(100).await, "failed_refunds"), failed);
}

/// Orders in every state, some of them overdue, of every age.
async fn orders_of_every_kind(scene: &Scene, ticket: &Ticket) -> Vec<Order> {
    let lines = [(ticket, 1)];
    let mut orders = Vec::new();
    for steps in (0..6).rev() {
        let make = scene.make_aged(steps).await.with_policy(NO_HOLD);
        orders.push(scene.apply(make.reserve(&a_buyer(), &lines)).await);
    }
    let tick = HoldPolicy { hold: scene.tick(), ..NO_HOLD };
    let for_a_tick = || async { scene.make().await.with_policy(tick) };
    orders.push(scene.apply(for_a_tick().await.reserve(&a_buyer(), &lines)).await);
    let paying = scene.apply(for_a_tick().await.reserve(&a_buyer(), &lines)).await;
    let started = for_a_tick().await.start_payment(&paying, ConfirmedBy::Server);
    orders.push(scene.apply(started).await.order);
    orders.push(scene.reserve(&a_buyer(), &lines).await);
    orders.push(scene.sell(&user("payer"), &lines).await.order);
    let dropped = scene.reserve(&a_buyer(), &lines).await;
    orders.push(scene.cancel(&dropped).await);
    for patience in [Duration::ZERO, Duration::from_mins(10)] {
        let paying = scene.reserve(&a_buyer(), &lines).await;
        let paying = scene.pay(&paying).await.order;
        let by = Canceller::Buyer;
        let cancel = OrderCommand::Cancel { by, patience };
        orders.push(scene.apply(scene.make().await.order(&paying, cancel)).await);
    }
    let seller = scene.reserve(&a_buyer(), &lines).await;
    let cancel = cancel_by(Canceller::Seller);
    orders.push(scene.apply(scene.make().await.order(&seller, cancel)).await);
    orders
}

/// The first `limit` of those that are due at the time that the list names.
fn assert_due(due: &Due<Order>, orders: &[Order], limit: usize) {
    let at = |order: &Order| order.due_at().filter(|at| *at <= due.now);
    let mut expected: Vec<(Timestamp, OrderId)> =
        orders.iter().filter_map(|order| at(order).map(|at| (at, order.id))).collect();
    expected.sort();
    expected.truncate(limit);
    let read = due.items.iter().map(|order| {
        let at = found(order.due_at(), "the deadline of a due order");
        assert!(orders.contains(order), "as it is stored: {order:?}");
        (at, order.id)
    });
    let mut read: Vec<(Timestamp, OrderId)> = read.collect();
    assert!(read.is_sorted_by_key(|(at, _)| *at), "the longest overdue first: {read:?}");
    // Those of one and the same deadline may come in any order.
    read.sort();
    if expected.len() < limit {
        assert_eq!(read, expected, "due at {}", due.now);
    }
    let deadlines = |list: &[(Timestamp, OrderId)]| list.iter().map(|(at, _)| *at).collect();
    let (read, expected): (Vec<Timestamp>, Vec<Timestamp>) =
        (deadlines(&read), deadlines(&expected));
    assert_eq!(read, expected, "due at {}", due.now);
}
