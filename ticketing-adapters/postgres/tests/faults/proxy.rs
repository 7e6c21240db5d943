//! A network in the hands of a test: what a storage says to its server goes through here.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use sqlx::postgres::{PgConnectOptions, PgSslMode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How connections end that are cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// As if the other side had closed it.
    Close,
    /// As if the other side knew nothing of it.
    Reset,
}

/// Which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    ToServer,
    ToClient,
}

/// How the network is. What is held back is not lost: it goes on as soon as the way is free.
#[derive(Debug, Clone)]
struct Weather {
    /// Connections up to this one are cut, so.
    cut: (u64, Cut),
    /// Connections up to this one hear nothing of what is said, in each direction.
    held: [u64; 2],
    /// How late everything comes.
    late: Duration,
    /// Nobody is let in.
    is_closed: bool,
    /// Once this is said to the server, the answers to it are held back.
    hold_answer_to: Option<&'static [u8]>,
}

/// Connections are numbered from one.
const ALL: u64 = u64::MAX;

/// The network.
pub(crate) struct Proxy {
    address: SocketAddr,
    weather: Arc<watch::Sender<Weather>>,
    made: Arc<watch::Sender<u64>>,
    /// When something was said last.
    last: Arc<Mutex<Instant>>,
    listening: JoinHandle<()>,
}

/// After so long a silence, nobody has anything more to say.
const QUIET: Duration = Duration::from_millis(100);

impl Proxy {
    /// Leads to a server.
    pub(crate) async fn to(server: &PgConnectOptions) -> Self {
        let server = (server.get_host().to_owned(), server.get_port());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let calm = Weather {
            cut: (0, Cut::Close),
            held: [0, 0],
            late: Duration::ZERO,
            is_closed: false,
            hold_answer_to: None,
        };
        let weather = Arc::new(watch::Sender::new(calm));
        let made = Arc::new(watch::Sender::new(0));
        let last = Arc::new(Mutex::new(Instant::now()));
        let network = Network { weather: Arc::clone(&weather), last: Arc::clone(&last) };
        let listening = tokio::spawn(listen(listener, server, network, Arc::clone(&made)));
        Self { address, weather, made, last, listening }
    }

    /// The server, by this way, on which everybody can read what is said.
    pub(crate) fn way_to(&self, server: &PgConnectOptions) -> PgConnectOptions {
        let server = server.clone().ssl_mode(PgSslMode::Disable);
        server.host(&self.address.ip().to_string()).port(self.address.port())
    }

    /// Ends every connection there is.
    pub(crate) fn cut(&self, how: Cut) {
        let made = *self.made.borrow();
        self.weather.send_modify(|weather| weather.cut = (made, how));
    }

    /// Nothing comes through on that way any more, on connections that are and that will be.
    pub(crate) fn hold(&self, way: Way) {
        self.weather.send_modify(|weather| weather.held[index(way)] = ALL);
    }

    /// The same, on connections that there are. New ones are well.
    pub(crate) fn hold_on_old_connections(&self, way: Way) {
        let made = *self.made.borrow();
        self.weather.send_modify(|weather| weather.held[index(way)] = made);
    }

    /// Holds back what the server says once it was told this.
    pub(crate) fn hold_answer_to(&self, words: &'static str) {
        self.weather.send_modify(|weather| weather.hold_answer_to = Some(words.as_bytes()));
    }

    /// Everything comes so late.
    pub(crate) fn delay(&self, late: Duration) {
        self.weather.send_modify(|weather| weather.late = late);
    }

    /// Ends every connection and lets nobody in.
    pub(crate) fn close(&self) {
        self.cut(Cut::Reset);
        self.weather.send_modify(|weather| weather.is_closed = true);
    }

    /// Waits until nobody says anything.
    pub(crate) async fn fall_quiet(&self) {
        loop {
            let silence = self.last.lock().unwrap().elapsed();
            match QUIET.checked_sub(silence) {
                Some(rest) => tokio::time::sleep(rest).await,
                None => return,
            }
        }
    }

    /// All is well again; what was cut stays cut.
    pub(crate) fn calm(&self) {
        self.weather.send_modify(|weather| {
            weather.held = [0, 0];
            weather.late = Duration::ZERO;
            weather.is_closed = false;
            weather.hold_answer_to = None;
        });
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

fn index(way: Way) -> usize {
    match way {
        Way::ToServer => 0,
        Way::ToClient => 1,
    }
}

/// What every connection looks at.
#[derive(Clone)]
struct Network {
    weather: Arc<watch::Sender<Weather>>,
    last: Arc<Mutex<Instant>>,
}

async fn listen(
    listener: TcpListener,
    server: (String, u16),
    network: Network,
    made: Arc<watch::Sender<u64>>,
) {
    let mut number = 0;
    while let Ok((client, _)) = listener.accept().await {
        if network.weather.borrow().is_closed {
            drop(client.set_zero_linger());
            continue;
        }
        number += 1;
        made.send_replace(number);
        let (server, network) = (server.clone(), network.clone());
        tokio::spawn(async move {
            // A server that is away is one more thing that a client must bear.
            if let Ok(server) = TcpStream::connect(server).await {
                drop(connection(client, server, number, network).await);
            }
        });
    }
}

/// Carries what both sides say until one of them ends it, or it is cut.
async fn connection(
    client: TcpStream,
    server: TcpStream,
    number: u64,
    network: Network,
) -> io::Result<()> {
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let mut watched = network.weather.subscribe();
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let mut up = Pump {
        from: from_client,
        to: to_server,
        way: Way::ToServer,
        number,
        network: network.clone(),
    };
    let mut down = Pump { from: from_server, to: to_client, way: Way::ToClient, number, network };
    let how = tokio::select! {
        cut = watched.wait_for(|weather| number <= weather.cut.0) => {
            cut.map_or(Cut::Close, |weather| weather.cut.1)
        }
        _ended = up.run() => Cut::Close,
        _ended = down.run() => Cut::Close,
    };
    if how == Cut::Reset {
        let client = down.to.reunite(up.from).map_err(io::Error::other)?;
        let server = up.to.reunite(down.from).map_err(io::Error::other)?;
        client.set_zero_linger()?;
        server.set_zero_linger()?;
    }
    Ok(())
}

struct Pump {
    from: OwnedReadHalf,
    to: OwnedWriteHalf,
    way: Way,
    number: u64,
    network: Network,
}

impl Pump {
    async fn run(&mut self) -> io::Result<()> {
        let mut buffer = vec![0; 16 * 1024];
        loop {
            let read = self.from.read(&mut buffer).await?;
            let Some(said) = buffer.get(..read).filter(|said| !said.is_empty()) else {
                return Ok(());
            };
            self.note(said);
            let late = self.network.weather.borrow().late;
            if !late.is_zero() {
                tokio::time::sleep(late).await;
            }
            let (way, number) = (index(self.way), self.number);
            let mut weather = self.network.weather.subscribe();
            let free = weather.wait_for(|weather| number > weather.held[way]).await;
            drop(free.map_err(io::Error::other)?);
            self.to.write_all(said).await?;
        }
    }

    /// Remembers that something was said, and holds back the answer to words that were waited for.
    fn note(&self, said: &[u8]) {
        *self.network.last.lock().unwrap() = Instant::now();
        if self.way == Way::ToClient {
            return;
        }
        self.network.weather.send_if_modified(|weather| {
            let is_it = weather
                .hold_answer_to
                .is_some_and(|words| said.windows(words.len()).any(|window| window == words));
            if is_it {
                weather.hold_answer_to = None;
                weather.held[index(Way::ToClient)] = ALL;
            }
            is_it
        });
    }
}
