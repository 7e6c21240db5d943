//! The stand-in, running.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use futures_util::future::BoxFuture;
use tokio::sync::Notify;
use tokio::task::AbortHandle;

use crate::events::{Event, SignedEvent};
use crate::faults::{Call, Fault, Faults};
use crate::keys::Keys;
use crate::ledger::{Ledger, RefundStatus};
use crate::server::{self, Request};
use crate::watcher::Watcher;

const SECRET_KEY: &str = "sk_test_standin";
const PUBLISHABLE_KEY: &str = "pk_test_standin";
const WEBHOOK_SECRET: &str = "whsec_standin";

/// Stands in for Stripe, on a port of its own, until the last clone is dropped. Clones are the same.
#[derive(Clone)]
pub struct StandIn {
    pub(crate) inside: Arc<Inside>,
    address: SocketAddr,
    _server: Arc<Running>,
}

/// What calls and tests work on.
#[derive(Debug, Default)]
pub(crate) struct Inside {
    pub(crate) state: Mutex<State>,
    pub(crate) connections: AtomicUsize,
    /// Where calls wait that a test holds back.
    pub(crate) held: Notify,
    ahead: AtomicI64,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) ledger: Ledger,
    pub(crate) keys: Keys,
    pub(crate) faults: Faults,
    pub(crate) events: VecDeque<Event>,
    pub(crate) requests: Vec<Request>,
    pub(crate) next_refund: Option<RefundStatus>,
    pub(crate) watcher: Option<Watcher>,
}

struct Running(AbortHandle);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl StandIn {
    /// Starts one.
    ///
    /// # Errors
    /// There is no port to listen at.
    pub async fn start() -> io::Result<Self> {
        Self::start_at((Ipv4Addr::LOCALHOST, 0).into()).await
    }

    /// Starts one that listens there.
    ///
    /// # Errors
    /// Nobody can listen there.
    pub async fn start_at(listen: SocketAddr) -> io::Result<Self> {
        let inside = Arc::<Inside>::default();
        let (address, server) = server::start(Arc::clone(&inside), listen).await?;
        Ok(Self { inside, address, _server: Arc::new(Running(server)) })
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The key that it wants.
    pub fn secret_key(&self) -> &'static str {
        SECRET_KEY
    }

    /// The key for browsers.
    pub fn publishable_key(&self) -> &'static str {
        PUBLISHABLE_KEY
    }

    /// The secret that its events are signed with.
    pub fn webhook_secret(&self) -> &'static str {
        WEBHOOK_SECRET
    }

    /// A copy of all that it knows.
    pub fn ledger(&self) -> Ledger {
        self.state().ledger.clone()
    }

    /// Everything that it was asked for.
    pub fn requests(&self) -> Vec<Request> {
        self.state().requests.clone()
    }

    /// How often it was asked for that.
    pub fn calls(&self, call: Call) -> usize {
        self.state().requests.iter().filter(|request| request.call == Some(call)).count()
    }

    /// How many connections were opened to it.
    pub fn connections(&self) -> usize {
        self.inside.connections.load(Ordering::Relaxed)
    }

    /// That goes wrong with the next call of a kind, after what is to go wrong with those before.
    pub fn next(&self, call: Call, fault: Fault) {
        self.state().faults.push(call, fault);
    }

    /// That goes wrong with every call from now on; nothing does any more.
    pub fn always(&self, fault: Option<Fault>) {
        self.state().faults.set_always(fault);
    }

    /// Lets a call go that is held back: one each time, in the order in which they came.
    pub fn let_go(&self) {
        self.inside.held.notify_one();
    }

    /// Each call from now on is shown to `watch`, and has no effect before that is done with it.
    pub fn watch(&self, watch: impl Fn(Request) -> BoxFuture<'static, ()> + Send + Sync + 'static) {
        self.state().watcher = Some(Watcher::new(watch));
    }

    /// It forgets all keys, as Stripe does after a day.
    pub fn forget_keys(&self) {
        self.state().keys.prune();
    }

    /// Its time goes on by so much.
    pub fn advance(&self, by: Duration) {
        let seconds = i64::try_from(by.as_secs()).unwrap_or(i64::MAX);
        self.inside.ahead.fetch_add(seconds, Ordering::Relaxed);
    }

    /// Its time, in seconds.
    pub fn now(&self) -> i64 {
        self.inside.now()
    }

    /// The events that wait to be delivered, oldest first.
    pub fn events(&self) -> Vec<Event> {
        self.state().events.iter().cloned().collect()
    }

    /// The same, which are the caller's to deliver now.
    pub fn take_events(&self) -> Vec<Event> {
        self.state().events.drain(..).collect()
    }

    /// An event, signed now.
    pub fn sign(&self, event: &Event) -> SignedEvent {
        self.sign_body(event.body())
    }

    /// Any bytes, signed now.
    pub fn sign_body(&self, body: Vec<u8>) -> SignedEvent {
        SignedEvent::sign(body, WEBHOOK_SECRET, self.now())
    }

    /// Delivers an event to an endpoint. Answers with its status; nothing if there was no answer.
    pub async fn deliver(&self, event: &SignedEvent, url: &str) -> Option<u16> {
        crate::post::post(event, url).await
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.inside.state()
    }
}

impl Inside {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn now(&self) -> i64 {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let seconds = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
        seconds.saturating_add(self.ahead.load(Ordering::Relaxed))
    }
}

impl State {
    /// Tells of something.
    pub(crate) fn tell(&mut self, kind: &str, created: i64, object: serde_json::Value) {
        let id = self.ledger.name("evt");
        self.events.push_back(Event { id, kind: kind.to_owned(), created, object });
    }
}

impl fmt::Debug for StandIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StandIn").field("address", &self.address).finish_non_exhaustive()
    }
}
