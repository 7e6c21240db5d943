//! Where the engine's ids come from.

use std::fmt;

use uuid::Uuid;

/// A source of ids.
///
/// # Contract
/// Every id is given out once, by any source of any process. Ids that grow with time, as
/// `UUIDv7` do, keep the storage's indexes append-mostly; nothing relies on the order.
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use ticketing_core::ports::IdSource;
/// use uuid::Uuid;
///
/// /// Ids of one process among many: its number, and a count.
/// #[derive(Debug)]
/// struct Numbered {
///     process: u64,
///     count: AtomicU64,
/// }
///
/// impl IdSource for Numbered {
///     fn next(&self) -> Uuid {
///         let count = self.count.fetch_add(1, Ordering::Relaxed);
///         Uuid::from_u64_pair(self.process, count)
///     }
/// }
///
/// let ids = Numbered { process: 7, count: AtomicU64::new(0) };
/// assert_ne!(ids.next(), ids.next());
/// ```
#[cfg_attr(feature = "mock", mockall::automock)]
pub trait IdSource: fmt::Debug + Send + Sync + 'static {
    /// A new id.
    fn next(&self) -> Uuid;
}

/// Random ids that grow with time (`UUIDv7`).
#[derive(Debug, Clone, Copy, Default)]
pub struct RandomIds;

impl IdSource for RandomIds {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that makes ids")]
    fn next(&self) -> Uuid {
        Uuid::now_v7()
    }
}
