//! The listing: the table of its documentation, what it checks, and what its pool is told.

mod changes;
mod checks;
mod claims;
mod table;
