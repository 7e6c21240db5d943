//! What wakes: a task, and the future that is blocked on.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Wake, Waker};

use crate::testing::step_runtime::scheduler::Scheduler;

/// Wakes a task. It does not keep the scheduler alive: wakers may be left anywhere.
pub(super) struct TaskWaker {
    scheduler: Weak<Scheduler>,
    id: u64,
}

impl TaskWaker {
    pub(super) fn of(scheduler: &Arc<Scheduler>, id: u64) -> Waker {
        let scheduler = Arc::downgrade(scheduler);
        Waker::from(Arc::new(Self { scheduler, id }))
    }
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if let Some(scheduler) = self.scheduler.upgrade() {
            scheduler.wake(self.id);
        }
    }
}

/// Whether the future that is blocked on wants to be polled. It does at first.
pub(super) struct Driver {
    woken: AtomicBool,
}

impl Default for Driver {
    fn default() -> Self {
        Self { woken: AtomicBool::new(true) }
    }
}

impl Driver {
    pub(super) fn is_woken(&self) -> bool {
        self.woken.load(Ordering::SeqCst)
    }

    /// Its poll begins: whoever wakes it from now on means the next one.
    pub(super) fn rest(&self) {
        self.woken.store(false, Ordering::SeqCst);
    }
}

impl Wake for Driver {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::SeqCst);
    }
}
