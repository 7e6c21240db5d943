//! The gateway's inside: calls are decided one at a time, and answered once they are on disk.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ticketing_core::ports::{Clock, GatewayError, GatewayErrorKind, IdSource};
use tokio::sync::watch;

use crate::journal::{Journal, NotWritten};
use crate::ledger::accounts::{Accounts, Answer};
use crate::ledger::call::Call;
use crate::ledger::entry::{Effect, Key};
use crate::ledger::header::Header;
use crate::ledger::mailbox::Posted;
use crate::ledger::rules::decide;

/// The longest key, in bytes.
const KEY_MAX: usize = 255;

pub(crate) struct Bank {
    pub(crate) header: Header,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) journal: Journal,
    ids: Arc<dyn IdSource>,
    accounts: Mutex<Accounts>,
    /// The number of the last line, for whoever waits for webhooks.
    lines: watch::Sender<u64>,
}

/// What came of a call.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) answer: Answer,
    /// Whether it was done now, rather than under the same key before.
    pub(crate) now: bool,
}

impl Bank {
    pub(crate) fn new(
        (header, accounts, journal): (Header, Accounts, Journal),
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdSource>,
    ) -> Self {
        let lines = watch::Sender::new(accounts.last());
        Self { header, clock, journal, ids, accounts: Mutex::new(accounts), lines }
    }

    /// Does a call, once for each key. What it did is on disk when it answers.
    pub(crate) async fn call(
        &self,
        key: Option<&str>,
        call: &Call<'_>,
    ) -> Result<Done, GatewayError> {
        let (done, line) = self.decide(key, call)?;
        self.durable(line, call.operation()).await?;
        Ok(done)
    }

    /// Answers and the line that must be on disk before anybody hears of it.
    fn decide(&self, key: Option<&str>, call: &Call<'_>) -> Result<(Done, u64), GatewayError> {
        let under = key.map(|key| named(key, call)).transpose()?;
        let mut accounts = self.accounts();
        if let Some(known) = under.as_ref().and_then(|under| accounts.remembered(&under.key)) {
            if under.as_ref().is_some_and(|under| under.call != known.call) {
                return Err(call.refused("the key was used for another call"));
            }
            return Ok((Done { answer: known.answer.clone(), now: false }, accounts.last()));
        }
        let not_sent = |error: NotWritten| {
            GatewayError::new(GatewayErrorKind::NotSent, call.operation()).with_source(error)
        };
        self.journal.is_open().map_err(not_sent)?;
        let effect = decide(&accounts, call, self.ids.as_ref())?;
        let answer = self.write(&mut accounts, under, effect).map_err(not_sent)?;
        Ok((Done { answer, now: true }, accounts.last()))
    }

    /// Notes that whoever listens has these webhooks. If the note is lost they come again.
    pub(crate) fn delivered(&self, webhooks: Vec<u64>) -> Result<(), NotWritten> {
        let effect = Effect::Delivered { webhooks };
        self.write(&mut self.accounts(), None, effect).map(drop)
    }

    /// One more line: taken by the journal, and what it says done to the accounts.
    fn write(
        &self,
        accounts: &mut Accounts,
        under: Option<Key>,
        effect: Effect,
    ) -> Result<Answer, NotWritten> {
        // Before anything is numbered: a number without its line would end the ledger.
        self.journal.is_open()?;
        let entry = accounts.entry(self.clock.now(), under, effect);
        let line = self.journal.line_of(&entry)?;
        let answer = accounts.apply(&entry).map_err(NotWritten::line)?;
        self.journal.append(entry.number, &line)?;
        self.lines.send_replace(entry.number);
        Ok(answer)
    }

    /// A look at the accounts, once everything that it shows is on disk.
    pub(crate) async fn look<T>(
        &self,
        operation: &'static str,
        look: impl FnOnce(&Accounts) -> T,
    ) -> Result<T, GatewayError> {
        let (seen, line) = {
            let accounts = self.accounts();
            (look(&accounts), accounts.last())
        };
        self.durable(line, operation).await?;
        Ok(seen)
    }

    /// The webhooks that wait after that number, all of them told of by lines on disk.
    pub(crate) async fn waiting(
        &self,
        after: u64,
        most: usize,
    ) -> Result<Vec<Posted>, GatewayError> {
        self.look("deliver", |accounts| accounts.mailbox().after(after, most)).await
    }

    /// Whether nothing can be noted any more, and nothing will happen.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.journal.is_open(), Err(NotWritten::Closed | NotWritten::Failed(_)))
    }

    /// Tells of every new line, and of the end.
    pub(crate) fn lines(&self) -> watch::Receiver<u64> {
        self.lines.subscribe()
    }

    pub(crate) async fn close(&self) -> Result<(), GatewayError> {
        let unknown = |error: NotWritten| {
            GatewayError::new(GatewayErrorKind::Unknown, "close").with_source(error)
        };
        let closed = self.journal.close().await;
        // Whoever waits for webhooks finds that no more will come.
        self.lines.send_modify(|_| {});
        closed.map_err(unknown)
    }

    async fn durable(&self, line: u64, operation: &'static str) -> Result<(), GatewayError> {
        let unknown = |error: NotWritten| {
            GatewayError::new(GatewayErrorKind::Unknown, operation).with_source(error)
        };
        self.journal.durable(line).await.map_err(unknown)
    }

    pub(crate) fn accounts(&self) -> MutexGuard<'_, Accounts> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn named(key: &str, call: &Call<'_>) -> Result<Key, GatewayError> {
    if key.is_empty() || key.len() > KEY_MAX {
        return Err(call.refused("a key has 1 to 255 bytes"));
    }
    let fingerprint = call.fingerprint();
    let call =
        fingerprint.map_err(|error| call.refused("it can't be written").with_source(error))?;
    Ok(Key { key: key.to_owned(), call })
}

impl fmt::Debug for Bank {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let accounts = self.accounts();
        f.debug_struct("SandboxGateway")
            .field("real_money", &false)
            .field("file", &self.journal.path())
            .field("intents", &accounts.ledger().intents.len())
            .field("refunds", &accounts.ledger().refunds.len())
            .finish_non_exhaustive()
    }
}
