//! The thread that writes the file: whatever waits is one write and one sync.
//!
//! A line counts when it is on disk, and whoever waits for it is told then. After a write or a sync
//! that failed nobody knows what is on disk, and a sync that succeeds later would prove nothing. So
//! the writer stops for good, and the file must be opened again.

use std::error::Error;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use ticketing_core::ports::chain;
use tokio::sync::watch;

/// How much may wait to be written. A disk that hangs must not fill the memory.
const WAITING_MAX: usize = 4 * 1024 * 1024;

/// What is written to.
pub(crate) trait Disk: Send + 'static {
    /// Appends the bytes; they are on disk when it answers.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
}

/// The calling side of the thread. Dropping it lets the thread write what waits, and end.
#[derive(Debug)]
pub(crate) struct Writer {
    shared: Arc<Shared>,
    state: watch::Receiver<State>,
}

#[derive(Debug, Default)]
struct Shared {
    queue: Mutex<Queue>,
    bell: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    bytes: Vec<u8>,
    /// The number of the last line in it.
    last: u64,
    closed: bool,
}

#[derive(Debug, Clone)]
enum State {
    /// Everything up to that line is on disk.
    Durable(u64),
    /// Nobody knows.
    Failed(Arc<io::Error>),
}

/// A line that is not known to be on disk.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum NotWritten {
    /// A write failed, this one or an earlier one.
    #[error("the sandbox ledger could not be written and must be opened again")]
    Failed(#[source] Arc<io::Error>),
    /// The ledger was closed.
    #[error("the sandbox ledger is closed")]
    Closed,
    /// The disk is too slow for what is asked of it.
    #[error("too much waits to be written to the sandbox ledger")]
    Busy,
    /// What should be written contradicts what is written.
    #[error("the sandbox ledger can't take such a line")]
    Line(#[source] Arc<dyn Error + Send + Sync>),
}

impl NotWritten {
    pub(crate) fn line(error: impl Error + Send + Sync + 'static) -> Self {
        Self::Line(Arc::new(error))
    }
}

impl Writer {
    /// A writer that continues after line `last`, and what its thread has to [run](Work::run).
    pub(crate) fn new(last: u64) -> (Self, Work) {
        let shared: Arc<Shared> = Arc::default();
        let (tell, state) = watch::channel(State::Durable(last));
        (Self { shared: Arc::clone(&shared), state }, Work { shared, tell })
    }

    /// Whether a line would be taken now.
    pub(crate) fn is_open(&self) -> Result<(), NotWritten> {
        if let State::Failed(error) = &*self.state.borrow() {
            return Err(NotWritten::Failed(Arc::clone(error)));
        }
        let queue = self.shared.queue();
        if queue.closed {
            return Err(NotWritten::Closed);
        }
        if queue.bytes.len() > WAITING_MAX {
            return Err(NotWritten::Busy);
        }
        Ok(())
    }

    /// Takes a line, to be written after those that were taken before.
    pub(crate) fn append(&self, number: u64, line: &[u8]) -> Result<(), NotWritten> {
        self.is_open()?;
        let mut queue = self.shared.queue();
        queue.bytes.extend_from_slice(line);
        queue.last = number;
        self.shared.bell.notify_one();
        Ok(())
    }

    /// Waits until that line, and all before it, are on disk.
    pub(crate) async fn durable(&self, number: u64) -> Result<(), NotWritten> {
        let told = |state: &State| match state {
            State::Durable(last) => *last >= number,
            State::Failed(_) => true,
        };
        match self.state.clone().wait_for(told).await.as_deref() {
            Ok(State::Durable(_)) => Ok(()),
            Ok(State::Failed(error)) => Err(NotWritten::Failed(Arc::clone(error))),
            Err(_ended) => Err(NotWritten::Closed),
        }
    }

    /// Waits until what was taken is on disk and the thread has ended.
    pub(crate) async fn close(&self) -> Result<(), NotWritten> {
        self.shared.close();
        let mut state = self.state.clone();
        // The thread never says that it has ended; it ends.
        while state.changed().await.is_ok() {}
        match &*state.borrow() {
            State::Durable(_) => Ok(()),
            State::Failed(error) => Err(NotWritten::Failed(Arc::clone(error))),
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.shared.close();
    }
}

/// The thread's side.
#[derive(Debug)]
pub(crate) struct Work {
    shared: Arc<Shared>,
    tell: watch::Sender<State>,
}

impl Work {
    /// Writes what is taken until the writer is closed or a write fails.
    pub(crate) fn run(self, mut disk: impl Disk) {
        while let Some((bytes, last)) = self.shared.wait() {
            match disk.append(&bytes) {
                Ok(()) => self.tell.send_replace(State::Durable(last)),
                Err(error) => {
                    tracing::error!(
                        error = chain(&error),
                        "the sandbox ledger could not be written"
                    );
                    self.tell.send_replace(State::Failed(Arc::new(error)));
                    break;
                }
            };
        }
        // The file is closed before anyone hears that the thread has ended.
        drop(disk);
    }
}

impl Shared {
    /// What waits, as soon as something does; nothing once it is closed and all is written.
    fn wait(&self) -> Option<(Vec<u8>, u64)> {
        let idle = |queue: &mut Queue| queue.bytes.is_empty() && !queue.closed;
        let waited = self.bell.wait_while(self.queue(), idle);
        let mut queue = waited.unwrap_or_else(PoisonError::into_inner);
        let bytes = std::mem::take(&mut queue.bytes);
        (!bytes.is_empty()).then_some((bytes, queue.last))
    }

    fn close(&self) {
        self.queue().closed = true;
        self.bell.notify_one();
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts the thread.
pub(crate) fn start(work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().name("sandbox-ledger".to_owned()).spawn(work).map(drop)
}
