//! What a group does, shown on tables of precise cases and on random stories.
//!
//! A story is a sequence of groups over few tickets, orders, buyers and keys, so that whatever
//! can go wrong does so often; [`properties`] says what must hold in all of them, and counts that
//! they do tell of every outcome there is.

mod audit;
mod author;
mod cases;
mod merged_writes;
mod naive;
mod precedence;
mod properties;
mod store;
mod story;
mod talk;
mod times;
mod undo;
