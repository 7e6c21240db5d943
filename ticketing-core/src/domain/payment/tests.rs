//! The payment: the tables of its documentation, what it owes, and what is next at the gateway.

mod rows;
mod table;
