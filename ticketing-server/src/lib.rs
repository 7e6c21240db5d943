#![doc = include_str!("../README.md")]

pub mod auth;
pub mod http;
pub mod metrics;
mod serve;
mod services;
pub mod telemetry;

pub use serve::{Serving, ServingLimits};
pub use services::{Service, Services, UnknownService};
