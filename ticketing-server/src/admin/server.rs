//! The server's side of the socket.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ticketing_core::Ticketing;
use ticketing_core::ports::chain;
use ticketing_core::values::UserId;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{AdminAnswer, AdminRequest, FOLDER, LINE_MAX, SOCKET};

/// How long a request may take to arrive. What it asks for may take longer.
const REQUEST_WITHIN: Duration = Duration::from_secs(5);
/// How long to wait before accepting again when the process has no file descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Who acts, in the events of what was done through the socket.
const ACTOR: &str = "console";

/// A socket through which the user that the server runs as can ask for repairs.
#[derive(Debug)]
#[must_use = "dropped, it stays open and can't be closed"]
pub struct AdminDoor {
    path: PathBuf,
    closing: CancellationToken,
    tasks: TaskTracker,
}

impl AdminDoor {
    /// Opens it below the folder for data. A socket that an earlier server left there is replaced. One
    /// that a running server has stays its own: servers over one storage can all do what is asked.
    ///
    /// # Errors
    /// The socket can't be made, or another server has it. Its path must be short: 107 bytes at most.
    pub fn open(data_dir: &Path, engine: Ticketing) -> io::Result<Self> {
        let folder = data_dir.join(FOLDER);
        DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700))?;
        let path = folder.join(SOCKET);
        remove_abandoned(&path)?;
        let listener = UnixListener::bind(&path)?;
        let (closing, tasks) = (CancellationToken::new(), TaskTracker::new());
        tasks.spawn(accept(listener, engine, closing.clone(), tasks.clone()));
        Ok(Self { path, closing, tasks })
    }

    /// Takes no more requests, waits for those that run, and removes the socket.
    pub async fn close(self) {
        self.closing.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::debug!(error = chain(&error), "the admin socket was removed by somebody else");
        }
    }
}

/// Removes a socket at which nobody listens any more.
fn remove_abandoned(path: &Path) -> io::Result<()> {
    if std::os::unix::net::UnixStream::connect(path).is_ok() {
        let told = "another server that runs over this folder has the socket";
        return Err(io::Error::new(io::ErrorKind::AddrInUse, told));
    }
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

async fn accept(
    listener: UnixListener,
    engine: Ticketing,
    closing: CancellationToken,
    tasks: TaskTracker,
) {
    while let Some(accepted) = closing.run_until_cancelled(listener.accept()).await {
        match accepted {
            Ok((stream, _)) => {
                let engine = engine.clone();
                tasks.spawn(async move {
                    if let Err(error) = serve(stream, &engine).await {
                        tracing::warn!(
                            code = "admin_cut_off",
                            error = chain(&error),
                            "a request through the admin socket was cut off"
                        );
                    }
                });
            }
            Err(error) => {
                tracing::error!(
                    code = "admin_accept",
                    error = chain(&error),
                    "the admin socket accepts nobody"
                );
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn serve(mut stream: UnixStream, engine: &Ticketing) -> io::Result<()> {
    let (input, mut output) = stream.split();
    let mut line = String::new();
    let mut input = BufReader::new(input.take(LINE_MAX));
    tokio::time::timeout(REQUEST_WITHIN, input.read_line(&mut line)).await??;
    if line.is_empty() {
        // Somebody only looked whether there is a server.
        return Ok(());
    }
    let answer = match serde_json::from_str(&line) {
        Ok(request) => answer(engine, request).await,
        Err(error) => AdminAnswer::Failed(format!("the request can't be read: {error}")),
    };
    let mut answer = serde_json::to_vec(&answer)?;
    answer.push(b'\n');
    output.write_all(&answer).await
}

async fn answer(engine: &Ticketing, request: AdminRequest) -> AdminAnswer {
    tracing::info!(%request, "an operator asks through the admin socket");
    match done(engine, request).await {
        Ok(done) => AdminAnswer::Done(done),
        Err(error) => AdminAnswer::Failed(chain(error.as_ref())),
    }
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

async fn done(engine: &Ticketing, request: AdminRequest) -> Result<String, Failure> {
    let console = UserId::new(ACTOR)?;
    Ok(match request {
        AdminRequest::Resume { payment } => {
            engine.operator().resume(&console, payment).await?;
            format!("payment {payment} is looked up at the gateway")
        }
        AdminRequest::RetryRefund { refund } => {
            engine.operator().retry_refund(&console, refund).await?;
            format!("refund {refund} is sent once more, unless the gateway has it already")
        }
        AdminRequest::Replay { since } => {
            let events = engine.publish_again(since).await?;
            format!("{events} events were published once more")
        }
    })
}
