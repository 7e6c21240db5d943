//! The outbox: one row for each group commit, pointing at its events.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::time::Duration;

use crate::domain::event::EventKey;
use crate::ports::storage::{DeadLetter, OutboxDepth, OutboxRowId};
use crate::values::Timestamp;

/// Rows by id, which grows with the order of commits, as they all happen under one lock.
#[derive(Debug, Clone, Default)]
pub(super) struct Outbox {
    last: i64,
    rows: BTreeMap<OutboxRowId, Row>,
    unpublished: BTreeSet<OutboxRowId>,
    dead: BTreeMap<EventKey, DeadLetter>,
}

#[derive(Debug, Clone)]
struct Row {
    events: Vec<EventKey>,
    committed_at: Timestamp,
    /// Counts the claims.
    epoch: u64,
    leased_until: Option<Timestamp>,
}

/// A row's content, its events by key.
#[derive(Debug)]
pub(super) struct Pointers {
    pub(super) id: OutboxRowId,
    pub(super) epoch: u64,
    pub(super) events: Vec<EventKey>,
}

impl Outbox {
    /// Adds the row of one group commit.
    pub(super) fn add(&mut self, events: Vec<EventKey>, now: Timestamp) {
        if events.is_empty() {
            return;
        }
        self.last = self.last.saturating_add(1);
        let id = OutboxRowId(self.last);
        let row = Row { events, committed_at: now, epoch: 0, leased_until: None };
        self.rows.insert(id, row);
        self.unpublished.insert(id);
    }

    /// Leases up to `limit` unpublished rows, the oldest first.
    pub(super) fn claim(&mut self, now: Timestamp, lease: Duration, limit: usize) -> Vec<Pointers> {
        let mut claimed = Vec::new();
        for id in &self.unpublished {
            if claimed.len() >= limit {
                break;
            }
            if let Some(row) = self.rows.get_mut(id)
                && row.leased_until.is_none_or(|until| until <= now)
            {
                row.leased_until = Some(now.plus(lease));
                row.epoch = row.epoch.saturating_add(1);
                claimed.push(row.pointers(*id));
            }
        }
        claimed
    }

    /// Ends a claim: everything in the row was published, or is in `dead`.
    ///
    /// Saying so again under the same epoch changes nothing and is answered alike, so that a
    /// caller whose answer was lost may repeat it.
    pub(super) fn done(&mut self, id: OutboxRowId, epoch: u64, dead: &[DeadLetter]) -> bool {
        let current = self.rows.get(&id).is_some_and(|row| row.epoch == epoch);
        if current && self.unpublished.remove(&id) {
            let letters = dead.iter().map(|letter| (letter.event, letter.clone()));
            self.dead.extend(letters);
        }
        current
    }

    /// Published rows that were committed at or after `since`, after `after`.
    pub(super) fn published_since(
        &self,
        since: Timestamp,
        after: Option<OutboxRowId>,
        limit: usize,
    ) -> Vec<Pointers> {
        self.published(after)
            .filter(|(_, row)| row.committed_at >= since)
            .map(|(id, row)| row.pointers(*id))
            .take(limit)
            .collect()
    }

    fn published(&self, after: Option<OutboxRowId>) -> impl Iterator<Item = (&OutboxRowId, &Row)> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let rows = self.rows.range((from, Bound::Unbounded));
        rows.filter(|(id, _)| !self.unpublished.contains(id))
    }

    pub(super) fn depth(&self) -> OutboxDepth {
        let oldest = self.unpublished.first().and_then(|id| self.rows.get(id));
        OutboxDepth { rows: self.unpublished.len(), oldest: oldest.map(|row| row.committed_at) }
    }

    /// The dead letters, the newest first.
    pub(super) fn dead_letters(&self) -> Vec<DeadLetter> {
        let mut letters: Vec<DeadLetter> = self.dead.values().cloned().collect();
        letters.sort_by_key(|letter| std::cmp::Reverse(letter.at));
        letters
    }

    /// Forgets up to `limit` published rows that were committed before `before`: the events of
    /// each.
    pub(super) fn forget(&mut self, before: Timestamp, limit: usize) -> Vec<Vec<EventKey>> {
        let old = self.published(None).filter(|(_, row)| row.committed_at < before);
        let old: Vec<OutboxRowId> = old.map(|(id, _)| *id).take(limit).collect();
        old.into_iter().filter_map(|id| self.rows.remove(&id).map(|row| row.events)).collect()
    }
}

impl Row {
    fn pointers(&self, id: OutboxRowId) -> Pointers {
        Pointers { id, epoch: self.epoch, events: self.events.clone() }
    }
}
