//! Which passwords are good enough: long enough and not among the first that anybody would try.
//! Nothing is asked of their characters, and nothing is cut off.

use secrecy::{ExposeSecret, SecretString};

use super::guessable::is_guessable;
use crate::auth::email::Email;

/// What clients of the contract are told.
pub(crate) const PASSWORD_RULE: &str = "Password must be between 8 and 128 characters";

/// Why a password is not good enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PasswordProblem {
    /// Shorter than 8 characters, or longer than 128.
    Length,
    /// One that everybody knows, or the account's own name.
    Common,
}

impl PasswordProblem {
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Length => "password_length",
            Self::Common => "common_password",
        }
    }

    pub(crate) fn message(self) -> &'static str {
        match self {
            Self::Length => PASSWORD_RULE,
            Self::Common => "Password is too easy to guess",
        }
    }
}

/// Checks a new password. Common ones are refused only where it counts.
pub(crate) fn check(
    password: &SecretString,
    email: Option<&Email>,
    refuse_common: bool,
) -> Result<(), PasswordProblem> {
    let password = password.expose_secret();
    if !(8..=128).contains(&password.chars().count()) {
        return Err(PasswordProblem::Length);
    }
    if refuse_common && is_guessable(password, email) {
        return Err(PasswordProblem::Common);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(password: &str) -> Result<(), PasswordProblem> {
        check(&password.into(), Some(&"longname@example.org".parse().unwrap()), true)
    }

    #[test]
    fn length_is_counted_in_characters() {
        assert_eq!(checked("ünïçödé"), Err(PasswordProblem::Length));
        assert_eq!(checked("ünïçödés"), Ok(()));
        let longest: String = "Zwölf Boxkämpfer jagen Viktor. ".chars().cycle().take(128).collect();
        assert_eq!(checked(&longest), Ok(()));
        assert_eq!(checked(&"ß".repeat(128)), Err(PasswordProblem::Common));
        assert_eq!(checked(&"x".repeat(129)), Err(PasswordProblem::Length));
        assert_eq!(checked("        "), Err(PasswordProblem::Common));
    }

    #[test]
    fn what_anybody_would_try_is_refused_in_production_only() {
        for common in [
            "password",
            "PassWord1",
            "12345678",
            "qwertyuiop",
            "11111111",
            "abcabcabc",
            "87654321",
            "abcdefgh",
            "longname",
            "Longname@Example.org",
            "example.org",
            "letmein123",
            "liverpool1",
            "summer2024",
            "p@ssw0rd",
            "Pa$$w0rd1",
            "longname1",
            // The three-thousandth of those in the list that are long enough, and one far behind it.
            "greyhoun",
            "11234567",
        ] {
            assert_eq!(checked(common), Err(PasswordProblem::Common), "{common}");
            let email = "longname@example.org".parse().unwrap();
            assert_eq!(check(&common.into(), Some(&email), false), Ok(()), "{common}");
        }
        for good in ["tRee-frog", "password to nowhere", "qwerty and more", "73941628", "ünïçödés"]
        {
            assert_eq!(checked(good), Ok(()), "{good}");
        }
    }
}
