//! What was just done, told on the page that the visitor is sent on to.
//!
//! A form that worked is answered with the address of another page, so that going back or loading it
//! again does not send it twice. The address names what was done with a word; nobody can make a page
//! say anything else.

use axum::http::Uri;

use super::texts::Texts;

/// What was just done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Done {
    Cancelled,
    Listed,
    Saved,
    Withdrawn,
    Email,
    Password,
    Session,
    SignedOut,
    Deleted,
    Extended,
}

const ALL: [(Done, &str); 10] = [
    (Done::Cancelled, "cancelled"),
    (Done::Listed, "listed"),
    (Done::Saved, "saved"),
    (Done::Withdrawn, "withdrawn"),
    (Done::Email, "email"),
    (Done::Password, "password"),
    (Done::Session, "session"),
    (Done::SignedOut, "signed-out"),
    (Done::Deleted, "deleted"),
    (Done::Extended, "extended"),
];

impl Done {
    /// What the address of a page says was done.
    pub(super) fn of(address: &Uri) -> Option<Self> {
        let query = address.query().unwrap_or_default();
        let word = query.split('&').find_map(|pair| pair.strip_prefix("done="))?;
        ALL.iter().find(|(_, known)| *known == word).map(|(done, _)| *done)
    }

    /// The address of a page that tells of it.
    pub(super) fn at(self, path: &str) -> String {
        let word = ALL.iter().find(|(done, _)| *done == self).map_or("", |(_, word)| word);
        format!("{path}?done={word}")
    }

    pub(super) fn text(self, t: &'static Texts) -> &'static str {
        match self {
            Self::Cancelled => t.done_cancelled,
            Self::Listed => t.done_listed,
            Self::Saved => t.done_saved,
            Self::Withdrawn => t.done_withdrawn,
            Self::Email => t.done_email,
            Self::Password => t.done_password,
            Self::Session => t.done_session,
            Self::SignedOut => t.done_signed_out,
            Self::Deleted => t.done_deleted,
            Self::Extended => t.done_extended,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_done_comes_back_from_the_address() {
        for (done, _) in ALL {
            assert_eq!(Done::of(&done.at("/orders").parse().unwrap()), Some(done));
        }
        assert_eq!(Done::of(&"/orders?done=everything".parse().unwrap()), None);
        assert_eq!(Done::of(&"/orders".parse().unwrap()), None);
    }
}
