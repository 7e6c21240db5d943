//! One connection.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use ticketing_core::ports::chain;
use tokio::net::TcpStream;
use tokio::time::Interval;
use tokio_util::sync::CancellationToken;

use super::memory::Share;
use super::options::ServingOptions;
use super::places::Place;
use super::pulse::Pulse;
use super::speech::Speech;
use super::worded::Worded;
use crate::background::every;

/// One connection, and what it needs to be served.
pub(super) struct Connection {
    pub(super) protocol: Arc<auto::Builder<TokioExecutor>>,
    pub(super) router: Router,
    pub(super) peer: SocketAddr,
    pub(super) place: Place,
    pub(super) memory: Share,
    pub(super) options: Arc<ServingOptions>,
    pub(super) closing: CancellationToken,
    pub(super) cutting: CancellationToken,
}

/// How a connection ended, if it was not its client that ended it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cut {
    /// No request began in time.
    Late,
    /// Nothing was asked for too long, and the client was told so.
    Quiet,
    /// The client does not take what is sent to it.
    Stuck,
    /// More waits for the client than there is memory for.
    Full,
    /// The server can't wait any longer.
    Ending,
}

impl Cut {
    fn name(self) -> &'static str {
        match self {
            Self::Late => "late",
            Self::Quiet => "quiet",
            Self::Stuck => "stuck",
            Self::Full => "full",
            Self::Ending => "ending",
        }
    }
}

impl Connection {
    /// Serves it until it ends, or is ended.
    pub(super) async fn serve(self, stream: TcpStream) {
        // Answers are small and written whole: waiting for more to send only delays them.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(error = chain(&error), "a connection was gone before it began");
            return;
        }
        give_up_on_silence(&stream, self.options.taken_within);
        let (peer, options) = (self.peer, Arc::clone(&self.options));
        let _counted = options.metrics.connection();
        if let Err(cut) = self.carry(stream).await {
            tracing::debug!(why = cut.name(), %peer, "a connection was cut");
            options.metrics.connection_cut(cut.name());
        }
    }

    async fn carry(self, stream: TcpStream) -> Result<(), Cut> {
        let (begun, pulse) = (CancellationToken::new(), Pulse::new(self.memory));
        let peer = self.peer;
        let (first, asked, place) = (begun.clone(), pulse.clone(), Arc::new(self.place));
        let speech = Arc::new(Speech::new(self.router, peer, pulse.clone()));
        let stream = Worded::new(stream, Arc::clone(&speech));
        let service = tower::service_fn(move |mut request: Request<Incoming>| {
            first.cancel();
            let running = asked.begin();
            request.extensions_mut().insert(ConnectInfo(peer));
            request.extensions_mut().insert(ConnectionPlace { _place: Arc::clone(&place) });
            Arc::clone(&speech).answer(request, running)
        });
        let service = TowerToHyperService::new(service);
        let served = self.protocol.serve_connection_with_upgrades(TokioIo::new(stream), service);
        let mut connection = pin!(served);
        let mut is_full = pin!(pulse.too_much_waits());
        let mut is_late = pin!(first_request_is_late(begun, self.options.head_within));
        let mut looks = looks(&self.options);
        let mut is_closing = false;
        let mut was_told = false;
        loop {
            tokio::select! {
                ended = connection.as_mut() => {
                    if let Err(error) = ended {
                        // A client that goes away, or says what no client should.
                        tracing::debug!(error = chain(error.as_ref()), peer = %peer, "a connection broke");
                    }
                    return Ok(());
                }
                () = &mut is_late => return Err(Cut::Late),
                () = &mut is_full => return Err(Cut::Full),
                () = self.cutting.cancelled() => return Err(Cut::Ending),
                () = self.closing.cancelled(), if !is_closing => {
                    is_closing = true;
                    connection.as_mut().graceful_shutdown();
                }
                _ = looks.tick() => {
                    if pulse.is_stuck_for(self.options.taken_within) {
                        return Err(Cut::Stuck);
                    }
                    if pulse.is_quiet_for(self.options.idle_within) {
                        // A client that behaves ends the connection by the next look.
                        if was_told {
                            return Err(Cut::Quiet);
                        }
                        was_told = true;
                        connection.as_mut().graceful_shutdown();
                    }
                }
            }
        }
    }
}

/// The place of a connection, for what goes on with it after it has ended as one of HTTP.
#[derive(Debug, Clone)]
pub(crate) struct ConnectionPlace {
    _place: Arc<Place>,
}

/// Tells when to look after the connection. Half of the shorter time is often enough: no more than
/// half as late again is noticed.
fn looks(options: &ServingOptions) -> Interval {
    let shorter = options.idle_within.min(options.taken_within);
    let mut looks = every(shorter / 2);
    looks.reset();
    looks
}

/// Ends when no request was begun in time. The protocol has a time limit of its own, but only
/// from the moment when it is known which protocol it is.
async fn first_request_is_late(begun: CancellationToken, within: Duration) {
    if tokio::time::timeout(within, begun.cancelled()).await.is_err() {
        return;
    }
    std::future::pending::<()>().await;
}

/// After how long without a word the system asks whether a client is still there, and how often it
/// asks again. The client's system answers, also while the program behind it has nothing to say.
const ASK_AFTER: Duration = Duration::from_secs(30);
const ASK_EVERY: Duration = Duration::from_secs(10);

/// Lets the system end a connection whose client has not acknowledged what was sent for so long, has no
/// room for it, or does not answer when nothing is said. It sees clients that are gone without a word:
/// web sockets and streams whose few events would fit into its own buffers for hours, or that have
/// none.
#[cfg(target_os = "linux")]
pub(super) fn give_up_on_silence(stream: &TcpStream, within: Duration) {
    let socket = socket2::SockRef::from(stream);
    let asking = socket2::TcpKeepalive::new().with_time(ASK_AFTER).with_interval(ASK_EVERY);
    let patience = socket.set_tcp_user_timeout(Some(within));
    if let Err(error) = patience.and_then(|()| socket.set_tcp_keepalive(&asking)) {
        tracing::debug!(error = chain(&error), "a connection has the system's own patience");
    }
}

#[cfg(not(target_os = "linux"))]
fn give_up_on_silence(_stream: &TcpStream, _within: Duration) {}
