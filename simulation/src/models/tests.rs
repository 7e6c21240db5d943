use std::path::Path;

use super::guards::Guard;
use super::lease::LeaseGuard;
use super::outbox::OutboxGuard;
use super::purchase::PurchaseGuard;
use super::{Size, all};

#[test]
fn with_all_guards_nothing_is_broken_and_everything_is_possible() {
    for candidate in all() {
        let report = candidate.check(Size::Small);
        for property in &report.properties {
            assert!(property.is_good(), "{}: {property:#?}", candidate.name);
        }
        for removal in &report.without {
            let broken = removal.broken.is_some();
            assert!(broken, "{} needs no guard: {}", candidate.name, removal.guard);
        }
        assert!(report.is_good());
    }
}

/// The real guard that a model's guard stands for is where it says.
#[test]
fn every_guard_stands_for_a_real_one() {
    let places = PurchaseGuard::ALL.iter().map(|guard| (guard.name(), guard.place()));
    let places = places.chain(OutboxGuard::ALL.iter().map(|guard| (guard.name(), guard.place())));
    let places = places.chain(LeaseGuard::ALL.iter().map(|guard| (guard.name(), guard.place())));
    let core = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ticketing-core/src");
    for (guard, (file, place)) in places {
        let source = std::fs::read_to_string(core.join(file)).unwrap();
        assert!(source.contains(place), "{guard}: there is no `{place}` in {file}");
    }
}
