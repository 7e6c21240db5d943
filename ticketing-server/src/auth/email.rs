//! E-mail addresses, which accounts are known by.

use std::fmt;

use email_address::{EmailAddress, Options};

/// An e-mail address: as its owner writes it, and as it is compared, which is without regard to
/// case.
///
/// ```
/// use ticketing_server::auth::Email;
///
/// let email: Email = " Ada@Example.org ".parse()?;
/// assert_eq!(email.as_str(), "Ada@Example.org");
/// assert_eq!(email.key(), "ada@example.org");
/// assert!("ada@localhost".parse::<Email>().is_err());
/// # Ok::<(), ticketing_server::auth::InvalidEmail>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Email {
    written: String,
    key: String,
}

/// A text that is no e-mail address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[error("not an e-mail address")]
pub struct InvalidEmail;

/// The longest address that mail can be sent to.
const LONGEST: usize = 254;

impl Email {
    /// The address as its owner writes it.
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// The address as it is compared: no two accounts have the same.
    pub fn key(&self) -> &str {
        &self.key
    }
}

impl std::str::FromStr for Email {
    type Err = InvalidEmail;

    fn from_str(text: &str) -> Result<Self, InvalidEmail> {
        let text = text.trim();
        // A quoted local part could hide spaces and a second address; nobody has one.
        let is_plain = !text.contains(|c: char| c.is_whitespace() || c.is_control() || c == '"');
        let options = Options::default()
            .with_minimum_sub_domains(2)
            .without_domain_literal()
            .without_display_text();
        let is_address = EmailAddress::parse_with_options(text, options).is_ok();
        if text.len() > LONGEST || !is_plain || !is_address {
            return Err(InvalidEmail);
        }
        Ok(Self { written: text.to_owned(), key: text.to_lowercase() })
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_compared_without_case() {
        let written: Email = "\tZoë.Q+tickets@Mail.Example.ORG\n".parse().unwrap();
        assert_eq!(written.to_string(), "Zoë.Q+tickets@Mail.Example.ORG");
        assert_eq!(written.key(), "zoë.q+tickets@mail.example.org");
    }

    #[test]
    fn what_no_mail_can_be_sent_to_is_refused() {
        let long = format!("{}@{}.org", "a".repeat(60), "b.".repeat(100));
        for text in [
            "",
            " ",
            "a",
            "@",
            "a@",
            "@b.org",
            "a@b",
            "a@@b.org",
            "a b@c.org",
            "a@b..org",
            ".a@b.org",
            "a.@b.org",
            "a..c@b.org",
            "a@-b.org",
            "a@[127.0.0.1]",
            "Ada <ada@b.org>",
            "\"a b\"@c.org",
            "a@b.org\0",
            "a@b.org,c@d.org",
            "a\r\nb@c.org",
            &long,
        ] {
            assert_eq!(text.parse::<Email>(), Err(InvalidEmail), "{text:?}");
        }
    }
}
