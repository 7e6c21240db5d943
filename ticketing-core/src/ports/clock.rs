//! Where the engine's time comes from.

use std::fmt;

use crate::values::Timestamp;

/// A wall clock.
///
/// # Contract
/// Any clock will do: it may step, drift and differ between processes. The engine uses it to
/// propose times; the storage's clock decides them.
#[cfg_attr(feature = "mock", mockall::automock)]
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// The time now.
    fn now(&self) -> Timestamp;
}

/// The operating system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that asks the system")]
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(jiff::Timestamp::now().as_microsecond())
    }
}
