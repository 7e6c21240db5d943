//! The server as a program of its own, to be killed.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use crate::browser::Browser;
use crate::shop::{PASSWORD, SOON};

/// The program, built from the same sources.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_ticketing-server");

/// A running server process. It is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Program {
    child: Child,
    pub(crate) address: SocketAddr,
    log: JoinHandle<String>,
}

impl Program {
    /// Starts it on this data folder, at a port that is free.
    pub(crate) async fn start(folder: &Path, arguments: &[&str]) -> Self {
        Self::started(command(folder).args(arguments)).await
    }

    /// Starts what is prepared, at a port that is free.
    pub(crate) async fn started(command: &mut Command) -> Self {
        Self::launched(command.args(["--listen", "127.0.0.1:0"])).await
    }

    /// Starts what is prepared, where that says.
    pub(crate) async fn launched(command: &mut Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut said = String::new();
        let started = async {
            while let Some(line) = log.next_line().await.unwrap() {
                said.push_str(&line);
                said.push('\n');
                if let Some(address) = listening(&line) {
                    return address;
                }
            }
            panic!("the server ended before it listened: {said}");
        };
        let address = tokio::time::timeout(SOON, started).await.expect("the server never listened");
        // Somebody must read on, or the server waits for room in the pipe.
        let log = tokio::spawn(async move {
            while let Ok(Some(line)) = log.next_line().await {
                said.push_str(&line);
                said.push('\n');
            }
            said
        });
        Self { child, address, log }
    }

    /// Ends it at once, as a power cut would.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// Somebody who has just signed up there, by that name.
    pub(crate) async fn signs_up(&self, name: &str) -> Browser {
        let browser = Browser::new(self.address);
        let account = json!({ "email": format!("{name}@example.com"), "password": PASSWORD });
        browser.post("/api/users/signup", account).await.expect(201);
        browser
    }

    /// Tells it something as the operating system does: `STOP`, `CONT`.
    pub(crate) async fn signal(&self, name: &str) {
        let id = self.child.id().expect("it has ended").to_string();
        let sent = Command::new("kill").args([&format!("-{name}"), &id]).status().await.unwrap();
        assert!(sent.success());
    }

    /// Asks it to end, and waits until it has.
    pub(crate) async fn terminate(self) -> std::process::ExitStatus {
        self.terminate_and_tell().await.0
    }

    /// The same, with everything that it has logged.
    pub(crate) async fn terminate_and_tell(self) -> (std::process::ExitStatus, String) {
        self.terminate_within(SOON).await
    }

    /// The same, where it may take so long.
    pub(crate) async fn terminate_within(
        self,
        patience: Duration,
    ) -> (std::process::ExitStatus, String) {
        self.signal("TERM").await;
        self.ends_within(patience).await
    }

    /// Waits until it has ended, of itself or since it was told to.
    pub(crate) async fn ends_within(
        mut self,
        patience: Duration,
    ) -> (std::process::ExitStatus, String) {
        let ended = tokio::time::timeout(patience, self.child.wait()).await;
        (ended.expect("it never ended").unwrap(), self.log.await.unwrap())
    }
}

/// The program over this data folder, with no settings from around the test.
pub(crate) fn command(folder: &Path) -> Command {
    let mut command = Command::new(PROGRAM);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("TICKETING_")) {
        command.env_remove(name);
    }
    command.arg("--data-dir").arg(folder).stdin(Stdio::null()).stdout(Stdio::piped());
    command
}

/// The address that a line of the log says the server listens at.
fn listening(line: &str) -> Option<SocketAddr> {
    let line: Value = serde_json::from_str(line).ok()?;
    line["address"].as_str()?.parse().ok()
}
