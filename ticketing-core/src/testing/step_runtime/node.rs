//! One simulated process, and the time it sees.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::ports::runtime::BoxFuture;
use crate::ports::{Clock, Runtime};
use crate::testing::step_runtime::scheduler::Scheduler;
use crate::testing::step_runtime::sleep::Sleep;
use crate::values::Timestamp;

/// The runtime of one simulated process.
#[derive(Debug)]
pub struct NodeRuntime {
    scheduler: Arc<Scheduler>,
    id: u32,
    started: Duration,
}

impl NodeRuntime {
    pub(super) fn start(scheduler: Arc<Scheduler>) -> Self {
        Self { id: scheduler.start_node(), started: scheduler.now(), scheduler }
    }

    /// Its number: 1 for the first node of a [`StepRuntime`](super::StepRuntime), and never given
    /// twice.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Whether it runs.
    pub fn is_alive(&self) -> bool {
        self.scheduler.is_alive(self.id)
    }

    /// Ends the process at once: its tasks are dropped where they wait and its sleeps with them.
    ///
    /// A task that crashes its own node is dropped at its next await. From now on tasks given to
    /// this node are dropped unpolled, and its sleeps never end.
    pub fn crash(&self) {
        self.scheduler.end_node(self.id);
    }
}

#[async_trait]
impl Runtime for NodeRuntime {
    fn spawn(&self, task: BoxFuture) {
        self.scheduler.spawn(self.id, task);
    }

    async fn sleep(&self, duration: Duration) {
        Sleep::new(&self.scheduler, self.id, duration).await;
    }

    fn elapsed(&self) -> Duration {
        self.scheduler.now().saturating_sub(self.started)
    }
}

/// A wall clock that follows virtual time.
#[derive(Debug)]
pub(super) struct VirtualClock {
    scheduler: Arc<Scheduler>,
    start: Timestamp,
}

impl VirtualClock {
    pub(super) fn new(scheduler: Arc<Scheduler>, start: Timestamp) -> Self {
        Self { scheduler, start }
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        self.start.plus(self.scheduler.now())
    }
}
