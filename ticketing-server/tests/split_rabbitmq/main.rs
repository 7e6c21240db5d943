//! The HTTP contract, through a deployment whose services are processes of their own, with RabbitMQ
//! for a bus.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that can't go on must fail"
)]

/// Names the bus.
pub(crate) const BUS: &str = "TICKETING_TEST_RABBITMQ";

#[path = "../contract/browser.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod browser;
mod bus;
#[path = "../split/deployment.rs"]
mod deployment;
#[path = "../split/expiry.rs"]
mod expiry;
#[path = "../contract/habits.rs"]
mod habits;
#[path = "../contract/idempotency.rs"]
mod idempotency;
#[path = "../split/leftovers.rs"]
mod leftovers;
#[path = "../contract/live.rs"]
mod live;
#[path = "../contract/orders.rs"]
mod orders;
#[path = "../contract/program.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod program;
#[path = "../split/proxy.rs"]
mod proxy;
#[path = "../split/shop.rs"]
mod shop;
#[path = "../contract/tickets.rs"]
mod tickets;
