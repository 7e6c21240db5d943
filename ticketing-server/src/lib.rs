#![doc = include_str!("../README.md")]

pub mod auth;
pub mod backends;
pub mod config;
pub mod demo;
pub mod http;
pub mod metrics;
mod serve;
mod services;
pub mod telemetry;

pub use config::Config;
pub use serve::{Serving, ServingLimits};
pub use services::{Service, Services, UnknownService};
