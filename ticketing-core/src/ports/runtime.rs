//! How the engine starts a task, and how it waits.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use async_trait::async_trait;

/// A boxed task.
pub type BoxFuture = Pin<Box<dyn Future<Output = ()> + Send + 'static>>;

/// An executor.
///
/// # Contract
/// A spawned task runs to its end, whoever drops what. Time is monotonic: a step of the wall
/// clock neither wakes nor delays a sleeper. A panic of one task ends that task alone.
///
/// ```
/// use std::time::Duration;
/// use ticketing_core::ports::{Runtime, TokioRuntime};
/// use tokio::sync::oneshot;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let runtime = TokioRuntime::current().expect("inside of tokio");
/// let (done, is_done) = oneshot::channel();
/// runtime.spawn(Box::pin(async move {
///     done.send("done").ok();
/// }));
/// assert_eq!(is_done.await, Ok("done"));
///
/// let before = runtime.elapsed();
/// runtime.sleep(Duration::from_millis(1)).await;
/// assert!(runtime.elapsed() > before);
/// # }
/// ```
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Runtime: fmt::Debug + Send + Sync + 'static {
    /// Starts a task.
    fn spawn(&self, task: BoxFuture);

    /// Waits at least that long.
    async fn sleep(&self, duration: Duration);

    /// How long this runtime has been running.
    fn elapsed(&self) -> Duration;
}

/// The tokio runtime that the engine is started in.
#[derive(Debug, Clone)]
pub struct TokioRuntime {
    handle: tokio::runtime::Handle,
    started: std::time::Instant,
}

impl TokioRuntime {
    /// The runtime of the calling task; nothing outside of one.
    pub fn current() -> Option<Self> {
        let handle = tokio::runtime::Handle::try_current().ok()?;
        Some(Self { handle, started: now() })
    }
}

#[expect(clippy::disallowed_methods, reason = "this adapter is where monotonic time comes from")]
fn now() -> std::time::Instant {
    std::time::Instant::now()
}

#[async_trait]
impl Runtime for TokioRuntime {
    #[expect(clippy::disallowed_methods, reason = "this adapter is where tasks come from")]
    fn spawn(&self, task: BoxFuture) {
        drop(self.handle.spawn(task));
    }

    #[expect(clippy::disallowed_methods, reason = "this adapter is where waiting comes from")]
    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    fn elapsed(&self) -> Duration {
        now().saturating_duration_since(self.started)
    }
}
