//! How what the engine knows is written as rows, and read back.

pub(crate) mod event;
pub(crate) mod key;
pub(crate) mod order;
pub(crate) mod payment;
pub(crate) mod pool;
pub(crate) mod refund;
pub(crate) mod ticket;
pub(crate) mod webhook;
