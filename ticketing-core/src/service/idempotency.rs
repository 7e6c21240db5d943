//! Commands under a key: done once, answered as often as they are sent.
//!
//! The record of a key is written in the commit of the command itself and names the version
//! that it made; the answer is rendered from the event of that version. A refusal leaves no
//! record: the same key may try again. Before any refusal is answered the record is looked up
//! once more, because the same command may have succeeded meanwhile through another door.

use std::future::Future;

use serde::Serialize;

use crate::domain::event::{DomainEvent, EventKey};
use crate::domain::rejection::{Reason, Rejection};
use crate::domain::view::{OrderView, RefundView, TicketView};
use crate::ports::batch::{Fingerprint, KeyRecord};
use crate::ports::error::PortError;
use crate::service::caller::Caller;
use crate::service::engine::Engine;
use crate::service::error::Error;
use crate::values::{IdempotencyKey, OrderId, PaymentId, TicketId, Timestamp, UserId};

/// One use of an idempotency key.
#[derive(Debug, Clone)]
pub(crate) struct KeyUse {
    user: UserId,
    key: IdempotencyKey,
    fingerprint: Fingerprint,
}

/// How a keyed command stops short of a fresh answer.
#[derive(Debug)]
pub(crate) enum Halt {
    /// It failed.
    Error(Error),
    /// Its key was used before: this is the record.
    KeyTaken(KeyRecord),
}

impl From<Error> for Halt {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl From<Rejection> for Halt {
    fn from(rejection: Rejection) -> Self {
        Self::Error(rejection.into())
    }
}

impl From<PortError> for Halt {
    fn from(error: PortError) -> Self {
        Self::Error(error.into())
    }
}

/// An answer that can be given again from what the key's record names.
pub(crate) trait Replay: Sized {
    fn replay(
        engine: &Engine,
        answer: EventKey,
    ) -> impl Future<Output = Result<Self, Error>> + Send;
}

impl KeyUse {
    /// The use of the caller's key, if it has one, for `command`.
    pub(crate) fn of(
        caller: &Caller,
        user: &UserId,
        name: &str,
        command: &impl Serialize,
    ) -> Result<Option<Self>, Error> {
        let Some(key) = caller.idempotency_key.clone() else {
            return Ok(None);
        };
        let canonical = serde_json::to_vec(&(name, command))
            .map_err(|_unprintable| Error::bug("a command can't be written as JSON"))?;
        let fingerprint = Fingerprint::of(&canonical);
        Ok(Some(Self { user: user.clone(), key, fingerprint }))
    }

    /// The record to write with the command's effect.
    pub(crate) fn record(&self, answer: EventKey, used_at: Timestamp) -> KeyRecord {
        KeyRecord {
            user: self.user.clone(),
            key: self.key.clone(),
            fingerprint: self.fingerprint,
            answer,
            used_at,
        }
    }

    /// The version that answers, if `record` is of the same command.
    pub(crate) fn answer_of(&self, record: &KeyRecord) -> Result<EventKey, Error> {
        if record.fingerprint == self.fingerprint {
            return Ok(record.answer);
        }
        Err(Rejection::new("use the key", "used", Reason::KeyReused).into())
    }
}

impl Engine {
    /// The version that answers a command under that key, if it was done before.
    pub(crate) async fn answered_before(
        &self,
        key: Option<&KeyUse>,
    ) -> Result<Option<EventKey>, Error> {
        let Some(key) = key else { return Ok(None) };
        let record = self.storage.key(&key.user, &key.key).await?;
        record.map(|record| key.answer_of(&record)).transpose()
    }

    /// Does `fresh` once for the key, and answers the same every time.
    ///
    /// Callers box `fresh`: what a use case holds across its awaits would otherwise be part of the
    /// future of whoever embeds the engine.
    pub(crate) async fn once<T: Replay>(
        &self,
        key: Option<KeyUse>,
        fresh: impl Future<Output = Result<T, Halt>> + Send,
    ) -> Result<T, Error> {
        if let Some(answer) = self.answered_before(key.as_ref()).await? {
            return T::replay(self, answer).await;
        }
        let error = match (fresh.await, &key) {
            (Ok(answer), _) => return Ok(answer),
            (Err(Halt::KeyTaken(record)), Some(key)) => {
                return T::replay(self, key.answer_of(&record)?).await;
            }
            (Err(Halt::KeyTaken(_)), None) => Error::bug("a key was taken that nobody used"),
            (Err(Halt::Error(error)), _) => error,
        };
        match self.answered_before(key.as_ref()).await {
            Ok(Some(answer)) => T::replay(self, answer).await,
            Ok(None) | Err(_) => Err(error),
        }
    }

    /// The event of the version that answers; nothing if it is not kept any more.
    async fn answer(&self, answer: EventKey) -> Result<Option<DomainEvent>, Error> {
        Ok(self.storage.event(answer).await?.map(|event| event.data))
    }
}

fn another_thing() -> Error {
    Error::bug("a key answers with another thing")
}

fn forgotten() -> Error {
    Error::NotFound("answer any more")
}

/// A command that changed nothing is answered by a version that may be older than its key, and
/// whose event may be gone: then by the state itself, if that has not moved on since.
impl Replay for TicketView {
    async fn replay(engine: &Engine, answer: EventKey) -> Result<Self, Error> {
        if let Some(event) = engine.answer(answer).await? {
            return event.into_ticket().ok_or_else(another_thing);
        }
        let listings = engine.storage.listings(&[TicketId::from_uuid(answer.aggregate.id)]).await?;
        let unmoved = listings.iter().find(|one| one.ticket.version == answer.version);
        unmoved.map(|one| one.ticket.view()).ok_or_else(forgotten)
    }
}

impl Replay for OrderView {
    async fn replay(engine: &Engine, answer: EventKey) -> Result<Self, Error> {
        if let Some(event) = engine.answer(answer).await? {
            return event.into_order().ok_or_else(another_thing);
        }
        let order = engine.storage.order(OrderId::from_uuid(answer.aggregate.id)).await?;
        let unmoved = order.filter(|order| order.version == answer.version);
        unmoved.map(|order| order.view()).ok_or_else(forgotten)
    }
}

impl Replay for RefundView {
    async fn replay(engine: &Engine, answer: EventKey) -> Result<Self, Error> {
        let event = engine.answer(answer).await?.ok_or_else(forgotten)?;
        event.into_refund().ok_or_else(another_thing)
    }
}

/// A payment is shown as it is now, so its name is all there is to replay.
impl Replay for PaymentId {
    async fn replay(_: &Engine, answer: EventKey) -> Result<Self, Error> {
        Ok(Self::from_uuid(answer.aggregate.id))
    }
}
