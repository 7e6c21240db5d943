//! What the engine needs of the world, one trait a file, each with its contract in its docs.
//!
//! Every port is object-safe and used as `Arc<dyn Port>`: backends are chosen at run time, and
//! third parties write their own. A port asks for the least that an implementer must give; its
//! documentation says what is atomic, what is ordered, and what holds if the future is dropped.
//! The suites of `testing::conformance` (feature `testing`) run that contract against an adapter.
//!
//! | port | promise |
//! |---|---|
//! | [`Storage`] | the truth: what it acknowledged is never lost, and groups commit atomically |
//! | [`EventBus`] | a hint: at least once, may lose, repeat and reorder |
//! | [`Timers`] | a hint: wake-ups may be lost, repeated, early and late |
//! | [`PaymentGateway`] | foreign: every call may have happened, or not, or twice |
//! | [`Clock`], [`IdSource`] | where time and ids come from |
//! | [`Runtime`] | how the engine starts a task, and waits |
//!
//! Four rooms are not ports but belong to [`Storage`]: [`batch`], the commit as data;
//! [`snapshot`], what a group must know of the stored world; [`resolve`](mod@resolve), the pure
//! function that decides what a group does; and [`error`]. Under the feature `mock`, the module
//! `mock` has a mock of every port.

pub mod batch;
pub mod clock;
pub mod error;
pub mod event_bus;
pub mod ids;
#[cfg(feature = "mock")]
pub mod mock;
pub mod payment_gateway;
pub mod resolve;
pub mod runtime;
pub mod snapshot;
pub mod storage;
pub mod timers;

pub use batch::{
    BatchBuilder, Cause, Change, Fingerprint, Group, KeyRecord, Move, Receipt, State, WebhookKey,
    WriteBatch,
};
pub use clock::{Clock, SystemClock};
pub use error::{CommitError, PortError, PortErrorKind, Retry, chain};
pub use event_bus::{Acknowledge, Delivery, EventBus, EventStream, Subscription};
pub use ids::{IdSource, RandomIds};
pub use payment_gateway::{
    ClientSecret, FoundIntent, GatewayError, GatewayErrorKind, IntentPage, Notice, NoticeAbout,
    OpenIntent, OpenedIntent, PaymentGateway, PaymentMethod, RefundReport, RefundStatus,
    SendRefund, WebhookError, WebhookRequest,
};
pub use resolve::{
    AllowanceWrite, PoolWrite, Resolution, RowWrite, Writes, resolve, resolve_predicted,
};
pub use runtime::{BoxFuture, Runtime, TokioRuntime};
pub use snapshot::{Footprint, Snapshot};
pub use storage::{
    Committed, DeadLetter, Due, DuePlace, Listing, ListingQuery, LiveHolds, OrderDirection,
    OutboxDepth, OutboxRow, OutboxRowId, Received, Storage, Webhook, has_words, words,
};
pub use timers::{ClaimedWakeup, Timers, Wakeup};
