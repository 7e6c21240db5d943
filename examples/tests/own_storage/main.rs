//! The storage of the example keeps the contract of its port.

#[cfg(test)]
#[path = "../../own_storage/commit.rs"]
mod commit;
#[cfg(test)]
mod harness;
#[cfg(test)]
#[path = "../../own_storage/lists.rs"]
mod lists;
#[cfg(test)]
#[path = "../../own_storage/storage.rs"]
mod storage;
#[cfg(test)]
#[path = "../../own_storage/tables.rs"]
mod tables;
#[cfg(test)]
#[path = "../../own_storage/work.rs"]
mod work;

#[cfg(test)]
mod suite {
    ticketing_core::storage_conformance!(crate::harness::MapHarness);
}
