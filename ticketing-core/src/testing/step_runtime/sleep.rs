//! A wait in virtual time.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::testing::step_runtime::scheduler::Scheduler;
use crate::testing::step_runtime::state::TimerKey;

/// Is over once virtual time has moved on by so much, counted from the first poll.
pub(super) struct Sleep<'a> {
    scheduler: &'a Scheduler,
    node: u32,
    duration: Duration,
    armed: Option<TimerKey>,
}

impl<'a> Sleep<'a> {
    pub(super) fn new(scheduler: &'a Scheduler, node: u32, duration: Duration) -> Self {
        Self { scheduler, node, duration, armed: None }
    }
}

impl Future for Sleep<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let waker = context.waker();
        match self.armed {
            None => {
                let key = self.scheduler.arm(self.node, self.duration, waker);
                self.armed = Some(key);
                Poll::Pending
            }
            Some(key) if self.scheduler.is_over(key, self.node, waker) => Poll::Ready(()),
            Some(_) => Poll::Pending,
        }
    }
}

impl Drop for Sleep<'_> {
    fn drop(&mut self) {
        if let Some(key) = self.armed {
            self.scheduler.disarm(key);
        }
    }
}
