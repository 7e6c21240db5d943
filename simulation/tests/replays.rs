//! The same seed is the same history, whoever runs it.

#[cfg(test)]
mod replays {
    use ticketing_simulation::{Plan, replay, run};

    #[test]
    fn fifty_seeds_twice_are_the_same_histories() {
        for seed in 0..50 {
            let (one, other) = (run(Plan::of(seed), None), run(Plan::of(seed), None));
            assert_eq!(one.trace_hash, other.trace_hash, "seed {seed}");
            assert_eq!(one.happened, other.happened, "seed {seed}");
            assert_eq!(one.faults, other.faults, "seed {seed}");
        }
    }

    #[test]
    fn a_history_that_is_told_is_the_same_history() {
        for seed in 0..10 {
            let (quiet, told) = (run(Plan::of(seed), None), replay(Plan::of(seed), None));
            assert_eq!(quiet.trace_hash, told.trace_hash, "seed {seed}");
            assert!(quiet.lines.is_empty() && !told.lines.is_empty());
        }
    }

    #[test]
    fn different_seeds_are_different_histories() {
        let hashes: std::collections::BTreeSet<u64> =
            (0..20).map(|seed| run(Plan::of(seed), None).trace_hash).collect();
        assert_eq!(hashes.len(), 20);
    }
}
