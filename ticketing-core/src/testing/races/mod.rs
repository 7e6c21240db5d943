//! Races of buyers, over the storage of one process or of several.
//!
//! Where the conformance suite commits batches, these sell: whole engines reserve, pay and end
//! holds over the storages that they are given, each standing for a process of its own. Every
//! call of a storage comes late by some milliseconds, so that between what somebody looked at and
//! what is written of it, everybody else has looked, too. Whoever writes an adapter runs each of
//! them over a fresh store:
//!
//! ```
//! use std::sync::Arc;
//!
//! use ticketing_core::memory::MemoryStorage;
//! use ticketing_core::ports::Storage;
//! use ticketing_core::testing::races;
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let storage = MemoryStorage::new();
//! let processes: [Arc<dyn Storage>; 2] = [Arc::new(storage.clone()), Arc::new(storage)];
//! races::a_limit_per_buyer_holds(&processes).await;
//! # });
//! ```
//!
//! No engine here has duties: what ends a hold is what a buyer does.

#![expect(clippy::missing_panics_doc, reason = "every race panics when the storage loses it")]

mod late_money;
mod shop;

pub use late_money::of_two_late_payments_one_completes;

use std::sync::Arc;

use self::shop::{Shop, count};
use crate::domain::ticket::NewTicket;
use crate::ports::Storage;
use crate::service::Caller;
use crate::testing::builders::user;
use crate::testing::conformance::verdict::{only, worked};
use crate::values::{IdempotencyKey, Money};

/// How often a race of two is run.
const ROUNDS: usize = 5;

fn a_place() -> NewTicket {
    NewTicket::new("A place", Money::usd(20_00))
}

/// Two hundred buyers want one of fifty units each: fifty get one, and the others hear that it is
/// sold out.
pub async fn a_crowd_gets_what_there_is(processes: &[Arc<dyn Storage>]) {
    let shop = Shop::open(processes).await;
    let ticket = shop.list(a_place().quantity(50)).await;
    let answers = shop.each(200, |engine, number| async move {
        engine.orders().reserve(user(&format!("buyer-{number}")), [(ticket, 1)]).await
    });
    let told = count(answers.await);
    assert_eq!(told.ok, 50, "{told:?}");
    assert_eq!(told.refused("sold_out"), 150, "{told:?}");
    shop.expect(ticket, 50, 0).await;
    shop.close(0).await;
}

/// One buyer asks forty times at once for one of many units, and may have two.
pub async fn a_limit_per_buyer_holds(processes: &[Arc<dyn Storage>]) {
    let shop = Shop::open(processes).await;
    let ticket = shop.list(a_place().quantity(100).max_per_buyer(2)).await;
    let answers = shop.each(40, |engine, _| async move {
        engine.orders().reserve(user("greedy"), [(ticket, 1)]).await
    });
    let told = count(answers.await);
    assert_eq!(told.ok, 2, "{told:?}");
    assert_eq!(told.refused("over_buyer_limit"), 38, "{told:?}");
    shop.expect(ticket, 2, 0).await;
    shop.close(0).await;
}

/// Two buyers, both of whose holds of the only unit are overdue, go to pay at the same moment, and
/// whoever is refused tries to reserve it anew: one of them has it in the end, and has paid for it.
pub async fn of_two_overdue_holds_one_is_bought(processes: &[Arc<dyn Storage>]) {
    let shop = Shop::open(processes).await;
    for round in 0..ROUNDS {
        let ticket = shop.list(a_place()).await;
        let (ann, bob) = (user(&format!("ann-{round}")), user(&format!("bob-{round}")));
        let buyers = [ann, bob];
        let mut overdue = Vec::new();
        for buyer in &buyers {
            overdue.push((buyer.clone(), shop.overdue_hold(buyer, ticket).await));
        }
        let told = count(shop.check_out_all(overdue, ticket).await);
        assert_eq!(told.ok, 1, "round {round}: {told:?}");
        assert_eq!(told.refused("sold_out"), 1, "round {round}: {told:?}");
        shop.expect(ticket, 0, 1).await;
        for buyer in &buyers {
            shop.expect_no_hold(buyer).await;
        }
    }
    shop.close(ROUNDS).await;
}

/// The same of one buyer who may have one unit of many, and has two overdue holds: one is bought.
pub async fn a_buyer_with_two_overdue_holds_buys_once(processes: &[Arc<dyn Storage>]) {
    let shop = Shop::open(processes).await;
    for round in 0..ROUNDS {
        let ticket = shop.list(a_place().quantity(10).max_per_buyer(1)).await;
        let buyer = user(&format!("buyer-{round}"));
        let mut overdue = Vec::new();
        for _hold in 0..2 {
            overdue.push((buyer.clone(), shop.overdue_hold(&buyer, ticket).await));
        }
        let told = count(shop.check_out_all(overdue, ticket).await);
        assert_eq!(told.ok, 1, "round {round}: {told:?}");
        assert_eq!(told.refused("over_buyer_limit"), 1, "round {round}: {told:?}");
        shop.expect(ticket, 0, 1).await;
        shop.expect_no_hold(&buyer).await;
    }
    shop.close(ROUNDS).await;
}

/// One command is sent forty times under one idempotency key: there is one order, and everybody
/// hears of it. Another command under that key is refused.
pub async fn one_key_is_one_order(processes: &[Arc<dyn Storage>]) {
    let shop = Shop::open(processes).await;
    let ticket = shop.list(a_place().quantity(100)).await;
    let buyer = user("buyer");
    let key = worked(IdempotencyKey::new("checkout-17"), "the key");
    let caller = Caller::default().with_key(key);
    let answers = shop.each(40, |engine, _| {
        let (engine, buyer) = (engine.caller(caller.clone()), buyer.clone());
        async move { engine.orders().reserve(buyer, [(ticket, 1)]).await }
    });
    let mut views: Vec<_> =
        answers.await.into_iter().map(|answer| worked(answer, "reserve under a key")).collect();
    views.dedup();
    let view = only(views, "what everybody heard");
    assert_eq!(shop.orders_of(&buyer).await, [view.id], "one order");
    shop.expect(ticket, 1, 0).await;

    let others = shop.each(4, |engine, _| {
        let (engine, buyer) = (engine.caller(caller.clone()), buyer.clone());
        async move { engine.orders().reserve(buyer, [(ticket, 2)]).await }
    });
    let told = count(others.await);
    assert_eq!(told.refused("idempotency_key_reused"), 4, "{told:?}");
    shop.expect(ticket, 1, 0).await;
    shop.close(0).await;
}
