//! The payment: the tables of its documentation, what it owes, what is next at the gateway, and
//! any sequence of commands.

mod model;
mod rows;
mod steps;
mod table;
