//! Many callers at once, from several handles: exact numbers, and nobody waits for ever.

use std::sync::Arc;
use std::time::Duration;

use super::outcome::Outcome;
use super::samples::{NO_HOLD, units_for_sale};
use super::scene::{Scene, commit};
use crate::domain::inventory::Refusal;
use crate::domain::order::{HoldPolicy, Order};
use crate::domain::payment::ConfirmedBy;
use crate::domain::ticket::NewTicket;
use crate::ports::{CommitError, Group, Snapshot, Storage, WriteBatch};
use crate::testing::builders::{BatchFactory, Planned, user};
use crate::testing::conformance::parallel::parallel;
use crate::testing::conformance::verdict::{only, worked};
use crate::values::{Money, UserId};

/// A caller of its own, beside others.
#[derive(Clone)]
struct Caller {
    storage: Arc<dyn Storage>,
    make: BatchFactory,
    buyer: UserId,
}

/// Two hundred callers want one unit of fifty, one by one and in groups: fifty get one.
pub async fn a_hot_pool_is_sold_exactly(scene: &Scene) {
    for group in [1_usize, 4] {
        let ticket = scene.list(units_for_sale(50)).await.ticket;
        let outcomes = each(scene, 200 / group, |caller, _| {
            let ticket = ticket.clone();
            async move {
                caller.group_of(group, |make| make.reserve(&caller.buyer, &[(&ticket, 1)])).await
            }
        });
        let outcomes = outcomes.await.concat();
        let sold_out = Outcome::ClaimRefused(ticket.id, Refusal::SoldOut { left: 0 });
        let refused = outcomes.iter().filter(|outcome| **outcome == sold_out).count();
        let applied = outcomes.iter().filter(|outcome| outcome.is_applied()).count();
        assert_eq!((applied, refused), (50, 150), "{outcomes:?}");
        assert_eq!(scene.claimed(ticket.id).await, (50, 0));
    }
}

/// Callers who want two and three units of a pool never get more than there are, and whoever is
/// refused is told how many were left.
pub async fn no_pool_is_oversold(scene: &Scene) {
    let ticket = scene.list(units_for_sale(41)).await.ticket;
    let outcomes = each(scene, 60, |caller, number| {
        let (ticket, wanted) = (ticket.clone(), if number % 2 == 0 { 2 } else { 3 });
        async move {
            let plan = |make: &BatchFactory| make.reserve(&caller.buyer, &[(&ticket, wanted)]);
            (wanted, caller.one(plan).await)
        }
    });
    let mut sum = 0;
    for (wanted, outcome) in outcomes.await {
        if let Outcome::ClaimRefused(_, Refusal::SoldOut { left }) = outcome {
            assert!(left < wanted, "{wanted} would have fitted: {left}");
        } else {
            assert!(outcome.is_applied(), "{outcome:?}");
            sum += wanted;
        }
    }
    assert_eq!(scene.claimed(ticket.id).await, (sum, 0), "held is what was granted");
    assert!((40..=41).contains(&sum), "as many as fit: {sum}");
}

/// Writers that predict from their own last commit, while others commit too, sell exactly what
/// there is.
pub async fn writers_that_predict_sell_exactly(scene: &Scene) {
    let listing = scene.list(units_for_sale(120)).await;
    let applied = each(scene, 6, |caller, _| {
        let listing = listing.clone();
        async move {
            let mut known = listing.pool;
            let mut applied = 0;
            for _ in 0..30 {
                let now = worked(caller.storage.now().await, "now");
                let make = caller.make.at(now);
                let lines = [(&listing.ticket, 1)];
                let plans = (0..3).map(|_| make.reserve(&caller.buyer, &lines).batch);
                let mut predicted = Snapshot::empty(now);
                predicted.pools.insert(known.id, known);
                let group = Group { batches: plans.collect(), predicted: Some(predicted) };
                let committed = caller.storage.commit(group).await;
                let outcomes = Outcome::all(&committed);
                applied += outcomes.iter().filter(|outcome| outcome.is_applied()).count();
                known = committed.pools.first().copied().unwrap_or(known);
            }
            applied
        }
    });
    let applied: usize = applied.await.iter().sum();
    assert_eq!(applied, 120, "every unit is sold, and none twice");
    assert_eq!(scene.claimed(listing.pool.id).await, (120, 0));
}

/// Orders of two listings in one order and in the other, at once: no deadlock, all or none, and
/// both pools exact.
pub async fn crossing_orders_do_not_deadlock(scene: &Scene) {
    let one = scene.list(units_for_sale(30)).await.ticket;
    let two = scene.list(units_for_sale(20)).await.ticket;
    let outcomes = each(scene, 60, |caller, number| {
        let mut tickets = [one.clone(), two.clone()];
        if number % 2 == 0 {
            tickets.reverse();
        }
        async move {
            let lines = tickets.each_ref().map(|ticket| (ticket, 1));
            caller.group_of(2, |make| make.reserve(&caller.buyer, &lines)).await
        }
    });
    let outcomes = outcomes.await.concat();
    let applied = outcomes.iter().filter(|outcome| outcome.is_applied()).count();
    assert_eq!(applied, 20, "as many as the smaller pool has: {outcomes:?}");
    assert_eq!(scene.claimed(one.id).await, (20, 0));
    assert_eq!(scene.claimed(two.id).await, (20, 0));
}

/// One buyer sends many orders at once: together they never have more than the limit.
pub async fn a_limit_holds_against_a_crowd(scene: &Scene) {
    let ticket = scene.list(units_for_sale(500).max_per_buyer(7)).await.ticket;
    let buyer = user("greedy");
    let outcomes = each(scene, 40, |caller, _| {
        let (ticket, buyer) = (ticket.clone(), buyer.clone());
        async move { caller.one(|make| make.reserve(&buyer, &[(&ticket, 1)])).await }
    });
    let outcomes = outcomes.await;
    let over = Outcome::ClaimRefused(ticket.id, Refusal::OverBuyerLimit { left: 0 });
    let refused = outcomes.iter().filter(|outcome| **outcome == over).count();
    let applied = outcomes.iter().filter(|outcome| outcome.is_applied()).count();
    assert_eq!((applied, refused), (7, 33), "{outcomes:?}");
    assert_eq!(scene.claimed(ticket.id).await, (7, 0));
}

/// Units are taken and given back by everyone at once: none is lost and none appears.
pub async fn units_are_conserved_under_churn(scene: &Scene) {
    let ticket = scene.list(units_for_sale(5)).await.ticket;
    let granted = each(scene, 24, |caller, _| {
        let ticket = ticket.clone();
        async move {
            let mut granted = 0_u32;
            for _ in 0..8 {
                let placed = caller.plan(|make| make.reserve(&caller.buyer, &[(&ticket, 1)]));
                let placed = placed.await;
                if !caller.send(&placed.batch).await.is_applied() {
                    continue;
                }
                granted += 1;
                let cancelled = caller.one(|make| make.cancel(&placed.next)).await;
                assert!(cancelled.is_applied(), "{cancelled:?}");
            }
            granted
        }
    });
    let granted: u32 = granted.await.iter().sum();
    assert!(granted >= 5, "units come back: {granted}");
    assert_eq!(scene.claimed(ticket.id).await, (0, 0));
    let last = scene.reserve(&user("last"), &[(&ticket, 5)]).await;
    assert_eq!(last.lines.len(), 1, "all of them can be had");
}

/// Of many decisions on one version of one order, one is committed.
pub async fn one_of_many_decisions_wins(scene: &Scene) {
    let ticket = scene.list(units_for_sale(5)).await.ticket;
    for round in 0..5 {
        let order = scene.reserve(&user("buyer"), &[(&ticket, 1)]).await;
        let outcomes = each(scene, 16, |caller, number| {
            let order: Order = order.clone();
            async move {
                match number % 2 {
                    0 => caller.one(|make| make.cancel(&order)).await,
                    _ => caller.one(|make| make.extend(&order)).await,
                }
            }
        });
        let outcomes = outcomes.await;
        let conflict = Outcome::Conflict(order.id.into());
        let refused = outcomes.iter().filter(|outcome| **outcome == conflict).count();
        let applied = outcomes.iter().filter(|outcome| outcome.is_applied()).count();
        assert_eq!((applied, refused), (1, 15), "round {round}: {outcomes:?}");
        let order = scene.order(order.id).await;
        if order.is_live() {
            scene.cancel(&order).await;
        }
    }
    assert_eq!(scene.claimed(ticket.id).await, (0, 0));
}

/// A seller changes the price while buyers reserve: either the price changed and all orders have
/// the new one, or units were claimed and it did not.
pub async fn an_edit_races_reservations(scene: &Scene) {
    for _round in 0..10 {
        let listing = scene.list(units_for_sale(50)).await;
        let outcomes = each(scene, 8, |caller, number| {
            let listing = listing.clone();
            async move {
                if number == 3 {
                    let terms = NewTicket::new("Dearer", Money::usd(30_00)).quantity(50);
                    return caller.one(|make| make.edit(&listing, terms.clone())).await;
                }
                let lines = [(&listing.ticket, 1)];
                caller.one(|make| make.reserve(&caller.buyer, &lines)).await
            }
        });
        let outcomes = outcomes.await;
        let edited = outcomes.get(3).is_some_and(Outcome::is_applied);
        let (held, _) = scene.claimed(listing.pool.id).await;
        let pool = listing.pool.id;
        let (refused, expected) = if edited {
            (Outcome::ClaimRefused(pool, Refusal::ListingChanged), 7)
        } else {
            (Outcome::ClaimRefused(pool, Refusal::Claimed), 1)
        };
        let count = outcomes.iter().filter(|outcome| **outcome == refused).count();
        assert_eq!(count, expected, "{outcomes:?}");
        assert_eq!(held, if edited { 0 } else { 7 }, "{outcomes:?}");
    }
}

/// A pay and the expiry of the same order at once: one of them wins.
pub async fn paying_races_expiring(scene: &Scene) {
    let ticket = scene.list(units_for_sale(50)).await.ticket;
    for _round in 0..5 {
        let hold = Duration::from_millis(400);
        let policy = HoldPolicy { hold, ..NO_HOLD };
        let make = scene.make().await.with_policy(policy);
        let order = scene.apply(make.reserve(&user("buyer"), &[(&ticket, 1)])).await;
        scene.namespace().pass(hold).await;
        let outcomes = each(scene, 8, |caller, number| {
            let order: Order = order.clone();
            async move {
                // Decided in time, and sent when it is over.
                let late = order.deadline().minus(Duration::from_micros(1));
                if number % 2 == 0 {
                    return caller.one(|make| make.expire(&order)).await;
                }
                let make = caller.make.at(late);
                caller.send(&make.start_payment(&order, ConfirmedBy::Server).batch).await
            }
        });
        let outcomes = outcomes.await;
        let applied = outcomes.iter().filter(|outcome| outcome.is_applied()).count();
        assert_eq!(applied, 1, "one expiry, no payment: {outcomes:?}");
        assert!(!scene.order(order.id).await.is_live(), "it expired");
    }
    assert_eq!(scene.claimed(ticket.id).await, (0, 0));
}

impl Caller {
    /// Plans at the storage's time.
    async fn plan<T>(&self, plan: impl Fn(&BatchFactory) -> Planned<T>) -> Planned<T> {
        let now = worked(self.storage.now().await, "now");
        plan(&self.make.at(now))
    }

    async fn send(&self, batch: &WriteBatch) -> Outcome {
        let committed = commit(&*self.storage, vec![batch.clone()]).await;
        only(Outcome::all(&committed), "the outcome of one batch")
    }

    /// Commits one plan; whoever is out of time decides again, as the engine does.
    async fn one<T>(&self, plan: impl Fn(&BatchFactory) -> Planned<T>) -> Outcome {
        only(self.group_of(1, plan).await, "the outcome of one batch")
    }

    /// Commits so many plans in one group.
    async fn group_of<T>(
        &self,
        size: usize,
        plan: impl Fn(&BatchFactory) -> Planned<T>,
    ) -> Vec<Outcome> {
        loop {
            let now = worked(self.storage.now().await, "now");
            let make = self.make.at(now);
            let batches = (0..size).map(|_| plan(&make).batch).collect();
            let committed = commit(&*self.storage, batches).await;
            let late = |outcome: &Result<_, CommitError>| {
                matches!(outcome, Err(CommitError::OutOfTime { .. }))
            };
            if !committed.outcomes.iter().all(late) || committed.outcomes.is_empty() {
                return Outcome::all(&committed);
            }
        }
    }
}

/// Lets so many callers act at once, over four handles; what each came to.
async fn each<T, F>(scene: &Scene, callers: usize, act: impl Fn(Caller, usize) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let make = scene.make().await;
    let handles = scene.handles(4).await;
    let handles = handles.iter().cycle().take(callers).enumerate();
    let tasks = handles.map(|(number, storage)| {
        let caller = Caller {
            storage: Arc::clone(storage),
            make: make.clone(),
            buyer: user(&format!("buyer-{number}")),
        };
        act(caller, number)
    });
    parallel(tasks.collect()).await
}
