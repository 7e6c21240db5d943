//! Why a sandbox could not be opened, or put to work.

use std::error::Error;
use std::io;
use std::path::PathBuf;

/// A ledger that was not opened. The file is as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The file can't be opened, read or written.
    #[error("the sandbox ledger {} can't be opened", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
    /// Another gateway, of this process or of another, has the file open.
    #[error("the sandbox ledger {} is in use by another gateway", path.display())]
    InUse {
        /// Which file.
        path: PathBuf,
    },
    /// There is a file of that name, and it is something else.
    #[error("{} is no sandbox ledger", path.display())]
    NotALedger {
        /// Which file.
        path: PathBuf,
    },
    /// It was written by a version that this one does not know.
    #[error("the sandbox ledger {} has format {format}, which this version can't read", path.display())]
    UnknownFormat {
        /// Which file.
        path: PathBuf,
        /// Its format.
        format: u32,
    },
    /// A line can't be read, or contradicts the lines before it.
    #[error("line {line} of the sandbox ledger {} is corrupt", path.display())]
    Corrupt {
        /// Which file.
        path: PathBuf,
        /// Which line, counted from 1.
        line: u64,
        /// What is wrong with it.
        source: Box<dyn Error + Send + Sync>,
    },
}

/// There is nothing to run tasks on: the gateway was given no runtime, and is outside of tokio.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("webhooks are delivered by a task, and there is no runtime to start it on")]
pub struct NoRuntime;
