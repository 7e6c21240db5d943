//! What `infra/` deploys, run as it says: roles, ports, variables, probes and rules of the ingress are
//! read from the manifests, and only where the servers behind are is another place here.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that can't go on must fail"
)]

/// Names the bus.
pub(crate) const BUS: &str = "TICKETING_TEST_NATS";

mod agreement;
#[path = "../contract/browser.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod browser;
#[path = "../split_nats/bus.rs"]
mod bus;
mod cluster;
mod compose;
mod documents;
mod ending;
#[path = "../contract/habits.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod habits;
mod ingress;
#[path = "../split/leftovers.rs"]
mod leftovers;
mod load;
mod manifests;
mod monitoring;
mod pod;
mod postgres;
#[path = "../contract/program.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod program;
#[path = "../split/proxy.rs"]
mod proxy;
mod purchase;
mod rolling;
mod scaling;
mod shop;
mod substitutes;
