//! The pool: the table of its documentation, its bounds, and any sequence of commands.

mod bounds;
mod model;
mod table;
