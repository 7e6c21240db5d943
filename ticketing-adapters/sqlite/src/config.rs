//! What a storage can be told before it is opened.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use ticketing_core::ports::{Clock, SystemClock};

use crate::error::OpenError;
use crate::inspector::SqliteInspector;
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

    /// What a URL says: `sqlite:tickets.db`, `sqlite:///var/lib/tickets.db?readers=8`. What a URL
    /// can't hold is escaped, as in `sqlite:front%20row.db`.
    ///
    /// # Errors
    /// [`OpenError::NotAUrl`], [`OpenError::UnknownParameter`] and [`OpenError::WrongReaders`] for
    /// anything else.
    pub fn from_url(url: &str) -> Result<Self, OpenError> {
        let not_a_url = || OpenError::NotAUrl(without_secrets(url));
        let rest = url.strip_prefix("sqlite:").ok_or_else(not_a_url)?;
        let rest = rest.strip_prefix("//").unwrap_or(rest);
        let (path, parameters) = rest.split_once('?').unwrap_or((rest, ""));
        let path = percent_decode_str(path).decode_utf8().map_err(|_wrong| not_a_url())?;
        if path.is_empty() || path == ":memory:" {
            return Err(not_a_url());
        }
        let mut parameters = parameters.split('&').filter(|parameter| !parameter.is_empty());
        parameters.try_fold(Self::new(path.as_ref()), Self::with_parameter)
    }

    fn with_parameter(self, parameter: &str) -> Result<Self, OpenError> {
        match parameter.split_once('=').unwrap_or((parameter, "")) {
            ("readers", number) => match number.parse() {
                Ok(readers) if readers > 0 => Ok(self.readers(readers)),
                Ok(_) | Err(_) => Err(OpenError::WrongReaders(number.to_owned())),
            },
            (unknown, _) => Err(OpenError::UnknownParameter(unknown.to_owned())),
        }
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
    /// client. Five seconds unless said otherwise, an hour at most. Past it nothing was written. The
    /// calls of this process are waited for a fifth of a second at least. Whatever it waits for, no call
    /// takes longer than this and ten seconds.
    pub fn busy_timeout(self, timeout: Duration) -> Self {
        Self { busy_timeout: timeout.min(Duration::from_hours(1)), ..self }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Looks into the file without opening it as a storage, see [`SqliteInspector`].
    ///
    /// # Errors
    /// An [`OpenError`] that says what is in the way.
    pub async fn inspect(&self) -> Result<SqliteInspector, OpenError> {
        SqliteInspector::open(&self.path).await
    }

    /// The same for a short look that leaves no trace, see [`SqliteInspector::glance`].
    ///
    /// # Errors
    /// An [`OpenError`] that says what is in the way.
    pub async fn glance(&self) -> Result<SqliteInspector, OpenError> {
        SqliteInspector::glance(&self.path).await
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
    fn what_a_url_can_t_hold_is_escaped() {
        for (url, path) in [
            ("sqlite:a%20b.db", "a b.db"),
            ("sqlite:///var/100%25%3F.db?readers=1", "/var/100%?.db"),
            ("sqlite:zo%C3%AB.db", "zoë.db"),
            ("sqlite:100%.db", "100%.db"),
        ] {
            assert_eq!(read(url).map(|(path, _)| path).as_deref(), Some(path), "{url}");
        }
    }

    #[test]
    fn urls_of_no_file_are_refused() {
        for url in [
            "",
            "tickets.db",
            "postgres://localhost/tickets",
            "sqlite:",
            "sqlite://",
            "sqlite::memory:",
            "sqlite:%3Amemory%3A",
            "sqlite:%ff.db",
        ] {
            assert!(matches!(SqliteConfig::from_url(url), Err(OpenError::NotAUrl(_))), "{url}");
        }
    }

    #[test]
    fn a_wrong_parameter_is_named() {
        for (query, told) in [
            ("mode=ro", r#"the parameter "mode" of the URL is not known, only: readers"#),
            (
                "readers=2&Readers=2",
                r#"the parameter "Readers" of the URL is not known, only: readers"#,
            ),
            ("=2", r#"the parameter "" of the URL is not known, only: readers"#),
            ("readers", r#"the parameter readers of the URL must be a number from 1 on, not """#),
            (
                "readers=0",
                r#"the parameter readers of the URL must be a number from 1 on, not "0""#,
            ),
            (
                "readers=many",
                r#"the parameter readers of the URL must be a number from 1 on, not "many""#,
            ),
        ] {
            let refused = SqliteConfig::from_url(&format!("sqlite:tickets.db?{query}"));
            assert_eq!(refused.unwrap_err().to_string(), told, "{query}");
        }
    }
}
