//! One process at a time: a lock that dies with its process.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use crate::error::OpenError;

/// A locked file beside the database. The operating system lets it go when the process ends,
/// however it ends, so nothing has to be cleaned up and the file may stay.
///
/// It stays even where opening fails: if it were removed, a process that has opened it by then would
/// lock a file without a name, and the next one a new file, and both would sell.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Locks the file beside `database`, or says who can't.
    pub(crate) fn beside(database: &Path) -> Result<Self, OpenError> {
        let path = lock_file(database);
        let failed = |source| OpenError::Lock { path: path.clone(), source };
        let mut options = OpenOptions::new();
        // Never truncated: another process may hold it.
        let file = options.create(true).write(true).truncate(false).open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(OpenError::InUse(database.to_owned())),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }
}

fn lock_file(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(".lock");
    PathBuf::from(name)
}
