//! A small reverse proxy: whose a path is, and who of those has the next request.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::http::{Request, Response, StatusCode, Uri};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Beginnings of paths, the longest first, and where they lead.
type Routes = Vec<(&'static str, Vec<SocketAddr>)>;
type Body = BoxBody<Bytes, hyper::Error>;

/// A proxy that listens until it is dropped.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    listening: JoinHandle<()>,
}

struct Ways {
    routes: Routes,
    turn: AtomicUsize,
    client: Client<HttpConnector, Incoming>,
}

impl Proxy {
    pub(crate) async fn start(routes: Routes) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let client = Client::builder(TokioExecutor::new()).build_http();
        let ways = Arc::new(Ways { routes, turn: AtomicUsize::new(0), client });
        let listening = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let ways = Arc::clone(&ways);
                tokio::spawn(async move {
                    let pass = service_fn(|request| Arc::clone(&ways).pass(request));
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

impl Ways {
    async fn pass(
        self: Arc<Self>,
        mut request: Request<Incoming>,
    ) -> Result<Response<Body>, hyper::Error> {
        let path = request.uri().path();
        let way = self.routes.iter().find(|(beginning, _)| path.starts_with(beginning));
        let (_, servers) = way.expect("a route for everything");
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let server = servers[turn % servers.len()];
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        *request.uri_mut() = format!("http://{server}{path}").parse::<Uri>().unwrap();
        if let Ok(response) = self.client.request(request).await {
            return Ok(response.map(BodyExt::boxed));
        }
        let nothing = Empty::new().map_err(|never| match never {}).boxed();
        let mut response = Response::new(nothing);
        *response.status_mut() = StatusCode::BAD_GATEWAY;
        Ok(response)
    }
}
