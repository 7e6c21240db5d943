//! A server of its own for a test that kills it.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use async_nats::{ConnectOptions, jetstream};
use tempfile::TempDir;
use ticketing_nats::{NatsBus, NatsConfig};

/// How long a server may take to start.
const START_MAX: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// Whom it lets in.
const USER: &str = "shop";
const PASSWORD: &str = "open-sesame";

/// A server with a folder and a port of its own, and with it both end.
pub(crate) struct Server {
    folder: TempDir,
    port: u16,
    process: Child,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let process = spawn(&folder, port);
        let server = Self { folder, port, process };
        server.wait_until_ready().await;
        server
    }

    /// A bus on it.
    pub(crate) async fn bus(&self) -> NatsBus {
        NatsConfig::from_url(&self.url()).unwrap().open().await.unwrap()
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://{USER}:{PASSWORD}@127.0.0.1:{}", self.port)
    }

    /// What an operator has: a way in that is not the bus's.
    pub(crate) async fn jetstream(&self) -> jetstream::Context {
        let sign_in = ConnectOptions::with_user_and_password(USER.into(), PASSWORD.into());
        let client = sign_in.connect(format!("127.0.0.1:{}", self.port)).await.unwrap();
        jetstream::new(client)
    }

    /// Kills it without a word.
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Removes everything that it had stored.
    pub(crate) fn forget(&self) {
        fs::remove_dir_all(self.folder.path().join("data")).unwrap();
    }

    /// Starts it again, on what is left of its files.
    pub(crate) async fn start_again(&mut self) {
        self.process = spawn(&self.folder, self.port);
        self.wait_until_ready().await;
    }

    /// Stops it from doing anything, or lets it go on.
    pub(crate) fn signal(&self, name: &str) {
        let process = self.process.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &process]).status().unwrap();
        assert!(sent.success(), "SIG{name} can't be sent to {process}");
    }

    async fn wait_until_ready(&self) {
        let began = Instant::now();
        let address = format!("127.0.0.1:{}", self.port);
        let sign_in = || ConnectOptions::with_user_and_password(USER.into(), PASSWORD.into());
        while sign_in().connect(&address).await.is_err() {
            let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            assert!(began.elapsed() < START_MAX, "the server does not start: {log}");
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

fn spawn(folder: &TempDir, port: u16) -> Child {
    let log = folder.path().join("log");
    let log = fs::File::options().create(true).append(true).open(log).unwrap();
    let mut command = Command::new(program());
    command.args(["--addr", "127.0.0.1", "--port", &port.to_string(), "--jetstream"]);
    command.args(["--user", USER, "--pass", PASSWORD]);
    command.arg("--store_dir").arg(folder.path().join("data"));
    command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
    command.spawn().unwrap_or_else(|why| panic!("nats-server can't be started: {why}"))
}

/// Where Debian has it, not everybody looks.
fn program() -> &'static str {
    let installed = "/usr/sbin/nats-server";
    if Path::new(installed).is_file() { installed } else { "nats-server" }
}

/// A port below those that outgoing connections take, which is still free when the server comes back.
fn free_port() -> u16 {
    let first = std::process::id().wrapping_mul(37);
    let ports = (0..12_000).map(|step| 20_000 + first.wrapping_add(step) % 12_000);
    let mut ports = ports.map(|port| u16::try_from(port).unwrap());
    ports.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).unwrap()
}
