//! Where the lines are kept: in a synced file, or nowhere.

pub(crate) mod file;
mod seal;
pub(crate) mod writer;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

pub(crate) use writer::{NotWritten, Writer};

use crate::ledger::entry::Entry;

/// Where the lines are kept.
#[derive(Debug)]
pub(crate) enum Journal {
    /// Nowhere: they are lost with the process.
    Memory,
    /// In a file.
    File {
        /// Its name.
        path: PathBuf,
        /// What writes it.
        writer: Writer,
    },
}

impl Journal {
    pub(crate) fn path(&self) -> Option<&Path> {
        match self {
            Self::Memory => None,
            Self::File { path, .. } => Some(path),
        }
    }

    /// Whether a line would be taken now.
    pub(crate) fn is_open(&self) -> Result<(), NotWritten> {
        match self {
            Self::Memory => Ok(()),
            Self::File { writer, .. } => writer.is_open(),
        }
    }

    /// An entry as it will be written.
    pub(crate) fn line_of(&self, entry: &Entry) -> Result<Vec<u8>, NotWritten> {
        match self {
            Self::Memory => Ok(Vec::new()),
            Self::File { .. } => line_of(entry).map_err(NotWritten::line),
        }
    }

    /// Takes the line of that number, to be written after those that were taken before.
    pub(crate) fn append(&self, number: u64, line: &[u8]) -> Result<(), NotWritten> {
        match self {
            Self::Memory => Ok(()),
            Self::File { writer, .. } => writer.append(number, line),
        }
    }

    /// Waits until the line of that number, and all before it, are on disk.
    pub(crate) async fn durable(&self, number: u64) -> Result<(), NotWritten> {
        match self {
            Self::Memory => Ok(()),
            Self::File { writer, .. } => writer.durable(number).await,
        }
    }

    /// Takes no more lines, and waits until what it has taken is on disk and the file is closed.
    pub(crate) async fn close(&self) -> Result<(), NotWritten> {
        match self {
            Self::Memory => Ok(()),
            Self::File { writer, .. } => writer.close().await,
        }
    }
}

/// A value as one line of text.
pub(crate) fn line_of(value: &impl serde::Serialize) -> Result<Vec<u8>, serde_json::Error> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    Ok(line)
}
