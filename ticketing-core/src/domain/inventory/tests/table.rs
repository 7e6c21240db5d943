//! Every state, every command and every side of the end of the sale, against the table in the
//! documentation of the machine.

use std::time::Duration;

use crate::domain::inventory::{
    Pool, PoolCommand as Command, PoolDecision, PoolState as State, PoolTerms, Refusal,
};
use crate::domain::order::fixtures::{
    DEADLINE, FRONT_ROW, PLACED, minutes, sides_of_the_deadline, units,
};
use crate::domain::transition_table::{Outcome, Side, TransitionTable};
use crate::values::{TimeWindow, Timestamp, Version};

/// What the buyer has of the pool already.
const TAKEN: u32 = 2;
const LISTING: Version = Version::new(7);

/// Ten units, three of them held and two sold; four for one order and five for one buyer at most;
/// on sale until the deadline.
pub(super) fn pool() -> Pool {
    let terms = PoolTerms {
        listing: LISTING,
        sale: TimeWindow::new(Some(PLACED), Some(DEADLINE)).unwrap(),
        capacity: 10,
        max_per_order: Some(units(4)),
        max_per_buyer: Some(units(5)),
    };
    Pool { version: Version::new(30), held: 3, sold: 2, ..Pool::open(FRONT_ROW, terms) }
}

/// A row of the table: a command, and the pool that it is put to.
struct Row {
    name: &'static str,
    pool: Pool,
    command: Command,
}

fn rows(pool: Pool) -> Vec<Row> {
    let row = |(name, command)| Row { name, pool, command };
    let mut rows: Vec<Row> = moving_rows().into_iter().map(row).collect();
    rows.extend(holding_rows(pool));
    rows.extend(listing_rows(pool));
    rows
}

fn holding_rows(pool: Pool) -> Vec<Row> {
    let hold = |units| Command::Hold { units, listing: LISTING };
    let not_yet = PoolTerms { sale: TimeWindow::starting(DEADLINE.plus(minutes(1))), ..pool.terms };
    let unlimited = PoolTerms { max_per_order: None, max_per_buyer: None, ..pool.terms };
    let row = |name, terms, command| Row { name, pool: Pool { terms, ..pool }, command };
    let stale = Command::Hold { units: 1, listing: LISTING.next() };
    vec![
        row("hold", pool.terms, hold(1)),
        row("hold", pool.terms, hold(3)),
        row("hold", unlimited, hold(5)),
        row("hold before the sale opens", not_yet, hold(1)),
        row("hold of another version of the listing", pool.terms, stale),
        row("hold of another version of the listing", not_yet, stale),
        row("hold more than one order may have", pool.terms, hold(5)),
        row("hold more than one buyer may have", pool.terms, hold(4)),
        row("hold more than is available", unlimited, hold(6)),
        row("hold nothing", pool.terms, hold(0)),
    ]
}

/// Commands that move units which are held or sold.
fn moving_rows() -> Vec<(&'static str, Command)> {
    vec![
        ("release", Command::Release(3)),
        ("release", Command::Release(1)),
        ("release more than is held", Command::Release(4)),
        ("sell", Command::Sell(3)),
        ("sell", Command::Sell(1)),
        ("sell more than is held", Command::Sell(4)),
        ("return", Command::Return(2)),
        ("return", Command::Return(1)),
        ("return more than is sold", Command::Return(3)),
    ]
}

/// Commands that follow the listing.
fn listing_rows(pool: Pool) -> Vec<Row> {
    let row = |name, pool, command| Row { name, pool, command };
    let terms = pool.terms;
    let capacity = |capacity| PoolTerms { capacity, ..terms };
    let unlimited = PoolTerms { max_per_buyer: None, ..terms };
    let restate = |terms, needs_unclaimed| Command::Restate { terms, needs_unclaimed };
    let withdraw = |cancel_holds| Command::Withdraw { listing: LISTING.next(), cancel_holds };
    let sold = Pool { held: 0, ..pool };
    let unclaimed = Pool { sold: 0, ..sold };
    let fixed = "restate what claimed units fix";
    let too_low = "restate a capacity below what is claimed";
    vec![
        row("open", pool, Command::Open(pool)),
        row("restate", pool, restate(capacity(5), false)),
        row("restate", unclaimed, restate(capacity(1), true)),
        row("restate", unclaimed, restate(unlimited, true)),
        row(fixed, pool, restate(terms, true)),
        row(fixed, sold, restate(terms, true)),
        row(fixed, pool, restate(unlimited, false)),
        row(too_low, pool, restate(capacity(4), false)),
        row(too_low, sold, restate(capacity(1), false)),
        row("withdraw while nothing is held", sold, withdraw(false)),
        row("withdraw while nothing is held", sold, withdraw(true)),
        row("withdraw while units are held", pool, withdraw(false)),
        row("withdraw and cancel the holds", pool, withdraw(true)),
        row("cleared", sold, Command::Cleared),
        row("cleared while units are held", pool, Command::Cleared),
    ]
}

#[test]
fn every_step_is_the_documented_one() {
    let mut table = TransitionTable::of(include_str!("../../inventory.rs"));
    for (column, state) in states() {
        for row in rows(Pool { state, ..pool() }) {
            for now in sides_of_the_deadline() {
                let side = if now < DEADLINE { Side::Before } else { Side::AtOrAfter };
                let promised = table.outcome(row.name, column, side);
                let verdict = row.pool.decide(row.command, TAKEN, now);
                let case = format!("{} of {:?}", row.name, row.pool);
                assert_eq!(outcome(verdict), promised, "{case}");
                assert_laws(row.pool, row.command, TAKEN, verdict);
            }
        }
    }
    table.assert_all_seen();
}

fn states() -> [(&'static str, State); 3] {
    [
        ("on sale", State::OnSale),
        ("withdrawn (clearing)", State::Withdrawn { clearing: true }),
        ("withdrawn", State::Withdrawn { clearing: false }),
    ]
}

fn outcome(verdict: Result<PoolDecision, Refusal>) -> Outcome {
    let state = match verdict {
        Ok(decision) => decision.pool.state,
        Err(refusal) => return Outcome::Refused(refusal.code().to_owned()),
    };
    let mut columns = states().into_iter();
    let column = columns.find(|(_, known)| *known == state);
    Outcome::Becomes(column.expect("a documented state").0.to_owned())
}

/// What holds of every step of a pool, besides the table.
pub(super) fn assert_laws(
    before: Pool,
    command: Command,
    taken: u32,
    verdict: Result<PoolDecision, Refusal>,
) {
    let Ok(PoolDecision { pool, taken: now }) = verdict else {
        return;
    };
    assert_eq!(pool.id, before.id);
    assert_eq!(pool.version, before.version, "the group's commit counts");
    assert!(pool.held + pool.sold <= pool.terms.capacity, "{pool:?}");
    assert_eq!(pool.available() + pool.claimed(), pool.terms.capacity);
    let (held, sold) = (before.held, before.sold);
    let (moved, has) = match command {
        Command::Hold { units, .. } => ((held + units, sold), taken + units),
        Command::Release(units) => ((held - units, sold), taken.saturating_sub(units)),
        Command::Sell(units) => ((held - units, sold + units), taken),
        Command::Return(units) => ((held, sold - units), taken.saturating_sub(units)),
        Command::Open(_)
        | Command::Restate { .. }
        | Command::Withdraw { .. }
        | Command::Cleared => {
            assert_eq!(now, None, "nobody's units move");
            return assert_eq!((pool.held, pool.sold), (held, sold));
        }
    };
    assert_eq!((pool.held, pool.sold), moved);
    assert_eq!(now, before.terms.max_per_buyer.map(|_| has));
    assert_eq!((pool.terms, pool.state), (before.terms, before.state));
}

/// The sale is open from its first instant until just before its last.
#[test]
fn the_sale_opens_and_closes_on_time() {
    let instant = Duration::from_micros(1);
    let hold = |now: Timestamp| {
        let command = Command::Hold { units: 1, listing: LISTING };
        pool().decide(command, 0, now).map(|_| ())
    };
    let early = Err(Refusal::SaleNotOpen { opens: PLACED });
    assert_eq!(hold(PLACED.minus(instant)), early);
    assert_eq!(hold(PLACED), Ok(()));
    assert_eq!(hold(DEADLINE.minus(instant)), Ok(()));
    assert_eq!(hold(DEADLINE), Err(Refusal::SaleOver));
}
