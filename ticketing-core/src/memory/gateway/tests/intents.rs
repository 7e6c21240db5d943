use super::*;
use crate::domain::payment::DeclineCode;

#[tokio::test]
async fn every_card_does_what_it_is_for() {
    let declined = |code| IntentStatus::NeedsMethod { declined: Some(code) };
    let cards = [
        ("tok_visa", IntentStatus::Authorized),
        ("tok_mastercard", IntentStatus::Authorized),
        ("tok_automatic", IntentStatus::Captured),
        ("tok_threeDSecure", IntentStatus::NeedsAction),
        ("tok_chargeDeclined", declined(DeclineCode::CardDeclined)),
        ("tok_chargeDeclinedInsufficientFunds", declined(DeclineCode::InsufficientFunds)),
        ("tok_chargeDeclinedExpiredCard", declined(DeclineCode::ExpiredCard)),
        ("tok_chargeDeclinedIncorrectCvc", declined(DeclineCode::IncorrectCvc)),
        ("tok_chargeDeclinedProcessingError", declined(DeclineCode::ProcessingError)),
        ("tok_nobody_made", declined(DeclineCode::InvalidMethod)),
    ];
    let desk = Desk::new();
    for (number, (token, status)) in (1..).zip(cards) {
        let intent = desk.open(number).await;
        let report = desk.confirm(&intent, token).await.unwrap();
        assert_eq!(report.status, status, "{token}");
        assert_eq!(desk.status(&intent).await, status, "{token}");
        let captured = desk.gateway.ledger().intents.pop().unwrap().captured;
        let taken = status == IntentStatus::Captured;
        assert_eq!(captured == PRICE, taken, "{token}");
    }
}

#[tokio::test]
async fn a_call_without_an_answer_did_happen() {
    let desk = Desk::new();
    let intent = desk.open(1).await;
    let answer = desk.confirm(&intent, "tok_answersUnknown").await;
    assert_eq!(kind(answer), GatewayErrorKind::Unknown);
    assert_eq!(desk.status(&intent).await, IntentStatus::Authorized);
}

#[tokio::test]
async fn a_declined_intent_takes_another_card_and_an_authorized_one_none() {
    let desk = Desk::new();
    let intent = desk.used(1, "tok_chargeDeclined").await;
    desk.confirm(&intent, "tok_visa").await.unwrap();
    let again = desk.confirm(&intent, "tok_mastercard").await;
    assert_eq!(kind(again), GatewayErrorKind::Refused);
    let unknown = desk.confirm(&nobodys(), "tok_visa").await;
    assert_eq!(kind(unknown), GatewayErrorKind::Refused);
}

#[tokio::test]
async fn the_buyer_passes_the_bank_or_does_not() {
    let desk = Desk::new();
    let failed = IntentStatus::NeedsMethod { declined: Some(DeclineCode::AuthenticationFailed) };
    for (number, ok, status) in [(1, true, IntentStatus::Authorized), (2, false, failed)] {
        let intent = desk.used(number, "tok_threeDSecure").await;
        let report = desk.gateway.authenticate(&intent, ok).unwrap();
        assert_eq!(report.status, status);
        let again = desk.gateway.authenticate(&intent, ok);
        assert_eq!(kind(again), GatewayErrorKind::Refused);
    }
}

#[tokio::test]
async fn the_buyers_browser_confirms_with_the_secret_that_only_it_gets() {
    let desk = Desk::new();
    let by_client = OpenIntent { confirmed_by: ConfirmedBy::Client, ..to_open(1) };
    let opened = desk.gateway.open(&by_client).await.unwrap();
    let secret = opened.client_secret.clone().unwrap();
    let found = desk.gateway.look_up(&opened.intent).await.unwrap().unwrap();
    assert_eq!(found.client_secret, Some(secret));
    let declined = desk.gateway.confirm_as_client(&opened.intent, &card("tok_none"));
    assert!(declined.is_ok());
    let report = desk.gateway.confirm_as_client(&opened.intent, &card("tok_visa"));
    assert_eq!(report.unwrap().status, IntentStatus::Authorized);
    let by_server = desk.gateway.open(&to_open(2)).await.unwrap();
    assert_eq!(by_server.client_secret, None);
}

#[tokio::test]
async fn a_key_means_one_call_and_gets_one_answer() {
    let desk = Desk::new();
    let intent = desk.open(1).await;
    assert_eq!(desk.open(1).await, intent);
    assert_eq!(desk.gateway.ledger().intents.len(), 1);
    let other = OpenIntent { amount: Money::usd(21_00), ..to_open(1) };
    let refused = desk.gateway.open(&other).await;
    assert_eq!(kind(refused), GatewayErrorKind::Refused);
    // The same key for a call of another kind, too.
    let refused = desk.gateway.void(&intent, "open:1").await;
    assert_eq!(kind(refused), GatewayErrorKind::Refused);
    let declined = desk.confirm(&intent, "tok_chargeDeclined").await.unwrap();
    desk.confirm(&intent, "tok_visa").await.unwrap();
    let repeated = desk.confirm(&intent, "tok_chargeDeclined").await.unwrap();
    assert_eq!(repeated, declined);
    assert_eq!(desk.status(&intent).await, IntentStatus::Authorized);
}

#[tokio::test]
async fn a_refused_call_leaves_its_key_free() {
    let desk = Desk::new();
    let intent = desk.open(1).await;
    let early = desk.gateway.capture(&intent, PRICE, "capture").await;
    assert_eq!(kind(early), GatewayErrorKind::Refused);
    desk.confirm(&intent, "tok_visa").await.unwrap();
    let report = desk.gateway.capture(&intent, PRICE, "capture").await;
    assert_eq!(report.unwrap().status, IntentStatus::Captured);
}

#[tokio::test]
async fn capture_and_void_exclude_each_other() {
    let desk = Desk::new();
    let captured = desk.used(1, "tok_visa").await;
    let in_part = desk.gateway.capture(&captured, Money::usd(1), "part").await;
    assert_eq!(kind(in_part), GatewayErrorKind::Refused);
    for key in ["capture", "capture", "capture again"] {
        let report = desk.gateway.capture(&captured, PRICE, key).await.unwrap();
        assert_eq!(report.status, IntentStatus::Captured);
    }
    let report = desk.gateway.void(&captured, "void").await.unwrap();
    assert_eq!(report.status, IntentStatus::Captured);

    let voided = desk.used(2, "tok_visa").await;
    for key in ["void 2", "void 2", "void 2 again"] {
        let report = desk.gateway.void(&voided, key).await.unwrap();
        assert_eq!(report.status, IntentStatus::Gone);
    }
    let refused = desk.gateway.capture(&voided, PRICE, "late").await;
    assert_eq!(kind(refused), GatewayErrorKind::Refused);
    let refused = desk.confirm(&voided, "tok_mastercard").await;
    assert_eq!(kind(refused), GatewayErrorKind::Refused);
    let ledger = desk.gateway.ledger();
    let taken: Vec<Money> = ledger.intents.iter().map(|entry| entry.captured).collect();
    assert_eq!(taken, [PRICE, Money::usd(0)]);
}

#[tokio::test]
async fn an_intent_that_never_was_is_gone() {
    let desk = Desk::new();
    desk.open(1).await;
    for name in ["pi_mem_2", "pi_mem_0", "pi_mem_01", "pi_mem_+1", "pi_mem_", "pi_1"] {
        let intent = IntentRef::new(name).unwrap();
        assert_eq!(desk.gateway.look_up(&intent).await.unwrap(), None, "{name}");
        let report = desk.gateway.void(&intent, name).await.unwrap();
        assert_eq!(report.status, IntentStatus::Gone, "{name}");
        let report = desk.gateway.capture(&intent, PRICE, "capture").await;
        assert_eq!(kind(report), GatewayErrorKind::Refused, "{name}");
    }
    assert_eq!(desk.gateway.ledger().intents.len(), 1);
}

#[tokio::test]
async fn the_list_has_pages_and_a_beginning() {
    let desk = Desk::new();
    let mut opened = Vec::new();
    for number in 0..25 {
        desk.clock.advance(std::time::Duration::from_secs(1));
        opened.push(desk.open(number).await);
    }
    let since = START.plus(std::time::Duration::from_secs(6));
    let (mut sizes, mut listed, mut after) = (Vec::new(), Vec::new(), None);
    loop {
        let page = desk.gateway.list_since(since, after).await.unwrap();
        sizes.push(page.intents.len());
        listed.extend(page.intents.into_iter().map(|found| found.intent));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(sizes, [10, 10]);
    assert_eq!(listed, opened[5..]);
    let found = desk.gateway.look_up(&opened[0]).await.unwrap().unwrap();
    assert_eq!(found.attempt, Some(to_open(0).attempt));
    assert_eq!(found.store, Some(to_open(0).store));
    assert_eq!(found.created_at, START.plus(std::time::Duration::from_secs(1)));
}
