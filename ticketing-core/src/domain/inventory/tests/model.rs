//! Any sequence of commands, against a model of whole numbers: where each buyer's units are.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::domain::inventory::tests::table::assert_laws;
use crate::domain::inventory::{Pool, PoolCommand as Command, PoolState, PoolTerms};
use crate::domain::order::fixtures::{FRONT_ROW, PLACED, minutes, units};
use crate::values::{TimeWindow, Timestamp, Version};

#[derive(Debug, Clone)]
enum Step {
    /// In the name of a buyer.
    Hold(u8, u32),
    Release(u8, u32),
    Sell(u8, u32),
    Return(u8, u32),
    /// The listing gets this capacity, and this limit per buyer.
    Restate(u32, Option<u32>),
    Withdraw(bool),
    Cleared,
    Wait(u64),
}

fn any_step() -> impl Strategy<Value = Step> {
    let whose = || (0..3_u8, 0..5_u32);
    prop_oneof![
        6 => whose().prop_map(|(buyer, units)| Step::Hold(buyer, units)),
        3 => whose().prop_map(|(buyer, units)| Step::Release(buyer, units)),
        3 => whose().prop_map(|(buyer, units)| Step::Sell(buyer, units)),
        2 => whose().prop_map(|(buyer, units)| Step::Return(buyer, units)),
        2 => (1..15_u32, prop::option::of(1..8_u32)).prop_map(|(capacity, limit)| {
            Step::Restate(capacity, limit)
        }),
        1 => any::<bool>().prop_map(Step::Withdraw),
        1 => Just(Step::Cleared),
        1 => (0..4_u64).prop_map(Step::Wait),
    ]
}

/// Whole numbers, and no pool.
#[derive(Debug)]
struct Model {
    capacity: u32,
    limit: Option<u32>,
    /// For each buyer, units held and sold.
    has: BTreeMap<u8, (u32, u32)>,
    on_sale: bool,
    now: Timestamp,
}

const CLOSES: Timestamp = Timestamp::from_millis(1_767_323_045_678 + 10 * 60_000);

impl Model {
    fn held(&self) -> u32 {
        self.has.values().map(|(held, _)| held).sum()
    }

    fn sold(&self) -> u32 {
        self.has.values().map(|(_, sold)| sold).sum()
    }

    fn of(&mut self, buyer: u8) -> &mut (u32, u32) {
        self.has.entry(buyer).or_default()
    }

    /// Whether the step is allowed, and if so, taken.
    fn take(&mut self, step: &Step) -> bool {
        let claimed = self.held() + self.sold();
        match *step {
            Step::Hold(buyer, units) => {
                let free = self.capacity - claimed;
                let (limit, now) = (self.limit, self.now);
                let on_sale = self.on_sale && now < CLOSES;
                let has = self.of(buyer);
                let most = limit.map_or(u32::MAX, |limit| limit.saturating_sub(has.0 + has.1));
                let may = on_sale && units > 0 && units <= free && units <= most;
                has.0 += if may { units } else { 0 };
                may
            }
            Step::Release(buyer, units) => {
                let has = self.of(buyer);
                has.0 -= units;
                true
            }
            Step::Sell(buyer, units) => {
                let has = self.of(buyer);
                *has = (has.0 - units, has.1 + units);
                true
            }
            Step::Return(buyer, units) => {
                self.of(buyer).1 -= units;
                true
            }
            Step::Restate(capacity, limit) => {
                let appears = limit.is_some() != self.limit.is_some();
                let may = self.on_sale && capacity >= claimed && !(claimed > 0 && appears);
                if may {
                    (self.capacity, self.limit) = (capacity, limit);
                }
                may
            }
            Step::Withdraw(cancel) => {
                let may = self.on_sale && (cancel || self.held() == 0);
                self.on_sale &= !may;
                may
            }
            Step::Cleared => !self.on_sale && self.held() == 0,
            Step::Wait(_) => true,
        }
    }

    /// The step, with no more units than the buyer has there: orders return what they took.
    fn possible(&mut self, step: Step) -> Step {
        match step {
            Step::Release(buyer, units) => Step::Release(buyer, units.min(self.of(buyer).0)),
            Step::Sell(buyer, units) => Step::Sell(buyer, units.min(self.of(buyer).0)),
            Step::Return(buyer, units) => Step::Return(buyer, units.min(self.of(buyer).1)),
            Step::Hold(..)
            | Step::Restate(..)
            | Step::Withdraw(_)
            | Step::Cleared
            | Step::Wait(_) => step,
        }
    }
}

/// The pool, and the allowances that the storage would keep beside it.
struct Rows {
    pool: Pool,
    taken: BTreeMap<u8, u32>,
}

impl Rows {
    fn command(&self, step: &Step) -> Option<(Option<u8>, Command)> {
        let listing = self.pool.terms.listing;
        Some(match *step {
            Step::Hold(buyer, units) => (Some(buyer), Command::Hold { units, listing }),
            Step::Release(buyer, units) => (Some(buyer), Command::Release(units)),
            Step::Sell(buyer, units) => (Some(buyer), Command::Sell(units)),
            Step::Return(buyer, units) => (Some(buyer), Command::Return(units)),
            Step::Restate(capacity, limit) => {
                let terms = PoolTerms {
                    listing: listing.next(),
                    capacity,
                    max_per_buyer: limit.map(units),
                    ..self.pool.terms
                };
                (None, Command::Restate { terms, needs_unclaimed: false })
            }
            Step::Withdraw(cancel_holds) => {
                (None, Command::Withdraw { listing: listing.next(), cancel_holds })
            }
            Step::Cleared => (None, Command::Cleared),
            Step::Wait(_) => return None,
        })
    }

    /// Whether the pool accepts the step, and if so, its rows afterwards.
    fn take(&mut self, step: &Step, now: Timestamp) -> bool {
        let Some((buyer, command)) = self.command(step) else {
            return true;
        };
        let taken = buyer.and_then(|buyer| self.taken.get(&buyer)).copied().unwrap_or(0);
        let verdict = self.pool.decide(command, taken, now);
        assert_laws(self.pool, command, taken, verdict);
        let Ok(decision) = verdict else {
            return false;
        };
        self.pool = decision.pool;
        if let (Some(buyer), Some(taken)) = (buyer, decision.taken) {
            self.taken.insert(buyer, taken);
        }
        true
    }
}

proptest! {

    #[test]
    fn a_pool_follows_whole_numbers(
        limit in prop::option::of(1..8_u32),
        steps in prop::collection::vec(any_step(), 0..80),
    ) {
        let terms = PoolTerms {
            listing: Version::FIRST,
            sale: TimeWindow::ending(CLOSES),
            capacity: 10,
            max_per_order: None,
            max_per_buyer: limit.map(units),
        };
        let mut rows = Rows { pool: Pool::open(FRONT_ROW, terms), taken: BTreeMap::new() };
        let has = BTreeMap::new();
        let mut model = Model { capacity: 10, limit, has, on_sale: true, now: PLACED };
        for step in steps {
            if let Step::Wait(more) = step {
                model.now = model.now.plus(minutes(more));
            }
            let step = model.possible(step);
            let expected = model.take(&step);
            prop_assert_eq!(rows.take(&step, model.now), expected, "{:?} {:?}", step, model);
            prop_assert_eq!((rows.pool.held, rows.pool.sold), (model.held(), model.sold()));
            prop_assert!(model.held() + model.sold() <= rows.pool.terms.capacity);
            prop_assert_eq!(rows.pool.state == PoolState::OnSale, model.on_sale);
            // A limit appears only while nobody has anything, so the rows are never behind.
            if model.limit.is_some() {
                for (buyer, (held, sold)) in &model.has {
                    prop_assert_eq!(rows.taken.get(buyer).copied().unwrap_or(0), held + sold);
                }
            }
        }
    }
}
