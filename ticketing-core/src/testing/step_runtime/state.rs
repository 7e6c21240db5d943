//! What a scheduler keeps under its lock.

use std::collections::{BTreeMap, BTreeSet};
use std::task::Waker;
use std::time::Duration;

use crate::ports::runtime::BoxFuture;
use crate::testing::rng::{SeededRng, mixed};
use crate::testing::step_runtime::Step;

/// Who is there, who is ready, who sleeps.
pub(super) struct State {
    pub(super) rng: SeededRng,
    pub(super) now: Duration,
    pub(super) polls: u64,
    pub(super) trace: u64,
    pub(super) last_task: u64,
    pub(super) last_node: u32,
    pub(super) last_timer: u64,
    pub(super) nodes: BTreeSet<u32>,
    pub(super) tasks: BTreeMap<u64, Task>,
    pub(super) ready: Vec<u64>,
    pub(super) timers: BTreeMap<TimerKey, Timer>,
}

pub(super) struct Task {
    pub(super) node: u32,
    /// Nothing while it is being polled.
    pub(super) future: Option<BoxFuture>,
    pub(super) waker: Waker,
    /// It was woken since its last poll began.
    pub(super) woken: bool,
}

pub(super) struct Timer {
    pub(super) node: u32,
    pub(super) waker: Waker,
}

/// When a sleep ends, and a number that tells equal ends apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TimerKey {
    pub(super) at: Duration,
    pub(super) number: u64,
}

/// A task that was taken out to be polled.
pub(super) struct Turn {
    pub(super) step: Step,
    pub(super) future: BoxFuture,
    pub(super) waker: Waker,
}

/// What is taken out of the scheduler under its lock, to be dropped without it.
#[derive(Default)]
pub(super) struct Remains {
    tasks: Vec<Task>,
    timers: Vec<Timer>,
}

impl State {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            rng: SeededRng::new(seed).fork("step runtime"),
            now: Duration::ZERO,
            polls: 0,
            trace: 0,
            last_task: 0,
            last_node: 0,
            last_timer: 0,
            nodes: BTreeSet::new(),
            tasks: BTreeMap::new(),
            ready: Vec::new(),
            timers: BTreeMap::new(),
        }
    }

    /// Counts a poll.
    pub(super) fn count(&mut self, task: u64, node: u32) -> Step {
        self.polls = self.polls.saturating_add(1);
        let nanos = u64::try_from(self.now.as_nanos()).unwrap_or(u64::MAX);
        for word in [task, u64::from(node), nanos] {
            self.trace = mixed(self.trace.rotate_left(1) ^ mixed(word));
        }
        Step { number: self.polls, task, node, at: self.now }
    }

    pub(super) fn take_turn(&mut self, id: u64) -> Option<Turn> {
        let task = self.tasks.get_mut(&id)?;
        task.woken = false;
        let (node, waker) = (task.node, task.waker.clone());
        let future = task.future.take()?;
        let step = self.count(id, node);
        Some(Turn { step, future, waker })
    }

    /// Puts a task back that waits; gives its future back if the task is not wanted any more.
    pub(super) fn park(&mut self, id: u64, future: BoxFuture) -> Option<BoxFuture> {
        let Some(task) = self.tasks.get_mut(&id) else {
            return Some(future);
        };
        task.future = Some(future);
        if task.woken {
            self.ready.push(id);
        }
        None
    }

    pub(super) fn take_out(&mut self, node: u32) -> Remains {
        self.nodes.remove(&node);
        let mut remains = Remains::default();
        let tasks = self.tasks.extract_if(.., |_, task| task.node == node);
        remains.tasks.extend(tasks.map(|(_, task)| task));
        let timers = self.timers.extract_if(.., |_, timer| timer.node == node);
        remains.timers.extend(timers.map(|(_, timer)| timer));
        let left = &self.tasks;
        self.ready.retain(|id| left.contains_key(id));
        remains
    }

    pub(super) fn advance_to(&mut self, at: Duration) -> Vec<Timer> {
        self.now = self.now.max(at);
        let now = self.now;
        let over = self.timers.extract_if(.., |key, _| key.at <= now);
        over.map(|(_, timer)| timer).collect()
    }
}

impl Remains {
    pub(super) fn drop_in_order(self) {
        for task in self.tasks {
            drop(task);
        }
        drop(self.timers);
    }
}
