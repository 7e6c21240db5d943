//! The file: opened by one gateway at a time, read back, and mended where a crash tore its end.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, Read, Seek, Write};
use std::path::{Path, PathBuf};

use tokio::sync::oneshot;
use uuid::Uuid;

use crate::error::OpenError;
use crate::journal::seal::{self, Sealed};
use crate::journal::writer::{Disk, Writer, start};
use crate::journal::{Journal, line_of};
use crate::ledger::accounts::Accounts;
use crate::ledger::header::{FORMAT, Header, MARK};

/// No line is longer: keys and lists are bounded.
const LINE_MAX: u64 = 64 * 1024;

/// No first line is longer.
const HEADER_MAX: u64 = 1024;

/// A ledger that was read back, and goes on.
pub(crate) struct Opened {
    pub(crate) header: Header,
    pub(crate) accounts: Accounts,
    pub(crate) journal: Journal,
}

/// Opens the ledger, or begins one under that name. The file belongs to a thread of its own from
/// then on, which reads it back first.
pub(crate) async fn open(path: PathBuf, name: Uuid) -> Result<Opened, OpenError> {
    let (tell, told) = oneshot::channel();
    let spot = Spot { path: path.clone() };
    let started = start({
        let spot = Spot { path: path.clone() };
        move || match spot.read(name) {
            Ok((file, header, accounts)) => {
                let (writer, work) = Writer::new(accounts.last());
                let journal = Journal::File { path: spot.path, writer };
                // If nobody waits any more, the writer is closed with the answer.
                drop(tell.send(Ok(Opened { header, accounts, journal })));
                work.run(file);
            }
            Err(error) => drop(tell.send(Err(error))),
        }
    });
    started.map_err(|source| spot.io(source))?;
    let gone = |_gone| spot.io(io::Error::other("the thread that reads it has died"));
    told.await.map_err(gone)?
}

/// Reads the ledger without opening it as one: nothing is written, and a gateway that has it open
/// does not mind. Its last line may be torn, or half written just now.
pub(crate) async fn look(path: PathBuf) -> Result<(), OpenError> {
    let (tell, told) = oneshot::channel();
    let spot = Spot { path: path.clone() };
    // If nobody waits any more, nobody wants to know.
    let started = start(move || drop(tell.send(Spot { path }.look())));
    started.map_err(|source| spot.io(source))?;
    let gone = |_gone| spot.io(io::Error::other("the thread that reads it has died"));
    told.await.map_err(gone)?
}

/// The file, and how much of it is on disk.
struct Synced {
    file: File,
    bytes: u64,
}

impl Disk for Synced {
    fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        let sealed = seal::seal(lines, self.bytes);
        self.file.write_all(&sealed)?;
        self.file.sync_data()?;
        self.bytes = self.bytes.saturating_add(u64::try_from(sealed.len()).unwrap_or(u64::MAX));
        Ok(())
    }
}

/// Where the file is.
struct Spot {
    path: PathBuf,
}

impl Spot {
    fn read(&self, name: Uuid) -> Result<(Synced, Header, Accounts), OpenError> {
        let mut file = self.locked()?;
        if self.is_new(&mut file)? {
            let header = Header::new(name);
            let file = self.begin(file, &header).map_err(|source| self.io(source))?;
            return Ok((file, header, Accounts::default()));
        }
        let (header, accounts, bytes) = self.replay(&file)?;
        mend(&mut file, bytes).map_err(|source| self.io(source))?;
        Ok((Synced { file, bytes }, header, accounts))
    }

    fn look(&self) -> Result<(), OpenError> {
        let mut file = File::open(&self.path).map_err(|source| self.io(source))?;
        if self.is_new(&mut file)? {
            return Ok(());
        }
        self.replay(&file).map(|_ledger| ())
    }

    fn locked(&self) -> Result<File, OpenError> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        // The secret is in it.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&self.path).map_err(|source| self.io(source))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => Err(OpenError::InUse { path: self.path.clone() }),
            Err(TryLockError::Error(source)) => Err(self.io(source)),
        }
    }

    /// Whether there is nothing in it yet, or as much of a first line as a crash has left.
    fn is_new(&self, file: &mut File) -> Result<bool, OpenError> {
        let mut start = Vec::new();
        let read = file.take(HEADER_MAX).read_to_end(&mut start);
        read.and_then(|_| file.rewind()).map_err(|source| self.io(source))?;
        let mark = MARK.as_bytes();
        if start.starts_with(mark) {
            let torn = u64::try_from(start.len()).is_ok_and(|read| read < HEADER_MAX);
            return Ok(torn && !start.contains(&b'\n'));
        }
        if mark.starts_with(&start) {
            return Ok(true);
        }
        Err(OpenError::NotALedger { path: self.path.clone() })
    }

    fn begin(&self, file: File, header: &Header) -> io::Result<Synced> {
        let line = line_of(header)?;
        file.set_len(0)?;
        let mut file = Synced { file, bytes: 0 };
        file.append(&line)?;
        file.file.sync_all()?;
        sync_folder(&self.path)?;
        Ok(file)
    }

    /// Reads all lines, and answers how many bytes of the file they are.
    fn replay(&self, file: &File) -> Result<(Header, Accounts, u64), OpenError> {
        let mut lines = Lines { reader: BufReader::new(file), number: 0, bytes: 0 };
        let mut accounts = Accounts::default();
        let first = lines.next().map_err(|source| self.io(source))?.unwrap_or_default();
        let header = self.header(&first)?;
        loop {
            let good = lines.bytes;
            let Some(line) = lines.next().map_err(|source| self.io(source))? else {
                return Ok((header, accounts, good));
            };
            let Some(Sealed { text, .. }) = seal::open(&line) else {
                self.refuse_synced(lines, good)?;
                return Ok((header, accounts, good));
            };
            let entry = serde_json::from_slice(text);
            let entry = entry.map_err(|source| self.corrupt(lines.number, source))?;
            accounts.apply(&entry).map_err(|source| self.corrupt(lines.number, source))?;
        }
    }

    /// Refuses what was on disk from `good` on and has changed since; what was not is the rest of a
    /// write that a crash tore.
    fn refuse_synced(&self, mut rest: Lines<impl BufRead>, good: u64) -> Result<(), OpenError> {
        let number = rest.number;
        while let Some(line) = rest.next().map_err(|source| self.io(source))? {
            if seal::open(&line).is_some_and(|later| later.synced > good) {
                return Err(self.corrupt(number, seal::broken()));
            }
        }
        Ok(())
    }

    fn header(&self, line: &[u8]) -> Result<Header, OpenError> {
        /// What the first line says in every format.
        #[derive(serde::Deserialize)]
        struct Format {
            #[serde(rename = "ticketing_sandbox_ledger")]
            format: u32,
        }
        let corrupt = |source| self.corrupt(1, source);
        let Format { format } = serde_json::from_slice(seal::text_of(line)).map_err(corrupt)?;
        if format != FORMAT {
            return Err(OpenError::UnknownFormat { path: self.path.clone(), format });
        }
        let sealed = seal::open(line).ok_or_else(|| self.corrupt(1, seal::broken()))?;
        serde_json::from_slice(sealed.text).map_err(corrupt)
    }

    fn io(&self, source: io::Error) -> OpenError {
        OpenError::Io { path: self.path.clone(), source }
    }

    fn corrupt(
        &self,
        line: u64,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> OpenError {
        OpenError::Corrupt { path: self.path.clone(), line, source: source.into() }
    }
}

/// The whole lines of a file.
struct Lines<R> {
    reader: R,
    /// How many there were.
    number: u64,
    /// How many bytes they are.
    bytes: u64,
}

impl<R: BufRead> Lines<R> {
    /// The next line; nothing at the end, or where the last line was torn off.
    fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut line = Vec::new();
        let read = self.reader.by_ref().take(LINE_MAX).read_until(b'\n', &mut line)?;
        let read = u64::try_from(read).unwrap_or(u64::MAX);
        if line.last() != Some(&b'\n') && read < LINE_MAX {
            return Ok(None);
        }
        self.number = self.number.saturating_add(1);
        self.bytes = self.bytes.saturating_add(read);
        Ok(Some(line))
    }
}

/// Cuts off what follows the good lines, and goes to the end.
///
/// What a crash tore was never acknowledged. Lines that are whole may have been, or not: a crash
/// between write and sync leaves them in the system's memory alone. They were read, so they must be
/// on disk before anyone is told of them.
fn mend(file: &mut File, good: u64) -> io::Result<()> {
    let torn = file.metadata()?.len().saturating_sub(good);
    if torn > 0 {
        tracing::warn!(torn, "the last write to the sandbox ledger was torn by a crash");
        file.set_len(good)?;
    }
    file.seek(io::SeekFrom::Start(good))?;
    file.sync_all()
}

/// A new file is found again after a crash only if its folder is synced, too.
#[cfg(unix)]
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or_else(|| Path::new(".")))?.sync_all()
}

/// Elsewhere folders can't be synced.
#[cfg(not(unix))]
fn sync_folder(_path: &Path) -> io::Result<()> {
    Ok(())
}
