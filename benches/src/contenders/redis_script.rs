//! The usual recipe for a sale that everybody wants at once: a script in Redis.
//!
//! The script is loaded once and called by its digest, over one connection that all callers share:
//! what they send in the same moment travels together. It keeps less than the others do: there is
//! no way from a buyer to the orders, and what it answers is on disk up to a second later, if at
//! all.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use async_trait::async_trait;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Script};
use uuid::Uuid;

use super::sale::{PRICE, Sale, UNITS};
use super::{Contender, Stored};

/// The counter, the order, its deadline, the event for others.
const RESERVE: &str = "
    if redis.call('DECR', KEYS[1]) < 0 then
        redis.call('INCR', KEYS[1])
        return 0
    end
    redis.call('HSET', KEYS[2], 'ticket', ARGV[2], 'buyer', ARGV[3], 'quantity', 1,
        'price', ARGV[4], 'status', 'created', 'created_at', ARGV[5], 'expires_at', ARGV[6])
    redis.call('ZADD', KEYS[3], ARGV[6], ARGV[1])
    redis.call('XADD', KEYS[4], '*', 'type', 'order.created', 'data', ARGV[7])
    return 1
";

/// How many keys are looked at in one step.
const STEP: usize = 1_000;

pub(crate) struct RedisScript {
    conn: MultiplexedConnection,
    script: Script,
    /// What every key of this round begins with.
    prefix: String,
    tickets: u32,
}

impl RedisScript {
    pub(crate) async fn start(url: &str, tickets: u32) -> Result<Self> {
        let script = Script::new(RESERVE);
        let mut conn = connect(url).await?;
        script.load_async(&mut conn).await?;
        let prefix = format!("ticketing-bench:{}", Uuid::now_v7().simple());
        let mut counters = redis::pipe();
        for ticket in 0..tickets {
            counters.set(format!("{prefix}:available:{ticket}"), UNITS).ignore();
        }
        counters.exec_async(&mut conn).await?;
        Ok(Self { conn, script, prefix, tickets })
    }

    fn key(&self, name: &str) -> String {
        format!("{}:{name}", self.prefix)
    }

    async fn count(&self) -> Result<Stored> {
        let mut conn = self.conn.clone();
        let deadlines: u64 =
            redis::cmd("ZCARD").arg(self.key("deadlines")).query_async(&mut conn).await?;
        let events: u64 = redis::cmd("XLEN").arg(self.key("events")).query_async(&mut conn).await?;
        let orders = u64::try_from(self.keys("order").await?.len())?;
        ensure!(deadlines == orders, "{orders} orders have {deadlines} deadlines");
        Ok(Stored { orders, held: self.held().await?, events, transactions: None })
    }

    /// What the counters have lost.
    async fn held(&self) -> Result<u64> {
        let mut held = 0_i64;
        for ticket in 0..self.tickets {
            let counter = self.key(&format!("available:{ticket}"));
            let available: i64 =
                redis::cmd("GET").arg(counter).query_async(&mut self.conn.clone()).await?;
            held = held.saturating_add(UNITS.saturating_sub(available));
        }
        Ok(u64::try_from(held)?)
    }

    /// The keys of the round that begin with a word. A set, since a walk may meet one twice.
    async fn keys(&self, word: &str) -> Result<HashSet<String>> {
        let (mut conn, mut found, mut cursor) = (self.conn.clone(), HashSet::new(), 0_u64);
        loop {
            let (next, keys): (u64, Vec<String>) = redis::cmd("SCAN")
                .arg(cursor)
                .arg("MATCH")
                .arg(self.key(&format!("{word}*")))
                .arg("COUNT")
                .arg(STEP)
                .query_async(&mut conn)
                .await?;
            found.extend(keys);
            if next == 0 {
                return Ok(found);
            }
            cursor = next;
        }
    }

    async fn remove(&self) -> Result<()> {
        let keys: Vec<String> = self.keys("").await?.into_iter().collect();
        for some in keys.chunks(STEP) {
            redis::cmd("UNLINK").arg(some).exec_async(&mut self.conn.clone()).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl Contender for RedisScript {
    async fn reserve(&self, ticket: usize, buyer: usize) -> Result<()> {
        let sale = Sale::new(ticket, buyer)?;
        let id = sale.id.simple().to_string();
        let placed: i64 = self
            .script
            .key(self.key(&format!("available:{ticket}")))
            .key(self.key(&format!("order:{id}")))
            .key(self.key("deadlines"))
            .key(self.key("events"))
            .arg(&id)
            .arg(sale.ticket)
            .arg(&sale.buyer)
            .arg(PRICE)
            .arg(sale.created_at)
            .arg(sale.expires_at)
            .arg(sale.event())
            .invoke_async(&mut self.conn.clone())
            .await?;
        ensure!(placed == 1, "sold out");
        Ok(())
    }

    async fn finish(self: Arc<Self>) -> Result<Stored> {
        let counted = self.count().await;
        self.remove().await?;
        counted
    }
}

/// What the server is, and what it keeps, in words.
pub(super) async fn server(url: &str) -> Result<String> {
    let mut conn = connect(url).await?;
    let told: String = redis::cmd("INFO").arg("server").query_async(&mut conn).await?;
    let version = told.lines().find_map(|line| line.strip_prefix("redis_version:"));
    let version = version.unwrap_or("of an unknown version");
    let kept = match setting(&mut conn, "appendonly").await?.as_str() {
        "yes" => {
            format!("appends to a file (appendfsync {})", setting(&mut conn, "appendfsync").await?)
        }
        _ => "keeps nothing on disk".to_owned(),
    };
    Ok(format!("Redis {version}, which {kept}"))
}

async fn setting(conn: &mut MultiplexedConnection, name: &str) -> Result<String> {
    let (_, value): (String, String) =
        redis::cmd("CONFIG").arg("GET").arg(name).query_async(conn).await?;
    Ok(value)
}

/// A crowd that waits its turn is no reason to give up after half a second, as is the default.
async fn connect(url: &str) -> Result<MultiplexedConnection> {
    let patient = AsyncConnectionConfig::new().set_response_timeout(Some(Duration::from_mins(1)));
    Ok(Client::open(url)?.get_multiplexed_async_connection_with_config(&patient).await?)
}

#[cfg(test)]
mod tests {
    use ticketing_core::testing::server_url;

    use super::*;

    #[tokio::test]
    async fn nothing_of_a_round_is_left() {
        let sale = RedisScript::start(&server_url("TICKETING_TEST_REDIS"), 2).await.unwrap();
        let sale = Arc::new(sale);
        sale.reserve(1, 1).await.unwrap();
        let left = sale.keys("").await.unwrap().len();
        assert_eq!(left, 5, "two counters, an order, the deadlines, the events");
        Arc::clone(&sale).finish().await.unwrap();
        assert!(sale.keys("").await.unwrap().is_empty());
    }
}
