//! A PostgreSQL of the test's own: a deployment has more connections than there are to share.

#[path = "../../../ticketing-adapters/postgres/tests/faults/cluster.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod cluster;

pub(crate) use cluster::Cluster;
