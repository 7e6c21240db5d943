//! The engine over HTTP: one router for each noun, to be nested in any axum application, and all of
//! them together as the server has them.

pub(crate) mod address_places;
mod api;
pub(crate) mod client_address;
mod description;
pub(crate) mod detached;
pub(crate) mod error;
pub(crate) mod extract;
mod given;
pub mod health;
mod identity;
pub mod layers;
pub mod live;
pub(crate) mod noted;
pub mod orders;
mod pages;
pub mod payments;
mod state;
pub mod tickets;
pub(crate) mod unreadable;
pub(crate) mod upstream;
pub mod users;
pub mod webhooks;

pub(crate) use api::{Api, is_of_api};
pub use identity::{AuthUnavailable, Authenticator, Identity};
pub(crate) use upstream::Upstream;
