//! What a relay has leased and not published yet.

use std::collections::VecDeque;
use std::time::Duration;

use crate::ports::storage::OutboxRow;

/// How much of a lease must be left for a try: more than a bus takes to say that it can't.
const TRY_MAX: Duration = Duration::from_secs(15);
/// How long a row rests after it was tried in vain; twice as long after each further time.
const REST_FIRST: Duration = Duration::from_millis(500);
/// The longest such rest.
const REST_MAX: Duration = Duration::from_secs(4);

/// A row that is leased to this relay. Times are the process's own.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) row: OutboxRow,
    /// When the lease ends.
    until: Duration,
    /// How often it was tried in vain.
    pub(super) tries: u32,
    /// When it is tried again.
    rests_until: Duration,
}

/// All of them: those that were not tried yet go first, so that one that is never taken keeps no
/// other waiting.
#[derive(Debug, Default)]
pub(super) struct Hand {
    fresh: VecDeque<Held>,
    tried: VecDeque<Held>,
}

impl Hand {
    pub(super) fn len(&self) -> usize {
        self.fresh.len().saturating_add(self.tried.len())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.fresh.is_empty() && self.tried.is_empty()
    }

    /// Takes rows that are leased until then.
    pub(super) fn take(&mut self, rows: Vec<OutboxRow>, until: Duration) {
        let held = |row| Held { row, until, tries: 0, rests_until: Duration::ZERO };
        self.fresh.extend(rows.into_iter().map(held));
    }

    /// Lets go of what can't be tried within its lease any more: when that is over, whoever claims
    /// the row has it.
    pub(super) fn let_go(&mut self, now: Duration) {
        let can_be_tried = |held: &Held| now.saturating_add(TRY_MAX) < held.until;
        self.fresh.retain(can_be_tried);
        self.tried.retain(can_be_tried);
    }

    /// The next to be tried.
    pub(super) fn next(&mut self, now: Duration) -> Option<Held> {
        self.let_go(now);
        if let Some(fresh) = self.fresh.pop_front() {
            return Some(fresh);
        }
        let rested = self.tried.iter().position(|held| held.rests_until <= now)?;
        self.tried.remove(rested)
    }

    /// Keeps a row that was tried in vain.
    pub(super) fn put_back(&mut self, mut held: Held, now: Duration) {
        let rest = REST_FIRST.saturating_mul(1 << held.tries.min(10)).min(REST_MAX);
        held.tries = held.tries.saturating_add(1);
        held.rests_until = now.saturating_add(rest);
        self.tried.push_back(held);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::storage::OutboxRowId;

    const LEASE: Duration = Duration::from_secs(30);

    fn row(id: i64) -> OutboxRow {
        OutboxRow { id: OutboxRowId(id), epoch: 1, events: Vec::new() }
    }

    fn hand(rows: i64) -> Hand {
        let mut hand = Hand::default();
        hand.take((0..rows).map(row).collect(), LEASE);
        hand
    }

    fn next(hand: &mut Hand, now: Duration) -> Option<i64> {
        hand.next(now).map(|held| held.row.id.0)
    }

    #[test]
    fn what_was_not_tried_goes_before_what_was() {
        let mut hand = hand(2);
        let first = hand.next(Duration::ZERO).unwrap();
        hand.put_back(first, Duration::ZERO);
        hand.take(vec![row(7)], LEASE);
        let later = Duration::from_secs(1);
        assert_eq!([(); 4].map(|()| next(&mut hand, later)), [Some(1), Some(7), Some(0), None]);
    }

    #[test]
    fn a_row_rests_longer_each_time() {
        let (mut hand, mut now, mut rests) = (hand(1), Duration::ZERO, Vec::new());
        for _ in 0..5 {
            let began = now;
            let held = loop {
                match hand.next(now) {
                    Some(held) => break held,
                    None => now += Duration::from_millis(500),
                }
            };
            rests.push(now.saturating_sub(began));
            hand.put_back(held, now);
        }
        assert_eq!(rests, [0, 500, 1000, 2000, 4000].map(Duration::from_millis));
    }

    #[test]
    fn what_has_no_time_left_is_let_go() {
        let mut hand = hand(3);
        let tried = hand.next(Duration::ZERO).unwrap();
        hand.put_back(tried, Duration::ZERO);
        assert_eq!(hand.len(), 3);
        let last = LEASE.saturating_sub(TRY_MAX);
        assert!(next(&mut hand, last.saturating_sub(Duration::from_millis(1))).is_some());
        assert_eq!(next(&mut hand, last), None);
        assert!(hand.is_empty());
    }
}
