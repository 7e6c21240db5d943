//! Asking the backends, without a server: whether they are there, and how they are.

use std::path::Path;
use std::time::Duration;

use ticketing_core::domain::{Payment, Refund};
use ticketing_core::ports::DeadLetter;
use ticketing_local::SandboxGateway;
use ticketing_postgres::{OpenError, PostgresConfig};

use super::{Bus, Database, PaymentBackend, StripeKeys, WakeUps};
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

/// How long a database may take to be reached.
const DATABASE_WITHIN: Duration = Duration::from_secs(10);

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
            Self::Postgres(config) => {
                let reached = tokio::time::timeout(DATABASE_WITHIN, reach(config)).await;
                reached.map_err(|_late| format!("{} takes too long to answer", config.place()))?
            }
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
                Ok(Audit { checks: ticketing_sqlite::CHECKS.len(), findings })
            }
            Self::Postgres(config) => {
                let found = config.inspect().await?.verify().await?;
                let findings = found.iter().map(ToString::to_string).collect();
                Ok(Audit { checks: ticketing_postgres::CHECKS.len(), findings })
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
            Self::Postgres(config) => {
                let mut inspector = config.inspect().await?;
                Ok(Waiting {
                    payments: inspector.parked_payments(limit).await?,
                    refunds: inspector.failed_refunds(limit).await?,
                    dead_letters: inspector.dead_letters(limit).await?,
                })
            }
        }
    }
}

/// Its tables have one version yet: where that is not, there are none.
async fn reach(config: &PostgresConfig) -> Result<Reached, Failure> {
    match config.inspect().await {
        Ok(mut inspector) => {
            inspector.outbox_depth().await?;
            Ok(Reached::Answers)
        }
        Err(OpenError::NotAStore) => Ok(Reached::WillBeMade),
        Err(why) => Err(why.into()),
    }
}

/// A look into a store makes none.
fn must_be_there(path: &Path) -> Result<(), Failure> {
    if path.exists() {
        return Ok(());
    }
    Err(format!("there is no store at {}: name its folder with --data-dir", path.display()).into())
}

/// What is in the process is there.
const IN_PROCESS: &str = "it is in this process";

impl Bus {
    /// Whether it can be used, and how it is. Nothing is changed.
    ///
    /// # Errors
    /// It can't.
    pub async fn reach(&self) -> Result<String, Failure> {
        match self {
            Self::Local => return Ok(IN_PROCESS.to_owned()),
            Self::Nats(config) => config.reach().await?,
            Self::Rabbit(config) => config.reach().await?,
        }
        Ok(Reached::Answers.to_string())
    }
}

impl WakeUps {
    /// Whether they can be used, and how they are: with what the server may do to them. Nothing is
    /// changed.
    ///
    /// # Errors
    /// They can't.
    pub async fn reach(&self) -> Result<String, Failure> {
        match self {
            Self::Local => Ok(IN_PROCESS.to_owned()),
            Self::Redis(config) => {
                let risks = config.reach().await?.into_iter().map(|risk| risk.to_string());
                let told = std::iter::once(Reached::Answers.to_string()).chain(risks);
                Ok(told.collect::<Vec<_>>().join("; "))
            }
        }
    }
}

impl PaymentBackend {
    /// Whether it can be used. Nothing is changed, and a server that runs does not mind.
    ///
    /// # Errors
    /// It can't.
    pub async fn reach(&self, keys: &StripeKeys) -> Result<Reached, Failure> {
        match self {
            Self::Stripe { address } => keys.reach(address.as_deref()).await,
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
