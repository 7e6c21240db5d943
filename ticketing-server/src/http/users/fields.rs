//! The fields of requests about accounts.

use secrecy::{ExposeSecret, SecretString};

use crate::auth::{AcceptedPassword, Accounts, Email, PASSWORD_RULE};
use crate::http::error::ApiError;
use crate::http::extract::Problems;
use crate::http::given::Given;

const EMAIL_RULE: &str = "Email must be valid";

/// An e-mail address; anything else is a problem.
pub(super) fn email(given: Given<String>, problems: &mut Problems) -> Option<Email> {
    let text = given.required("email", EMAIL_RULE, problems)?;
    let email = text.parse().ok();
    if email.is_none() {
        problems.add("email", "invalid_email", EMAIL_RULE);
    }
    email
}

/// The password that an account has. Whether it is right is told by comparing it alone.
pub(super) fn password(
    field: &'static str,
    given: Given<SecretString>,
    problems: &mut Problems,
) -> Option<SecretString> {
    let password = given.required(field, PASSWORD_RULE, problems)?;
    if password.expose_secret().is_empty() {
        problems.add(field, "required", PASSWORD_RULE);
    }
    Some(password)
}

/// An account's address and its password, in a request that has no other field.
pub(super) fn credentials(
    address: Given<String>,
    given: Given<SecretString>,
) -> Result<(Email, SecretString), ApiError> {
    let mut problems = Problems::default();
    let address = email(address, &mut problems);
    let given = password("password", given, &mut problems);
    problems.unless_any(address.zip(given))
}

/// The password that an account is to have; one that is not good enough is a problem.
pub(super) fn new_password(
    field: &'static str,
    given: Given<SecretString>,
    email: Option<&Email>,
    accounts: &Accounts,
    problems: &mut Problems,
) -> Option<AcceptedPassword> {
    let password = given.required(field, PASSWORD_RULE, problems)?;
    let accepted = accounts.accept(password, email);
    accepted.map_err(|why| problems.add(field, why.code(), why.message())).ok()
}
