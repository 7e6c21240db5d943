//! What a sandbox is made of.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ticketing_core::ports::{Clock, IdSource, RandomIds, Runtime, SystemClock, TokioRuntime};

use crate::bank::Bank;
use crate::error::OpenError;
use crate::gateway::SandboxGateway;
use crate::journal::{Journal, file};
use crate::ledger::accounts::Accounts;
use crate::ledger::header::Header;

/// How late `tok_answersLate` answers, unless it is told otherwise.
const LATE_BY: Duration = Duration::from_secs(3);

/// What a sandbox is made of. Everything has a default.
#[derive(Debug, Clone)]
pub struct SandboxBuilder {
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
    runtime: Option<Arc<dyn Runtime>>,
    late_by: Duration,
}

impl Default for SandboxBuilder {
    fn default() -> Self {
        Self {
            clock: Arc::new(SystemClock),
            ids: Arc::new(RandomIds),
            runtime: None,
            late_by: LATE_BY,
        }
    }
}

impl SandboxBuilder {
    /// Where time comes from. The system's clock, unless named.
    #[must_use]
    pub fn clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// Where the names of intents and refunds come from. Random, unless named.
    #[must_use]
    pub fn ids(self, ids: Arc<dyn IdSource>) -> Self {
        Self { ids, ..self }
    }

    /// How it waits, and what delivers webhooks. The tokio runtime that it is made in, unless
    /// named.
    #[must_use]
    pub fn runtime(self, runtime: Arc<dyn Runtime>) -> Self {
        Self { runtime: Some(runtime), ..self }
    }

    /// How late `tok_answersLate` answers. 3 seconds, unless named.
    #[must_use]
    pub fn late_by(self, late_by: Duration) -> Self {
        Self { late_by, ..self }
    }

    /// A sandbox whose ledger is in memory, and lost with it.
    pub fn in_memory(self) -> SandboxGateway {
        let header = Header::new(self.ids.next());
        self.over((header, Accounts::default(), Journal::Memory))
    }

    /// A sandbox whose ledger is in that file, which is made if there is none.
    ///
    /// # Errors
    /// An [`OpenError`]: the file can't be used, or another gateway uses it.
    pub async fn open(self, path: impl Into<PathBuf>) -> Result<SandboxGateway, OpenError> {
        let opened = file::open(path.into(), self.ids.next()).await?;
        Ok(self.over((opened.header, opened.accounts, opened.journal)))
    }

    fn over(self, ledger: (Header, Accounts, Journal)) -> SandboxGateway {
        let runtime = self.runtime.or_else(|| Some(Arc::new(TokioRuntime::current()?)));
        let bank = Arc::new(Bank::new(ledger, self.clock, self.ids));
        let ledger = bank.journal.path().map(|path| tracing::field::display(path.display()));
        tracing::warn!(ledger, "payments go to a sandbox: no real money is moved");
        SandboxGateway { bank, runtime, late_by: self.late_by }
    }
}
