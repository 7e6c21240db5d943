//! A database for each test, on the server that `TICKETING_TEST_POSTGRES` names.
//!
//! Databases are slow to make and much slower to drop: the server writes everything to the disk
//! before. So they are kept, under names of their own, and used again. Whoever has one holds a lock,
//! which the server lets go when its connection ends, however that ends; whoever gets one finds it
//! empty, whatever the one before left in it.

use std::str::FromStr;
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, PgConnection};
use ticketing_core::testing::conformance::verdict::{fail, worked};

/// What names the server: a URL of a database in it, as a user who may make others.
const SERVER: &str = "TICKETING_TEST_POSTGRES";

/// The most databases that are used at the same time.
const DATABASES: i32 = 64;

/// The first half of the key of the locks: nobody else's, with some luck.
const LOCKS: i32 = 0x71C4_E751;

/// A database that nobody else uses as long as this lives.
#[derive(Debug)]
pub(crate) struct Database {
    /// How to connect to it.
    pub(crate) options: PgConnectOptions,
    url: String,
    /// Holds the lock.
    _lock: PgConnection,
}

/// Each test uses a part of this.
const _: fn(&Database) = |_| {
    let parts = (Database::empty, Database::migrated, Database::connect, Database::url);
    std::hint::black_box(parts);
};

impl Database {
    /// A database in which there is nothing.
    pub(crate) async fn empty() -> Self {
        let database = Self::take().await;
        run(&mut database.connect().await, NOTHING).await;
        database
    }

    /// A database that has the tables, and nothing in them.
    pub(crate) async fn migrated(migrations: &Migrator) -> Self {
        let database = Self::take().await;
        let mut conn = database.connect().await;
        if !is_of(&mut conn, migrations).await {
            run(&mut conn, "DROP SCHEMA IF EXISTS ticketing CASCADE").await;
            worked(migrations.run_direct(None, &mut conn, false).await, "the migrations");
            let shape = shape(&mut conn).await;
            run(&mut conn, &format!("COMMENT ON SCHEMA ticketing IS '{shape}'")).await;
        }
        run(&mut conn, EMPTY).await;
        database
    }

    /// A connection to it, beside those of whoever is tested.
    pub(crate) async fn connect(&self) -> PgConnection {
        worked(self.options.clone().connect().await, "a connection to the database")
    }

    /// Its URL.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    async fn take() -> Self {
        let Ok(server) = std::env::var(SERVER) else {
            fail(&format!("{SERVER} names no PostgreSQL server: `scripts/services up` starts one"));
        };
        let server = worked(PgConnectOptions::from_str(&server), "the URL of a PostgreSQL server");
        let server = server.disable_statement_logging();
        let mut lock = worked(server.clone().connect().await, "a PostgreSQL server that answers");
        let number = free(&mut lock).await;
        let name = format!("ticketing_test_{number}");
        make(&mut lock, &name).await;
        let options = server.database(&name);
        let url = options.to_url_lossy().to_string();
        Self { options, url, _lock: lock }
    }
}

/// Locks the first database that nobody has.
async fn free(conn: &mut PgConnection) -> i32 {
    for _ in 0..600 {
        for number in 0..DATABASES {
            let locked = sqlx::query_scalar("SELECT pg_try_advisory_lock($1, $2)")
                .bind(LOCKS)
                .bind(number)
                .fetch_one(&mut *conn);
            if worked(locked.await, "a lock") {
                return number;
            }
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    fail(&format!("all of the {DATABASES} databases for tests are in use"))
}

/// Makes the database if it is not there, and sends away whoever has been left in it.
async fn make(conn: &mut PgConnection, name: &str) {
    let left = sqlx::query(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = $1",
    );
    worked(left.bind(name).execute(&mut *conn).await, "the end of old connections");
    let is_there = sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)")
        .bind(name)
        .fetch_one(&mut *conn);
    if worked(is_there.await, "the databases that there are") {
        run(conn, &format!("ALTER DATABASE {name} RESET ALL")).await;
    } else {
        run(conn, &format!("CREATE DATABASE {name}")).await;
    }
}

/// Whether the tables are those of these migrations, and as these made them: tests that spoil rows
/// take constraints away first.
async fn is_of(conn: &mut PgConnection, migrations: &Migrator) -> bool {
    let made = sqlx::query_scalar("SELECT checksum FROM ticketing.migrations ORDER BY version");
    let made: Result<Vec<Vec<u8>>, _> = made.fetch_all(&mut *conn).await;
    let known: Vec<Vec<u8>> = migrations.iter().map(|it| it.checksum.to_vec()).collect();
    if !made.is_ok_and(|made| made == known) {
        return false;
    }
    let noted = sqlx::query_scalar("SELECT obj_description('ticketing'::regnamespace)");
    let noted: Option<String> = worked(noted.fetch_one(&mut *conn).await, "a note on the schema");
    noted == Some(shape(conn).await)
}

/// What there is in the schema: columns, constraints and indexes.
async fn shape(conn: &mut PgConnection) -> String {
    let shape = sqlx::query_scalar(
        "SELECT md5(string_agg(part, ' ' ORDER BY part)) FROM ( \
         SELECT concat(conrelid::regclass, conname, pg_get_constraintdef(oid)) AS part \
         FROM pg_constraint WHERE connamespace = 'ticketing'::regnamespace \
         UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'ticketing' \
         UNION ALL SELECT concat(attrelid::regclass, attname, atttypid, attnotnull) \
         FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid \
         WHERE relnamespace = 'ticketing'::regnamespace AND attnum > 0) AS parts",
    );
    worked(shape.fetch_one(conn).await, "the shape of the schema")
}

/// Drops every schema but the server's own.
const NOTHING: &str = "DO $$ DECLARE name text; BEGIN \
     FOR name IN SELECT nspname FROM pg_namespace \
     WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' LOOP \
     EXECUTE format('DROP SCHEMA %I CASCADE', name); END LOOP; \
     CREATE SCHEMA public; END $$";

/// Most tables are small or empty, and emptying those is quicker than making them anew.
const EMPTY: &str = "DO $$ DECLARE name text; BEGIN \
     FOR name IN SELECT tablename FROM pg_tables \
     WHERE schemaname = 'ticketing' AND tablename <> 'migrations' LOOP \
     EXECUTE format('DELETE FROM ticketing.%I', name); END LOOP; \
     ALTER TABLE ticketing.outbox ALTER COLUMN id RESTART; END $$";

async fn run(conn: &mut PgConnection, sql: &str) {
    let done = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(conn).await;
    worked(done, "what prepares the database");
}
