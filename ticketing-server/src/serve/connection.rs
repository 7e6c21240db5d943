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
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

/// One connection, and what it needs to be served.
pub(super) struct Connection {
    pub(super) protocol: Arc<auto::Builder<TokioExecutor>>,
    pub(super) router: Router,
    pub(super) peer: SocketAddr,
    pub(super) head_within: Duration,
    pub(super) closing: CancellationToken,
    pub(super) cutting: CancellationToken,
}

impl Connection {
    /// Serves it until it ends, or is ended.
    pub(super) async fn serve(self, stream: TcpStream) {
        // Answers are small and written whole: waiting for more to send only delays them.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection was gone before it began");
            return;
        }
        let begun = CancellationToken::new();
        let (router, peer, first) = (self.router, self.peer, begun.clone());
        let service = tower::service_fn(move |mut request: Request<Incoming>| {
            first.cancel();
            request.extensions_mut().insert(ConnectInfo(peer));
            router.clone().oneshot(request)
        });
        let service = TowerToHyperService::new(service);
        let served = self.protocol.serve_connection_with_upgrades(TokioIo::new(stream), service);
        let mut connection = pin!(served);
        let mut is_late = pin!(first_request_is_late(begun, self.head_within));
        let mut is_closing = false;
        loop {
            tokio::select! {
                ended = connection.as_mut() => {
                    if let Err(error) = ended {
                        // A client that goes away, or says what no client should.
                        tracing::debug!(error, peer = %peer, "a connection broke");
                    }
                    return;
                }
                () = &mut is_late => return,
                () = self.cutting.cancelled() => return,
                () = self.closing.cancelled(), if !is_closing => {
                    is_closing = true;
                    connection.as_mut().graceful_shutdown();
                }
            }
        }
    }
}

/// Ends when no request was begun in time. The protocol has a time limit of its own, but only
/// from the moment when it is known which protocol it is.
async fn first_request_is_late(begun: CancellationToken, within: Duration) {
    if tokio::time::timeout(within, begun.cancelled()).await.is_ok() {
        std::future::pending::<()>().await;
    }
}
