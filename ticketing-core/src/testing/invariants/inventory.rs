//! Units: claimed once, by somebody, within limits.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::inventory::{Pool, PoolState, PoolTerms};
use crate::domain::order::{Line, Order};
use crate::domain::ticket::{Ticket, TicketState};
use crate::testing::invariants::Found;
use crate::testing::invariants::indexed::{Indexed, held, sold};
use crate::values::{PoolId, UserId};

/// I1: what is held and sold of a pool fits into its capacity.
pub(super) fn claims_fit_the_capacity(world: &Indexed<'_>, found: &mut Found) {
    for pool in &world.books.pools {
        let claimed = pool.held.checked_add(pool.sold);
        let fits = claimed.is_some_and(|claimed| claimed <= pool.terms.capacity);
        found.check(fits, "I1", || {
            let (held, sold, capacity) = (pool.held, pool.sold, pool.terms.capacity);
            format!("pool {}: {held} held and {sold} sold of {capacity}", pool.id)
        });
    }
}

/// I2: a pool's held units are those of its live orders, its sold ones those of complete and
/// refunded orders but for what went back on sale.
pub(super) fn claims_are_those_of_the_orders(world: &Indexed<'_>, found: &mut Found) {
    let mut sums: BTreeMap<PoolId, (u64, u64)> = BTreeMap::new();
    for (order, line) in lines(world) {
        let sum = sums.entry(line.ticket_id).or_default();
        sum.0 = sum.0.saturating_add(held(order, line).into());
        sum.1 = sum.1.saturating_add(sold(order, line).into());
    }
    for pool in &world.books.pools {
        let claimed = (u64::from(pool.held), u64::from(pool.sold));
        let summed = sums.remove(&pool.id).unwrap_or_default();
        found.check(claimed == summed, "I2", || {
            format!("pool {}: (held, sold) is {claimed:?}, its orders' {summed:?}", pool.id)
        });
    }
    for (pool, summed) in sums {
        found.check(summed == (0, 0), "I2", || {
            format!("pool {pool} does not exist, but orders hold and bought {summed:?} of it")
        });
    }
}

/// I6: an order's lines name different pools that exist, so that it holds all of them or none.
pub(super) fn lines_name_different_pools(world: &Indexed<'_>, found: &mut Found) {
    for order in &world.books.orders {
        let pools: BTreeSet<PoolId> = order.lines.iter().map(|line| line.ticket_id).collect();
        found.check(!pools.is_empty() && pools.len() == order.lines.len(), "I6", || {
            format!("order {} has no lines, or two of one ticket", order.id)
        });
        for pool in pools.iter().filter(|pool| !world.pools.contains_key(*pool)) {
            found.add("I6", format!("order {} has a line of no pool: {pool}", order.id));
        }
    }
}

/// I7: where there is a limit per buyer, allowances count what each buyer holds and bought.
pub(super) fn allowances_count_the_buyers_units(world: &Indexed<'_>, found: &mut Found) {
    let mut units: BTreeMap<(PoolId, &UserId), u64> = BTreeMap::new();
    for (order, line) in lines(world) {
        let limited = world.pools.get(&line.ticket_id).is_some_and(|pool| is_limited(pool));
        let claimed = u64::from(held(order, line)).saturating_add(sold(order, line).into());
        if limited && claimed > 0 {
            let sum = units.entry((line.ticket_id, &order.buyer)).or_default();
            *sum = sum.saturating_add(claimed);
        }
    }
    for allowance in &world.books.allowances {
        let counted = units.remove(&(allowance.pool, &allowance.buyer)).unwrap_or(0);
        found.check(counted == u64::from(allowance.taken), "I7", || {
            let (buyer, taken) = (&allowance.buyer, allowance.taken);
            format!("pool {}: {buyer} has {counted}, allowed as {taken}", allowance.pool)
        });
    }
    for ((pool, buyer), counted) in units {
        found.add("I7", format!("pool {pool}: {buyer} has {counted} without an allowance"));
    }
}

/// I7: orders that were placed under the terms that are still in force are within their limits.
/// A limit may fall below what somebody already has, but not without a new version.
pub(super) fn limits_held_when_the_order_was_placed(world: &Indexed<'_>, found: &mut Found) {
    let mut bought: BTreeMap<(PoolId, &UserId), u32> = BTreeMap::new();
    for (order, line) in lines(world) {
        let Some(pool) = world.pools.get(&line.ticket_id) else { continue };
        if line.listing_version != pool.terms.listing {
            continue;
        }
        let quantity = line.quantity.get();
        let in_order = pool.terms.max_per_order.is_none_or(|most| quantity <= most.get());
        found.check(in_order, "I7", || format!("order {}: {quantity} of {}", order.id, pool.id));
        let sum = bought.entry((pool.id, &order.buyer)).or_default();
        *sum = sum.saturating_add(held(order, line)).saturating_add(sold(order, line));
    }
    for ((id, buyer), units) in bought {
        let most = world.pools.get(&id).and_then(|pool| pool.terms.max_per_buyer);
        let in_all = most.is_none_or(|most| units <= most.get());
        found.check(in_all, "I7", || format!("pool {id}: {buyer} has {units}"));
    }
}

/// I8: a pool repeats of its listing what claims are guarded by, so that an edit can't pass by.
pub(super) fn pools_repeat_their_listings(world: &Indexed<'_>, found: &mut Found) {
    for ticket in &world.books.tickets {
        let repeated = world.pools.get(&ticket.id).is_some_and(|pool| repeats(pool, ticket));
        found.check(repeated, "I8", || {
            format!("ticket {} at {} is not what its pool repeats", ticket.id, ticket.version)
        });
    }
    for pool in &world.books.pools {
        let listed = world.tickets.contains_key(&pool.id);
        found.check(listed, "I8", || format!("pool {} has no listing", pool.id));
    }
}

fn repeats(pool: &Pool, ticket: &Ticket) -> bool {
    let terms = PoolTerms {
        listing: ticket.version,
        sale: ticket.terms.sale,
        capacity: ticket.terms.capacity.get(),
        max_per_order: ticket.terms.max_per_order,
        max_per_buyer: ticket.terms.max_per_buyer,
    };
    let same_state = match (ticket.state, pool.state) {
        (TicketState::OnSale, PoolState::OnSale)
        | (TicketState::Withdrawn, PoolState::Withdrawn { .. }) => true,
        (TicketState::OnSale, PoolState::Withdrawn { .. })
        | (TicketState::Withdrawn, PoolState::OnSale) => false,
    };
    pool.terms == terms && same_state
}

fn is_limited(pool: &Pool) -> bool {
    pool.terms.max_per_buyer.is_some()
}

fn lines<'a>(world: &Indexed<'a>) -> impl Iterator<Item = (&'a Order, &'a Line)> {
    let orders = world.books.orders.iter();
    orders.flat_map(|order| order.lines.iter().map(move |line| (order, line)))
}
