//! Every scenario does what its name says, and one of them survives everything.

#[cfg(test)]
mod scenarios {
    use ticketing_simulation::exhaustive::{Explored, Scenario, all, explore, play};

    fn scenario(name: &str) -> Scenario {
        all().into_iter().find(|scenario| scenario.name == name).unwrap()
    }

    fn times(explored: &Explored, what: &str) -> u64 {
        explored.happened.get(what).copied().unwrap_or(0)
    }

    /// How many orders, payments and refunds end in what way.
    const ENDS: [(&str, &[(&str, u64)]); 24] = [
        ("happy", &[("order complete", 1), ("payment captured", 1)]),
        ("R1", &[("order complete", 1), ("payment captured", 1)]),
        ("R2", &[("order expired", 1), ("client heard order_expired", 1)]),
        ("R3", &[("order expired", 1), ("payment voided", 1), ("processes that died", 1)]),
        ("R4", &[("order complete", 1), ("payment captured", 1), ("processes that died", 1)]),
        ("R5", &[("order complete", 1), ("payment captured", 1)]),
        ("R6", &[("order complete", 1), ("payment captured", 1)]),
        ("R7", &[("order complete", 1), ("payment captured", 1)]),
        ("R8", &[("order complete", 1), ("payment declined", 1), ("payment captured", 1)]),
        ("R9", &[("order buyer", 1), ("order complete", 1), ("payment captured", 1)]),
        ("R10", &[("order complete", 1), ("payment captured", 1)]),
        ("R11", &[("order complete", 1), ("payment declined", 1), ("payment captured", 1)]),
        ("R12", &[("order expired", 1), ("payment voided", 1)]),
        ("R13", &[("order expired", 1), ("payment voided", 1), ("late money", 1)]),
        ("R14", &[("order buyer", 1), ("payment voided", 1)]),
        ("R15", &[("order seller", 1), ("payment voided", 1)]),
        ("R16", &[("order complete", 1), ("refund succeeded", 1)]),
        ("R17", &[("order refunded", 1), ("refund succeeded", 1)]),
        ("R18", &[("order complete", 1), ("payment captured", 1)]),
        ("R19", &[("order expired", 1), ("payment voided", 1)]),
        ("R20", &[("order buyer", 1), ("order expired", 1)]),
        ("R21", &[("order complete", 1), ("client heard dispute_open", 1)]),
        ("R22", &[("order complete", 1), ("client heard ticket_reserved", 1)]),
        ("R23", &[("order expired", 1), ("payment captured", 1), ("refund succeeded", 1)]),
    ];

    #[test]
    fn every_scenario_ends_as_it_should() {
        assert_eq!(all().len(), ENDS.len());
        let mut others = Vec::new();
        for (name, ends) in ENDS {
            let explored = explore(scenario(name));
            assert_eq!(explored.violations, [], "{name}");
            if ends.iter().any(|(what, number)| times(&explored, what) != *number) {
                others.push(format!("{name} is not {ends:?}, but {:?}", explored.happened));
            }
        }
        assert!(others.is_empty(), "{}", others.join("\n"));
    }

    #[test]
    fn every_scenario_has_points_enough() {
        for scenario in all() {
            let points = explore(scenario).points.len();
            assert!(points >= 60, "{} has {points} points", scenario.name);
        }
    }

    #[test]
    fn the_happy_path_survives_everything_everywhere() {
        let explored = explore(scenario("happy"));
        for points in explored.singles() {
            let (violations, _) = play(explored.scenario, &points);
            assert_eq!(violations, [], "{points:?}");
        }
    }
}
