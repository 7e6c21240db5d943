//! What a machine answers: the next state, the event that tells of it, and the units it moves.

use crate::domain::event::DomainEvent;
use crate::values::TicketId;

/// The outcome of a command that a machine accepted.
///
/// A decision that changes something carries exactly one event; only the machines can make one.
/// Write batches are built from decisions alone, so a state that was saved without its event
/// can't be written down.
#[derive(Debug, Clone, PartialEq)]
#[must_use = "a decision that is not committed did not happen"]
pub struct Decision<S> {
    next: S,
    event: Option<DomainEvent>,
    units: Units,
}

/// Which units of the order's lines the decision moves, and where to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Units {
    /// No unit moves.
    Stay,
    /// Every line's units: from available to held.
    Hold,
    /// Every line's units: from held back to available.
    Release,
    /// Every line's units: from held to sold.
    Sell,
    /// These many units of these tickets: from sold back to available.
    Return(Vec<(TicketId, u32)>),
}

impl<S> Decision<S> {
    /// The command was already fulfilled: nothing changes and nothing is told.
    pub fn unchanged(state: S) -> Self {
        Self { next: state, event: None, units: Units::Stay }
    }

    /// The state moves on, and `event` tells of it.
    pub(in crate::domain) fn changed(next: S, event: DomainEvent) -> Self {
        Self { next, event: Some(event), units: Units::Stay }
    }

    /// The same decision, which also moves units.
    pub(in crate::domain) fn moving(self, units: Units) -> Self {
        Self { units, ..self }
    }

    /// The state after the decision.
    pub fn next(&self) -> &S {
        &self.next
    }

    /// The event, unless nothing changed.
    pub fn event(&self) -> Option<&DomainEvent> {
        self.event.as_ref()
    }

    /// The units that move with it.
    pub fn units(&self) -> &Units {
        &self.units
    }

    /// Whether the state is another than before.
    pub fn is_change(&self) -> bool {
        self.event.is_some()
    }

    /// The state after the decision, by value.
    pub fn into_next(self) -> S {
        self.next
    }

    /// Everything, by value: next state, event, units.
    pub(crate) fn into_parts(self) -> (S, Option<DomainEvent>, Units) {
        (self.next, self.event, self.units)
    }
}
