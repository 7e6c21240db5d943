//! How a case says that an adapter broke its contract.

use std::fmt::Debug;

/// Ends the case: the adapter, or the case, is wrong.
#[track_caller]
#[expect(
    clippy::panic,
    reason = "a case that fails must fail its test, and a panic is how a test fails"
)]
pub fn fail(message: &str) -> ! {
    panic!("{message}")
}

/// What a call answered; the case fails if it did not work.
#[track_caller]
pub fn worked<T, E: Debug>(result: Result<T, E>, what: &str) -> T {
    match result {
        Ok(value) => value,
        Err(error) => fail(&format!("{what}: {error:?}")),
    }
}

/// What was found; the case fails if there is nothing.
#[track_caller]
pub fn found<T>(value: Option<T>, what: &str) -> T {
    match value {
        Some(value) => value,
        None => fail(&format!("{what}: there is none")),
    }
}

/// The only element; the case fails if there are more or none.
#[track_caller]
pub fn only<T: Debug>(values: Vec<T>, what: &str) -> T {
    match <[T; 1]>::try_from(values) {
        Ok([value]) => value,
        Err(values) => fail(&format!("{what}: wanted one, got {values:?}")),
    }
}
