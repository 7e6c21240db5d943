//! The edges of a pool: the last unit, the limits, rows that say too much.

use crate::domain::inventory::tests::table::pool;
use crate::domain::inventory::{
    Pool, PoolCommand as Command, PoolDecision, PoolState, PoolTerms, Refusal,
};
use crate::domain::order::fixtures::{FRONT_ROW, PLACED, units};
use crate::values::{TimeWindow, Version};

fn terms() -> PoolTerms {
    PoolTerms { max_per_order: None, max_per_buyer: None, ..pool().terms }
}

fn hold(pool: Pool, units: u32, taken: u32) -> Result<PoolDecision, Refusal> {
    let listing = pool.terms.listing;
    pool.decide(Command::Hold { units, listing }, taken, PLACED)
}

#[test]
fn a_new_pool_has_everything_available() {
    let open = Pool::open(FRONT_ROW, terms());
    assert_eq!((open.version, open.state), (Version::FIRST, PoolState::OnSale));
    assert_eq!((open.held, open.sold, open.available()), (0, 0, 10));
}

#[test]
fn the_last_unit_is_held_once() {
    let nearly = Pool { held: 5, sold: 4, terms: terms(), ..pool() };
    let full = hold(nearly, 1, 0).unwrap().pool;
    assert_eq!(full.available(), 0);
    assert_eq!(hold(full, 1, 0), Err(Refusal::SoldOut { left: 0 }));
    assert_eq!(hold(nearly, 2, 0), Err(Refusal::SoldOut { left: 1 }));
}

#[test]
fn limits_count_what_the_buyer_has() {
    let limited = Pool { held: 0, sold: 0, ..pool() };
    assert_eq!(hold(limited, 4, 1).unwrap().taken, Some(5));
    assert_eq!(hold(limited, 4, 2), Err(Refusal::OverBuyerLimit { left: 3 }));
    assert_eq!(hold(limited, 1, 5), Err(Refusal::OverBuyerLimit { left: 0 }));
    // A limit that was lowered after the buyer had more leaves nothing, not less than nothing.
    assert_eq!(hold(limited, 1, 9), Err(Refusal::OverBuyerLimit { left: 0 }));
    assert_eq!(hold(limited, 5, 0), Err(Refusal::OverOrderLimit { limit: 4 }));
    let unlimited = Pool { terms: terms(), ..limited };
    assert_eq!(hold(unlimited, 10, u32::MAX).unwrap().taken, None);
}

/// A group's second claim sees the first one: two of three do not fit twice into five.
#[test]
fn claims_of_a_group_add_up() {
    let first = hold(Pool { terms: terms(), ..pool() }, 3, 0).unwrap().pool;
    assert_eq!(hold(first, 3, 0), Err(Refusal::SoldOut { left: 2 }));
}

#[test]
fn a_row_that_says_too_much_sells_nothing() {
    let wrong = Pool { held: u32::MAX, sold: 5, terms: terms(), ..pool() };
    assert_eq!((wrong.available(), wrong.claimed()), (0, u32::MAX));
    assert_eq!(hold(wrong, 1, 0), Err(Refusal::SoldOut { left: 0 }));
    let sold = wrong.decide(Command::Sell(u32::MAX), 0, PLACED);
    assert_eq!(sold, Err(Refusal::NotThere), "an overflow is refused");
}

#[test]
fn the_capacity_falls_to_what_is_claimed() {
    let restate = |capacity| {
        let terms = PoolTerms { capacity, ..pool().terms };
        pool().decide(Command::Restate { terms, needs_unclaimed: false }, 0, PLACED)
    };
    assert_eq!(restate(5).unwrap().pool.available(), 0);
    assert_eq!(restate(4), Err(Refusal::CapacityTooLow { claimed: 5 }));
}

/// A limit's number may change at any time; that there is one, only while nothing is claimed.
#[test]
fn a_limit_comes_and_goes_with_an_unclaimed_pool() {
    let limited = |max| PoolTerms { max_per_buyer: max, ..pool().terms };
    let restate = |pool: Pool, terms| {
        pool.decide(Command::Restate { terms, needs_unclaimed: false }, 0, PLACED)
    };
    assert!(restate(pool(), limited(Some(units(1)))).is_ok());
    assert_eq!(restate(pool(), limited(None)), Err(Refusal::Claimed));
    let without = Pool { terms: limited(None), ..pool() };
    assert_eq!(restate(without, limited(Some(units(1)))), Err(Refusal::Claimed));
    assert!(restate(Pool { held: 0, sold: 0, ..without }, limited(Some(units(1)))).is_ok());
}

#[test]
fn a_withdrawn_pool_lets_units_go_but_not_in() {
    let withdraw = Command::Withdraw { listing: Version::new(8), cancel_holds: true };
    let withdrawn = pool().decide(withdraw, 0, PLACED).unwrap().pool;
    assert_eq!(withdrawn.state, PoolState::Withdrawn { clearing: true });
    assert_eq!(withdrawn.terms.listing, Version::new(8), "reservations of the old are refused");
    assert!(!withdrawn.view().on_sale);
    let paid = withdrawn.decide(Command::Sell(1), 0, PLACED).unwrap().pool;
    let released = paid.decide(Command::Release(2), 0, PLACED).unwrap().pool;
    let cleared = released.decide(Command::Cleared, 0, PLACED).unwrap().pool;
    assert_eq!(cleared.state, PoolState::Withdrawn { clearing: false });
    assert_eq!((cleared.held, cleared.sold), (0, 3), "what is sold stays sold");
}

#[test]
fn a_withdrawn_pool_is_to_be_cleared_if_a_single_unit_is_held() {
    for held in 0..2 {
        let withdraw = Command::Withdraw { listing: Version::new(8), cancel_holds: true };
        let withdrawn = Pool { held, ..pool() }.decide(withdraw, 0, PLACED).unwrap().pool;
        assert_eq!(withdrawn.state, PoolState::Withdrawn { clearing: held == 1 });
    }
}

#[test]
fn others_see_the_units_and_whether_they_are_on_sale() {
    let view = pool().view();
    assert_eq!((view.ticket_id, view.version), (FRONT_ROW, Version::new(30)));
    assert_eq!((view.capacity, view.held, view.sold, view.available), (10, 3, 2, 5));
    assert!(view.on_sale);
    let always = PoolTerms { sale: TimeWindow::ending(PLACED), ..terms() };
    assert!(Pool { terms: always, ..pool() }.view().on_sale, "sale times aside");
}

#[test]
fn every_refusal_has_a_code_and_a_sentence() {
    let refusals = [
        (Refusal::Missing, "no_such_ticket"),
        (Refusal::NotOnSale, "not_on_sale"),
        (Refusal::SaleNotOpen { opens: PLACED }, "sale_not_open"),
        (Refusal::SaleOver, "sale_over"),
        (Refusal::SoldOut { left: 2 }, "sold_out"),
        (Refusal::OverOrderLimit { limit: 4 }, "over_order_limit"),
        (Refusal::OverBuyerLimit { left: 1 }, "over_buyer_limit"),
        (Refusal::ListingChanged, "listing_changed"),
        (Refusal::Claimed, "ticket_reserved"),
        (Refusal::CapacityTooLow { claimed: 5 }, "capacity_too_low"),
        (Refusal::NotThere, "units_not_there"),
        (Refusal::NoSuchStep, "no_such_step"),
    ];
    for (refusal, code) in refusals {
        assert_eq!(refusal.code(), code);
        assert!(refusal.to_string().contains(' '), "{refusal}");
    }
    assert_eq!(Refusal::SoldOut { left: 0 }.to_string(), "it is reserved or sold out");
    assert_eq!(Refusal::SoldOut { left: 2 }.to_string(), "only 2 are left");
}
