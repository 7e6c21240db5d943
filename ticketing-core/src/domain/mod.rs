//! The rules: what may happen to a ticket, its units, an order and the money for it.
//!
//! Everything here is synchronous and total: no I/O, no clock, no randomness, no logging. Time
//! and ids come in as arguments. Each machine lives in a file of its own, as an enum of states,
//! an enum of commands and one consuming `decide`; its module documentation shows the diagram
//! and the transition table, and one exhaustive test compares every state, command and side of
//! the deadline with that table.
//!
//! | room | what it decides |
//! |---|---|
//! | [`ticket`] | the listing: on sale, edited, withdrawn |
//! | [`inventory`] | the pool of units behind a listing: held, sold, released |
//! | [`order`] | a buyer's reservation, from hold to complete or cancelled |
//! | [`payment`] | one attempt to take the money for an order |
//! | [`refund`] | one sum on its way back to the buyer |
//! | [`expiration`] | whether an order's deadline has come |
//! | [`settlement`] | what a gateway's word about an intent does to payment and order at once |
//! | [`event`], [`envelope`], [`view`] | what happened, as others see it |
//! | [`rejection`] | why the engine says no |
//! | [`words`] | how states are written where they are stored |

pub mod decision;
pub mod envelope;
pub mod event;
pub mod expiration;
pub mod inventory;
#[cfg(test)]
mod laws;
pub mod order;
pub mod payment;
pub mod refund;
pub mod rejection;
pub mod settlement;
pub mod ticket;
#[cfg(test)]
mod transition_table;
pub mod view;
pub mod words;

pub use decision::{Decision, Units};
pub use envelope::Event;
pub use event::{
    Actor, AggregateKind, AggregateRef, DomainEvent, EventHeader, EventKey, EventType,
};
pub use inventory::{Allowance, Pool, PoolCommand, PoolState, Refusal};
pub use order::{CancelReason, Line, Order, OrderCommand, OrderState};
pub use payment::{ConfirmedBy, Payment, PaymentCommand, PaymentState};
pub use refund::{Refund, RefundCommand, RefundState};
pub use rejection::{FieldError, Reason, Rejection};
pub use ticket::{NewTicket, Ticket, TicketChanges, TicketCommand, TicketEdit, TicketState};
