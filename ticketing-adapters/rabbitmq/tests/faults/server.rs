//! A server of its own for a test that kills it: with files, a name and ports of its own, so that it
//! is nobody's neighbour.

use std::fs;
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use lapin::{Channel, Connection, ConnectionProperties};
use tempfile::TempDir;
use ticketing_rabbitmq::{RabbitBus, RabbitConfig};

/// Names the server's own start script, where it is not found by itself.
const PROGRAM: &str = "TICKETING_TEST_RABBITMQ_SERVER";
/// Where Debian and those after it have it.
const INSTALLED: &str = "/usr/lib/rabbitmq/lib";
/// How long a server may take to start, on a machine that has much else to do.
const START_MAX: Duration = Duration::from_mins(2);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A server, and the daemon through which nodes find each other; with this both end.
pub(crate) struct Server {
    folder: TempDir,
    port: u16,
    ports: [u16; 2],
    daemon: Child,
    process: Child,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let [port, epmd, dist] = free_ports();
        let ports = [epmd, dist];
        let settings = format!("listeners.tcp.1 = 127.0.0.1:{port}\nlog.console = true\n");
        fs::write(folder.path().join("rabbitmq.conf"), settings).unwrap();
        fs::write(folder.path().join("plugins"), "[].\n").unwrap();
        let daemon = launch(&folder, ports, Path::new("epmd"));
        let process = launch(&folder, ports, &program());
        let server = Self { folder, port, ports, daemon, process };
        server.wait_until_ready().await;
        server
    }

    pub(crate) fn url(&self) -> String {
        format!("amqp://guest:guest@127.0.0.1:{}/%2f", self.port)
    }

    /// A bus on it.
    pub(crate) async fn bus(&self) -> RabbitBus {
        RabbitConfig::from_url(&self.url()).unwrap().open().await.unwrap()
    }

    /// A channel beside those of the bus.
    pub(crate) async fn channel(&self) -> (Connection, Channel) {
        let connection = self.connect().await.unwrap();
        let channel = connection.create_channel().await.unwrap();
        (connection, channel)
    }

    /// Has the server's own tool tell it something.
    pub(crate) async fn control(&self, arguments: &[&str]) {
        let tool = program().with_file_name("rabbitmqctl");
        let mut command = launched(&self.folder, self.ports, &tool);
        command.args(arguments);
        let telling = tokio::task::spawn_blocking(move || command.output());
        let told = telling.await.unwrap().unwrap();
        assert!(told.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&told.stderr));
    }

    /// Has queues elect a leader.
    pub(crate) async fn elect(&self, queues: &[&str]) {
        let elect = |queue| format!("ra:trigger_election({{'%2F_{queue}', node()}})");
        let elections: Vec<String> = queues.iter().map(elect).collect();
        self.control(&["eval", &format!("{}.", elections.join(", "))]).await;
    }

    /// Kills all of its processes without a word.
    pub(crate) fn kill(&mut self) {
        kill_group(&mut self.process);
    }

    /// Starts it again, on its files.
    pub(crate) async fn start_again(&mut self) {
        self.process = launch(&self.folder, self.ports, &program());
        self.wait_until_ready().await;
    }

    async fn connect(&self) -> lapin::Result<Connection> {
        Connection::connect(&self.url(), ConnectionProperties::default()).await
    }

    async fn wait_until_ready(&self) {
        let began = Instant::now();
        loop {
            if let Ok(connection) = self.connect().await {
                drop(connection.close(200, "bye".into()).await);
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
        kill_group(&mut self.process);
        kill_group(&mut self.daemon);
    }
}

/// The start script has children, which are in its group.
fn kill_group(process: &mut Child) {
    let group = format!("-{}", process.id());
    drop(Command::new("kill").args(["-s", "KILL", "--", &group]).status());
    drop(process.wait());
}

fn launch(folder: &TempDir, ports: [u16; 2], program: &Path) -> Child {
    let log = folder.path().join("log");
    let log = fs::File::options().create(true).append(true).open(log).unwrap();
    let mut command = launched(folder, ports, program);
    command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
    command.spawn().unwrap_or_else(|why| panic!("{} can't be started: {why}", program.display()))
}

/// A program that finds the server's files and ports.
fn launched(folder: &TempDir, [epmd, dist]: [u16; 2], program: &Path) -> Command {
    let path = |name: &str| folder.path().join(name);
    let mut command = Command::new(program);
    command.process_group(0).env("HOME", folder.path());
    command.env("ERL_EPMD_ADDRESS", "127.0.0.1").env("ERL_EPMD_PORT", epmd.to_string());
    command.env("RABBITMQ_NODENAME", "ticketing@localhost");
    command.env("RABBITMQ_DIST_PORT", dist.to_string());
    command.env("RABBITMQ_CONF_ENV_FILE", "/dev/null");
    command.env("RABBITMQ_CONFIG_FILE", path("rabbitmq.conf"));
    command.env("RABBITMQ_ENABLED_PLUGINS_FILE", path("plugins"));
    command.env("RABBITMQ_MNESIA_BASE", path("data")).env("RABBITMQ_LOG_BASE", path("data"));
    command.env("RABBITMQ_PID_FILE", path("pid"));
    let only_here = "-kernel inet_dist_use_interface {127,0,0,1}";
    command.env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", only_here);
    command
}

/// The start script of the newest server that is installed. Debian's, on the path, would run as
/// another user and on files of its own.
fn program() -> PathBuf {
    if let Some(named) = std::env::var_os(PROGRAM) {
        return named.into();
    }
    let versions = fs::read_dir(INSTALLED).into_iter().flatten().filter_map(Result::ok);
    let scripts = versions.map(|version| version.path().join("sbin/rabbitmq-server"));
    let mut found: Vec<PathBuf> = scripts.filter(|script| script.is_file()).collect();
    found.sort();
    let newest = found.pop();
    newest.unwrap_or_else(|| {
        panic!("no RabbitMQ is installed in {INSTALLED}: {PROGRAM} names another start script")
    })
}

/// Ports below those that outgoing connections take, which are still free when the server comes back.
fn free_ports() -> [u16; 3] {
    let first = std::process::id().wrapping_mul(37);
    let ports = (0..12_000).map(|step| 20_000 + first.wrapping_add(step) % 12_000);
    let ports = ports.map(|port| u16::try_from(port).unwrap());
    let mut free = ports.filter(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok());
    std::array::from_fn(|_place| free.next().unwrap())
}
