//! The storage keeps the contract of its port.

mod database;
mod harness;

mod storage {
    ticketing_core::storage_conformance!(crate::harness::PostgresHarness);
}
