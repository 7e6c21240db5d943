//! The whole product, running.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use ticketing_core::Ticketing;
use ticketing_core::ports::{PaymentGateway, chain};
use ticketing_local::SandboxGateway;
use tokio::net::TcpListener;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::admin::AdminDoor;
use crate::auth::{AccountStore, Accounts, AuthConfig};
use crate::config::Config;
use crate::demo;
use crate::http::layers::{LayerOptions, dress, dress_before, dress_with_pages};
use crate::http::live::LiveOptions;
use crate::http::{Api, Upstream};
use crate::metrics::Metrics;
use crate::serve::{Serving, ServingOptions};
use crate::services::Service;
use crate::web::{StripeForm, Web};
use crate::wiring::{Money, Wired};

/// The whole product, running.
///
/// ```
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use ticketing_server::{Config, Server};
///
/// let folder = tempfile::tempdir()?;
/// let server = Server::start(Config::in_folder(folder.path())).await?;
/// println!("http://{}", server.address());
/// server.shutdown().await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Server {
    doors: Doors,
    wired: Wired,
    accounts: Accounts,
}

/// What lets others in.
#[derive(Debug)]
struct Doors {
    serving: Serving,
    /// Nothing new is to be sent here.
    leaving: CancellationToken,
    /// Live streams end.
    closing: CancellationToken,
    /// The socket for repairs, where there is one.
    admin: Option<AdminDoor>,
    /// How long whoever sends requests here may take to see that nothing new is to be sent.
    delay: Option<Duration>,
    /// How long all of it may take to end after that.
    deadline: Duration,
}

/// How long storage and gateway get to end after the last request has, whatever the deadline.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// A server to be.
#[derive(Debug)]
#[must_use = "a server that is not started serves nobody"]
pub struct ServerBuilder {
    auth: AuthConfig,
    config: Config,
    accounts: Option<Arc<dyn AccountStore>>,
    gateway: Option<Arc<dyn PaymentGateway>>,
    demo: bool,
}

type Source = Box<dyn std::error::Error + Send + Sync>;

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Another program listens there, or the address is not this machine's.
    #[error("can't listen at {address}: choose another with --listen or TICKETING_LISTEN")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The folder for data can't be made or used.
    #[error("can't use the folder {} (TICKETING_DATA_DIR)", .path.display())]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The storage.
    #[error("the storage can't be opened (TICKETING_DATABASE)")]
    Database(#[source] Source),
    /// The bus.
    #[error("the bus can't be opened (TICKETING_BUS)")]
    Bus(#[source] Source),
    /// The timers.
    #[error("the timers can't be opened (TICKETING_TIMERS)")]
    Timers(#[source] Source),
    /// The payment gateway.
    #[error("the payment gateway can't be opened (TICKETING_PAYMENTS)")]
    Payments(#[source] Source),
    /// The accounts.
    #[error("the accounts can't be opened")]
    Accounts(#[source] Source),
    /// The engine.
    #[error("the engine does not start")]
    Engine(#[source] ticketing_core::StartError),
    /// The catalogue of the demonstration.
    #[error("the demonstration's catalogue can't be listed")]
    Demo(#[source] demo::FillError),
}

impl Server {
    /// Starts the configured product.
    ///
    /// # Errors
    /// A part of it can't be opened; nothing is left running then.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        Self::builder(config).start().await
    }

    /// The same, with parts of its own.
    pub fn builder(config: Config) -> ServerBuilder {
        ServerBuilder { auth: auth(&config), config, accounts: None, gateway: None, demo: false }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.doors.serving.address()
    }

    /// The engine behind it.
    pub fn engine(&self) -> &Ticketing {
        &self.wired.engine
    }

    /// The sandbox gateway, if that is the one in use.
    pub fn sandbox(&self) -> Option<&SandboxGateway> {
        match &self.wired.money {
            Money::Sandbox { gateway, .. } => Some(gateway),
            Money::Stripe | Money::Brought => None,
        }
    }

    /// Where its accounts are kept.
    pub fn account_store(&self) -> Arc<dyn AccountStore> {
        self.accounts.store()
    }

    /// Ends it: it is not ready any more, and goes on for the configured delay, if there is one. Then
    /// there are no new connections, the requests that run are answered within the configured
    /// deadline, live streams end, and what waits to be written is written. What does not end in
    /// time is left to the next start, as after a power cut.
    pub async fn shutdown(self) {
        let Self { doors, wired, accounts } = self;
        doors.leave().await;
        let deadline = Instant::now() + doors.deadline;
        doors.close().await;
        let ending = async {
            accounts.shutdown().await;
            wired.stop().await;
        };
        let patience = deadline.max(Instant::now() + LAST_WORDS);
        match tokio::time::timeout_at(patience, ending).await {
            Ok(()) => tracing::info!("the server has ended"),
            Err(_late) => tracing::warn!(
                code = "end_cut_short",
                "the server has ended before all of its work had"
            ),
        }
    }
}

impl Doors {
    fn open(
        config: &Config,
        listener: TcpListener,
        wired: &Wired,
        accounts: &Accounts,
        metrics: &Metrics,
    ) -> Result<Self, StartError> {
        // The product is worth more than a way to repair it, which a long path is enough to prevent.
        let admin = AdminDoor::open(&config.data_dir, wired.engine.clone());
        let admin = admin.inspect_err(|error| {
            tracing::warn!(
                code = "no_admin_socket",
                error = chain(error),
                "there is no socket for `ticketing-server admin`"
            );
        });
        let (leaving, closing) = (CancellationToken::new(), CancellationToken::new());
        let router = router(config, wired, accounts, metrics, (&leaving, &closing));
        let serving = Serving::start(listener, router, serving(config, metrics));
        let address = config.listen;
        let serving = serving.map_err(|source| StartError::Listen { address, source })?;
        tracing::info!(address = %serving.address(), "the server listens");
        let deadline = config.shutdown_deadline;
        let delay = config.shutdown_delay;
        Ok(Self { serving, leaving, closing, admin: admin.ok(), delay, deadline })
    }

    /// Tells that nothing new is to be sent here, and waits until that can have been seen.
    async fn leave(&self) {
        self.leaving.cancel();
        if let Some(delay) = self.delay {
            tracing::info!(?delay, "the server goes on until it is known to be ending");
            tokio::time::sleep(delay).await;
        }
    }

    async fn close(self) {
        self.closing.cancel();
        let cut = self.serving.stop(self.deadline).await;
        if cut > 0 {
            tracing::warn!(
                code = "connections_cut",
                connections = cut,
                "connections were cut at the deadline"
            );
        }
        if let Some(admin) = self.admin
            && tokio::time::timeout(LAST_WORDS, admin.close()).await.is_err()
        {
            tracing::warn!(code = "repair_cut", "a repair was cut");
        }
    }
}

impl ServerBuilder {
    /// With accounts that are kept there, in place of where the configuration says.
    pub fn accounts(self, store: Arc<dyn AccountStore>) -> Self {
        Self { accounts: Some(store), ..self }
    }

    /// With what accounts can be told beyond the configuration: what hashes passwords, how long
    /// sessions last, how often one may try.
    pub fn auth(mut self, change: impl FnOnce(&mut AuthConfig)) -> Self {
        change(&mut self.auth);
        self
    }

    /// With a payment gateway of the embedder's, in place of the configured one. Its webhooks come to
    /// `/api/webhooks/{name}`; whoever brought it ends it, once the server has ended.
    pub fn gateway(self, gateway: Arc<dyn PaymentGateway>) -> Self {
        Self { gateway: Some(gateway), ..self }
    }

    /// With a catalogue to look at, if the store is empty.
    pub fn demo(self, demo: bool) -> Self {
        Self { demo, ..self }
    }

    /// Starts it.
    ///
    /// # Errors
    /// A part of it can't be opened; nothing is left running then.
    pub async fn start(self) -> Result<Server, StartError> {
        let config = self.config;
        for variable in config.strangers() {
            tracing::warn!(code = "unknown_variable", variable, "there is no such setting");
        }
        make_folder(&config)?;
        let address = config.listen;
        let listener = TcpListener::bind(address).await;
        let listener = listener.map_err(|source| StartError::Listen { address, source })?;
        let metrics = Metrics::new();
        let wired = Wired::start(&config, self.gateway, metrics.observer()).await?;
        let accounts = match open_accounts(self.auth, self.accounts, &wired.engine).await {
            Ok(accounts) => accounts,
            Err(why) => {
                wired.stop().await;
                return Err(why);
            }
        };
        let doors = async {
            if self.demo {
                let listed = demo::fill(&wired.engine).await.map_err(StartError::Demo)?;
                tracing::info!(listings = listed, "the catalogue of the demonstration is listed");
            }
            Doors::open(&config, listener, &wired, &accounts, &metrics)
        };
        match doors.await {
            Ok(doors) => Ok(Server { doors, wired, accounts }),
            Err(why) => {
                accounts.shutdown().await;
                wired.stop().await;
                Err(why)
            }
        }
    }
}

/// The folder for data, for its owner alone.
pub(crate) fn make_folder(config: &Config) -> Result<(), StartError> {
    use std::os::unix::fs::DirBuilderExt as _;
    let path = &config.data_dir;
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|source| StartError::Folder { path: path.clone(), source })
}

async fn open_accounts(
    auth: AuthConfig,
    store: Option<Arc<dyn AccountStore>>,
    engine: &Ticketing,
) -> Result<Accounts, StartError> {
    let accounts = match store {
        Some(store) => Accounts::with_store(auth, store, engine.clone()).await,
        None => Accounts::open(auth, engine.clone()).await,
    };
    accounts.map_err(|why| StartError::Accounts(why.into()))
}

fn auth(config: &Config) -> AuthConfig {
    let mut auth = AuthConfig::new(&config.data_dir);
    auth.accounts = config.accounts.clone();
    auth.cookie_secure = config.cookie_secure;
    auth.production = config.environment.is_production();
    auth.operators = config.operators.iter().cloned().collect();
    auth.session_keys.clone_from(&config.session_keys);
    auth.trusted_proxies.clone_from(&config.trusted_proxies);
    auth.session_lifetime = config.session_lifetime;
    auth.session_idle = config.session_idle;
    auth
}

fn serving(config: &Config, metrics: &Metrics) -> ServingOptions {
    ServingOptions {
        connections: config.max_connections,
        connections_per_address: config.address_connections,
        trusted_proxies: config.trusted_proxies.clone(),
        idle_within: config.idle_timeout,
        taken_within: config.stall_timeout,
        metrics: metrics.http(),
        ..ServingOptions::default()
    }
}

fn router(
    config: &Config,
    wired: &Wired,
    accounts: &Accounts,
    metrics: &Metrics,
    (leaving, closing): (&CancellationToken, &CancellationToken),
) -> Router {
    let engine = &wired.engine;
    let streams = LiveOptions {
        streams: config.max_streams,
        streams_per_address: config.address_streams,
        trusted_proxies: config.trusted_proxies.clone(),
        metrics: metrics.http(),
        ..LiveOptions::default()
    };
    let api = Api {
        streams,
        engine: engine.clone(),
        accounts: accounts.clone(),
        services: config.services.clone(),
        metrics: metrics.clone(),
        leaving: leaving.clone(),
        closing: closing.clone(),
    };
    let options = LayerOptions {
        secure: config.cookie_secure,
        per_address: config.address_rate,
        trusted_proxies: config.trusted_proxies.clone(),
        metrics: metrics.http(),
        ..LayerOptions::default()
    };
    let routes = api.into_router();
    if !config.services.has(Service::Client) {
        return dress(routes, &options);
    }
    let sandbox = matches!(wired.money, Money::Sandbox { .. });
    let stripe = config.stripe.publishable().filter(|_| matches!(wired.money, Money::Stripe));
    let stripe = stripe
        .map(|key| StripeForm { key: key.to_owned(), script: config.stripe.script().to_owned() });
    let web = Web { engine: engine.clone(), accounts: accounts.clone(), sandbox, stripe };
    match &config.client_upstream {
        Some(origin) => {
            let client = Upstream::new(origin.clone(), &options, closing.clone());
            dress_before(client, routes, &options)
        }
        None => dress_with_pages(web, routes, &options),
    }
}
