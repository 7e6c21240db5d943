//! A few seeds, whatever else is run: all that can happen does happen, and nothing is wrong.

#[cfg(test)]
mod histories {
    use std::collections::BTreeMap;

    use ticketing_simulation::{Plan, run};

    /// What must happen somewhere, or the seeds don't try what they should.
    const MUST_HAPPEN: [&str; 12] = [
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
