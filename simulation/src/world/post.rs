//! Webhooks on their way from the gateway to a process.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ticketing_core::WebhookFailure;
use ticketing_core::memory::MemoryGateway;
use ticketing_core::ports::{Runtime as _, WebhookRequest};

use crate::plan::Order;

use super::World;

/// Webhooks that the gateway has still to deliver. Clones are the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Letters {
    waiting: Arc<Mutex<Vec<WebhookRequest>>>,
}

impl Letters {
    fn lock(&self) -> MutexGuard<'_, Vec<WebhookRequest>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }
}

/// A letter on its way: back among the others if it does not arrive.
struct Post {
    letter: Option<WebhookRequest>,
    letters: Letters,
}

impl Post {
    fn arrived(&mut self) {
        self.letter = None;
    }
}

impl Drop for Post {
    fn drop(&mut self) {
        self.letters.lock().extend(self.letter.take());
    }
}

impl World {
    pub(super) fn collect(&self) {
        self.letters.lock().extend(self.memory_gateway.drain_webhooks());
    }

    /// Delivers a part of what waits: in any order, some of it twice, some of it much later.
    pub(super) fn deliver_some(&mut self) {
        self.collect();
        if self.post_waits {
            return;
        }
        let mut waiting = std::mem::take(&mut *self.letters.lock());
        self.rng.shuffle(&mut waiting);
        let mischief = self.plan.mischief;
        for letter in waiting {
            if self.rng.chance(mischief.post_delays) {
                self.tally.note("post: webhook held back");
                self.letters.lock().push(letter);
                continue;
            }
            if self.rng.chance(mischief.post_repeats) {
                self.tally.note("post: webhook delivered twice");
                self.deliver(letter.clone());
            }
            self.deliver(letter);
        }
    }

    /// Delivers everything that waits.
    pub(super) fn deliver_all(&mut self, order: Order) {
        self.collect();
        let mut waiting = std::mem::take(&mut *self.letters.lock());
        if order == Order::Last {
            waiting.reverse();
        }
        let times = if order == Order::Often { 20 } else { 1 };
        for letter in waiting {
            for _ in 0..times {
                self.deliver(letter.clone());
            }
        }
    }

    /// A letter that is not taken, or whose taker dies, is sent again later. It is signed when it
    /// is sent, however old its news are.
    fn deliver(&mut self, letter: WebhookRequest) {
        let place = u8::try_from(self.rng.index(self.processes.len())).unwrap_or(0);
        let mut post = Post { letter: Some(letter), letters: self.letters.clone() };
        let Some(process) = self.process(place) else { return };
        let (engine, clock) = (process.engine.clone(), Arc::clone(&self.clock));
        let (trace, node) = (self.trace.clone(), process.node.id());
        process.node.spawn(Box::pin(async move {
            let Some(letter) = &post.letter else { return };
            let signed = MemoryGateway::sign(letter.body.clone(), clock.now());
            let taken = engine.payments().webhook(&signed).await;
            let body = String::from_utf8_lossy(&letter.body).into_owned();
            trace.line(Some(node), || format!("webhook {body}: {taken:?}"));
            if taken.is_ok() {
                post.arrived();
            }
        }));
    }

    /// The gateway tells of an intent that is not there, or that has not moved.
    pub(super) fn tell_oddly(&mut self, known: bool) {
        let intent = if known { "pi_mem_1" } else { "pi_mem_999" };
        let number = self.ids.given();
        let body = format!(r#"{{"id":"evt_odd_{number}","intent":"{intent}","about":"intent"}}"#);
        self.deliver(MemoryGateway::sign(body.into_bytes(), self.clock.now()));
    }

    /// Somebody sends a webhook that the gateway never signed: nobody may believe it.
    pub(super) fn forge(&mut self) {
        let Some(process) = self.process(0) else { return };
        let mut forged = MemoryGateway::sign(b"{}".to_vec(), self.clock.now());
        forged.body = br#"{"id":"evt_forged","intent":"pi_mem_1","about":"intent"}"#.to_vec();
        let (engine, findings) = (process.engine.clone(), self.findings.clone());
        process.node.spawn(Box::pin(async move {
            let taken = engine.payments().webhook(&forged).await;
            let refused = matches!(taken, Err(WebhookFailure::NotBelieved(_)));
            findings.check(refused, "W2", || format!("a forged webhook was answered {taken:?}"));
        }));
    }
}
