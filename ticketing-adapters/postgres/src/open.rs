//! Opening a storage.

use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, Connection, PgConnection, PgPool};
use ticketing_core::ports::{IdSource, RandomIds};
use ticketing_core::values::StoreId;

use crate::config::{NOTES, PostgresConfig, SPARE_COMMANDS};
use crate::error::OpenError;
use crate::schema;
use crate::storage::{PostgresStorage, Shared};

/// How many prepared statements a connection keeps: more than there are.
const STATEMENTS: usize = 256;

/// How long a call waits for a connection. A longer queue is an overload, and better told than
/// waited out.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(1);

/// What every connection is told when it is made. The server ends by itself what takes too long, so
/// that nothing here has to be cut off in the middle.
const EVERYWHERE: [(&str, &str); 5] = [
    ("statement_timeout", "5s"),
    // A process that stopped in the middle of a commit must not keep its rows.
    ("idle_in_transaction_session_timeout", "5s"),
    // Nor one whose machine has gone away without a word.
    ("tcp_user_timeout", "5s"),
    // A database may have another one by default. Locks and guards are made for this one, in which
    // each statement sees what was committed before it.
    ("default_transaction_isolation", "read committed"),
    // Statements are short: compiling one takes longer than running it.
    ("jit", "off"),
];

/// Every row is found by a key, and every list through an index. Plans are made once, when a table
/// may be empty yet, and must be right when it is large; rows are locked in the order of their keys.
/// Nothing is so long that it is worth other processes of the server.
const BY_INDEX: [(&str, &str); 5] = [
    ("enable_seqscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    ("max_parallel_workers_per_gather", "0"),
    ("plan_cache_mode", "force_generic_plan"),
];

/// Lists are read in the order of an index, however few there seem to be of something.
const FOR_LISTS: [(&str, &str); 1] = [("enable_sort", "off")];

/// Groups wait little for a row that another process has: whoever has it ends soon, or has stopped.
const FOR_COMMANDS: [(&str, &str); 2] = [("lock_timeout", "200ms"), ("enable_bitmapscan", "off")];

const IN_THE_BACKGROUND: [(&str, &str); 1] = [("lock_timeout", "3s")];

impl PostgresStorage {
    /// Opens what a URL says, see [`PostgresConfig::from_url`].
    ///
    /// # Errors
    /// An [`OpenError`] that says what is in the way.
    pub async fn from_url(url: &str) -> Result<Self, OpenError> {
        PostgresConfig::from_url(url)?.open().await
    }

    /// Keeps its tables, which are in the schema `ticketing`, in the database of a pool that the
    /// host made.
    ///
    /// It reads with the host's connections. It writes with connections of its own, made as the
    /// host's are, but with the time limits and the isolation that it needs.
    ///
    /// # Errors
    /// An [`OpenError`] that says what is in the way.
    pub async fn from_pool(pool: PgPool) -> Result<Self, OpenError> {
        let config = PostgresConfig::new((*pool.connect_options()).clone());
        connect(config, Some(pool)).await
    }
}

/// Opens a database.
pub(crate) async fn open(config: PostgresConfig) -> Result<PostgresStorage, OpenError> {
    connect(config, None).await
}

async fn connect(
    config: PostgresConfig,
    hosts: Option<PgPool>,
) -> Result<PostgresStorage, OpenError> {
    let PostgresConfig { server, lanes, readers, background } = config;
    let server = server.statement_cache_capacity(STATEMENTS).disable_statement_logging();
    let server = named(server.options(EVERYWHERE));
    let mut first = PgConnection::connect_with(&server).await.map_err(OpenError::Database)?;
    let fresh = StoreId::from_uuid(RandomIds.next());
    let store = schema::prepare(&mut first, fresh).await?;
    let durable = durably(&mut first).await.map_err(OpenError::Database)?;
    first.close().await.map_err(OpenError::Database)?;
    let server = server.options(BY_INDEX);
    let commands = server.clone().options(FOR_COMMANDS).options(durable.iter().copied());
    let server = server.options(FOR_LISTS);
    let behind = server.clone().options(IN_THE_BACKGROUND);
    // A connection that has gone bad is found out by what is told to it, which costs a commit
    // nothing: what was to be begun in it is begun in another.
    let commands = pool(lanes.saturating_add(SPARE_COMMANDS))
        .test_before_acquire(false)
        .connect_lazy_with(commands);
    let shared = Shared {
        store,
        lanes: usize::try_from(lanes).unwrap_or(usize::MAX),
        commands,
        background: pool(background)
            .connect_lazy_with(behind.clone().options(durable.iter().copied())),
        notes: pool(NOTES).connect_lazy_with(behind.options([("synchronous_commit", "off")])),
        readers_are_ours: hosts.is_none(),
        readers: hosts.unwrap_or_else(|| pool(readers).connect_lazy_with(server)),
    };
    Ok(PostgresStorage { shared: Arc::new(shared) })
}

fn pool(connections: u32) -> PgPoolOptions {
    PgPoolOptions::new().max_connections(connections).acquire_timeout(ACQUIRE_TIMEOUT)
}

/// A name by which an administrator knows whose a connection is, if it has none.
fn named(server: PgConnectOptions) -> PgConnectOptions {
    if server.get_application_name().is_some() {
        server
    } else {
        server.application_name("ticketing")
    }
}

/// What makes a commit wait for the disk: nothing where it does so anyway, be it for a replica's as
/// well. What a commit says must not be lost.
async fn durably(
    conn: &mut PgConnection,
) -> Result<&'static [(&'static str, &'static str)], sqlx::Error> {
    const SETTING: &str = "SELECT current_setting($1)";
    for setting in ["fsync", "full_page_writes"] {
        let value: String = sqlx::query_scalar(SETTING).bind(setting).fetch_one(&mut *conn).await?;
        if value == "off" {
            tracing::warn!(setting, "a setting of the server is off: a crash of it loses orders");
        }
    }
    let waits: String =
        sqlx::query_scalar(SETTING).bind("synchronous_commit").fetch_one(conn).await?;
    Ok(if waits == "off" { &[("synchronous_commit", "on")] } else { &[] })
}
