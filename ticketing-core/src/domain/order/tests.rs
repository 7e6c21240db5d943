//! The order: the table of its documentation, how it is placed, its deadlines and its refunds.

mod table;
