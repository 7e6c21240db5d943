//! The write-ahead log, kept short also where there is always somebody who reads.
//!
//! SQLite puts the log into the file by itself, and begins it anew once nobody reads from it. In a crowd
//! that moment never comes, and the log would grow for as long as the crowd stays. So whoever has the
//! turn to write cuts a long one first: those who read are waited for, and who begins meanwhile reads
//! from the file.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use tokio::time::Instant;

/// A log is long from here on, in bytes. Where nobody is in the way, SQLite begins it anew after a
/// quarter of that.
const LONG: u64 = 16 * 1024 * 1024;

/// How long those who read are waited for. Nobody writes meanwhile.
const PATIENCE: Duration = Duration::from_millis(100);

/// When it is tried again, where somebody looks at one moment for longer.
const PAUSE: Duration = Duration::from_secs(1);

/// The log of a file.
pub(crate) struct Log {
    path: PathBuf,
    /// The connection that cuts it, which is made when it is wanted.
    cutter: SqlitePool,
}

/// When it was cut last, or when that was tried.
#[derive(Debug, Default)]
pub(crate) struct Cut(Option<Instant>);

impl Log {
    /// The log of this file, which is opened like that.
    pub(crate) fn of(file: &Path, options: SqliteConnectOptions, pool: SqlitePoolOptions) -> Self {
        let mut path = file.as_os_str().to_owned();
        path.push("-wal");
        let cutter = pool.connect_lazy_with(options.busy_timeout(PATIENCE));
        Self { path: path.into(), cutter }
    }

    /// Cuts a log that is long. For whoever has the turn to write.
    pub(crate) async fn keep_short(&self, last: &mut Cut) {
        let is_long = fs::metadata(&self.path).is_ok_and(|log| log.len() > LONG);
        if !is_long || last.0.is_some_and(|at| at.elapsed() < PAUSE) {
            return;
        }
        last.0 = Some(Instant::now());
        let cut = sqlx::query_scalar("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(&self.cutter);
        match cut.await {
            Ok(0_i64) => {}
            Ok(_busy) => tracing::debug!("somebody reads from the log, and it can't be cut"),
            Err(error) => tracing::warn!(%error, "the log can't be put into the file"),
        }
    }

    /// Lets the file go.
    pub(crate) async fn close(&self) {
        self.cutter.close().await;
    }
}
