//! The services in processes of their own, over Postgres, a bus and a Redis, behind a proxy.

use std::net::SocketAddr;

use futures_util::future::join_all;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tempfile::TempDir;
use ticketing_core::testing::server_url;
use tokio::process::Command;

use crate::BUS;
use crate::habits::SOON;
use crate::leftovers;
use crate::program::{Program, command};
use crate::proxy::Proxy;

/// Which services each process has. There are two that sell.
pub(crate) const PROCESSES: [&str; 7] =
    ["auth", "orders", "orders", "tickets", "payments", "expiration", "client"];

/// What signs the sessions of all of them.
const KEYS: &str = "a:0123456789abcdef0123456789abcdef";

/// Few connections: there are many processes, and other tests.
const PARAMETERS: &str = "lanes=1&readers=2&background=1";

/// A deployment, with names of its own at every server. When it is dropped, all of it is gone.
pub(crate) struct Deployment {
    processes: Vec<(&'static str, Program)>,
    proxy: Proxy,
    _folders: Vec<TempDir>,
    // Last, when no process uses it any more.
    _names: Names,
}

/// What the deployment is called at Postgres, the bus and Redis.
#[derive(Debug)]
struct Names {
    prefix: String,
}

impl Deployment {
    /// Starts all processes, with holds that take so long.
    pub(crate) async fn start(hold: &str) -> Self {
        let mut prefix = format!("t{}", uuid::Uuid::now_v7().simple());
        // The longest that all of them take.
        prefix.truncate(32);
        let names = Names { prefix };
        let statement =
            format!("CREATE DATABASE {} ENCODING 'UTF8' TEMPLATE template0", names.prefix);
        tell(&server_url("TICKETING_TEST_POSTGRES"), statement).await.unwrap();
        let folders: Vec<TempDir> =
            PROCESSES.iter().map(|_| tempfile::tempdir().unwrap()).collect();
        let start = |index: usize| {
            let mut command = command(folders[index].path());
            names.tell_to(&mut command);
            command.env("TICKETING_SERVICES", PROCESSES[index]).args(["--hold", hold]);
            async move { (PROCESSES[index], Program::started(&mut command).await) }
        };
        // Whoever is first makes the tables; the others need not wait for each other.
        let mut processes = vec![start(0).await];
        processes.extend(join_all((1..PROCESSES.len()).map(start)).await);
        let of = |service: &str| -> Vec<SocketAddr> {
            let those = processes.iter().filter(|(name, _)| *name == service);
            those.map(|(_, program)| program.address).collect()
        };
        let proxy = Proxy::start(by_beginning(vec![
            ("/api/users", of("auth")),
            ("/api/tickets", of("tickets")),
            ("/api/orders", of("orders")),
            ("/api/payments", of("payments")),
            ("/api/webhooks", of("payments")),
            ("/", of("client")),
        ]))
        .await;
        Self { processes, proxy, _folders: folders, _names: names }
    }

    /// Where everybody finds it.
    pub(crate) fn address(&self) -> SocketAddr {
        self.proxy.address
    }

    /// Where the processes of a service are themselves.
    pub(crate) fn addresses_of(&self, service: &str) -> Vec<SocketAddr> {
        let those = self.processes.iter().filter(|(name, _)| *name == service);
        those.map(|(_, program)| program.address).collect()
    }

    /// Ends all processes in good order.
    pub(crate) async fn close(mut self) {
        let ending = self.processes.drain(..).map(|(name, program)| async move {
            let (status, log) = program.terminate_and_tell().await;
            assert!(status.success(), "{name}: {log}");
        });
        tokio::time::timeout(SOON, join_all(ending)).await.expect("they never end");
    }
}

impl Names {
    /// Where the others are, for a process.
    fn tell_to(&self, command: &mut Command) {
        let prefix = &self.prefix;
        let database = self.database();
        let joint = if database.contains('?') { '&' } else { '?' };
        let bus = format!("{}?prefix={prefix}", server_url(BUS));
        let timers = format!("{}?prefix={prefix}", server_url("TICKETING_TEST_REDIS"));
        command.env("TICKETING_DATABASE", format!("{database}{joint}{PARAMETERS}"));
        command.env("TICKETING_ACCOUNTS", database);
        command.env("TICKETING_BUS", bus).env("TICKETING_TIMERS", timers);
        command.env("TICKETING_SESSION_KEYS", KEYS);
    }

    fn database(&self) -> String {
        let server = server_url("TICKETING_TEST_POSTGRES");
        let (address, parameters) = server.split_once('?').unwrap_or((&server, ""));
        let (address, _) = address.rsplit_once('/').expect("the URL names a database");
        let joint = if parameters.is_empty() { "" } else { "?" };
        format!("{address}/{}{joint}{parameters}", self.prefix)
    }
}

/// Beginnings of paths, the longest first, and where they lead.
fn by_beginning(
    routes: Vec<(&'static str, Vec<SocketAddr>)>,
) -> impl Fn(&str) -> Option<Vec<SocketAddr>> + Send + Sync {
    move |path| {
        let found = routes.iter().find(|(beginning, _)| path.starts_with(beginning));
        found.map(|(_, servers)| servers.clone())
    }
}

/// Removes everything that bears the name.
async fn forget(prefix: &str) {
    let statement = format!("DROP DATABASE IF EXISTS {prefix} WITH (FORCE)");
    let dropped = tell(&server_url("TICKETING_TEST_POSTGRES"), statement).await;
    leftovers::forget(prefix).await;
    dropped.unwrap();
}

impl Drop for Names {
    /// A drop can't wait in the test's own runtime.
    fn drop(&mut self) {
        let prefix = std::mem::take(&mut self.prefix);
        leftovers::in_a_runtime_of_its_own(async move { forget(&prefix).await });
    }
}

async fn tell(server: &str, statement: String) -> Result<(), sqlx::Error> {
    let mut conn = PgConnection::connect(server).await?;
    sqlx::query(AssertSqlSafe(statement)).execute(&mut conn).await?;
    conn.close().await
}
