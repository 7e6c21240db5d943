//! Sells out a ticket.

fn main() {}
