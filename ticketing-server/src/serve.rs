//! Taking connections and ending them: with time limits from the first byte to the last, caps, and a
//! graceful end.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use hyper_util::server::conn::auto;
use ticketing_core::ports::chain;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

mod connection;
mod memory;
mod options;
mod places;
mod pulse;
mod speech;
#[cfg(test)]
mod tests;
mod worded;

use connection::Connection;
pub(crate) use connection::ConnectionPlace;
use memory::Memory;
pub use options::ServingOptions;
use places::{Place, Places};

/// The most bytes of a request's head. The server's HTTP/1 parser refuses less than 8 KiB.
const HEAD_MAX: usize = 16 * 1024;
/// The most header fields of a request, over either protocol.
const HEADERS_MAX: usize = 100;
/// How many requests one HTTP/2 connection may have open.
const STREAMS_MAX: u32 = 100;
/// The most bytes of an answer that HTTP/2 holds ready beyond what the client has room for. An answer
/// that is longer waits for room before it goes on.
const SEND_AHEAD: usize = 64 * 1024;
/// How often a silent HTTP/2 connection is asked whether it is still there.
const PING_EVERY: Duration = Duration::from_secs(20);
/// How long it may take to say so.
const PONG_WITHIN: Duration = Duration::from_secs(10);
/// How long to wait before accepting again when the process has no file descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A router that is being served.
#[derive(Debug)]
#[must_use = "dropped, it goes on serving and can't be stopped"]
pub struct Serving {
    address: SocketAddr,
    /// No new connections, and no new requests on those that are open.
    closing: CancellationToken,
    /// No connections.
    cutting: CancellationToken,
    connections: TaskTracker,
    accepting: JoinHandle<()>,
}

impl Serving {
    /// Serves a router on a listener, in tasks of its own.
    ///
    /// Every request carries [`ConnectInfo<SocketAddr>`](axum::extract::ConnectInfo). Streams without
    /// an end must be ended by who made them before [`stop`](Self::stop), or they are cut.
    ///
    /// # Errors
    /// The listener has no address.
    pub fn start(
        listener: TcpListener,
        router: Router,
        options: ServingOptions,
    ) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let (closing, cutting) = (CancellationToken::new(), CancellationToken::new());
        let connections = TaskTracker::new();
        let acceptor = Acceptor {
            listener,
            router,
            protocol: Arc::new(protocol(&options)),
            places: Places::new(&options),
            memory: Memory::new(options.unread),
            options: Arc::new(options),
            closing: closing.clone(),
            cutting: cutting.clone(),
            connections: connections.clone(),
        };
        let accepting = tokio::spawn(acceptor.run());
        Ok(Self { address, closing, cutting, connections, accepting })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no more connections and no more requests, lets those that run end within the deadline,
    /// and cuts the others. Answers how many connections were cut.
    pub async fn stop(self, deadline: Duration) -> usize {
        self.closing.cancel();
        // Its connections are all known once it has ended.
        if let Err(died) = self.accepting.await {
            tracing::error!(
                code = "accept_ended",
                error = chain(&died),
                "accepting connections had ended before"
            );
        }
        self.connections.close();
        if tokio::time::timeout(deadline, self.connections.wait()).await.is_ok() {
            return 0;
        }
        let left = self.connections.len();
        self.cutting.cancel();
        self.connections.wait().await;
        left
    }
}

/// What both protocols allow.
fn protocol(options: &ServingOptions) -> auto::Builder<TokioExecutor> {
    let mut protocol = auto::Builder::new(TokioExecutor::new());
    protocol
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(options.head_within)
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEAD_MAX);
    protocol
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(u32::try_from(HEAD_MAX).unwrap_or(u32::MAX))
        .max_concurrent_streams(STREAMS_MAX)
        .max_send_buf_size(SEND_AHEAD)
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PONG_WITHIN);
    protocol
}

struct Acceptor {
    listener: TcpListener,
    router: Router,
    protocol: Arc<auto::Builder<TokioExecutor>>,
    places: Places,
    memory: Memory,
    options: Arc<ServingOptions>,
    closing: CancellationToken,
    cutting: CancellationToken,
    connections: TaskTracker,
}

impl Acceptor {
    async fn run(self) {
        let closing = self.closing.clone();
        while let Some(Some((stream, peer, place))) =
            closing.run_until_cancelled(self.accept()).await
        {
            let connection = Connection {
                protocol: Arc::clone(&self.protocol),
                router: self.router.clone(),
                peer,
                place,
                memory: self.memory.share(),
                options: Arc::clone(&self.options),
                closing: self.closing.clone(),
                cutting: self.cutting.clone(),
            };
            self.connections.spawn(connection.serve(stream));
        }
    }

    /// The next connection, once there is a place for it; never nothing while the process goes on.
    async fn accept(&self) -> Option<(TcpStream, SocketAddr, Place)> {
        loop {
            let free = self.places.free().await?;
            let (stream, peer) = self.next().await;
            if let Some(place) = self.places.give(free, peer.ip()) {
                return Some((stream, peer, place));
            }
            tracing::debug!(%peer, "an address has too many connections");
            self.options.metrics.connection_cut("address");
        }
    }

    async fn next(&self) -> (TcpStream, SocketAddr) {
        loop {
            match self.listener.accept().await {
                Ok(accepted) => return accepted,
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    tracing::error!(
                        code = "accept_failed",
                        error = chain(&error),
                        "no connection can be accepted"
                    );
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

/// Whether the client was gone before it was accepted: then the next one may well be there.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
    )
}
