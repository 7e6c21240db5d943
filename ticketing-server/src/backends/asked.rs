//! Asking the backends, without a server: whether they are there, and how they are.

use std::path::Path;

use ticketing_core::domain::{Payment, Refund};
use ticketing_core::ports::DeadLetter;
use ticketing_local::SandboxGateway;
use ticketing_sqlite::CHECKS;

use super::{Database, PaymentBackend};
use crate::check::{Reached, files};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What an audit of the store found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audit {
    /// How many rules were checked.
    pub checks: usize,
    /// Everything that breaks one.
    pub findings: Vec<String>,
}

/// What waits for a person.
#[derive(Debug, Clone, PartialEq)]
pub struct Waiting {
    /// Payments that no machine can settle, the oldest first.
    pub payments: Vec<Payment>,
    /// Refunds that failed and are owed still, the oldest first.
    pub refunds: Vec<Refund>,
    /// Events that will never be published, the newest first.
    pub dead_letters: Vec<DeadLetter>,
}

impl Database {
    /// Whether it can be used. Nothing is changed, and a server that runs does not mind.
    ///
    /// # Errors
    /// It can't.
    pub async fn reach(&self) -> Result<Reached, Failure> {
        match self {
            Self::Sqlite(config) if config.path().exists() => {
                files::can_be_written(config.path())?;
                config.glance().await?.outbox_depth().await?;
                Ok(Reached::Answers)
            }
            Self::Sqlite(config) => files::can_be_made(config.path()).map(|()| Reached::WillBeMade),
        }
    }

    /// Checks everything that must always hold, without changing anything.
    ///
    /// # Errors
    /// It can't be read.
    pub async fn audit(&self) -> Result<Audit, Failure> {
        match self {
            Self::Sqlite(config) => {
                must_be_there(config.path())?;
                let found = config.inspect().await?.verify().await?;
                let findings = found.iter().map(ToString::to_string).collect();
                Ok(Audit { checks: CHECKS.len(), findings })
            }
        }
    }

    /// What waits for a person: of each kind so many at most.
    ///
    /// # Errors
    /// It can't be read.
    pub async fn waiting(&self, limit: usize) -> Result<Waiting, Failure> {
        match self {
            Self::Sqlite(config) => {
                must_be_there(config.path())?;
                let mut inspector = config.glance().await?;
                Ok(Waiting {
                    payments: inspector.parked_payments(limit).await?,
                    refunds: inspector.failed_refunds(limit).await?,
                    dead_letters: inspector.dead_letters(limit).await?,
                })
            }
        }
    }
}

/// A look into a store makes none.
fn must_be_there(path: &Path) -> Result<(), Failure> {
    if path.exists() {
        return Ok(());
    }
    Err(format!("there is no store at {}: name its folder with --data-dir", path.display()).into())
}

impl PaymentBackend {
    /// Whether it can be used. Nothing is changed, and a server that runs does not mind.
    ///
    /// # Errors
    /// It can't.
    pub async fn reach(&self) -> Result<Reached, Failure> {
        match self {
            Self::Sandbox { ledger } if !ledger.exists() => {
                files::can_be_made(ledger).map(|()| Reached::WillBeMade)
            }
            Self::Sandbox { ledger } => {
                files::can_be_written(ledger)?;
                SandboxGateway::look_into(ledger).await?;
                Ok(Reached::Answers)
            }
        }
    }
}
