//! Opening a storage.

use std::io;
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
use crate::log::Log;
use crate::schema;
use crate::storage::{Shared, SqliteStorage};

#[cfg(test)]
mod tests;

/// How many prepared statements a connection keeps: more than there are.
const STATEMENTS: usize = 256;

/// The least that a call waits for its turn: a connection that failed may have to be made anew.
const TURN_MIN: Duration = Duration::from_millis(200);

/// How many connections read in the background: the sweeper and the
/// relay read at the same time, and the others seldom and little.
const BACKGROUND: u32 = 2;

/// How long a call may take beside waiting to write. Nothing here takes as long on a disk that works.
const WORK_MAX: Duration = Duration::from_secs(10);

/// How many links may lead to a file, one after the other, as most systems have it.
const LINKS_MAX: usize = 40;

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
    /// It reads with the host's connections. It writes with connections of its own, which are made as
    /// the host's are, but for this: a commit is on disk before it is answered, whatever `synchronous`
    /// is in the pool. The file is locked like one that is opened by its path.
    ///
    /// # Errors
    /// An [`OpenError`] that says what is in the way.
    pub async fn from_pool(pool: SqlitePool) -> Result<Self, OpenError> {
        let path = file_of(&pool).await?;
        let lock = Lock::beside(&path)?;
        let options = (*pool.connect_options()).clone();
        let plan = Plan {
            // More than `FULL`: a journal that is a file of its own is gone from its folder, too.
            options: options.filename(&path).synchronous(SqliteSynchronous::Extra),
            path,
            readers: Readers::Hosts(pool),
            clock: Arc::new(SystemClock),
            busy_timeout: BUSY_TIMEOUT,
        };
        connect(plan, lock).await
    }
}

/// Opens a file.
pub(crate) async fn open(config: SqliteConfig) -> Result<SqliteStorage, OpenError> {
    let SqliteConfig { path, readers, clock, busy_timeout } = config;
    let path = real_path(&path)?;
    let lock = Lock::beside(&path)?;
    let options = SqliteConnectOptions::new()
        .filename(&path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .pragma("temp_store", "memory")
        .disable_statement_logging();
    connect(Plan { path, options, readers: Readers::Ours(readers), clock, busy_timeout }, lock)
        .await
}

/// What is to be opened.
struct Plan {
    path: PathBuf,
    options: SqliteConnectOptions,
    readers: Readers,
    clock: Arc<dyn Clock>,
    busy_timeout: Duration,
}

/// Whose connections are read with.
enum Readers {
    /// So many of our own.
    Ours(u32),
    Hosts(SqlitePool),
}

async fn connect(plan: Plan, lock: Lock) -> Result<SqliteStorage, OpenError> {
    let Plan { path, options, readers, clock, busy_timeout } = plan;
    let turn_patience = (busy_timeout / 2).max(TURN_MIN);
    let options = options.busy_timeout(busy_timeout / 2).statement_cache_capacity(STATEMENTS);
    let failed = |source| OpenError::Database { path: path.clone(), source };
    let writers = pool(1).connect_with(options.clone()).await.map_err(failed)?;
    // From now on the file is there. If it goes away, no other takes its place.
    let options = options.create_if_missing(false);
    writers.set_connect_options(options.clone());
    let journal = journal_of(&writers).await.map_err(failed)?;
    let relaxed =
        if journal.may_relax()? { SqliteSynchronous::Normal } else { SqliteSynchronous::Extra };
    let store = prepare(&writers, &path).await?;
    let notes = pool(1).connect_with(options.clone().synchronous(relaxed)).await.map_err(failed)?;
    let log = Log::of(&path, options.clone(), pool(1));
    let options = options.read_only(true);
    let background = all_open(BACKGROUND, options.clone()).await.map_err(failed)?;
    let readers_are_ours = matches!(readers, Readers::Ours(_));
    let readers = match readers {
        Readers::Ours(number) => all_open(number, options).await.map_err(failed)?,
        Readers::Hosts(pool) => pool,
    };
    let shared = Shared {
        clock,
        store,
        readers,
        readers_are_ours,
        background,
        notes,
        writers,
        log,
        turn: Mutex::default(),
        turn_patience,
        call_max: busy_timeout.saturating_add(WORK_MAX),
        _lock: lock,
    };
    Ok(SqliteStorage { shared: Arc::new(shared) })
}

/// The file itself, whatever links lead to it and wherever the process goes later: so that there is
/// one lock for it, and connections that are made later are to the same file.
pub(crate) fn real_path(named: &Path) -> Result<PathBuf, OpenError> {
    let failed = |source: io::Error| OpenError::Database {
        path: named.to_owned(),
        source: sqlx::Error::Io(source),
    };
    if named == Path::new(":memory:") {
        return Err(OpenError::NotAUrl(named.display().to_string()));
    }
    let mut path = named.to_owned();
    for _ in 0..LINKS_MAX {
        let Some(name) = path.file_name() else {
            return Err(OpenError::NotAUrl(named.display().to_string()));
        };
        if path.exists() {
            return path.canonicalize().map_err(failed);
        }
        let folder = path.parent().filter(|folder| *folder != Path::new(""));
        let folder = folder.unwrap_or_else(|| Path::new("."));
        match path.read_link() {
            // The file that a link leads to is made, and not one in the place of the link.
            Ok(target) => path = folder.join(target),
            Err(_no_link) => return Ok(folder.canonicalize().map_err(failed)?.join(name)),
        }
    }
    Err(failed(io::Error::other("the links to it have no end")))
}

/// The file that a pool's connections are to.
async fn file_of(pool: &SqlitePool) -> Result<PathBuf, OpenError> {
    let named = pool.connect_options().get_filename().to_owned();
    let failed = |source| OpenError::Database { path: named.clone(), source };
    let file: Option<String> =
        sqlx::query_scalar("SELECT file FROM pragma_database_list WHERE name = 'main'")
            .fetch_one(pool)
            .await
            .map_err(failed)?;
    match file {
        Some(file) if !file.is_empty() => real_path(Path::new(&file)),
        Some(_) | None => Err(OpenError::InMemory),
    }
}

/// How the connections to a file keep what a transaction may have to take back.
async fn journal_of(pool: &SqlitePool) -> Result<Journal, sqlx::Error> {
    let mode: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(pool).await?;
    Ok(match mode.as_str() {
        "wal" => Journal::Log,
        "delete" | "truncate" | "persist" => Journal::File,
        _ => Journal::Unsafe(mode),
    })
}

enum Journal {
    /// The write-ahead log: what is not waited for may be lost, and the file stays whole.
    Log,
    /// A file of its own.
    File,
    /// Nothing that outlives a crash.
    Unsafe(String),
}

impl Journal {
    /// Whether what may be lost need not be waited for.
    fn may_relax(self) -> Result<bool, OpenError> {
        match self {
            Self::Log => Ok(true),
            Self::File => Ok(false),
            Self::Unsafe(mode) => Err(OpenError::UnsafeJournal(mode)),
        }
    }
}

fn pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
}

/// Connections that are made now. One that is still being made when its caller gives up is made all
/// the same, and nobody would wait for it when the file is closed.
async fn all_open(
    connections: u32,
    options: SqliteConnectOptions,
) -> Result<SqlitePool, sqlx::Error> {
    let pool = pool(connections).connect_with(options).await?;
    let mut open = Vec::new();
    for _ in 0..connections {
        open.push(pool.acquire().await?);
    }
    Ok(pool)
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
