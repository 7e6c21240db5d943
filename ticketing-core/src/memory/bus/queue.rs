//! The events that wait for one group, or for one listener.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use tokio::sync::Notify;

use crate::domain::envelope::Event;

use super::mischief::Chance;

pub(super) struct Queue {
    capacity: usize,
    waiting: VecDeque<Arc<Event>>,
    /// How many are in a member's hands. They count as waiting, because they may come back.
    delivered: usize,
    arrived: Arc<Notify>,
}

impl Queue {
    pub(super) fn new(capacity: usize) -> Self {
        Self { capacity, waiting: VecDeque::new(), delivered: 0, arrived: Arc::new(Notify::new()) }
    }

    /// Tells that something is there to be taken, or that nothing ever will be.
    pub(super) fn arrived(&self) -> Arc<Notify> {
        Arc::clone(&self.arrived)
    }

    pub(super) fn wake(&self) {
        self.arrived.notify_waiters();
    }

    pub(super) fn is_full(&self) -> bool {
        self.waiting.len().saturating_add(self.delivered) >= self.capacity
    }

    /// Drops the oldest if there is no room for one more.
    pub(super) fn make_room(&mut self) {
        if self.is_full() {
            self.waiting.pop_front();
        }
    }

    /// Takes an event in, as often and where chance wants it. A repetition needs room.
    pub(super) fn offer(&mut self, event: &Arc<Event>, mut chance: Option<&mut Chance>) {
        let copies = chance.as_mut().map_or(1, |chance| chance.copies());
        for _ in 0..copies {
            if self.is_full() {
                break;
            }
            let last = self.waiting.len();
            let place = chance.as_mut().map_or(last, |chance| chance.place(last));
            self.waiting.insert(place, Arc::clone(event));
        }
        self.wake();
    }

    /// Hands out the next event for good.
    pub(super) fn take(&mut self) -> Option<Arc<Event>> {
        self.waiting.pop_front()
    }

    /// Hands the next event to a member, who must [end the delivery](Self::end_delivery).
    pub(super) fn deliver(&mut self) -> Option<Arc<Event>> {
        let event = self.take()?;
        self.delivered = self.delivered.saturating_add(1);
        Some(event)
    }

    /// A member is done with an event, or gives it back.
    pub(super) fn end_delivery(&mut self, back: Option<Arc<Event>>) {
        self.delivered = self.delivered.saturating_sub(1);
        if let Some(event) = back {
            self.waiting.push_back(event);
            self.wake();
        }
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue")
            .field("waiting", &self.waiting.len())
            .field("delivered", &self.delivered)
            .finish_non_exhaustive()
    }
}
