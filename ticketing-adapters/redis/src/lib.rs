#![doc = include_str!("../README.md")]

mod config;
mod error;
mod risks;
mod scripts;
mod timers;

pub use config::RedisConfig;
pub use error::OpenError;
pub use risks::Risk;
pub use timers::RedisTimers;
