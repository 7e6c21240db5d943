//! The servers that tests of an adapter talk to.

use super::conformance::verdict::fail;

/// The URL that an environment variable holds, of a server that a test needs.
///
/// A test that is skipped says nothing, so one without its server fails.
///
/// # Panics
///
/// When the variable is not set. The message says how one comes by it in the engine's repository.
#[track_caller]
pub fn server_url(variable: &str) -> String {
    let Ok(url) = std::env::var(variable) else {
        fail(&format!(
            "{variable} is not set, so this test has no server to talk to. Bring one up and say \
             where it is: scripts/services up && eval \"$(scripts/services env)\""
        ))
    };
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_is_read() {
        assert_eq!(server_url("CARGO_MANIFEST_DIR"), env!("CARGO_MANIFEST_DIR"));
    }

    #[test]
    #[should_panic(expected = "scripts/services up")]
    fn a_test_without_its_server_fails() {
        server_url("TICKETING_TEST_OF_NOTHING");
    }
}
