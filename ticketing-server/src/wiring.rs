//! Which backend stands behind each port: with `backends`, the only place that names adapters.

use std::sync::Arc;

use ticketing_core::ports::storage::Storage;
use ticketing_core::ports::{PaymentGateway, chain};
use ticketing_core::{Builder, Observer, Ticketing};
use ticketing_local::{Deliveries, SandboxGateway};
use ticketing_nats::{NatsBus, NatsConfig};
use ticketing_postgres::{PostgresConfig, PostgresStorage};
use ticketing_rabbitmq::{RabbitBus, RabbitConfig};
use ticketing_redis::RedisConfig;
use ticketing_sqlite::SqliteStorage;
use ticketing_stripe::StripeGateway;

use crate::backends::{Bus, Database, PaymentBackend, WakeUps};
use crate::config::Config;
use crate::private_file;
use crate::server::{StartError, make_folder};

/// An engine over the configured backends.
#[derive(Debug)]
pub(crate) struct Wired {
    pub(crate) engine: Ticketing,
    pub(crate) money: Money,
    bus: OpenBus,
    storage: Stored,
}

/// Where the truth is kept.
#[derive(Debug)]
enum Stored {
    Sqlite(SqliteStorage),
    Postgres(PostgresStorage),
}

/// How services tell each other what happened.
#[derive(Debug)]
enum OpenBus {
    /// The engine's own.
    Local,
    Nats(NatsBus),
    Rabbit(RabbitBus),
}

/// Where the money moves.
#[derive(Debug)]
pub(crate) enum Money {
    /// The sandbox, with what brings its webhooks here.
    Sandbox { gateway: SandboxGateway, deliveries: Deliveries },
    /// At Stripe, whose webhooks come over HTTP.
    Stripe,
    /// Where the embedder has it move, who also ends it.
    Brought,
}

/// The same, before there is an engine that takes its webhooks.
enum OpenGateway {
    Sandbox(SandboxGateway),
    Stripe(Arc<StripeGateway>),
    Brought(Arc<dyn PaymentGateway>),
}

impl Wired {
    /// Opens the backends and starts an engine over them.
    pub(crate) async fn start(
        config: &Config,
        brought: Option<Arc<dyn PaymentGateway>>,
        observer: Arc<dyn Observer>,
    ) -> Result<Self, StartError> {
        let storage = open_storage(&config.database).await?;
        let gateway = match brought {
            Some(gateway) => OpenGateway::Brought(gateway),
            None => open_gateway(config).await?,
        };
        let bus = OpenBus::open(&config.bus).await?;
        let builder = Ticketing::builder()
            .shared_storage(storage.port())
            .shared_gateway(gateway.port())
            .observer(observer);
        let builder = with_timers(bus.join(builder), &config.timers).await?;
        let engine = settings(builder, config).start().await.map_err(StartError::Engine)?;
        let money = gateway.joined_to(&engine)?;
        Ok(Self { engine, money, bus, storage })
    }

    /// Ends the engine, then what it stands on.
    pub(crate) async fn stop(self) {
        let sandbox = match self.money {
            Money::Sandbox { gateway, deliveries } => {
                deliveries.stop().await;
                Some(gateway)
            }
            Money::Stripe | Money::Brought => None,
        };
        if let Err(error) = self.engine.shutdown().await {
            tracing::error!(
                code = "engine_end",
                error = chain(&error),
                "the engine did not end as it should"
            );
        }
        if let Some(sandbox) = sandbox
            && let Err(error) = sandbox.close().await
        {
            tracing::error!(
                code = "ledger_end",
                error = chain(&error),
                "the sandbox's ledger did not close as it should"
            );
        }
        self.bus.close().await;
        self.storage.close().await;
    }
}

impl OpenBus {
    async fn open(bus: &Bus) -> Result<Self, StartError> {
        match bus {
            Bus::Local => Ok(Self::Local),
            Bus::Nats(config) => {
                let bus = NatsConfig::clone(config).open().await;
                bus.map(Self::Nats).map_err(|why| StartError::Bus(why.into()))
            }
            Bus::Rabbit(config) => {
                let bus = RabbitConfig::clone(config).open().await;
                bus.map(Self::Rabbit).map_err(|why| StartError::Bus(why.into()))
            }
        }
    }

    fn join(&self, builder: Builder) -> Builder {
        match self {
            Self::Local => builder,
            Self::Nats(bus) => builder.bus(Arc::new(bus.clone())),
            Self::Rabbit(bus) => builder.bus(Arc::new(bus.clone())),
        }
    }

    async fn close(self) {
        match self {
            Self::Local => {}
            Self::Nats(bus) => bus.close().await,
            Self::Rabbit(bus) => bus.close().await,
        }
    }
}

impl Stored {
    fn port(&self) -> Arc<dyn Storage> {
        match self {
            Self::Sqlite(storage) => Arc::new(storage.clone()),
            Self::Postgres(storage) => Arc::new(storage.clone()),
        }
    }

    async fn close(self) {
        match self {
            Self::Sqlite(storage) => storage.close().await,
            Self::Postgres(storage) => storage.close().await,
        }
    }
}

impl OpenGateway {
    fn port(&self) -> Arc<dyn PaymentGateway> {
        match self {
            Self::Sandbox(gateway) => Arc::new(gateway.clone()),
            Self::Stripe(gateway) => Arc::<StripeGateway>::clone(gateway),
            Self::Brought(gateway) => Arc::clone(gateway),
        }
    }

    /// Brings its webhooks to the engine, where that is not the embedder's to do.
    fn joined_to(self, engine: &Ticketing) -> Result<Money, StartError> {
        match self {
            Self::Sandbox(gateway) => {
                let deliveries = gateway.deliver_to(engine.payments());
                let deliveries = deliveries.map_err(|why| StartError::Payments(why.into()))?;
                Ok(Money::Sandbox { gateway, deliveries })
            }
            Self::Stripe(_) => Ok(Money::Stripe),
            Self::Brought(_) => Ok(Money::Brought),
        }
    }
}

/// Makes the tables of the store and of the accounts, or brings them up to date, and serves nobody:
/// for whoever may do that while those that sell may not.
pub(crate) async fn bring_up_to_date(config: &Config) -> Result<(), StartError> {
    make_folder(config)?;
    open_storage(&config.database).await?.close().await;
    let accounts = config.accounts.open().await.map_err(StartError::Accounts)?;
    accounts.close().await;
    Ok(())
}

/// Timers that are not the engine's own.
async fn with_timers(builder: Builder, timers: &WakeUps) -> Result<Builder, StartError> {
    match timers {
        WakeUps::Local => Ok(builder),
        WakeUps::Redis(config) => {
            let timers = RedisConfig::clone(config).open().await;
            let timers = timers.map_err(|why| StartError::Timers(why.into()))?;
            Ok(builder.timers(Arc::new(timers)))
        }
    }
}

async fn open_gateway(config: &Config) -> Result<OpenGateway, StartError> {
    match &config.payments {
        PaymentBackend::Sandbox { ledger } => {
            let gateway = SandboxGateway::open(ledger.clone()).await;
            gateway.map(OpenGateway::Sandbox).map_err(|why| StartError::Payments(why.into()))
        }
        PaymentBackend::Stripe { address } => {
            let gateway = config.stripe.open(address.as_deref());
            let gateway = gateway.map_err(|why| StartError::Payments(why.into()))?;
            Ok(OpenGateway::Stripe(Arc::new(gateway)))
        }
    }
}

async fn open_storage(database: &Database) -> Result<Stored, StartError> {
    match database {
        Database::Sqlite(config) => {
            // Who bought what is nobody else's to read. SQLite gives its other files this one's mode.
            private_file::open(config.path()).map_err(|why| StartError::Database(why.into()))?;
            let storage = config.clone().open().await;
            storage.map(Stored::Sqlite).map_err(|why| StartError::Database(why.into()))
        }
        Database::Postgres(config) => {
            let storage = PostgresConfig::clone(config).open().await;
            storage.map(Stored::Postgres).map_err(|why| StartError::Database(why.into()))
        }
    }
}

fn settings(builder: Builder, config: &Config) -> Builder {
    let builder = builder
        .hold_for(config.hold)
        .pay_grace(config.pay_grace)
        .settings(|settings| {
            settings.gateway_patience = config.gateway_patience;
            settings.event_retention = config.event_retention;
        })
        .duties(config.services.duties());
    match config.hold_cap {
        Some(cap) => builder.hold_cap(cap),
        None => builder,
    }
}
