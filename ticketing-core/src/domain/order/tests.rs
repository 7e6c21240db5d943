//! The order: the table of its documentation, how it is placed, its deadlines, its refunds, and
//! any sequence of commands.

mod deadlines;
mod model;
mod placing;
mod refunding;
mod table;
