//! The port over the scripts.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{RedisError, Script, ScriptInvocation};
use ticketing_core::ports::{ClaimedWakeup, PortError, Timers, Wakeup, chain};
use ticketing_core::values::{OrderId, Timestamp, Version};

use crate::config::RedisConfig;
use crate::error::{OpenError, is_for_the_operator, port_error};
use crate::risks::{Risk, risks_of};
use crate::scripts::{Keys, Scripts};

/// How long a server may take to answer, and to be reached. Who waits longer would rather come again.
pub(crate) const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Whoever asks comes again soon anyway, so one try to connect is enough for each.
const CONNECT_TRIES: usize = 1;

/// The server does nothing else meanwhile, so no claim takes more of one shard.
const CLAIM_MAX: usize = 1024;

/// [`Timers`] in a Redis. Clones share a connection.
#[derive(Clone)]
pub struct RedisTimers {
    shared: Arc<Shared>,
}

struct Shared {
    connection: ConnectionManager,
    place: String,
    shards: Vec<Keys>,
    scripts: Scripts,
    /// Whether the server that answers now was asked what it may do with wake-ups.
    judged: AtomicBool,
}

impl RedisTimers {
    /// Opens what a URL says, see [`RedisConfig::from_url`].
    ///
    /// # Errors
    /// An [`OpenError`] that says what is in the way.
    pub async fn from_url(url: &str) -> Result<Self, OpenError> {
        RedisConfig::from_url(url)?.open().await
    }

    pub(crate) async fn open(config: RedisConfig) -> Result<Self, OpenError> {
        let manager = ConnectionManagerConfig::new()
            .set_number_of_retries(CONNECT_TRIES)
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(Some(ANSWER_TIMEOUT));
        let connection = ConnectionManager::new_lazy_with_config(config.client()?, manager);
        let shards = (0..config.shards.get()).map(|shard| Keys::new(&config.prefix, shard));
        let shared = Shared {
            connection: connection.map_err(OpenError::Server)?,
            place: config.place(),
            shards: shards.collect(),
            scripts: Scripts::new(),
            judged: AtomicBool::new(false),
        };
        match shared.judge().await {
            Err(error) if is_for_the_operator(&error) => Err(OpenError::Server(error)),
            Err(error) => {
                tracing::warn!(
                    place = shared.place,
                    error = chain(&error),
                    "timers can't be reached: until they can, holds end when they are swept"
                );
                Ok(Self { shared: Arc::new(shared) })
            }
            Ok(()) => Ok(Self { shared: Arc::new(shared) }),
        }
    }

    /// By which settings of its own the server may lose wake-ups. They are also told in the log,
    /// once for each time that a server is reached.
    ///
    /// # Errors
    /// The server can't be reached.
    pub async fn risks(&self) -> Result<Vec<Risk>, PortError> {
        self.shared.risks().await.map_err(|error| port_error(error, "risks"))
    }
}

impl Shared {
    async fn risks(&self) -> Result<Vec<Risk>, RedisError> {
        risks_of(&mut self.connection.clone()).await
    }

    /// Tells what the server may do with wake-ups.
    async fn judge(&self) -> Result<(), RedisError> {
        for risk in self.risks().await? {
            tracing::warn!(place = self.place, "{risk}");
        }
        self.judged.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Runs a script. After a failure, whatever answers next may be another server.
    async fn run<T: redis::FromRedisValue>(
        &self,
        call: &ScriptInvocation<'_>,
        operation: &'static str,
    ) -> Result<T, PortError> {
        let result = call.invoke_async(&mut self.connection.clone()).await;
        match &result {
            Err(_) => self.judged.store(false, Ordering::Relaxed),
            Ok(_) if self.judged.load(Ordering::Relaxed) => {}
            Ok(_) => drop(self.judge().await),
        }
        result.map_err(|error| port_error(error, operation))
    }

    fn shard_of(&self, order: OrderId) -> Option<&Keys> {
        let bits = order.as_uuid().as_u128();
        // The last bits of an id are random, whatever kind of UUID it is.
        let shards = u128::try_from(self.shards.len()).unwrap_or(1).max(1);
        self.shards.get(usize::try_from(bits % shards).unwrap_or(0))
    }

    /// How many to claim of each shard, so that they are the earliest of all.
    async fn plan(&self, limit: usize) -> Result<Vec<(&Keys, usize)>, PortError> {
        if let [only] = self.shards.as_slice() {
            return Ok(vec![(only, limit)]);
        }
        let mut free: Vec<(i64, usize)> = Vec::new();
        for (shard, keys) in self.shards.iter().enumerate() {
            let mut call = on(&self.scripts.peek, keys);
            let times: Vec<i64> = self.run(call.arg(limit), "claim").await?;
            free.extend(times.into_iter().map(|time| (time, shard)));
        }
        free.sort_unstable();
        free.truncate(limit);
        let mut plan: Vec<(&Keys, usize)> = self.shards.iter().map(|keys| (keys, 0)).collect();
        for (_, shard) in free {
            if let Some((_, number)) = plan.get_mut(shard) {
                *number = number.saturating_add(1);
            }
        }
        plan.retain(|(_, number)| *number > 0);
        Ok(plan)
    }
}

/// A script about a shard.
fn on<'a>(script: &'a Script, keys: &Keys) -> ScriptInvocation<'a> {
    let mut call = script.key(&keys.due);
    call.key(&keys.armed).key(&keys.epoch);
    call
}

#[async_trait]
impl Timers for RedisTimers {
    async fn arm(&self, wakeup: Wakeup) -> Result<(), PortError> {
        let shared = &self.shared;
        let Some(keys) = shared.shard_of(wakeup.order) else {
            return Ok(());
        };
        let mut call = on(&shared.scripts.arm, keys);
        call.arg(wakeup.order.to_string()).arg(wakeup.version.get()).arg(wakeup.at.as_micros());
        shared.run(&call, "arm").await
    }

    async fn claim(&self, limit: usize, lease: Duration) -> Result<Vec<ClaimedWakeup>, PortError> {
        let shared = &self.shared;
        let lease = i64::try_from(lease.as_micros()).unwrap_or(i64::MAX);
        let (mut claimed, mut failed) = (Vec::new(), None);
        for (keys, number) in shared.plan(limit.min(CLAIM_MAX)).await? {
            let mut call = on(&shared.scripts.claim, keys);
            match shared.run::<Vec<String>>(call.arg(number).arg(lease), "claim").await {
                Ok(rows) => claimed.extend(rows.chunks(2).filter_map(|row| match row {
                    [order, row] => read(order, row),
                    _ => None,
                })),
                Err(error) => failed = Some(error),
            }
        }
        // What the other shards gave is leased already.
        if let Some(error) = failed {
            if claimed.is_empty() {
                return Err(error);
            }
            tracing::warn!(place = shared.place, error = chain(&error), "a shard gives nothing");
        }
        claimed.sort_by_key(|claimed| claimed.wakeup.at);
        Ok(claimed)
    }

    async fn done(&self, claimed: ClaimedWakeup) -> Result<(), PortError> {
        let shared = &self.shared;
        let Some(keys) = shared.shard_of(claimed.wakeup.order) else {
            return Ok(());
        };
        let mut call = on(&shared.scripts.done, keys);
        call.arg(claimed.wakeup.order.to_string()).arg(claimed.epoch);
        shared.run(&call, "done").await
    }
}

/// A row as it was claimed: version, deadline and epoch. What is not of ours is left alone.
fn read(order: &str, row: &str) -> Option<ClaimedWakeup> {
    let order = order.parse().ok()?;
    let mut parts = row.split(' ');
    let version = Version::new(parts.next()?.parse().ok()?);
    let at = Timestamp::from_micros(parts.next()?.parse().ok()?);
    let epoch = parts.next()?.parse().ok()?;
    Some(ClaimedWakeup { wakeup: Wakeup { order, version, at }, epoch })
}

impl fmt::Debug for RedisTimers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisTimers")
            .field("place", &self.shared.place)
            .field("shards", &self.shared.shards.len())
            .finish_non_exhaustive()
    }
}
