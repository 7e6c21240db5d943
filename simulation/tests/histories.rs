//! A few seeds, whatever else is run: all that can happen does happen, and nothing is wrong.

#[cfg(test)]
mod histories {
    use std::collections::BTreeMap;

    use ticketing_simulation::{Plan, run};

    /// What must happen somewhere, or the seeds don't try what they should.
    const MUST_HAPPEN: [&str; 43] = [
        "order complete",
        "order refunded",
        "order buyer",
        "order seller",
        "order expired",
        "payment captured",
        "payment declined",
        "payment voided",
        "refund succeeded",
        "processes that died",
        "client heard sold_out",
        "histories of pools checked",
        "bus: event lost",
        "bus: event overtook others",
        "bus: event repeated",
        "bus: everything published again",
        "bus: publications confirmed and forgotten",
        "client: hung up",
        "client: sent again later",
        "client: sent twice at once",
        "clocks: a process starts with one that is off",
        "clocks: one is set",
        "gateway: dispute",
        "gateway: error kept for its key",
        "gateway: intent that nobody knows",
        "gateway: refund by hand",
        "gateway: refunds that hang turn out",
        "gateway: the buyer's bank says no",
        "gateway: the buyer's bank says yes",
        "gateway: the next refund fails",
        "gateway: the next refund hangs",
        "post: webhook delivered twice",
        "post: webhook forged",
        "post: webhook held back",
        "post: webhook that tells of nothing",
        "storage: copied",
        "timers: all forgotten",
        "timers: wake-up lost",
        "timers: wake-up repeated",
        "timers: wake-up too early",
        "timers: wake-up too late",
        "world: a process dies",
        "world: nobody is up for days, and webhooks are late by as much",
    ];

    #[test]
    fn two_hundred_seeds_are_clean() {
        let mut happened: BTreeMap<String, u64> = BTreeMap::new();
        for seed in 0..200 {
            let run = run(Plan::of(seed), None);
            assert!(run.violations.is_empty(), "seed {seed}: {:#?}", run.violations);
            for (what, times) in run.happened {
                *happened.entry(what).or_default() += times;
            }
        }
        for what in MUST_HAPPEN {
            assert!(happened.get(what).is_some_and(|times| *times > 0), "never: {what}");
        }
    }
}
