//! What the server does in one go, in its own language.
//!
//! A shard has three keys:
//!
//! | key | what it is |
//! |---|---|
//! | `{prefix:0}:due` | a sorted set: orders by the microsecond at which they can be claimed |
//! | `{prefix:0}:armed` | a hash: for each order its version, its deadline and its epoch |
//! | `{prefix:0}:epoch` | the last epoch that was given |
//!
//! A claim moves its order to the end of the lease, so whoever comes next finds only what is free. An
//! epoch is the server's time, or one more than the last where that is higher: one who claimed
//! before the server lost everything does not hold an epoch that is given again.

use redis::Script;

/// The server's time, and an epoch that nobody had.
const TIME: &str = "
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local function word(number) return string.format('%.0f', number) end
local function next_epoch()
    local last = tonumber(redis.call('GET', KEYS[3]) or '0')
    local epoch = math.max(now, last + 1)
    redis.call('SET', KEYS[3], word(epoch))
    return word(epoch)
end
";

/// Order, version, deadline.
const ARM: &str = "
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2] .. ' ' .. ARGV[3] .. ' ' .. next_epoch())
redis.call('ZADD', KEYS[1], ARGV[3], ARGV[1])
";

/// How many at the most. Answers the times at which those that are free could be claimed.
const PEEK: &str = "
local free = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', word(now), 'WITHSCORES',
    'LIMIT', 0, ARGV[1])
local times = {}
for place = 2, #free, 2 do times[place / 2] = word(tonumber(free[place])) end
return times
";

/// How many at the most, and the lease in microseconds. Answers orders, each with its row.
const CLAIM: &str = "
local claimed = {}
local free = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', word(now), 'LIMIT', 0, ARGV[1])
for _, order in ipairs(free) do
    local row = redis.call('HGET', KEYS[2], order) or ''
    local version, at = string.match(row, '^(%d+) (-?%d+) %d+$')
    if version then
        row = version .. ' ' .. at .. ' ' .. next_epoch()
        redis.call('HSET', KEYS[2], order, row)
        redis.call('ZADD', KEYS[1], word(now + tonumber(ARGV[2])), order)
        claimed[#claimed + 1] = order
        claimed[#claimed + 1] = row
    else
        redis.call('ZREM', KEYS[1], order)
        redis.call('HDEL', KEYS[2], order)
    end
end
return claimed
";

/// Order and epoch.
const DONE: &str = "
local row = redis.call('HGET', KEYS[2], ARGV[1]) or ''
if string.match(row, ' (%d+)$') == ARGV[2] then
    redis.call('ZREM', KEYS[1], ARGV[1])
    redis.call('HDEL', KEYS[2], ARGV[1])
end
";

/// What is told to the server.
#[derive(Debug)]
pub(crate) struct Scripts {
    pub(crate) arm: Script,
    pub(crate) peek: Script,
    pub(crate) claim: Script,
    pub(crate) done: Script,
}

impl Scripts {
    pub(crate) fn new() -> Self {
        let script = |what: &str| Script::new(&format!("{TIME}{what}"));
        Self { arm: script(ARM), peek: script(PEEK), claim: script(CLAIM), done: script(DONE) }
    }
}

/// The keys of one shard, which a cluster would keep in one place.
#[derive(Debug, Clone)]
pub(crate) struct Keys {
    pub(crate) due: String,
    pub(crate) armed: String,
    pub(crate) epoch: String,
}

impl Keys {
    pub(crate) fn new(prefix: &str, shard: u8) -> Self {
        let of = |what: &str| format!("{{{prefix}:{shard}}}:{what}");
        Self { due: of("due"), armed: of("armed"), epoch: of("epoch") }
    }
}
