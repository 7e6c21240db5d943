//! The secrets that tokens are signed with.

use std::io::{self, Read, Write};
use std::path::Path;
use std::str::FromStr;

use secrecy::{ExposeSecret, SecretString};

use crate::private_file;

/// Named secrets. The first signs; tokens that another one signed are still good, so that a secret
/// can be replaced without signing anybody out.
///
/// As a text each is `name:secret`, on a line of its own or after a comma. A secret has at least 32
/// characters.
///
/// ```
/// use ticketing_server::auth::SessionKeys;
///
/// let keys: SessionKeys = "2026-02:3ad1f3c1b07b9d0c54a4c31f6d7bb5ee,2026-01:9be6a1d20c5f4c8e8e0f8d2ab17c3345".parse()?;
/// assert!(!format!("{keys:?}").contains("3ad1f3c1"));
/// # Ok::<(), ticketing_server::auth::InvalidSessionKeys>(())
/// ```
#[derive(Debug, Clone)]
pub struct SessionKeys {
    first: SessionKey,
    others: Vec<SessionKey>,
}

#[derive(Debug, Clone)]
pub(super) struct SessionKey {
    pub(super) id: String,
    pub(super) secret: SecretString,
}

/// A text that has no session keys in it, or bad ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidSessionKeys {
    /// There is none.
    #[error("there is no session key")]
    None,
    /// One is not a name and a secret.
    #[error("a session key is written name:secret, with a name of 1 to 64 letters, digits, - or _")]
    Shape,
    /// A secret can be guessed.
    #[error("the secret of a session key has at least 32 characters")]
    TooShort,
    /// Two have one name.
    #[error("two session keys have the same name")]
    Repeated,
}

/// As many characters as the hash has bytes; fewer would be the weakest part.
const SHORTEST_SECRET: usize = 32;

impl SessionKeys {
    pub(super) fn first(&self) -> &SessionKey {
        &self.first
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &SessionKey> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// The keys in a file that is there; nothing if it is empty, and gets them at the next start.
    pub(in crate::auth) fn look_into(path: &Path) -> io::Result<Option<Self>> {
        let text = std::fs::read_to_string(path)?;
        if text.is_empty() { Ok(None) } else { Self::read(&text).map(Some) }
    }

    fn read(text: &str) -> io::Result<Self> {
        text.parse().map_err(|why: InvalidSessionKeys| io::Error::other(why))
    }

    /// The keys in a file, which is made with a new one if it is not there.
    pub(crate) fn kept_in(path: &Path) -> io::Result<Self> {
        let mut file = private_file::open(path)?;
        // Whoever else opens it now waits until there is a key in it.
        file.lock()?;
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        if text.is_empty() {
            text = fresh()?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
        }
        Self::read(&text)
    }
}

/// A file's text with one key that nobody has seen.
fn fresh() -> io::Result<String> {
    let (mut name, mut secret) = ([0; 4], [0; 32]);
    getrandom::fill(&mut name).map_err(io::Error::other)?;
    getrandom::fill(&mut secret).map_err(io::Error::other)?;
    Ok(format!("{}:{}\n", hex::encode(name), hex::encode(secret)))
}

impl FromStr for SessionKeys {
    type Err = InvalidSessionKeys;

    fn from_str(text: &str) -> Result<Self, InvalidSessionKeys> {
        let written = text.split([',', '\n']).map(str::trim).filter(|key| !key.is_empty());
        let mut keys =
            written.map(SessionKey::from_str).collect::<Result<Vec<_>, _>>()?.into_iter();
        let keys =
            Self { first: keys.next().ok_or(InvalidSessionKeys::None)?, others: keys.collect() };
        let mut names: Vec<&str> = keys.iter().map(|key| key.id.as_str()).collect();
        names.sort_unstable();
        let is_repeated = names.iter().zip(names.iter().skip(1)).any(|(left, right)| left == right);
        if is_repeated { Err(InvalidSessionKeys::Repeated) } else { Ok(keys) }
    }
}

impl FromStr for SessionKey {
    type Err = InvalidSessionKeys;

    fn from_str(text: &str) -> Result<Self, InvalidSessionKeys> {
        let (id, secret) = text.split_once(':').ok_or(InvalidSessionKeys::Shape)?;
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if !(1..=64).contains(&id.len()) || !id.chars().all(is_name) {
            return Err(InvalidSessionKeys::Shape);
        }
        let key = Self { id: id.to_owned(), secret: secret.into() };
        let length = key.secret.expose_secret().chars().count();
        if length < SHORTEST_SECRET { Err(InvalidSessionKeys::TooShort) } else { Ok(key) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_made_once_and_kept_where_nobody_else_reads() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("session.keys");
        let fresh = SessionKeys::kept_in(&path).unwrap();
        let read = SessionKeys::kept_in(&path).unwrap();
        let secrets = |keys: &SessionKeys| {
            let all = keys.iter().map(|key| key.secret.expose_secret().to_owned());
            all.collect::<Vec<_>>()
        };
        assert_eq!(secrets(&fresh), secrets(&read));
        assert_eq!(secrets(&fresh)[0].len(), 64);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn another_file_has_other_keys() {
        let folder = tempfile::tempdir().unwrap();
        let made = |name| SessionKeys::kept_in(&folder.path().join(name)).unwrap();
        let (left, right) = (made("left"), made("right"));
        assert_ne!(left.first.secret.expose_secret(), right.first.secret.expose_secret());
    }

    #[test]
    fn bad_keys_are_refused() {
        let secret = "x".repeat(32);
        let parsed = |text: &str| text.parse::<SessionKeys>().map(drop);
        assert_eq!(parsed(&format!("a:{secret}\n\n b:{secret} ,")), Ok(()));
        assert_eq!(parsed(" \n,"), Err(InvalidSessionKeys::None));
        assert_eq!(parsed(&secret), Err(InvalidSessionKeys::Shape));
        assert_eq!(parsed(&format!(":{secret}")), Err(InvalidSessionKeys::Shape));
        assert_eq!(parsed(&format!("../a:{secret}")), Err(InvalidSessionKeys::Shape));
        assert_eq!(parsed(&format!("a:{secret},a:{secret}")), Err(InvalidSessionKeys::Repeated));
        assert_eq!(parsed(&format!("a:{}", "x".repeat(31))), Err(InvalidSessionKeys::TooShort));
    }
}
