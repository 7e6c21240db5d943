//! How calls travel: kept connections, time limits, and tries under one key.
//!
//! The transport of `async-stripe` opens a connection for each call, loses the status of an answer
//! that it can't read, and panics where a program has two TLS providers. Its requests are used, and
//! sent by this.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue, USER_AGENT};
use hyper::{Method, Request, Response, body::Incoming};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::{ClientConfig, RootCertStore};
use sha2::{Digest as _, Sha256};
use stripe_client_core::{RequestBuilder, StripeMethod, VERSION};
use ticketing_core::ports::{GatewayError, GatewayErrorKind};

use crate::answers::Refusal;
use crate::config::{Address, Limits};
use crate::error::ConfigError;
use crate::keys::SecretKey;

/// The longest answer: a page of a hundred intents has some hundred kilobytes.
const LONGEST: usize = 8 * 1024 * 1024;
/// How long a connection that nobody uses is kept. Stripe keeps them for a minute or so.
const KEPT: Duration = Duration::from_secs(30);
/// The most connections that are kept.
const KEPT_MAX: usize = 32;
const KEY: HeaderName = HeaderName::from_static("idempotency-key");
const API_VERSION: HeaderName = HeaderName::from_static("stripe-version");

/// Sends calls. Clones share their connections.
#[derive(Clone)]
pub(crate) struct Transport {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    address: Address,
    authorization: HeaderValue,
    limits: Limits,
}

/// A call that was answered, with yes or with no.
pub(crate) type Answered = Result<Bytes, Refusal>;

/// A try that was not answered.
#[derive(Debug, thiserror::Error)]
enum Missed {
    /// There was no connection.
    #[error("there is no connection")]
    NotConnected(#[source] Source),
    /// It was on its way when the connection broke.
    #[error("the connection broke")]
    Broken(#[source] Source),
    /// The time was up.
    #[error("there was no answer in time")]
    Late,
    /// An answer that is none: a redirection, or a failure.
    #[error("the answer was {0}")]
    Status(u16),
    /// It was turned away before anything was done.
    #[error("the answer was {0}: not now")]
    TurnedAway(u16),
    /// Another call under its key runs.
    #[error("its key is in use")]
    KeyInUse,
}

type Source = Box<dyn Error + Send + Sync>;

impl Transport {
    pub(crate) fn open(
        address: Address,
        key: &SecretKey,
        limits: Limits,
    ) -> Result<Self, ConfigError> {
        let bearer = format!("Bearer {}", key.expose());
        let mut authorization =
            HeaderValue::from_str(&bearer).map_err(|_invalid| ConfigError::SecretKey)?;
        authorization.set_sensitive(true);
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_connect_timeout(Some(limits.connect_within));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls()?)
            .https_or_http()
            .enable_http1()
            .wrap_connector(http);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(KEPT)
            .pool_max_idle_per_host(KEPT_MAX)
            .build(connector);
        Ok(Self { client, address, authorization, limits })
    }

    /// Sends a call until it is answered, a few times at most, always under the same key.
    pub(crate) async fn send(
        &self,
        operation: &'static str,
        call: RequestBuilder,
        key: Option<&str>,
    ) -> Result<Answered, GatewayError> {
        let call = Call::of(call, key, operation)?;
        // A try that may have arrived is not undone by one that certainly did not.
        let mut may_have_arrived = None;
        for tried in 1..=self.limits.tries {
            let missed = match self.try_once(&call).await {
                Ok(answered) => return Ok(answered),
                Err(missed) => missed,
            };
            let kind = missed.kind();
            tracing::debug!(operation, tried, missed = %missed, "a call was not answered");
            let again = missed.is_worth_another_try();
            let error = GatewayError::new(kind, operation).with_source(missed);
            if kind != GatewayErrorKind::NotSent {
                may_have_arrived = Some(error.clone());
            }
            if !again || tried == self.limits.tries {
                return Err(may_have_arrived.unwrap_or(error));
            }
            tokio::time::sleep(self.pause(tried, key)).await;
        }
        Err(may_have_arrived.unwrap_or(GatewayError::new(GatewayErrorKind::NotSent, operation)))
    }

    async fn try_once(&self, call: &Call) -> Result<Answered, Missed> {
        let exchange = async {
            let response = self.client.request(self.request(call)?).await.map_err(|error| {
                let connected = !error.is_connect();
                let source: Source = error.into();
                if connected { Missed::Broken(source) } else { Missed::NotConnected(source) }
            })?;
            read(response).await
        };
        match tokio::time::timeout(self.limits.try_within, exchange).await {
            Ok(done) => done,
            Err(_elapsed) => Err(Missed::Late),
        }
    }

    fn request(&self, call: &Call) -> Result<Request<Full<Bytes>>, Missed> {
        let uri = hyper::Uri::builder()
            .scheme(self.address.scheme.clone())
            .authority(self.address.authority.clone())
            .path_and_query(call.target.as_str())
            .build();
        let uri = uri.map_err(|error| Missed::NotConnected(error.into()))?;
        let mut request = Request::builder()
            .method(call.method.clone())
            .uri(uri)
            .header(AUTHORIZATION, self.authorization.clone())
            .header(USER_AGENT, concat!("ticketing-stripe/", env!("CARGO_PKG_VERSION")))
            .header(API_VERSION, VERSION.as_str());
        if call.method == Method::POST {
            request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        if let Some(key) = &call.key {
            request = request.header(KEY, key.clone());
        }
        let body = Full::new(call.body.clone());
        request.body(body).map_err(|error| Missed::NotConnected(error.into()))
    }

    /// Longer each time, and not the same for all calls: those that failed together do not come
    /// back together.
    fn pause(&self, tried: u32, key: Option<&str>) -> Duration {
        let doubled =
            self.limits.pause.saturating_mul(2_u32.saturating_pow(tried.saturating_sub(1)));
        let spread = Sha256::digest(key.unwrap_or_default()).first().copied().unwrap_or_default();
        doubled.saturating_add(
            doubled.saturating_mul(spread.into()).checked_div(512).unwrap_or_default(),
        )
    }
}

/// A call as it is sent, each time the same.
struct Call {
    method: Method,
    target: String,
    body: Bytes,
    key: Option<HeaderValue>,
}

impl Call {
    fn of(
        call: RequestBuilder,
        key: Option<&str>,
        operation: &'static str,
    ) -> Result<Self, GatewayError> {
        let mut target = format!("/v1{}", call.path);
        if let Some(query) = call.query.filter(|query| !query.is_empty()) {
            target.push('?');
            target.push_str(&query);
        }
        let key = key.map(HeaderValue::from_str).transpose().map_err(|error| {
            GatewayError::new(GatewayErrorKind::NotSent, operation).with_source(error)
        })?;
        let method = match call.method {
            StripeMethod::Get => Method::GET,
            StripeMethod::Post => Method::POST,
            StripeMethod::Delete => Method::DELETE,
        };
        Ok(Self { method, target, body: call.body.unwrap_or_default().into(), key })
    }
}

impl Missed {
    fn kind(&self) -> GatewayErrorKind {
        match self {
            Self::NotConnected(_) | Self::TurnedAway(_) => GatewayErrorKind::NotSent,
            Self::Status(status) if *status >= 500 || *status == 424 => {
                GatewayErrorKind::ServerError
            }
            Self::Broken(_) | Self::Late | Self::KeyInUse | Self::Status(_) => {
                GatewayErrorKind::Unknown
            }
        }
    }

    /// An error that was answered is repeated for its key, so there is no use in asking again.
    fn is_worth_another_try(&self) -> bool {
        match self {
            Self::NotConnected(_)
            | Self::Broken(_)
            | Self::Late
            | Self::KeyInUse
            | Self::TurnedAway(_) => true,
            Self::Status(_) => false,
        }
    }
}

/// Reads an answer to its end.
async fn read(response: Response<Incoming>) -> Result<Answered, Missed> {
    let status = response.status().as_u16();
    let body = Limited::new(response.into_body(), LONGEST).collect().await;
    let body = body.map_err(Missed::Broken)?.to_bytes();
    match status {
        200..=299 => Ok(Ok(body)),
        429 => Err(Missed::TurnedAway(status)),
        // Another request is at the same thing, such as an earlier try.
        409 => Err(Missed::KeyInUse),
        424 => Err(Missed::Status(status)),
        // What does not say so in Stripe's own words is the word of somebody in between, who may have
        // passed the call on.
        400..=499 => Refusal::read(status, &body).map(Err).ok_or(Missed::Status(status)),
        _ => Err(Missed::Status(status)),
    }
}

/// With a provider that is named, and the certificates that browsers trust.
fn tls() -> Result<ClientConfig, ConfigError> {
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = [&rustls::version::TLS13, &rustls::version::TLS12];
    let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(&versions);
    let builder = builder.map_err(|_none| ConfigError::Tls)?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport")
            .field("address", &self.address)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
