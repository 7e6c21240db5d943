#![doc = include_str!("../README.md")]

pub mod http;
mod services;

pub use services::{Service, Services, UnknownService};
