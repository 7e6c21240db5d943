//! Groups with a batch in them that the backend refuses.

use std::collections::BTreeSet;

use super::super::outcome::Outcome;
use super::super::scene::Scene;
use crate::domain::order::{Order, OrderState};
use crate::memory::Books;
use crate::ports::snapshot::Footprint;
use crate::ports::{Group, WriteBatch};

/// A group, and perhaps what must not be written of it.
#[derive(Debug)]
pub(super) struct Poisoned {
    group: Group,
    poison: Option<(usize, WriteBatch)>,
}

impl Poisoned {
    /// A group without poison.
    pub(super) fn sound(group: Group) -> Self {
        Self { group, poison: None }
    }

    /// The group with poison at some place in it, if there is an order to make it of.
    ///
    /// A backend that refuses a group writes it in parts, in which ways is its own affair. So that
    /// this shows in no version, each pool is left to the first of the group's batches that moves
    /// its units.
    pub(super) async fn of(group: Group, scene: &Scene, books: &Books, place: usize) -> Self {
        let batches = of_separate_pools(&group.batches);
        let now = scene.now().await;
        let touched = Footprint::of(&batches);
        let is_free = |order: &&Order| {
            let is_touched = |id| touched.existing.iter().any(|it| it.id == id);
            let attempt = order.attempt().is_some_and(|attempt| is_touched(attempt.as_uuid()));
            matches!(order.state, OrderState::AwaitingPayment { .. })
                && !attempt
                && !is_touched(order.id.as_uuid())
        };
        let Some(order) = books.orders.iter().find(is_free) else {
            return Self::sound(group);
        };
        let poison = scene.namespace().poison(order, &*scene.ids(), now).await;
        let place = place % (batches.len() + 1);
        let group = Group { batches: batches.into(), predicted: group.predicted };
        Self { group, poison: Some((place, poison)) }
    }

    /// What is sent to the storage.
    pub(super) fn whole(&self) -> Group {
        let mut batches = self.group.batches.to_vec();
        if let Some((place, poison)) = &self.poison {
            batches.insert(*place, poison.clone());
        }
        Group { batches: batches.into(), predicted: self.group.predicted.clone() }
    }

    /// What the reference hears of: it gets neither poison nor a prediction, so it decides on what
    /// is there.
    pub(super) fn heard(&self) -> Group {
        Group::of(self.group.batches.to_vec())
    }

    /// What the storage must say where the reference says this.
    pub(super) fn expected(&self, mut outcomes: Vec<Outcome>) -> Vec<Outcome> {
        if let Some((place, _)) = &self.poison {
            outcomes.insert(*place, Outcome::NotApplied);
        }
        outcomes
    }
}

/// The batches of a group without those that move units of a pool that one before them moves.
fn of_separate_pools(batches: &[WriteBatch]) -> Vec<WriteBatch> {
    let mut seen = BTreeSet::new();
    let mut kept = Vec::new();
    for batch in batches {
        let pools = Footprint::of(std::slice::from_ref(batch)).pools;
        if pools.is_disjoint(&seen) {
            seen.extend(pools);
            kept.push(batch.clone());
        }
    }
    kept
}
