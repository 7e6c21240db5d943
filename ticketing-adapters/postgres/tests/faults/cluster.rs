//! A server of its own for a test that kills it.

use std::fs;
use std::io;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, PgConnection};
use tempfile::TempDir;

/// Names the folder of the server's programs, where they are not found by themselves.
const PROGRAMS: &str = "TICKETING_TEST_POSTGRES_BIN";
/// Where Debian and those after it have them.
const INSTALLED: &str = "/usr/lib/postgresql";
/// How long a server may take to start, be it after a crash.
const START_MAX: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// A server with a folder and a port of its own, and with it both end.
pub(crate) struct Cluster {
    folder: TempDir,
    programs: PathBuf,
    user: Option<User>,
    port: u16,
    settings: Vec<String>,
    server: Child,
}

/// Whom the server runs as, since it refuses to be root's.
struct User {
    uid: String,
    gid: String,
}

impl Cluster {
    /// Starts one with these settings, such as `max_connections=20`.
    pub(crate) async fn start(settings: &[&str]) -> Self {
        let (folder, programs, user) = (tempfile::tempdir().unwrap(), programs(), user());
        let data = folder.path().join("data");
        fs::create_dir(&data).unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        if let Some(user) = &user {
            let owner = format!("{}:{}", user.uid, user.gid);
            run(Command::new("chown").arg(owner).arg(&data));
        }
        let mut initdb = as_user(user.as_ref(), &programs.join("initdb"));
        let words =
            ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"];
        run(initdb.arg("--pgdata").arg(&data).args(words).stdout(Stdio::null()));
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let settings: Vec<String> = settings.iter().map(|&setting| setting.to_owned()).collect();
        let server = spawn(&folder, &programs, user.as_ref(), port, &settings);
        let mut cluster = Self { folder, programs, user, port, settings, server };
        cluster.wait_until_ready().await;
        cluster
    }

    /// How to connect to it.
    pub(crate) fn options(&self) -> PgConnectOptions {
        let server = PgConnectOptions::new_without_pgpass().host("127.0.0.1").port(self.port);
        server.username("postgres").database("postgres").disable_statement_logging()
    }

    /// Kills the server's first process, without a word.
    pub(crate) fn kill(&mut self) {
        self.server.kill().unwrap();
        self.server.wait().unwrap();
    }

    /// Starts it again.
    pub(crate) async fn start_again(&mut self) {
        self.server = self.spawn();
        self.wait_until_ready().await;
    }

    fn spawn(&self) -> Child {
        spawn(&self.folder, &self.programs, self.user.as_ref(), self.port, &self.settings)
    }

    /// Waits until it answers. After a kill, a start is refused as long as processes of the one
    /// before are ending.
    async fn wait_until_ready(&mut self) {
        let began = Instant::now();
        loop {
            if let Ok(conn) = self.options().connect().await {
                conn.close().await.ok();
                return;
            }
            assert!(began.elapsed() < START_MAX, "the server does not start: {}", self.log());
            if self.server.try_wait().unwrap().is_some() {
                self.server = self.spawn();
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    fn log(&self) -> String {
        fs::read_to_string(log_in(&self.folder)).unwrap_or_default()
    }

    /// A connection beside those of whoever is tested.
    pub(crate) async fn connect(&self) -> PgConnection {
        self.options().connect().await.unwrap()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let began = Instant::now();
        if matches!(self.server.try_wait(), Ok(None)) {
            // At once, and with all of its processes.
            drop(send("QUIT", self.server.id()));
        }
        while began.elapsed() < START_MAX && matches!(self.server.try_wait(), Ok(None)) {
            std::thread::sleep(LOOK_EVERY);
        }
    }
}

/// Sends a signal to a process.
pub(crate) fn signal(name: &str, process: u32) {
    let sent = send(name, process);
    assert!(sent.is_ok_and(|sent| sent.success()), "SIG{name} can't be sent to {process}");
}

fn send(name: &str, process: u32) -> io::Result<ExitStatus> {
    Command::new("kill").args(["-s", name]).arg(process.to_string()).status()
}

fn log_in(folder: &TempDir) -> PathBuf {
    folder.path().join("log")
}

fn spawn(
    folder: &TempDir,
    programs: &Path,
    user: Option<&User>,
    port: u16,
    settings: &[String],
) -> Child {
    let log = fs::File::options().create(true).append(true).open(log_in(folder)).unwrap();
    let mut server = as_user(user, &programs.join("postgres"));
    server.arg("-D").arg(folder.path().join("data"));
    let port = format!("port={port}");
    let ours = ["listen_addresses=127.0.0.1", "unix_socket_directories=", &port];
    for setting in ours.into_iter().chain(settings.iter().map(String::as_str)) {
        server.arg("-c").arg(setting);
    }
    server.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap()
}

fn run(command: &mut Command) {
    let done = command.output().unwrap();
    assert!(done.status.success(), "{command:?}: {}", String::from_utf8_lossy(&done.stderr));
}

/// A program, run as that user.
fn as_user(user: Option<&User>, program: &Path) -> Command {
    let Some(User { uid, gid }) = user else {
        return Command::new(program);
    };
    let mut command = Command::new("setpriv");
    command.arg(format!("--reuid={uid}")).arg(format!("--regid={gid}")).arg("--clear-groups");
    command.arg(program);
    command
}

/// Somebody else than root, if that is who we are.
fn user() -> Option<User> {
    if fs::metadata("/proc/self").unwrap().uid() != 0 {
        return None;
    }
    let known = fs::read_to_string("/etc/passwd").unwrap();
    let find = |name: &str| {
        let mut lines = known.lines().map(|line| line.split(':').collect::<Vec<_>>());
        lines.find(|fields| fields.first() == Some(&name))
    };
    let fields = find("postgres").or_else(|| find("nobody")).expect("a user who is not root");
    Some(User { uid: fields[2].to_owned(), gid: fields[3].to_owned() })
}

/// The folder of the newest server that is installed.
fn programs() -> PathBuf {
    if let Some(named) = std::env::var_os(PROGRAMS) {
        return named.into();
    }
    let versions = fs::read_dir(INSTALLED).into_iter().flatten();
    let folders = versions.filter_map(Result::ok).map(|version| version.path().join("bin"));
    let mut found: Vec<PathBuf> = folders.filter(|bin| bin.join("initdb").is_file()).collect();
    found.sort();
    let newest = found.pop();
    newest.unwrap_or_else(|| {
        panic!("no PostgreSQL server is installed in {INSTALLED}: {PROGRAMS} names another folder")
    })
}
