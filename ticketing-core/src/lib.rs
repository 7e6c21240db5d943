#![doc = include_str!("../README.md")]

mod builder;
pub mod domain;
pub mod memory;
pub mod planted;
pub mod ports;
pub mod service;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod ticketing;
pub mod values;

pub use builder::{Builder, Duties, StartError};
pub use domain::{DomainEvent, Event, NewTicket, Reason, Rejection, TicketChanges};
pub use ports::PaymentMethod;
pub use service::{
    Caller, Error, ExpiryFound, GroupReport, ListingView, Observer, Operator, PaymentEntry,
    PaymentOutcome, PaymentReceipt, RefundAmount, RefundRequest, Refunder, Settings, Stuck,
    UnitsMoved, Viewer, WebhookFailure,
};
pub use ticketing::Ticketing;
