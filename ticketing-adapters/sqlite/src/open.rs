//! Opening a storage.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sqlx::migrate::MigrateError;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, SqlitePool};
use ticketing_core::ports::{Clock, IdSource, RandomIds, SystemClock};
use ticketing_core::values::StoreId;
use tokio::sync::Mutex;

use crate::config::{BUSY_TIMEOUT, SqliteConfig};
use crate::error::{OpenError, is_read_only};
use crate::lock::Lock;
use crate::schema;
use crate::storage::{Shared, SqliteStorage};

/// How many prepared statements a connection keeps: more than there are.
const STATEMENTS: usize = 256;

/// How long a caller waits for a connection to read with. Reads are short; a longer queue is an
/// overload, and better told than waited out.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);

impl SqliteStorage {
    /// Opens the file at `path`, which is made if it is not there.
    ///
    /// # Errors
    /// An [`OpenError`] that says what is in the way.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        SqliteConfig::new(path).open().await
    }

    /// Opens what a URL says, see [`SqliteConfig::from_url`].
    ///
    /// # Errors
    /// An [`OpenError`] that says what is in the way.
    pub async fn from_url(url: &str) -> Result<Self, OpenError> {
        SqliteConfig::from_url(url)?.open().await
    }

    /// Keeps its tables, whose names begin with `ticketing_`, in the database of a pool that the
    /// host made, beside the host's own.
    ///
    /// A commit is as durable as the pool's connections are told to be. The file is locked like one
    /// that is opened by its path.
    ///
    /// # Errors
    /// An [`OpenError`] that says what is in the way.
    pub async fn from_pool(pool: SqlitePool) -> Result<Self, OpenError> {
        let path = file_of(&pool).await?;
        let lock = path.as_deref().map(Lock::beside).transpose()?;
        let store = prepare(&pool, path.as_deref().unwrap_or_else(|| Path::new(""))).await?;
        let (writers, notes) = (pool.clone(), pool.clone());
        let turn_patience = BUSY_TIMEOUT / 2;
        let pools = Pools { writers, notes, readers: pool, are_ours: false, turn_patience };
        Ok(assembled(Arc::new(SystemClock), store, pools, lock))
    }
}

/// Opens a file.
pub(crate) async fn open(config: SqliteConfig) -> Result<SqliteStorage, OpenError> {
    let SqliteConfig { path, readers, clock, busy_timeout } = config;
    let path = real_path(&path)?;
    let lock = Lock::beside(&path)?;
    let turn_patience = busy_timeout / 2;
    let options = SqliteConnectOptions::new()
        .filename(&path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(busy_timeout.saturating_sub(turn_patience))
        .statement_cache_capacity(STATEMENTS)
        .pragma("temp_store", "memory")
        .disable_statement_logging();
    let failed = |source| OpenError::Database { path: path.clone(), source };
    let writers = pool(1).connect_with(options.clone()).await.map_err(failed)?;
    // From now on the file is there. If it goes away, no other takes its place.
    let options = options.create_if_missing(false);
    writers.set_connect_options(options.clone());
    let store = prepare(&writers, &path).await?;
    let relaxed = options.clone().synchronous(SqliteSynchronous::Normal);
    let notes = pool(1).connect_with(relaxed).await.map_err(failed)?;
    let readers = pool(readers).connect_with(options.read_only(true)).await.map_err(failed)?;
    let pools = Pools { writers, notes, readers, are_ours: true, turn_patience };
    Ok(assembled(clock, store, pools, Some(lock)))
}

/// The file itself, whatever links lead to it and wherever the process goes later: so that there is
/// one lock for it, and connections that are made later are to the same file.
fn real_path(path: &Path) -> Result<PathBuf, OpenError> {
    let failed = |source| OpenError::Lock { path: path.to_owned(), source };
    let (Some(name), false) = (path.file_name(), path == Path::new(":memory:")) else {
        return Err(OpenError::NotAUrl(path.display().to_string()));
    };
    if path.exists() {
        return path.canonicalize().map_err(failed);
    }
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    let folder = folder.unwrap_or_else(|| Path::new(".")).canonicalize().map_err(failed)?;
    Ok(folder.join(name))
}

/// The file that a pool's connections are to; none for a database in memory.
async fn file_of(pool: &SqlitePool) -> Result<Option<PathBuf>, OpenError> {
    let named = pool.connect_options().get_filename().to_owned();
    let failed = |source| OpenError::Database { path: named.clone(), source };
    let file: Option<String> =
        sqlx::query_scalar("SELECT file FROM pragma_database_list WHERE name = 'main'")
            .fetch_one(pool)
            .await
            .map_err(failed)?;
    file.filter(|file| !file.is_empty()).map(|file| real_path(Path::new(&file))).transpose()
}

fn pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
}

async fn prepare(writers: &SqlitePool, path: &Path) -> Result<StoreId, OpenError> {
    let failed = |source| OpenError::Database { path: path.to_owned(), source };
    let mut conn = writers.acquire().await.map_err(failed)?;
    let prepared = schema::prepare(&mut conn, StoreId::from_uuid(RandomIds.next())).await;
    prepared.map_err(|error| {
        if let OpenError::Migration(MigrateError::Execute(cause)) = &error
            && is_read_only(cause)
        {
            return OpenError::ReadOnly(path.to_owned());
        }
        error
    })
}

struct Pools {
    writers: SqlitePool,
    notes: SqlitePool,
    readers: SqlitePool,
    /// They were made here, and are closed here.
    are_ours: bool,
    /// How long a call waits for those before it that write.
    turn_patience: Duration,
}

fn assembled(
    clock: Arc<dyn Clock>,
    store: StoreId,
    pools: Pools,
    lock: Option<Lock>,
) -> SqliteStorage {
    let Pools { writers, notes, readers, are_ours, turn_patience } = pools;
    let turn = Mutex::new(());
    let shared = Shared {
        clock,
        store,
        readers,
        notes,
        writers,
        pools_are_ours: are_ours,
        turn,
        turn_patience,
        _lock: lock,
    };
    SqliteStorage { shared: Arc::new(shared) }
}
