use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use sqlx::error::{DatabaseError, ErrorKind};
use ticketing_core::ports::Retry;

use super::*;

/// An error as the server would send it, with nothing but its code.
#[derive(Debug)]
struct Told(&'static str);

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("told by the server")
    }
}

impl Error for Told {}

impl DatabaseError for Told {
    fn message(&self) -> &'static str {
        "told by the server"
    }

    fn code(&self) -> Option<Cow<'_, str>> {
        Some(Cow::Borrowed(self.0))
    }

    fn as_error(&self) -> &(dyn Error + Send + Sync + 'static) {
        self
    }

    fn as_error_mut(&mut self) -> &mut (dyn Error + Send + Sync + 'static) {
        self
    }

    fn into_error(self: Box<Self>) -> Box<dyn Error + Send + Sync + 'static> {
        self
    }

    fn kind(&self) -> ErrorKind {
        ErrorKind::Other
    }
}

fn told(code: &'static str) -> Failure {
    Failure::of_statement(sqlx::Error::Database(Box::new(Told(code))))
}

fn cut() -> Failure {
    Failure::of_statement(sqlx::Error::Io(std::io::ErrorKind::ConnectionReset.into()))
}

#[test]
fn what_a_constraint_refuses_is_about_a_batch() {
    for code in ["23505", "23514", "23502", "22021", "22003"] {
        let failure = told(code);
        assert!(matches!(failure, Failure::Refused(_)), "{code}: {failure:?}");
        assert!(failure.has_culprit() && failure.is_certain(), "{code}");
        assert_eq!(*failure.of("commit").kind(), PortErrorKind::Refused, "{code}");
    }
}

#[test]
fn who_is_in_the_way_is_about_no_batch() {
    for code in ["55P03", "40001", "40P01"] {
        let failure = told(code);
        assert!(!failure.has_culprit() && failure.is_certain(), "{code}");
        let error = failure.of("commit");
        assert_eq!(*error.kind(), PortErrorKind::Unavailable, "{code}");
        assert_eq!(error.retry(), Retry::Later, "{code}");
    }
}

#[test]
fn an_operator_must_mend_rights_and_names() {
    for code in ["28P01", "3D000", "42501", "42P01", "25006"] {
        let error = told(code).of("search");
        assert_eq!(*error.kind(), PortErrorKind::Misconfigured, "{code}");
        assert_eq!(error.retry(), Retry::Never, "{code}");
    }
}

#[test]
fn a_server_that_goes_away_leaves_it_open_what_happened() {
    for failure in [told("57P01"), told("57P02"), told("08006"), cut(), Failure::Late] {
        assert!(!failure.is_certain(), "{failure:?}");
        assert_eq!(*failure.of("commit").kind(), PortErrorKind::Unavailable);
    }
    // A statement that took too long was taken back by the server itself.
    assert!(told("57014").is_certain());
    assert!(told("53300").is_certain());
}

#[test]
fn an_error_names_its_source_once() {
    let error = told("53300").of("orders_of");
    let source = error.source().unwrap().to_string();
    assert!(!error.to_string().contains(&source), "{error}");
}
