//! A small reverse proxy: whose a path is, and who of those has the next request.
//!
//! It tries nobody twice: what a server does not answer is a failure that its client sees.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::http::{HeaderValue, Request, Response, StatusCode, Uri};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// How long a connection is kept for the next request: less than the five seconds after which a server
/// closes one.
const KEPT_FOR: Duration = Duration::from_secs(4);

/// Tells where a path leads, anew for each request: to any of these servers; nobody may go where it
/// leads nowhere.
type Ways = Box<dyn Fn(&str) -> Option<Vec<SocketAddr>> + Send + Sync>;
type Body = BoxBody<Bytes, hyper::Error>;

/// A proxy that listens until it is dropped.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    listening: JoinHandle<()>,
}

struct Passing {
    ways: Ways,
    turn: AtomicUsize,
    client: Client<HttpConnector, Incoming>,
}

impl Proxy {
    pub(crate) async fn start(
        ways: impl Fn(&str) -> Option<Vec<SocketAddr>> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(KEPT_FOR)
            .retry_canceled_requests(false)
            .build_http();
        let ways: Ways = Box::new(ways);
        let passing = Arc::new(Passing { ways, turn: AtomicUsize::new(0), client });
        let listening = tokio::spawn(async move {
            while let Ok((stream, peer)) = listener.accept().await {
                let passing = Arc::clone(&passing);
                tokio::spawn(async move {
                    let pass = service_fn(|request| Arc::clone(&passing).pass(peer, request));
                    let serving =
                        http1::Builder::new().serve_connection(TokioIo::new(stream), pass);
                    // A client that hangs up is no trouble of the proxy's.
                    drop(serving.await);
                });
            }
        });
        Self { address, listening }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

impl Passing {
    async fn pass(
        self: Arc<Self>,
        peer: SocketAddr,
        mut request: Request<Incoming>,
    ) -> Result<Response<Body>, hyper::Error> {
        let Some(servers) = (self.ways)(request.uri().path()) else {
            return Ok(empty(StatusCode::FORBIDDEN));
        };
        if servers.is_empty() {
            return Ok(empty(StatusCode::SERVICE_UNAVAILABLE));
        }
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let server = servers[turn % servers.len()];
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        *request.uri_mut() = format!("http://{server}{path}").parse::<Uri>().unwrap();
        let from = HeaderValue::from_str(&peer.ip().to_string()).unwrap();
        request.headers_mut().insert("x-forwarded-for", from);
        if let Ok(response) = self.client.request(request).await {
            return Ok(response.map(BodyExt::boxed));
        }
        Ok(empty(StatusCode::BAD_GATEWAY))
    }
}

fn empty(status: StatusCode) -> Response<Body> {
    let nothing = Empty::new().map_err(|never| match never {}).boxed();
    let mut response = Response::new(nothing);
    *response.status_mut() = status;
    response
}
