//! Several simulated processes on one thread, in an order that a seed chooses, in virtual time.
//!
//! A [`StepRuntime`] owns the tasks of all its nodes. Nothing runs by itself: each
//! [`step`](StepRuntime::step) polls one ready task, which one the seed decides. Time stands still
//! while tasks run and moves only when it is told to, or when a method that says so finds nothing
//! else to do. So a run follows from its seed, and [`StepRuntime::trace_hash`] tells two runs
//! apart.
//!
//! Each node is a process of its own as far as the engine can tell: its [`NodeRuntime`] is a
//! [`Runtime`](crate::ports::Runtime). [`NodeRuntime::crash`] is how a process dies: its tasks are
//! dropped where they wait. A process that is started again is a new node.
//!
//! ```
//! use std::time::Duration;
//! use ticketing_core::ports::Runtime;
//! use ticketing_core::testing::StepRuntime;
//!
//! let world = StepRuntime::new(7);
//! let node = world.node();
//! let slept = world.block_on(
//!     async {
//!         node.sleep(Duration::from_mins(15)).await;
//!         node.elapsed()
//!     },
//!     100,
//! )?;
//! assert_eq!(slept, Duration::from_mins(15));
//! # Ok::<(), ticketing_core::testing::Stuck>(())
//! ```
//!
//! Whatever wakes its tasks by their wakers works here: `tokio::sync`, `futures_util`. Whatever
//! needs a driver of its own, such as sockets and `tokio::time`, does not.

mod node;
mod scheduler;
mod sleep;
mod state;
#[cfg(test)]
mod tests;
mod wakers;

use std::fmt;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

pub use node::NodeRuntime;

use crate::ports::Clock;
use crate::testing::step_runtime::node::VirtualClock;
use crate::testing::step_runtime::scheduler::{Choice, Scheduler};
use crate::testing::step_runtime::state::Turn;
use crate::testing::step_runtime::wakers::Driver;
use crate::values::Timestamp;

/// A scheduler that polls one task at a time, chosen by a seed.
///
/// It may be shared, but is meant for one thread. Dropping it drops every task, as if all nodes
/// had crashed.
pub struct StepRuntime {
    scheduler: Arc<Scheduler>,
    watchers: Mutex<Vec<Watcher>>,
}

type Watcher = Box<dyn FnMut(&Step) + Send>;

/// One poll that took place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Counts the polls, from 1.
    pub number: u64,
    /// The task that was polled; 0 is the future of [`StepRuntime::block_on`].
    pub task: u64,
    /// Its node; 0 is that of [`StepRuntime::block_on`].
    pub node: u32,
    /// When, in virtual time.
    pub at: Duration,
}

/// A run that did not come to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Stuck {
    /// No task is ready and nobody sleeps: whatever the tasks wait for, nobody is left to do it.
    #[error("seed {seed}: nothing can go on after {at:?}, and {waiting} tasks wait")]
    Deadlock {
        /// The run's seed.
        seed: u64,
        /// How many tasks wait.
        waiting: usize,
        /// When, in virtual time.
        at: Duration,
    },
    /// It was not over after as many steps as it may take.
    #[error("seed {seed}: not done after {steps} steps and {at:?}")]
    OutOfSteps {
        /// The run's seed.
        seed: u64,
        /// How many steps it was allowed.
        steps: u64,
        /// When, in virtual time.
        at: Duration,
    },
}

/// Nodes and their time.
impl StepRuntime {
    /// A runtime without nodes, at time zero.
    pub fn new(seed: u64) -> Self {
        Self { scheduler: Arc::new(Scheduler::new(seed)), watchers: Mutex::default() }
    }

    /// The seed that it was made of.
    pub fn seed(&self) -> u64 {
        self.scheduler.seed()
    }

    /// Starts a process.
    pub fn node(&self) -> Arc<NodeRuntime> {
        Arc::new(NodeRuntime::start(Arc::clone(&self.scheduler)))
    }

    /// Ends a process at once: see [`NodeRuntime::crash`].
    pub fn crash(&self, node: &NodeRuntime) {
        node.crash();
    }

    /// How much virtual time has passed.
    pub fn elapsed(&self) -> Duration {
        self.scheduler.now()
    }

    /// A wall clock that showed `start` at time zero, and follows virtual time.
    pub fn clock(&self, start: Timestamp) -> Arc<dyn Clock> {
        Arc::new(VirtualClock::new(Arc::clone(&self.scheduler), start))
    }

    /// How many tasks are not done.
    pub fn tasks(&self) -> usize {
        self.scheduler.tasks()
    }

    /// When the next sleep ends, in virtual time.
    pub fn next_timer(&self) -> Option<Duration> {
        self.scheduler.next_timer()
    }

    /// How many polls there were.
    pub fn steps(&self) -> u64 {
        self.scheduler.polls()
    }

    /// A hash over task, node and virtual time of every poll: equal for equal runs.
    pub fn trace_hash(&self) -> u64 {
        self.scheduler.trace()
    }

    /// Calls `watcher` after every poll from now on: the place for what must always hold.
    pub fn on_step(&self, watcher: impl FnMut(&Step) + Send + 'static) {
        self.lock_watchers().push(Box::new(watcher));
    }
}

/// Steps.
impl StepRuntime {
    /// Polls one ready task; `false` if none is ready. Time stands still.
    ///
    /// # Panics
    /// If the task does. The task is gone then, and all others go on with the next step.
    pub fn step(&self) -> bool {
        match self.scheduler.choose(false) {
            Choice::Task(turn) => {
                self.take(turn);
                true
            }
            Choice::Driver(_) | Choice::Nothing => false,
        }
    }

    /// Moves time to the end of the next sleep and wakes everyone who sleeps until then; `false`
    /// if nobody sleeps. Nothing is polled.
    pub fn advance_to_next_timer(&self) -> bool {
        match self.scheduler.next_timer() {
            Some(at) => {
                self.scheduler.advance_to(at);
                true
            }
            None => false,
        }
    }

    /// Steps until no task is ready. Time stands still.
    ///
    /// # Errors
    /// [`Stuck::OutOfSteps`] if tasks are still ready after `max_steps`.
    pub fn run_until_idle(&self, max_steps: u64) -> Result<(), Stuck> {
        for _ in 0..max_steps {
            if !self.step() {
                return Ok(());
            }
        }
        if self.scheduler.is_idle() {
            return Ok(());
        }
        Err(self.out_of_steps(max_steps))
    }

    /// Lets `duration` pass: steps, and moves time when no task is ready. Whoever sleeps until
    /// its very end wakes, and no task is ready at the end.
    ///
    /// # Errors
    /// [`Stuck::OutOfSteps`] if it takes more than `max_steps`.
    pub fn run_for(&self, duration: Duration, max_steps: u64) -> Result<(), Stuck> {
        let end = self.elapsed().saturating_add(duration);
        for _ in 0..max_steps {
            if self.step() {
                continue;
            }
            let next = self.next_timer().filter(|at| *at <= end);
            self.scheduler.advance_to(next.unwrap_or(end));
            if next.is_none() {
                return Ok(());
            }
        }
        Err(self.out_of_steps(max_steps))
    }

    /// Steps until `done` says so, which is asked after every step. Moves time when no task is
    /// ready.
    ///
    /// # Errors
    /// [`Stuck`] if that is not so after `max_steps`, or can't come to be.
    pub fn run_until(&self, mut done: impl FnMut() -> bool, max_steps: u64) -> Result<(), Stuck> {
        if done() {
            return Ok(());
        }
        for _ in 0..max_steps {
            if !self.step() && !self.advance_to_next_timer() {
                return Err(self.deadlock());
            }
            if done() {
                return Ok(());
            }
        }
        Err(self.out_of_steps(max_steps))
    }

    /// Steps until `future` is done, which takes its turns among the tasks. Moves time when
    /// nothing is ready. The future belongs to no node, so that no crash ends it.
    ///
    /// # Errors
    /// [`Stuck`] if it is not done after `max_steps`, or waits for what nobody does.
    pub fn block_on<F: Future>(&self, future: F, max_steps: u64) -> Result<F::Output, Stuck> {
        let mut future = pin!(future);
        let driver = Arc::new(Driver::default());
        let waker = Waker::from(Arc::clone(&driver));
        for _ in 0..max_steps {
            match self.scheduler.choose(driver.is_woken()) {
                Choice::Task(turn) => self.take(turn),
                Choice::Driver(step) => {
                    driver.rest();
                    let polled = future.as_mut().poll(&mut Context::from_waker(&waker));
                    self.tell(&step);
                    if let Poll::Ready(output) = polled {
                        return Ok(output);
                    }
                }
                Choice::Nothing if self.advance_to_next_timer() => {}
                Choice::Nothing => return Err(self.deadlock()),
            }
        }
        Err(self.out_of_steps(max_steps))
    }

    fn take(&self, turn: Turn) {
        let step = turn.step;
        self.scheduler.poll(turn);
        self.tell(&step);
    }

    fn tell(&self, step: &Step) {
        // Watchers run without the lock: one of them may add another.
        let mut watchers = std::mem::take(&mut *self.lock_watchers());
        if watchers.is_empty() {
            return;
        }
        for watcher in &mut watchers {
            watcher(step);
        }
        let mut kept = self.lock_watchers();
        watchers.append(&mut kept);
        *kept = watchers;
    }

    fn lock_watchers(&self) -> std::sync::MutexGuard<'_, Vec<Watcher>> {
        self.watchers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn deadlock(&self) -> Stuck {
        Stuck::Deadlock { seed: self.seed(), waiting: self.tasks(), at: self.elapsed() }
    }

    fn out_of_steps(&self, steps: u64) -> Stuck {
        Stuck::OutOfSteps { seed: self.seed(), steps, at: self.elapsed() }
    }
}

impl Drop for StepRuntime {
    fn drop(&mut self) {
        // Tasks hold the scheduler by their runtimes: without this they would keep each other.
        self.scheduler.shut_down();
    }
}

impl fmt::Debug for StepRuntime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StepRuntime").field("scheduler", &self.scheduler).finish_non_exhaustive()
    }
}
