//! The ledger is what its lines say: read back, they give the same state, and their shape stays.

use ticketing_core::domain::ConfirmedBy;
use ticketing_core::domain::payment::DeclineCode;
use ticketing_core::testing::SeededRng;
use ticketing_core::testing::builders::START;
use ticketing_core::values::{IntentRef, Money, OrderId, PaymentId, RefundRef, StoreId};
use uuid::Uuid;

use super::accounts::Accounts;
use super::call::Call;
use super::entry::{Became, Effect, Entry, Key, Terms};
use super::mailbox::{About, Mailbox, Posted};
use super::rules::decide;
use ticketing_core::ports::{PaymentMethod, RandomIds};

const PRICE: Money = Money::usd(20_00);

fn terms() -> Terms {
    Terms {
        attempt: PaymentId::from_uuid(Uuid::from_u128(1)),
        order: OrderId::from_uuid(Uuid::from_u128(2)),
        store: StoreId::from_uuid(Uuid::from_u128(3)),
        amount: PRICE,
        confirmed_by: ConfirmedBy::Client,
    }
}

fn intent() -> IntentRef {
    IntentRef::new("sandbox_pi_1").unwrap()
}

fn named(key: &str) -> Key {
    Key { key: key.to_owned(), call: Uuid::from_u128(4) }
}

/// Ledgers that exist are read by every later version: these lines are never changed.
#[test]
fn the_lines_on_disk_keep_their_shape() {
    let (intent, amount) = (intent(), Money::usd(5));
    let refund = RefundRef::new("sandbox_re_1").unwrap();
    let became = |became| Effect::Changed { intent: intent.clone(), became };
    let lines = [
        (
            Effect::Opened { intent: intent.clone(), terms: terms() },
            r#"{"opened":{"intent":"sandbox_pi_1","terms":{"attempt":"00000000-0000-0000-0000-000000000001","order":"00000000-0000-0000-0000-000000000002","store":"00000000-0000-0000-0000-000000000003","amount":{"amount":2000,"currency":"USD"},"confirmed_by":"client"}}}"#,
        ),
        (
            became(Became::Authorized),
            r#"{"changed":{"intent":"sandbox_pi_1","became":"authorized"}}"#,
        ),
        (became(Became::Captured), r#"{"changed":{"intent":"sandbox_pi_1","became":"captured"}}"#),
        (
            became(Became::NeedsAction),
            r#"{"changed":{"intent":"sandbox_pi_1","became":"needs_action"}}"#,
        ),
        (became(Became::Gone), r#"{"changed":{"intent":"sandbox_pi_1","became":"gone"}}"#),
        (
            became(Became::Declined(DeclineCode::ExpiredCard)),
            r#"{"changed":{"intent":"sandbox_pi_1","became":{"declined":"expired_card"}}}"#,
        ),
        (
            Effect::Unchanged { intent: intent.clone() },
            r#"{"unchanged":{"intent":"sandbox_pi_1"}}"#,
        ),
        (
            Effect::Refunded { refund, intent: intent.clone(), amount },
            r#"{"refunded":{"refund":"sandbox_re_1","intent":"sandbox_pi_1","amount":{"amount":5,"currency":"USD"}}}"#,
        ),
        (Effect::Delivered { webhooks: vec![3, 4] }, r#"{"delivered":{"webhooks":[3,4]}}"#),
    ];
    for (what, written) in lines {
        for (under, key) in [
            (None, ""),
            (
                Some(named("k")),
                r#""under":{"key":"k","call":"00000000-0000-0000-0000-000000000004"},"#,
            ),
        ] {
            let entry = Entry { number: 1, at: START, under, what: what.clone() };
            let line = format!(r#"{{"number":1,"at":"{START}",{key}"what":{written}}}"#);
            assert_eq!(serde_json::to_string(&entry).unwrap(), line);
            assert_eq!(serde_json::from_str::<Entry>(&line).unwrap(), entry);
        }
    }
}

/// Fingerprints are on disk, so a call has the same one in every version.
#[test]
fn the_fingerprints_of_calls_stay() {
    let intent = intent();
    let card = PaymentMethod::card_token("tok_visa");
    let calls = [
        Call::Open(terms()),
        Call::Confirm(&intent, &card),
        Call::Capture(&intent, PRICE),
        Call::Void(&intent),
        Call::Refund(&intent, PRICE),
    ];
    let prints = calls.map(|call| call.fingerprint().unwrap().to_string());
    assert_eq!(prints, FINGERPRINTS);
}

const FINGERPRINTS: [&str; 5] = [
    "d7ca0fa0-016d-572d-97a1-d11a874551e6",
    "7a450c30-15dd-5f71-858b-b9bde8b159b1",
    "15672c68-08d0-5048-aeca-fb2adbe0aba9",
    "f39aae46-f2b7-51b4-b1e2-87716a4c4cff",
    "89e0058b-823c-518d-acf1-4a1d92d81509",
];

#[test]
fn lines_that_are_read_back_give_the_same_state() {
    for seed in 0..200 {
        let mut rng = SeededRng::new(seed);
        let (mut accounts, mut lines) = (Accounts::default(), Vec::new());
        let mut now = START;
        for step in 0..60 {
            // The clock goes back, too.
            let offset = i64::try_from(rng.below(3_000_000)).unwrap() - 1_000_000;
            now = ticketing_core::values::Timestamp::from_micros(now.as_micros() + offset);
            let under = (rng.chance(700)).then(|| format!("key-{step}"));
            let Some(what) = anything(&accounts, under.is_some(), &mut rng) else { continue };
            let under = under.map(|key| named(&key));
            let entry = accounts.entry(now, under, what);
            accounts.apply(&entry).unwrap();
            lines.push(serde_json::to_string(&entry).unwrap());
        }
        let mut read = Accounts::default();
        for line in &lines {
            read.apply(&serde_json::from_str(line).unwrap()).unwrap();
        }
        assert_eq!(read, accounts, "seed {seed}");
        assert!(lines.len() > 10, "seed {seed}: {} lines", lines.len());
        let intents = &accounts.ledger().intents;
        assert!(intents.is_sorted_by_key(|intent| intent.created_at), "seed {seed}");
        assert!(intents.iter().all(|intent| intent.refunded.minor() <= intent.captured.minor()));
    }
}

/// The effect of a random call that is allowed.
fn anything(accounts: &Accounts, keyed: bool, rng: &mut SeededRng) -> Option<Effect> {
    if rng.chance(200) {
        let waiting = accounts.mailbox().after(0, 3);
        let webhooks = waiting.into_iter().map(|posted| posted.number).collect();
        return Some(Effect::Delivered { webhooks });
    }
    let intents = &accounts.ledger().intents;
    let Some(known) = rng.pick(intents).filter(|_| !rng.clone().chance(100)) else {
        return keyed.then(|| decide(accounts, &Call::Open(terms()), &RandomIds).unwrap());
    };
    let tokens = ["tok_visa", "tok_threeDSecure", "tok_automatic", "tok_chargeDeclined"];
    let card = PaymentMethod::card_token(*rng.pick(&tokens).unwrap());
    let part = Money::usd(u32::try_from(rng.below(15_00)).unwrap());
    let call = match rng.below(6) {
        0 => Call::Capture(&known.intent, PRICE),
        1 => Call::Refund(&known.intent, part),
        2 => Call::Authenticate(&known.intent, rng.chance(500)),
        3 if rng.chance(300) => Call::Void(&known.intent),
        _ => Call::Confirm(&known.intent, &card),
    };
    decide(accounts, &call, &RandomIds).ok()
}

#[test]
fn a_full_mailbox_forgets_the_oldest() {
    let mut mailbox = Mailbox::default();
    for number in 1..=10_002 {
        mailbox.post(Posted { number, at: START, intent: intent(), about: About::Intent });
    }
    let waiting = mailbox.after(0, usize::MAX);
    assert_eq!((waiting.len(), waiting[0].number), (10_000, 3));
    assert_eq!(mailbox.after(5, 2).iter().map(|posted| posted.number).collect::<Vec<_>>(), [6, 7]);
}
