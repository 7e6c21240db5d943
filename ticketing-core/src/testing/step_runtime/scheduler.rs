//! The scheduler that all nodes share.
//!
//! No code of a task runs under the lock: neither a poll, nor a waker, nor a drop. Each of them
//! may come back and take it.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};
use std::time::Duration;

use crate::ports::runtime::BoxFuture;
use crate::testing::step_runtime::Step;
use crate::testing::step_runtime::state::{State, Task, Timer, TimerKey, Turn};
use crate::testing::step_runtime::wakers::TaskWaker;

/// Everything that the nodes share.
pub(super) struct Scheduler {
    seed: u64,
    state: Mutex<State>,
}

/// Whose turn it is.
pub(super) enum Choice {
    /// Nobody's.
    Nothing,
    /// The future's that is being blocked on.
    Driver(Step),
    /// A task's.
    Task(Turn),
}

impl Scheduler {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed, state: Mutex::new(State::new(seed)) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that can panic runs under the lock, so that a poisoned one is still in order.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn seed(&self) -> u64 {
        self.seed
    }

    pub(super) fn now(&self) -> Duration {
        self.lock().now
    }

    pub(super) fn polls(&self) -> u64 {
        self.lock().polls
    }

    pub(super) fn trace(&self) -> u64 {
        self.lock().trace
    }

    pub(super) fn tasks(&self) -> usize {
        self.lock().tasks.len()
    }

    pub(super) fn is_idle(&self) -> bool {
        self.lock().ready.is_empty()
    }

    pub(super) fn next_timer(&self) -> Option<Duration> {
        self.lock().timers.keys().next().map(|key| key.at)
    }
}

/// Nodes.
impl Scheduler {
    pub(super) fn start_node(&self) -> u32 {
        let mut state = self.lock();
        state.last_node = state.last_node.saturating_add(1);
        let node = state.last_node;
        state.nodes.insert(node);
        node
    }

    pub(super) fn is_alive(&self, node: u32) -> bool {
        self.lock().nodes.contains(&node)
    }

    pub(super) fn end_node(&self, node: u32) {
        let remains = self.lock().take_out(node);
        remains.drop_in_order();
    }

    pub(super) fn shut_down(&self) {
        loop {
            let last = self.lock().nodes.last().copied();
            match last {
                Some(node) => self.end_node(node),
                None => return,
            }
        }
    }
}

/// Tasks.
impl Scheduler {
    pub(super) fn spawn(self: &Arc<Self>, node: u32, future: BoxFuture) {
        let mut state = self.lock();
        if !state.nodes.contains(&node) {
            drop(state);
            drop(future);
            return;
        }
        state.last_task = state.last_task.saturating_add(1);
        let id = state.last_task;
        let waker = TaskWaker::of(self, id);
        let task = Task { node, future: Some(future), waker, woken: true };
        state.tasks.insert(id, task);
        state.ready.push(id);
    }

    pub(super) fn wake(&self, id: u64) {
        let mut state = self.lock();
        let Some(task) = state.tasks.get_mut(&id) else {
            return;
        };
        let parked = task.future.is_some();
        if !std::mem::replace(&mut task.woken, true) && parked {
            state.ready.push(id);
        }
    }

    /// Chooses among the ready tasks, and the future that is blocked on if that is ready.
    pub(super) fn choose(&self, driver_is_ready: bool) -> Choice {
        let mut state = self.lock();
        loop {
            let ready = state.ready.len();
            let candidates = ready.saturating_add(usize::from(driver_is_ready));
            if candidates == 0 {
                return Choice::Nothing;
            }
            let place = state.rng.index(candidates);
            if place >= ready {
                return Choice::Driver(state.count(0, 0));
            }
            let id = state.ready.swap_remove(place);
            if let Some(turn) = state.take_turn(id) {
                return Choice::Task(turn);
            }
        }
    }

    /// Polls a task. Its future is dropped if it is done, or if its node ended meanwhile.
    pub(super) fn poll(&self, turn: Turn) {
        let Turn { step, mut future, waker } = turn;
        let mut task = Polled { scheduler: self, id: step.task, waits: false };
        let polled = future.as_mut().poll(&mut Context::from_waker(&waker));
        if polled.is_pending() {
            task.waits = true;
            let unwanted = self.lock().park(step.task, future);
            drop(unwanted);
        }
    }
}

/// Sleeps.
impl Scheduler {
    /// Starts a sleep. It always lasts until the next poll at least, even a sleep of no time:
    /// who waits gives way.
    pub(super) fn arm(&self, node: u32, duration: Duration, waker: &Waker) -> TimerKey {
        let own = waker.clone();
        let mut state = self.lock();
        state.last_timer = state.last_timer.saturating_add(1);
        let key = TimerKey { at: state.now.saturating_add(duration), number: state.last_timer };
        if !state.nodes.contains(&node) {
            return key;
        }
        if key.at <= state.now {
            drop(state);
            waker.wake_by_ref();
        } else {
            state.timers.insert(key, Timer { node, waker: own });
        }
        key
    }

    /// Whether a sleep is over. If it is not, `waker` is woken at its end.
    pub(super) fn is_over(&self, key: TimerKey, node: u32, waker: &Waker) -> bool {
        let waker = waker.clone();
        let mut state = self.lock();
        if !state.nodes.contains(&node) {
            return false;
        }
        if key.at <= state.now {
            return true;
        }
        let old = state.timers.insert(key, Timer { node, waker });
        drop(state);
        drop(old);
        false
    }

    pub(super) fn disarm(&self, key: TimerKey) {
        let old = self.lock().timers.remove(&key);
        drop(old);
    }

    /// Moves time forward and wakes whoever sleeps no longer.
    pub(super) fn advance_to(&self, at: Duration) {
        let over = self.lock().advance_to(at);
        for timer in over {
            timer.waker.wake();
        }
    }
}

/// A task that is being polled, and is over unless it is said to wait: a panic ends it too.
struct Polled<'a> {
    scheduler: &'a Scheduler,
    id: u64,
    waits: bool,
}

impl Drop for Polled<'_> {
    fn drop(&mut self) {
        if !self.waits {
            let task = self.scheduler.lock().tasks.remove(&self.id);
            drop(task);
        }
    }
}

impl fmt::Debug for Scheduler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scheduler").field("seed", &self.seed).finish_non_exhaustive()
    }
}
