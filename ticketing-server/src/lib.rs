#![doc = include_str!("../README.md")]

pub mod admin;
pub mod auth;
pub mod backends;
mod background;
pub mod check;
pub mod cli;
pub mod config;
pub mod demo;
pub mod http;
pub mod metrics;
mod private_file;
mod rate_limit;
mod serve;
mod server;
mod services;
pub mod signals;
pub mod telemetry;
mod web;
mod wiring;

pub use config::Config;
pub use serve::{Serving, ServingOptions};
pub use server::{Server, ServerBuilder, StartError};
pub use services::{Service, Services, UnknownService};
