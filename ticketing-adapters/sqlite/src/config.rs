//! What a storage can be told before it is opened.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ticketing_core::ports::{Clock, SystemClock};

use crate::error::OpenError;
use crate::storage::SqliteStorage;

/// How long a call may wait until it can write, unless said otherwise.
pub(crate) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// What a storage can be told before it is opened.
///
/// ```
/// use ticketing_sqlite::SqliteConfig;
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("tickets.db");
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let storage = SqliteConfig::new(&path).readers(8).open().await?;
/// # Ok::<(), ticketing_sqlite::OpenError>(())
/// # }).unwrap();
/// ```
#[derive(Debug, Clone)]
#[must_use = "nothing happens before it is opened"]
pub struct SqliteConfig {
    pub(crate) path: PathBuf,
    pub(crate) readers: u32,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) busy_timeout: Duration,
}

impl SqliteConfig {
    /// The file at `path`, which is made if it is not there.
    pub fn new(path: impl AsRef<Path>) -> Self {
        Self {
            path: path.as_ref().to_owned(),
            readers: 4,
            clock: Arc::new(SystemClock),
            busy_timeout: BUSY_TIMEOUT,
        }
    }

    /// What a URL says: `sqlite:tickets.db`, `sqlite:///var/lib/tickets.db?readers=8`.
    ///
    /// # Errors
    /// [`OpenError::NotAUrl`] for anything else.
    pub fn from_url(url: &str) -> Result<Self, OpenError> {
        Self::read_url(url).ok_or_else(|| OpenError::NotAUrl(without_secrets(url)))
    }

    fn read_url(url: &str) -> Option<Self> {
        let rest = url.strip_prefix("sqlite:")?;
        let rest = rest.strip_prefix("//").unwrap_or(rest);
        let (path, options) = rest.split_once('?').unwrap_or((rest, ""));
        if path.is_empty() || path == ":memory:" {
            return None;
        }
        let options = options.split('&').filter(|option| !option.is_empty());
        options.map(|option| option.split_once('=')).try_fold(Self::new(path), |config, option| {
            match option? {
                ("readers", number) => {
                    Some(config.readers(number.parse().ok().filter(|number| *number > 0)?))
                }
                _ => None,
            }
        })
    }

    /// How many connections read at the same time; at least one, and four unless said otherwise.
    pub fn readers(self, readers: u32) -> Self {
        Self { readers: readers.max(1), ..self }
    }

    /// The clock that is the storage's time, instead of the system's.
    pub fn clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// How long a call may wait until it can write: half of it for the calls of this process before
    /// it, half of it for somebody else who writes to the file, such as an administrator with a
    /// client. Five seconds unless said otherwise, an hour at most. Past it nothing was written.
    pub fn busy_timeout(self, timeout: Duration) -> Self {
        Self { busy_timeout: timeout.min(Duration::from_hours(1)), ..self }
    }

    /// Opens the file, brings its tables up to date, and locks it against other processes.
    ///
    /// # Errors
    /// An [`OpenError`] that says what is in the way.
    pub async fn open(self) -> Result<SqliteStorage, OpenError> {
        crate::open::open(self).await
    }
}

/// As much of a URL as may be shown: those of other schemes can have passwords in them.
fn without_secrets(url: &str) -> String {
    match url.split_once(':') {
        Some((scheme, _)) if scheme != "sqlite" => format!("{scheme}:..."),
        Some(_) | None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str) -> Option<(String, u32)> {
        let config = SqliteConfig::from_url(url).ok()?;
        Some((config.path.to_string_lossy().into_owned(), config.readers))
    }

    #[test]
    fn urls_name_a_file() {
        for (url, path, readers) in [
            ("sqlite:tickets.db", "tickets.db", 4),
            ("sqlite://tickets.db", "tickets.db", 4),
            ("sqlite:///var/lib/tickets.db", "/var/lib/tickets.db", 4),
            ("sqlite:/a b.db?readers=9", "/a b.db", 9),
            ("sqlite:tickets.db?", "tickets.db", 4),
        ] {
            assert_eq!(read(url), Some((path.to_owned(), readers)), "{url}");
        }
    }

    #[test]
    fn other_urls_are_refused() {
        for url in [
            "",
            "tickets.db",
            "postgres://localhost/tickets",
            "sqlite:",
            "sqlite://",
            "sqlite::memory:",
            "sqlite:tickets.db?readers",
            "sqlite:tickets.db?readers=0",
            "sqlite:tickets.db?readers=x",
            "sqlite:tickets.db?mode=ro",
        ] {
            assert!(matches!(SqliteConfig::from_url(url), Err(OpenError::NotAUrl(_))), "{url}");
        }
    }
}
