//! A container that runs: a process with an address of its own, exactly the variables and arguments of
//! its manifest, and somebody who asks it whether it is ready.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::http::Uri;
use http_body_util::Empty;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tempfile::TempDir;
use tokio::process::Command;
use tokio::task::JoinHandle;

use crate::manifests::{Container, Probe, Role};
use crate::program::{PROGRAM, Program};
use crate::shop::SOON;
use crate::substitutes::Substitutes;

/// A container that runs.
pub(crate) struct Pod {
    pub(crate) role: String,
    pub(crate) address: SocketAddr,
    program: Program,
    is_ready: Arc<AtomicBool>,
    asking: JoinHandle<()>,
    grace: Duration,
    _folder: TempDir,
}

impl Pod {
    /// Starts one, and waits until it is ready.
    pub(crate) async fn start(role: &Role, substitutes: &Substitutes) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let address = another_address();
        let mut command = prepared(&role.container, substitutes, address, &folder);
        let program = Program::launched(&mut command).await;
        assert_eq!(program.address, (address, role.readiness.port).into(), "{}", role.name);
        let is_ready = Arc::new(AtomicBool::new(false));
        let asking = tokio::spawn(ask(role.readiness.clone(), address, Arc::clone(&is_ready)));
        let pod = Self {
            role: role.name.clone(),
            address: program.address,
            program,
            is_ready,
            asking,
            grace: role.grace,
            _folder: folder,
        };
        pod.becomes_ready().await;
        pod
    }

    async fn becomes_ready(&self) {
        let began = Instant::now();
        while !self.is_ready() {
            assert!(began.elapsed() < SOON, "{} never becomes ready", self.role);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Whether requests are sent to it.
    pub(crate) fn is_ready(&self) -> bool {
        self.is_ready.load(Ordering::SeqCst)
    }

    /// Somebody to ask whether it is ready, also when it is told to end.
    pub(crate) fn endpoint(&self) -> (SocketAddr, Arc<AtomicBool>) {
        (self.address, Arc::clone(&self.is_ready))
    }

    /// Ends it, as a cluster does: it has its time of grace, and must need less.
    pub(crate) async fn end(self) -> Duration {
        let Self { role, program, asking, grace, .. } = self;
        let began = Instant::now();
        let ending = tokio::time::timeout(grace, program.terminate_within(grace));
        let (status, log) = ending.await.unwrap_or_else(|_late| panic!("{role} never ends"));
        assert!(status.success(), "{role}: {log}");
        asking.abort();
        began.elapsed()
    }
}

/// The program as the manifest says, and nothing of what is around the test.
fn prepared(
    container: &Container,
    substitutes: &Substitutes,
    address: Ipv4Addr,
    folder: &TempDir,
) -> Command {
    let mut command = Command::new(PROGRAM);
    command.env_clear().args(&container.arguments);
    command.envs(substitutes.variables(container, address, folder.path()));
    command
}

/// Runs a container to its end.
pub(crate) async fn run_to_the_end(container: &Container, substitutes: &Substitutes) -> String {
    let folder = tempfile::tempdir().unwrap();
    let mut command = prepared(container, substitutes, another_address(), &folder);
    let ran = command.output().await.unwrap();
    let told = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert!(ran.status.success(), "{told}{}", String::from_utf8_lossy(&ran.stderr));
    told
}

/// An address of this machine that no other test of this moment has.
fn another_address() -> Ipv4Addr {
    static ADDRESSES: AtomicU32 = AtomicU32::new(1);
    let number = ADDRESSES.fetch_add(1, Ordering::Relaxed);
    // 127.64.0.0/10 has 2^22 of them: as many as there are processes, 256 for each, with few in use.
    let process = (std::process::id() & 0x3fff) << 8;
    Ipv4Addr::from(0x7f40_0000 | process | (number & 0xff))
}

/// Asks again and again. One answer makes it ready; it is not ready any more after so many that fail.
async fn ask(probe: Probe, address: Ipv4Addr, is_ready: Arc<AtomicBool>) {
    let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build_http();
    let uri: Uri = format!("http://{address}:{}{}", probe.port, probe.path).parse().unwrap();
    let mut failed = 0;
    loop {
        let mut request = axum::http::Request::new(Empty::<Bytes>::new());
        *request.uri_mut() = uri.clone();
        let answered = tokio::time::timeout(probe.timeout, client.request(request)).await;
        let is_good = answered.is_ok_and(|it| it.is_ok_and(|it| it.status().is_success()));
        failed = if is_good { 0 } else { failed + 1 };
        if is_good || failed >= probe.failures {
            is_ready.store(is_good, Ordering::SeqCst);
        }
        tokio::time::sleep(probe.period).await;
    }
}
