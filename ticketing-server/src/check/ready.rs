//! Asking a server that runs on this machine, for whoever has no other program to ask it with.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::time::timeout;

/// How long a server may take to say whether it is ready.
const ANSWER_WITHIN: Duration = Duration::from_secs(4);

/// Why nothing was ready.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotReady {
    /// Nothing listens there, or it is no server of ours.
    #[error("no server answers at {at}")]
    Unreachable {
        /// Where.
        at: SocketAddr,
        /// Why.
        #[source]
        source: hyper_util::client::legacy::Error,
    },
    /// It did not say anything in time.
    #[error("the server at {0} takes too long to answer")]
    Late(SocketAddr),
    /// It answers that it is not ready.
    #[error("the server at {at} is not ready: {status}")]
    Refused {
        /// Where.
        at: SocketAddr,
        /// What it answered.
        status: StatusCode,
    },
}

/// Where the server that listens there is ready.
pub(crate) async fn ready(listen: SocketAddr) -> Result<SocketAddr, NotReady> {
    let at = reachable(listen);
    let mut request = Request::new(Body::empty());
    // An address and a port are always a URL.
    if let Ok(url) = format!("http://{at}/readyz").parse() {
        *request.uri_mut() = url;
    }
    let asking = Client::builder(TokioExecutor::new()).build_http().request(request);
    let asked = timeout(ANSWER_WITHIN, asking).await.map_err(|_late| NotReady::Late(at))?;
    let status = asked.map_err(|source| NotReady::Unreachable { at, source })?.status();
    if status.is_success() { Ok(at) } else { Err(NotReady::Refused { at, status }) }
}

/// Where to reach what listens there: whoever listens at every address listens at this machine's own.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let port = listen.port();
    match listen {
        SocketAddr::V4(at) if at.ip().is_unspecified() => (Ipv4Addr::LOCALHOST, port).into(),
        SocketAddr::V6(at) if at.ip().is_unspecified() => (Ipv6Addr::LOCALHOST, port).into(),
        SocketAddr::V4(_) | SocketAddr::V6(_) => listen,
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;
    use crate::{Config, Server};

    #[tokio::test]
    async fn a_server_is_ready_until_it_ends() {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(Config::in_folder(folder.path())).await.unwrap();
        let at = server.address();
        assert_eq!(ready(at).await.unwrap(), at);
        server.shutdown().await;
        let told = ready(at).await.unwrap_err().to_string();
        assert_eq!(told, format!("no server answers at {at}"));
    }

    #[tokio::test]
    async fn another_server_is_not_ready() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let refusing = axum::Router::new().fallback(async || StatusCode::SERVICE_UNAVAILABLE);
        let serving = tokio::spawn(async move { axum::serve(listener, refusing).await });
        let told = ready(at).await.unwrap_err().to_string();
        assert_eq!(told, format!("the server at {at} is not ready: 503 Service Unavailable"));
        serving.abort();
    }

    #[test]
    fn every_address_is_this_machines() {
        for (listens, reached) in [
            ("0.0.0.0:8080", "127.0.0.1:8080"),
            ("[::]:80", "[::1]:80"),
            ("10.1.2.3:80", "10.1.2.3:80"),
        ] {
            assert_eq!(reachable(listens.parse().unwrap()), reached.parse().unwrap());
        }
    }
}
