//! How calls come in.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State as Given;
use axum::http::{HeaderMap, Method, Uri};
use axum::response::Response;
use axum::serve::ListenerExt as _;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

use crate::answer::{Answer, Failure};
use crate::faults::{Call, Fault};
use crate::form::Form;
use crate::intents::Asked;
use crate::stand_in::{Inside, State};

/// A call as it came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// What it asked for; nothing if that is not known.
    pub call: Option<Call>,
    /// Its path.
    pub path: String,
    /// Its query or body, as it was written.
    pub parameters: String,
    /// Its idempotency key.
    pub key: Option<String>,
}

impl Request {
    /// What it says, by the names of its parameters, such as `metadata[order]`. Nothing if it can't be
    /// read.
    pub fn fields(&self) -> BTreeMap<String, String> {
        Form::read(&self.parameters).map(Form::into_fields).unwrap_or_default()
    }
}

pub(crate) async fn start(
    inside: Arc<Inside>,
    listen: SocketAddr,
) -> io::Result<(SocketAddr, AbortHandle)> {
    let listener = TcpListener::bind(listen).await?;
    let address = listener.local_addr()?;
    let router = Router::new().fallback(answer).with_state(Arc::clone(&inside));
    let listener = listener.tap_io(move |_connection| {
        inside.connections.fetch_add(1, Ordering::Relaxed);
    });
    let serving = tokio::spawn(async move {
        drop(axum::serve(listener, router).await);
    });
    Ok((address, serving.abort_handle()))
}

/// Answers a call, or does not.
async fn answer(
    Given(inside): Given<Arc<Inside>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let parameters = if method == Method::GET {
        uri.query().unwrap_or_default().to_owned()
    } else {
        String::from_utf8_lossy(&body).into_owned()
    };
    let asked = Incoming {
        route: Route::of(&method, uri.path()),
        path: uri.path().to_owned(),
        parameters,
        // A GET is idempotent by itself: its key means nothing.
        key: text("idempotency-key").filter(|_| method == Method::POST).map(str::to_owned),
    };
    let watcher = inside.state().watcher.clone();
    if let Some(watcher) = watcher {
        watcher.call(asked.noted()).await;
    }
    let fault = {
        let mut state = inside.state();
        state.requests.push(asked.noted());
        if !is_ours(text("authorization")) {
            return written(&Answer::no_such_key());
        }
        asked.call().and_then(|call| state.faults.take(call))
    };
    match fault {
        Some(Fault::SilenceBefore) => return std::future::pending().await,
        Some(Fault::CutBefore) => return cut(),
        Some(Fault::TooMany) => return written(&Answer::too_many()),
        Some(
            Fault::Delay(_)
            | Fault::LateAnswer(_)
            | Fault::Held
            | Fault::ErrorBefore
            | Fault::ErrorAfter
            | Fault::SilenceAfter
            | Fault::CutAfter,
        )
        | None => {}
    }
    let begun = inside.state().begin(&asked);
    let form = match begun {
        Ok(form) => form,
        Err(known) => return written(&known),
    };
    if let Some(Fault::Delay(late)) = fault {
        tokio::time::sleep(late).await;
    }
    if fault == Some(Fault::Held) {
        inside.held.notified().await;
    }
    let now = inside.now();
    let answer = inside.state().finish(&asked, &form, fault, now);
    if let Some(Fault::LateAnswer(late)) = fault {
        tokio::time::sleep(late).await;
    }
    match fault {
        Some(Fault::SilenceAfter) => std::future::pending().await,
        Some(Fault::CutAfter) => cut(),
        Some(_) | None => written(&answer),
    }
}

fn is_ours(authorization: Option<&str>) -> bool {
    authorization.and_then(|value| value.strip_prefix("Bearer ")) == Some("sk_test_standin")
}

fn written(answer: &Answer) -> Response {
    let mut response = Response::new(Body::from(answer.body.to_string()));
    *response.status_mut() = axum::http::StatusCode::from_u16(answer.status).unwrap_or_default();
    let json = axum::http::HeaderValue::from_static("application/json");
    response.headers_mut().insert("content-type", json);
    response
}

/// The beginning of an answer whose connection breaks.
fn cut() -> Response {
    let broken = futures_util::stream::iter([
        Ok(Bytes::from_static(b"{")),
        Err(io::Error::from(io::ErrorKind::ConnectionReset)),
    ]);
    Response::new(Body::from_stream::<_>(broken))
}

/// A call, taken apart.
struct Incoming {
    route: Option<Route>,
    path: String,
    parameters: String,
    key: Option<String>,
}

/// What a path asks for.
enum Route {
    Create,
    List,
    Retrieve(String),
    Confirm(String),
    Capture(String),
    Cancel(String),
    Refund,
    RetrieveRefund(String),
    Method,
}

impl Route {
    fn of(method: &Method, path: &str) -> Option<Self> {
        let parts: Vec<&str> = path.strip_prefix("/v1/")?.split('/').collect();
        let post = *method == Method::POST;
        let get = *method == Method::GET;
        match parts.as_slice() {
            ["payment_intents"] if post => Some(Self::Create),
            ["payment_intents"] if get => Some(Self::List),
            ["payment_intents", id] if get => Some(Self::Retrieve((*id).to_owned())),
            ["payment_intents", id, "confirm"] if post => Some(Self::Confirm((*id).to_owned())),
            ["payment_intents", id, "capture"] if post => Some(Self::Capture((*id).to_owned())),
            ["payment_intents", id, "cancel"] if post => Some(Self::Cancel((*id).to_owned())),
            ["refunds"] if post => Some(Self::Refund),
            ["refunds", id] if get => Some(Self::RetrieveRefund((*id).to_owned())),
            ["payment_methods"] if post => Some(Self::Method),
            _ => None,
        }
    }

    fn call(&self) -> Call {
        match self {
            Self::Create => Call::Create,
            Self::List => Call::List,
            Self::Retrieve(_) => Call::Retrieve,
            Self::Confirm(_) => Call::Confirm,
            Self::Capture(_) => Call::Capture,
            Self::Cancel(_) => Call::Cancel,
            Self::Refund => Call::Refund,
            Self::RetrieveRefund(_) => Call::RetrieveRefund,
            Self::Method => Call::Method,
        }
    }
}

impl Incoming {
    fn call(&self) -> Option<Call> {
        self.route.as_ref().map(Route::call)
    }

    fn noted(&self) -> Request {
        let (path, parameters) = (self.path.clone(), self.parameters.clone());
        Request { call: self.call(), path, parameters, key: self.key.clone() }
    }
}

impl State {
    /// Begins a call; or what answers it at once.
    fn begin(&mut self, asked: &Incoming) -> Result<Form, Answer> {
        let form = Form::read(&asked.parameters).map_err(|failure| failure.answer)?;
        let Some(key) = &asked.key else { return Ok(form) };
        match self.keys.begin(key, &asked.path, &form) {
            Ok(None) => Ok(form),
            Ok(Some(known)) => Err(known),
            Err(failure) => Err(failure.answer),
        }
    }

    /// Does what a call asks for, and keeps the answer for its key.
    fn finish(&mut self, asked: &Incoming, form: &Form, fault: Option<Fault>, now: i64) -> Answer {
        let done = if fault == Some(Fault::ErrorBefore) {
            Ok(Answer::server_error())
        } else {
            self.execute(asked, form, now)
        };
        let done = match (fault, done) {
            (Some(Fault::ErrorAfter), _) => Ok(Answer::server_error()),
            (_, done) => done,
        };
        match (done, &asked.key) {
            (Ok(answer), Some(key)) => {
                self.keys.end(key, answer.clone());
                answer
            }
            (Ok(answer), None) => answer,
            (Err(failure), Some(key)) if failure.began => {
                self.keys.end(key, failure.answer.clone());
                failure.answer
            }
            (Err(failure), key) => {
                if let Some(key) = key {
                    self.keys.forget(key);
                }
                failure.answer
            }
        }
    }

    fn execute(&mut self, asked: &Incoming, form: &Form, now: i64) -> Result<Answer, Failure> {
        let route = asked.route.as_ref().ok_or_else(|| Failure::no_such("route", &asked.path))?;
        let call = Asked { form, key: asked.key.as_deref(), now };
        let body = match route {
            Route::Create => self.create(call),
            Route::List => self.list(form),
            Route::Retrieve(id) => self.retrieve(id, form),
            Route::Confirm(id) => self.confirm(id, call),
            Route::Capture(id) => self.capture(id, call),
            Route::Cancel(id) => self.cancel(id, call),
            Route::Refund => self.refund(call),
            Route::RetrieveRefund(id) => self.retrieve_refund(id, form),
            Route::Method => self.method(call),
        };
        body.map(Answer::ok)
    }
}
