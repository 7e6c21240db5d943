//! Exchanges and queues: declared by whoever uses them, as often as they like.
//!
//! ```text
//!                          .--> PREFIX.sink       keeps the last event
//! publish --> PREFIX.events --> PREFIX.group.NAME  one for each group --over the limit--.
//!                          '--> (no name)          one for each listener                |
//!                                          PREFIX.dead  <-- PREFIX.dead.letters (exchange)
//! ```
//!
//! The sink is there so that every event has a queue. Then an event that is returned says that what
//! was declared is gone, and not that nobody listens.

use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{Channel, ExchangeKind};
use ticketing_core::domain::EventType;

use crate::error::Failure;

/// An event that was delivered so often is put aside.
const DELIVERY_LIMIT: i64 = 30;

/// How many events wait for a group at the most. Then publishers are told to come again.
const WAITING_MAX: i64 = 1_000_000;

/// How many wait for a listener. One that falls behind loses the oldest.
const LISTENER_MAX: i64 = 16_384;

/// What wire names of events begin with. The prefix stands in the exchange's name.
const OURS: &str = "ticketing.";

/// Routes everything.
const ALL: &str = "#";

/// What things of one store are called.
#[derive(Debug, Clone)]
pub(crate) struct Topology {
    prefix: String,
}

impl Topology {
    pub(crate) fn new(prefix: &str) -> Self {
        Self { prefix: prefix.to_owned() }
    }

    pub(crate) fn events(&self) -> ShortString {
        format!("{}.events", self.prefix).into()
    }

    fn dead_letters(&self) -> ShortString {
        format!("{}.dead.letters", self.prefix).into()
    }

    /// The routing key of events of a type.
    pub(crate) fn key(event_type: EventType) -> ShortString {
        let name = event_type.wire_name();
        name.strip_prefix(OURS).unwrap_or(name).into()
    }

    /// Declares what everybody needs.
    pub(crate) async fn declare(&self, channel: &Channel) -> Result<(), Failure> {
        let durable = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
        for (name, kind) in
            [(self.events(), ExchangeKind::Topic), (self.dead_letters(), ExchangeKind::Fanout)]
        {
            channel.exchange_declare(name, kind, durable, FieldTable::default()).await?;
        }
        let sink = format!("{}.sink", self.prefix).into();
        let last = table([("x-queue-type", word("quorum")), ("x-max-length", number(1))]);
        self.queue(channel, sink, self.events(), last).await?;
        let dead = format!("{}.dead", self.prefix).into();
        let all = table([("x-queue-type", word("quorum"))]);
        self.queue(channel, dead, self.dead_letters(), all).await
    }

    /// Declares the queue of a group. Answers its name.
    pub(crate) async fn group(
        &self,
        channel: &Channel,
        group: &str,
    ) -> Result<ShortString, Failure> {
        self.declare(channel).await?;
        let name: ShortString = format!("{}.group.{group}", self.prefix).into();
        let arguments = table([
            ("x-queue-type", word("quorum")),
            ("x-delivery-limit", number(DELIVERY_LIMIT)),
            ("x-max-length", number(WAITING_MAX)),
            // What dead letters need so that none is lost on the way, and what tells publishers.
            ("x-overflow", word("reject-publish")),
            ("x-dead-letter-exchange", word(self.dead_letters().as_str())),
            ("x-dead-letter-strategy", word("at-least-once")),
        ]);
        self.queue(channel, name.clone(), self.events(), arguments).await?;
        Ok(name)
    }

    /// Declares the queue of a listener, which goes when it goes. Answers its name.
    pub(crate) async fn listener(&self, channel: &Channel) -> Result<ShortString, Failure> {
        self.declare(channel).await?;
        let passing = QueueDeclareOptions {
            exclusive: true,
            auto_delete: true,
            ..QueueDeclareOptions::default()
        };
        let few = table([("x-max-length", number(LISTENER_MAX))]);
        let queue = channel.queue_declare("".into(), passing, few).await?;
        let name = queue.name().clone();
        bind(channel, name.clone(), self.events()).await?;
        Ok(name)
    }

    async fn queue(
        &self,
        channel: &Channel,
        name: ShortString,
        exchange: ShortString,
        arguments: FieldTable,
    ) -> Result<(), Failure> {
        let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
        channel.queue_declare(name.clone(), durable, arguments).await?;
        bind(channel, name, exchange).await
    }
}

async fn bind(channel: &Channel, queue: ShortString, to: ShortString) -> Result<(), Failure> {
    let options = QueueBindOptions::default();
    Ok(channel.queue_bind(queue, to, ALL.into(), options, FieldTable::default()).await?)
}

fn table<const N: usize>(entries: [(&str, AMQPValue); N]) -> FieldTable {
    let mut table = FieldTable::default();
    for (name, value) in entries {
        table.insert(name.into(), value);
    }
    table
}

fn word(word: &str) -> AMQPValue {
    AMQPValue::LongString(word.into())
}

fn number(number: i64) -> AMQPValue {
    AMQPValue::LongLongInt(number)
}
