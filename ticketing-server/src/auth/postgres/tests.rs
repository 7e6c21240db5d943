//! The room over a real Postgres: the suite of the port, and what only a database that is shared can
//! get wrong.

mod conforms;
mod faults;
mod opening;
mod races;
mod scratch;
