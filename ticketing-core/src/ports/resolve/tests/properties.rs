//! What holds in every story.

use std::cell::RefCell;
use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::ports::batch::WriteBatch;
use crate::ports::error::CommitError;
use crate::ports::resolve::tests::audit::Auditor;
use crate::ports::resolve::tests::naive::one_by_one;
use crate::ports::resolve::tests::store::{Outcome, Store};
use crate::ports::resolve::tests::story::{spoilt_stories, stories, tell};
use crate::ports::resolve::{Resolution, resolve};

/// Outcomes as something that can be compared.
fn words(outcomes: &[Outcome]) -> Vec<String> {
    outcomes.iter().map(|outcome| format!("{outcome:?}")).collect()
}

fn decide<'a>(store: &Store, batches: &'a [WriteBatch]) -> Resolution<'a> {
    resolve(store.snapshot(batches), batches)
}

fn accepted(outcomes: &[Outcome], batches: &[WriteBatch]) -> Vec<WriteBatch> {
    let judged = outcomes.iter().zip(batches);
    let accepted = judged.filter(|(outcome, _)| outcome.is_ok());
    accepted.map(|(_, batch)| batch.clone()).collect()
}

fn after(store: &Store, resolution: &Resolution<'_>) -> Store {
    let mut store = store.clone();
    store.apply(&resolution.writes);
    store
}

proptest! {
    #[test]
    fn a_group_does_what_the_naive_way_does(story in spoilt_stories()) {
        tell(&story, |store, batches| {
            let resolution = decide(store, batches);
            let (outcomes, world) = one_by_one(store, batches);
            assert_eq!(words(&resolution.outcomes), words(&outcomes));
            let after = after(store, &resolution);
            assert_eq!(after.without_counts(), world.without_counts());
        });
    }

    #[test]
    fn a_group_equals_its_accepted_batches_in_groups_of_one(story in spoilt_stories()) {
        tell(&story, |store, batches| {
            let resolution = decide(store, batches);
            let mut singly = store.clone();
            for batch in accepted(&resolution.outcomes, batches) {
                assert!(singly.commit(&[batch])[0].is_ok());
            }
            let together = after(store, &resolution);
            assert_eq!(together.without_counts(), singly.without_counts());
        });
    }

    #[test]
    fn refused_batches_leave_no_trace(story in spoilt_stories(), mask: u64) {
        tell(&story, |store, batches| {
            let all = decide(store, batches);
            let stays = |index: usize| all.outcomes[index].is_ok() || (mask >> index) & 1 == 1;
            let kept: Vec<_> = (0..batches.len()).filter(|index| stays(*index)).collect();
            let rest: Vec<_> = kept.iter().map(|index| batches[*index].clone()).collect();
            let expected: Vec<_> = kept.iter().map(|i| all.outcomes[*i].clone()).collect();
            let fewer = decide(store, &rest);
            assert_eq!(words(&fewer.outcomes), words(&expected));
            assert_eq!(fewer.writes, all.writes);
        });
    }

    #[test]
    fn what_comes_later_changes_nothing_before_it(story in spoilt_stories(), cut: u8) {
        tell(&story, |store, batches| {
            let all = decide(store, batches);
            let length = usize::from(cut) % (batches.len() + 1);
            let first = decide(store, &batches[..length]);
            assert_eq!(words(&first.outcomes), words(&all.outcomes[..length]));
        });
    }

    #[test]
    fn outcomes_are_in_the_order_of_their_batches(story in spoilt_stories()) {
        tell(&story, |store, batches| {
            let resolution = decide(store, batches);
            let outcomes = &resolution.outcomes;
            assert_eq!(outcomes.len(), batches.len());
            for (batch, outcome) in batches.iter().zip(outcomes) {
                match outcome {
                    Ok(receipt) => assert_eq!(*receipt, batch.receipt()),
                    Err(CommitError::Duplicate(receipt)) => assert_eq!(receipt.batch, batch.id()),
                    Err(other) => assert!(other.to_string().len() > 5),
                }
            }
            let written: Vec<_> = resolution.writes.accepted.iter().map(|b| b.id()).collect();
            let accepted: Vec<_> = accepted(outcomes, batches).iter().map(WriteBatch::id).collect();
            assert_eq!(written, accepted);
            let again = decide(store, batches);
            assert_eq!(words(&again.outcomes), words(outcomes));
            assert_eq!(again.writes, resolution.writes);
        });
    }

    #[test]
    fn nothing_is_sold_twice_or_over_a_limit_or_out_of_time(story in stories()) {
        tell(&story, |store, batches| {
            let resolution = decide(store, batches);
            let mut auditor = Auditor::of(store);
            for batch in accepted(&resolution.outcomes, batches) {
                auditor.check(&batch);
            }
            auditor.check_rows(&after(store, &resolution));
        });
    }

    #[test]
    fn the_footprint_is_all_that_counts(story in spoilt_stories()) {
        tell(&story, |store, batches| {
            let knowing_all = resolve(store.whole(), batches);
            let resolution = decide(store, batches);
            assert_eq!(words(&knowing_all.outcomes), words(&resolution.outcomes));
            assert_eq!(knowing_all.writes, resolution.writes);
        });
    }
}

/// What the stories must tell of, and how often at least.
const WANTED: [(&str, usize); 21] = [
    ("applied", 2_000),
    ("duplicate", 200),
    ("key taken", 200),
    ("out of time", 200),
    ("conflict of ticket", 50),
    ("conflict of order", 200),
    ("conflict of payment", 50),
    ("conflict of refund", 20),
    ("no_such_ticket", 50),
    ("not_on_sale", 20),
    ("sale_not_open", 20),
    ("sale_over", 20),
    ("sold_out", 50),
    ("over_order_limit", 50),
    ("over_buyer_limit", 50),
    ("listing_changed", 50),
    ("ticket_reserved", 20),
    ("capacity_too_low", 20),
    ("units_not_there", 20),
    ("no_such_step", 20),
    ("refused after a claim of its own", 50),
];

/// Without this, the properties could hold because nothing happens any more.
#[test]
fn the_stories_tell_of_every_outcome() {
    let seen = RefCell::new(BTreeMap::<String, usize>::new());
    let config = Config { cases: 256, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, fixed_rng());
    runner
        .run(&spoilt_stories(), |story| {
            tell(&story, |store, batches| {
                for (batch, outcome) in batches.iter().zip(decide(store, batches).outcomes) {
                    for word in kinds(batch, &outcome) {
                        *seen.borrow_mut().entry(word).or_default() += 1;
                    }
                }
            });
            Ok(())
        })
        .unwrap();
    let seen = seen.into_inner();
    for (word, least) in WANTED {
        let count = seen.get(word).copied().unwrap_or(0);
        assert!(count >= least, "{word}: {count} of {least}, all: {seen:#?}");
    }
}

fn fixed_rng() -> proptest::test_runner::TestRng {
    let algorithm = proptest::test_runner::RngAlgorithm::ChaCha;
    proptest::test_runner::TestRng::deterministic_rng(algorithm)
}

fn kinds(batch: &WriteBatch, outcome: &Outcome) -> Vec<String> {
    match outcome {
        Ok(_) => vec!["applied".to_owned()],
        Err(CommitError::Duplicate(_)) => vec!["duplicate".to_owned()],
        Err(CommitError::KeyTaken(_)) => vec!["key taken".to_owned()],
        Err(CommitError::OutOfTime { .. }) => vec!["out of time".to_owned()],
        Err(CommitError::Conflict(aggregate)) => {
            vec![format!("conflict of {}", aggregate.kind.word())]
        }
        Err(CommitError::ClaimRefused { pool, refusal }) => {
            let mut kinds = vec![refusal.code().to_owned()];
            if batch.moves()[0].pool != *pool {
                kinds.push("refused after a claim of its own".to_owned());
            }
            kinds
        }
        Err(error @ (CommitError::NotApplied(_) | CommitError::OutcomeUnknown(_))) => {
            panic!("resolve does not fail: {error}")
        }
    }
}
