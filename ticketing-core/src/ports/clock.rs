//! Where the engine's time comes from.

use std::fmt;

use crate::values::Timestamp;

/// A wall clock.
///
/// # Contract
/// Any clock will do: it may step, drift and differ between processes. The engine uses it to
/// propose times; the storage's clock decides them.
///
/// ```
/// use std::time::Duration;
/// use ticketing_core::ports::{Clock, SystemClock};
/// use ticketing_core::values::Timestamp;
///
/// /// The time of a test that runs tomorrow.
/// #[derive(Debug)]
/// struct Tomorrow;
///
/// impl Clock for Tomorrow {
///     fn now(&self) -> Timestamp {
///         SystemClock.now().plus(Duration::from_hours(24))
///     }
/// }
///
/// assert!(Tomorrow.now() > SystemClock.now());
/// ```
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
