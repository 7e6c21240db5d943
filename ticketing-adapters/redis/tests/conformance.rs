//! The timers keep the contract of their port, in one sorted set and in several.

mod harness;

mod timers {
    ticketing_core::timers_conformance!(crate::harness::RedisHarness { shards: 1 });
}

mod shards {
    ticketing_core::timers_conformance!(crate::harness::RedisHarness { shards: 4 });
}
