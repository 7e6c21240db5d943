//! Every planted bug is found by its known seed, which is clean without it.

#[cfg(all(test, feature = "planted-bugs"))]
mod planted {
    use ticketing_simulation::planted::search::caught;
    use ticketing_simulation::shrink::shrink;
    use ticketing_simulation::{Bug, Plan, run};

    #[test]
    fn every_bug_is_found_by_its_known_seed() {
        for bug in Bug::ALL {
            let seed = bug.known_seed().unwrap();
            let clean = run(Plan::of(seed), None).violations;
            assert_eq!(clean, [], "{} without the bug", bug.number());
            assert!(caught(*bug, seed).is_some(), "{} is not found by {seed}", bug.number());
        }
    }

    /// B15, locks that are taken without an order, is one of databases: `tests/crowd.rs` of
    /// ticketing-postgres plants it, and must find it.
    #[test]
    fn every_number_but_that_of_the_database_is_there() {
        let numbers: Vec<&str> = Bug::ALL.iter().map(|bug| bug.number()).collect();
        let wanted: Vec<String> =
            (1..=20).filter(|number| *number != 15).map(|number| format!("B{number}")).collect();
        assert_eq!(numbers, wanted);
        assert!(Bug::ALL.iter().all(|bug| Bug::of_number(bug.number()) == Some(*bug)));
    }

    #[test]
    fn a_failing_plan_is_cut_down() {
        let bug = Bug::CheckThenInsert;
        let whole = Plan::of(bug.known_seed().unwrap());
        let shrunk = shrink(whole.clone(), Some(bug)).unwrap();
        assert_eq!(shrunk.code, "I1");
        assert!(shrunk.plan.acts.len() <= 4, "{}", shrunk.plan);
        assert!(shrunk.plan.acts.len() < whole.acts.len());
        let again = run(shrunk.plan, Some(bug)).violations;
        assert_eq!(again.first().map(|first| first.code), Some("I1"));
    }

    #[test]
    fn a_plan_that_does_not_fail_is_not_cut_down() {
        assert!(shrink(Plan::of(0), None).is_none());
    }
}
