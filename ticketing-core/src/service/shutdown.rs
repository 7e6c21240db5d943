//! How the engine's tasks are told to stop, and how their end is awaited.

use std::convert::Infallible;

use tokio::sync::{mpsc, watch};

/// Told to every task: go on, or come to an end.
#[derive(Debug, Clone)]
pub struct Shutdown {
    told: watch::Receiver<bool>,
}

impl Shutdown {
    /// Ready when it is time to stop, also when nobody is left who could say so.
    pub async fn requested(&mut self) {
        self.told.wait_for(|stop| *stop).await.ok();
    }

    /// Whether it is time to stop.
    pub fn is_requested(&self) -> bool {
        *self.told.borrow() || self.told.has_changed().is_err()
    }
}

/// Held by a task for as long as it runs.
#[derive(Debug, Clone)]
pub(crate) struct TaskGuard(
    #[expect(dead_code, reason = "held, not used")] mpsc::Sender<Infallible>,
);

/// Gives guards to tasks, for as long as their end was not awaited.
#[derive(Debug, Clone)]
pub(crate) struct Guards(mpsc::WeakSender<Infallible>);

impl Guards {
    /// A guard for a new task; nothing once the end was awaited.
    pub(crate) fn take(&self) -> Option<TaskGuard> {
        self.0.upgrade().map(TaskGuard)
    }
}

/// Stops tasks, and waits for them.
#[derive(Debug)]
pub(crate) struct Stopper {
    tell: watch::Sender<bool>,
    guard: Option<TaskGuard>,
    guards: Guards,
    ended: mpsc::Receiver<Infallible>,
}

impl Stopper {
    pub(crate) fn new() -> Self {
        let (sender, ended) = mpsc::channel(1);
        let guards = Guards(sender.downgrade());
        Self { tell: watch::channel(false).0, guard: Some(TaskGuard(sender)), guards, ended }
    }

    pub(crate) fn listener(&self) -> Shutdown {
        Shutdown { told: self.tell.subscribe() }
    }

    /// A guard for a new task; nothing once the end was awaited.
    pub(crate) fn guard(&self) -> Option<TaskGuard> {
        self.guard.clone()
    }

    /// What gives guards to tasks that are not started here.
    pub(crate) fn guards(&self) -> Guards {
        self.guards.clone()
    }

    /// Tells every task to stop, and waits until the last one has.
    pub(crate) async fn stop(&mut self) {
        self.tell.send_replace(true);
        self.guard = None;
        // Nothing is ever sent: `None` says that every guard is gone.
        self.ended.recv().await;
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn the_end_is_awaited_until_the_last_guard_is_gone() {
        let mut stopper = Stopper::new();
        let (one, other) = (stopper.guard(), stopper.guards().take());
        let guards = stopper.guards();
        let shutdown = stopper.listener();
        let mut stop = Box::pin(stopper.stop());
        assert_eq!(stop.as_mut().now_or_never(), None);
        assert!(shutdown.is_requested());
        drop(one);
        assert_eq!(stop.as_mut().now_or_never(), None, "one is left");
        assert!(guards.take().is_some(), "what is running may begin more");
        drop(other);
        assert_eq!(stop.now_or_never(), Some(()));
        assert!(guards.take().is_none(), "nothing begins after the end");
    }
}
