//! One file for each page: what it shows, and what its forms do.

pub(super) mod account;
pub(super) mod browse;
pub(super) mod entrance;
pub(super) mod failure;
pub(super) mod listing;
pub(super) mod listings;
pub(super) mod order;
pub(super) mod orders;
pub(super) mod sell;
pub(super) mod terms;
pub(super) mod ticket;
