//! Keys, tokens and secrets of Stripe that a whole run uses, and that nobody finds afterwards.

use serde_json::json;
use ticketing_stripe_stand_in::StandIn;

use crate::browser::Browser;
use crate::program::{Program, command};
use crate::shop::PASSWORD;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_with_stripe_gives_no_key_and_no_token_away() {
    let stripe = StandIn::start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let key_file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(key_file.path(), stripe.secret_key()).unwrap();
    let set = |command: &mut tokio::process::Command| {
        command
            .env("TICKETING_PAYMENTS", format!("stripe:{}", stripe.url()))
            .env("TICKETING_STRIPE_SECRET_KEY_FILE", key_file.path())
            .env("TICKETING_STRIPE_WEBHOOK_SECRETS", stripe.webhook_secret());
    };
    let mut start = command(folder.path());
    set(start.args(["--log", "trace"]));
    let program = Program::started(&mut start).await;
    let (mut places, secret) = sell(&program, &stripe).await;
    let mut check = command(folder.path());
    set(check.arg("check"));
    let checked = check.output().await.unwrap();
    assert!(String::from_utf8_lossy(&checked.stdout).contains("payments: it answers"));
    places.push(("check", String::from_utf8_lossy(&checked.stdout).into_owned()));
    let (ended, log) = program.terminate_and_tell().await;
    assert!(ended.success());
    assert!(log.contains("\"level\":\"TRACE\"") && log.contains("hyper"), "the log says little");
    places.push(("the log", log));
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_file() && entry.file_name() != "session.keys" {
            let bytes = std::fs::read(entry.path()).unwrap();
            places.push(("a file", String::from_utf8_lossy(&bytes).into_owned()));
        }
    }
    let canaries =
        [stripe.secret_key(), stripe.webhook_secret(), CARD, METHOD, UNKNOWN, secret.as_str()];
    for canary in canaries {
        for (place, text) in &places {
            assert!(!text.contains(canary), "{canary} is in {place}");
        }
    }
}

const CARD: &str = "tok_mastercard";
const METHOD: &str = "pm_card_visa_chargeDeclined";
const UNKNOWN: &str = "tok_canary_c2f9e4";

/// Sells with good and bad cards. Answers with what was heard, and a client secret.
async fn sell(program: &Program, stripe: &StandIn) -> (Vec<(&'static str, String)>, String) {
    let browser = Browser::new(program.address);
    let account = json!({ "email": "ada@example.com", "password": PASSWORD });
    browser.post("/api/users/signup", account).await.expect(201);
    let ticket = browser.lists_many("Seats", json!(20), 9).await;
    let mut places = Vec::new();
    let order = browser.reserves(&ticket).await;
    for (token, status) in [(UNKNOWN, 402), (METHOD, 402), (CARD, 201)] {
        let body = json!({ "orderId": order, "token": token });
        let answer = browser.post("/api/payments", body).await.expect(status);
        places.push(("an answer", format!("{:?}{}", answer.headers, answer.text)));
        if status == 402 {
            let path = format!("/api/orders/{order}");
            browser.sees(&path, |order| order["status"] == "created").await;
        }
    }
    let other = browser.reserves(&ticket).await;
    let opened = json!({ "orderId": other });
    let opened = browser.post("/api/payments/intents", opened).await.expect(201).json();
    let secret = opened["clientSecret"].as_str().unwrap().to_owned();
    let endpoint = format!("http://{}/api/webhooks/stripe", program.address);
    for event in stripe.take_events() {
        assert_eq!(stripe.deliver(&stripe.sign(&event), &endpoint).await, Some(200));
    }
    for path in ["/metrics".to_owned(), "/api/orders".to_owned(), format!("/api/orders/{order}")] {
        places.push(("an answer", browser.get(&path).await.expect(200).text));
    }
    (places, secret)
}
