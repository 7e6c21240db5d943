#![doc = include_str!("../README.md")]

mod amounts;
mod answer;
mod cards;
mod dashboard;
mod events;
mod faults;
mod form;
mod intents;
mod keys;
mod ledger;
mod lists;
mod post;
mod refunds;
mod server;
mod shown;
mod stand_in;
mod watcher;

pub use dashboard::Refused;
pub use events::{Event, SignedEvent};
pub use faults::{Call, Fault};
pub use ledger::{
    Charge, Dispute, DisputeStatus, Intent, IntentStatus, Ledger, Refund, RefundStatus,
};
pub use server::Request;
pub use stand_in::StandIn;
