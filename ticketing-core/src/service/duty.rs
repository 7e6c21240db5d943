//! Work that is never done: the engine's background tasks, and how they are run.
//!
//! A duty does a little at a time. [`Duty::step`] is all of its logic, so that a test can step
//! it; [`run`] loops over it until it is told to stop.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::ports::error::chain;
use crate::ports::runtime::Runtime;
use crate::service::error::Error;
use crate::service::shutdown::Shutdown;

/// What a step came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Something was done, and there may be more.
    Busy,
    /// Nothing is left to do just now.
    Idle,
    /// Nothing will ever be left to do.
    Over,
}

/// A background task of the engine.
#[async_trait]
pub trait Duty: Send {
    /// Its name, for logs.
    fn name(&self) -> &'static str;

    /// Does a little.
    ///
    /// # Errors
    /// A port failed; the next step tries again.
    async fn step(&mut self) -> Result<Progress, Error>;

    /// Waits until another step may be worth it.
    async fn idle(&mut self);
}

/// The pause after a failed step; it doubles with each that follows.
const PAUSE_FIRST: Duration = Duration::from_millis(50);
/// The longest such pause.
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// Steps through a duty until it is told to stop. A step that has begun is not cut short, unless
/// it waits for something that may never come.
pub async fn run(mut duty: impl Duty, runtime: Arc<dyn Runtime>, mut shutdown: Shutdown) {
    let mut pause = PAUSE_FIRST;
    while !shutdown.is_requested() {
        let wait = match duty.step().await {
            Ok(Progress::Over) => return,
            Ok(Progress::Busy) => {
                pause = PAUSE_FIRST;
                continue;
            }
            Ok(Progress::Idle) => {
                pause = PAUSE_FIRST;
                None
            }
            Err(error) => {
                tracing::warn!(duty = duty.name(), error = chain(&error), "a step failed");
                let wait = pause;
                pause = pause.saturating_mul(2).min(PAUSE_MAX);
                Some(wait)
            }
        };
        tokio::select! {
            biased;
            () = shutdown.requested() => return,
            () = pause_or_idle(wait, &mut duty, runtime.as_ref()) => {}
        }
    }
}

async fn pause_or_idle(wait: Option<Duration>, duty: &mut impl Duty, runtime: &dyn Runtime) {
    match wait {
        Some(pause) => runtime.sleep(pause).await,
        None => duty.idle().await,
    }
}
