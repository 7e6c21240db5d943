//! The pages as people see them: in Chromium, steered like a person would, against the real server.
//!
//! Each test starts a driver and browsers of its own, with profiles that nobody has used. Nothing is
//! waited for by the clock: a test looks until what it expects is there, or for too long.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that can't go on must fail"
)]

#[path = "../contract/browser.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod browser;
mod buying;
mod chromium;
mod gallery;
#[path = "../contract/gate.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod gate;
#[path = "../contract/habits.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod habits;
#[path = "../contract/hasher.rs"]
mod hasher;
mod live;
mod looks;
mod pictures;
mod selling;
mod session;
#[path = "../contract/shop.rs"]
#[expect(dead_code, unused_imports, reason = "other tests need more of it")]
mod shop;
#[path = "../contract/stepped.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod stepped;
mod stripe;
mod tricks;
mod weight;
mod window;
mod without_script;
