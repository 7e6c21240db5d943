//! A server of its own for a test that kills it.

use std::fs;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use redis::Client;
use redis::aio::MultiplexedConnection;
use tempfile::TempDir;
use ticketing_redis::{RedisConfig, RedisTimers};

/// How long a server may take to start.
const START_MAX: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// A server with a folder and a port of its own, and with it both end.
pub(crate) struct Server {
    folder: TempDir,
    port: u16,
    settings: Vec<String>,
    password: Option<&'static str>,
    process: Child,
}

impl Server {
    /// Starts one with these settings, such as `--appendonly yes`.
    pub(crate) async fn start(settings: &[&str]) -> Self {
        Self::start_as(settings, None).await
    }

    /// Starts one that wants a password.
    pub(crate) async fn start_with_password(password: &'static str) -> Self {
        Self::start_as(&["--requirepass", password], Some(password)).await
    }

    async fn start_as(settings: &[&str], password: Option<&'static str>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let settings: Vec<String> = settings.iter().map(|&word| word.to_owned()).collect();
        let process = spawn(&folder, port, &settings);
        let server = Self { folder, port, settings, password, process };
        server.wait_until_ready().await;
        server
    }

    /// Its URL, with the password that it wants.
    pub(crate) fn url(&self) -> String {
        let password = self.password.map_or(String::new(), |password| format!(":{password}@"));
        self.open_url().replace("redis://", &format!("redis://{password}"))
    }

    /// Its URL without anybody's name or password.
    pub(crate) fn open_url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Timers on it.
    pub(crate) async fn timers(&self) -> RedisTimers {
        RedisConfig::from_url(&self.url()).unwrap().open().await.unwrap()
    }

    /// Kills it without a word.
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Starts it again, on what is left of its files.
    pub(crate) async fn start_again(&mut self) {
        self.process = spawn(&self.folder, self.port, &self.settings);
        self.wait_until_ready().await;
    }

    /// Tells it something, beside the timers.
    pub(crate) async fn tell(&self, words: &[&str]) {
        let (name, arguments) = words.split_first().unwrap();
        let mut connection = self.connect().await.unwrap();
        redis::cmd(name).arg(arguments).exec_async(&mut connection).await.unwrap();
    }

    async fn connect(&self) -> redis::RedisResult<MultiplexedConnection> {
        Client::open(self.url()).unwrap().get_multiplexed_async_connection().await
    }

    async fn wait_until_ready(&self) {
        let began = Instant::now();
        loop {
            if let Ok(mut connection) = self.connect().await
                && redis::cmd("PING").exec_async(&mut connection).await.is_ok()
            {
                return;
            }
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

fn spawn(folder: &TempDir, port: u16, settings: &[String]) -> Child {
    let log = folder.path().join("log");
    let log = fs::File::options().create(true).append(true).open(log).unwrap();
    let mut command = Command::new("redis-server");
    command.args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", ""]);
    command.arg("--dir").arg(folder.path()).args(settings);
    command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
    command.spawn().unwrap_or_else(|why| panic!("redis-server can't be started: {why}"))
}

/// A port below those that outgoing connections take, which is still free when the server comes back.
fn free_port() -> u16 {
    let first = std::process::id().wrapping_mul(37);
    let ports = (0..12_000).map(|step| 20_000 + first.wrapping_add(step) % 12_000);
    let mut ports = ports.map(|port| u16::try_from(port).unwrap());
    ports.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).unwrap()
}
