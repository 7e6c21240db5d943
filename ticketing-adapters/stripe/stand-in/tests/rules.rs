//! The stand-in keeps Stripe's rules, as plain HTTP sees them.

#[cfg(test)]
mod rules {
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use bytes::Bytes;
    use http_body_util::{BodyExt as _, Full};
    use hyper::{Method, Request};
    use hyper_util::client::legacy::Client;
    use hyper_util::rt::TokioExecutor;
    use serde_json::Value;
    use ticketing_stripe_stand_in::{
        Call, DisputeStatus, Fault, IntentStatus, RefundStatus, StandIn,
    };

    /// One call; nothing if the answer did not come whole.
    async fn call(
        stripe: &StandIn,
        (method, path): (Method, &str),
        form: &str,
        key: Option<&str>,
    ) -> Option<(u16, Value)> {
        let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}/v1/{path}", stripe.url()))
            .header("authorization", format!("Bearer {}", stripe.secret_key()));
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let request = request.body(Full::new(Bytes::from(form.to_owned()))).unwrap();
        let answer = client.request(request).await.ok()?;
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await.ok()?.to_bytes();
        Some((status, serde_json::from_slice(&body).unwrap()))
    }

    async fn post(stripe: &StandIn, path: &str, form: &str, key: &str) -> (u16, Value) {
        call(stripe, (Method::POST, path), form, Some(key)).await.unwrap()
    }

    async fn get(stripe: &StandIn, path: &str) -> (u16, Value) {
        call(stripe, (Method::GET, path), "", None).await.unwrap()
    }

    const NEW: &str = "amount=1999&currency=usd&capture_method=manual&metadata[order]=7";

    async fn created(stripe: &StandIn) -> String {
        let key = format!("create-{}", stripe.requests().len());
        let (status, intent) = post(stripe, "payment_intents", NEW, &key).await;
        assert_eq!(status, 200, "{intent}");
        intent["id"].as_str().unwrap().to_owned()
    }

    async fn captured(stripe: &StandIn) -> String {
        let id = created(stripe).await;
        for (what, form) in [("confirm", "payment_method=pm_card_visa"), ("capture", "")] {
            let path = format!("payment_intents/{id}/{what}");
            let (status, intent) = post(stripe, &path, form, &path).await;
            assert_eq!(status, 200, "{intent}");
        }
        id
    }

    #[tokio::test]
    async fn a_key_repeats_its_first_answer_and_refuses_other_parameters() {
        let stripe = StandIn::start().await.unwrap();
        let first = post(&stripe, "payment_intents", NEW, "k").await;
        assert_eq!(post(&stripe, "payment_intents", NEW, "k").await, first);
        let (status, refused) =
            post(&stripe, "payment_intents", "amount=2000&currency=usd", "k").await;
        assert_eq!((status, refused["error"]["type"].as_str()), (400, Some("idempotency_error")));
        assert_eq!(stripe.ledger().intents.len(), 1);
        stripe.forget_keys();
        assert_ne!(post(&stripe, "payment_intents", NEW, "k").await, first, "a day later");
    }

    #[tokio::test]
    async fn what_fails_validation_is_not_remembered() {
        let stripe = StandIn::start().await.unwrap();
        for wrong in ["amount=49&currency=usd", "amount=505&currency=isk", "amount=1&currency=zzz"]
        {
            let (status, _) = post(&stripe, "payment_intents", wrong, "k").await;
            assert_eq!(status, 400, "{wrong}");
        }
        let (status, unknown) = post(&stripe, "payment_intents", "amont=1", "k").await;
        assert_eq!((status, unknown["error"]["code"].as_str()), (400, Some("parameter_unknown")));
        assert_eq!(post(&stripe, "payment_intents", NEW, "k").await.0, 200);
    }

    #[tokio::test]
    async fn an_error_is_repeated_for_its_key_whether_or_not_there_was_an_effect() {
        let stripe = StandIn::start().await.unwrap();
        for (fault, intents) in [(Fault::ErrorBefore, 0), (Fault::ErrorAfter, 1)] {
            stripe.next(Call::Create, fault);
            let key = format!("{fault:?}");
            for _time in 0..2 {
                assert_eq!(post(&stripe, "payment_intents", NEW, &key).await.0, 500);
            }
            assert_eq!(stripe.ledger().intents.len(), intents, "{fault:?}");
        }
    }

    #[tokio::test]
    async fn a_cut_connection_gives_no_whole_answer() {
        let stripe = StandIn::start().await.unwrap();
        for (fault, intents) in [(Fault::CutBefore, 0), (Fault::CutAfter, 1)] {
            stripe.next(Call::Create, fault);
            let key = format!("{fault:?}");
            let cut = call(&stripe, (Method::POST, "payment_intents"), NEW, Some(&key)).await;
            assert_eq!(cut, None);
            assert_eq!(stripe.ledger().intents.len(), intents, "{fault:?}");
        }
    }

    #[tokio::test]
    async fn a_key_in_use_is_a_conflict() {
        let stripe = StandIn::start().await.unwrap();
        stripe.next(Call::Create, Fault::Delay(Duration::from_millis(300)));
        let slow = post(&stripe, "payment_intents", NEW, "k");
        let quick = async {
            while stripe.requests().is_empty() {
                tokio::task::yield_now().await;
            }
            post(&stripe, "payment_intents", NEW, "k").await
        };
        let (slow, quick) = tokio::join!(slow, quick);
        assert_eq!((slow.0, quick.0), (200, 409));
    }

    #[tokio::test]
    async fn no_more_goes_back_than_was_taken() {
        let stripe = StandIn::start().await.unwrap();
        let id = captured(&stripe).await;
        let part = format!("payment_intent={id}&amount=1500");
        assert_eq!(post(&stripe, "refunds", &part, "r1").await.0, 200);
        assert_eq!(post(&stripe, "refunds", &part, "r1").await.0, 200, "the same one");
        assert_eq!(post(&stripe, "refunds", &part, "r2").await.0, 400, "499 are left");
        let rest = format!("payment_intent={id}");
        let (_, refund) = post(&stripe, "refunds", &rest, "r3").await;
        assert_eq!(refund["amount"], 499);
        let (_, none) = post(&stripe, "refunds", &rest, "r4").await;
        assert_eq!(none["error"]["code"], "charge_already_refunded");
        let refund = refund["id"].as_str().unwrap();
        stripe.settle_refund(refund, RefundStatus::Failed);
        assert_eq!(stripe.ledger().charge_of(&id).unwrap().refunded, 1500);
    }

    #[tokio::test]
    async fn a_declined_intent_takes_another_card() {
        let stripe = StandIn::start().await.unwrap();
        let id = created(&stripe).await;
        let path = format!("payment_intents/{id}/confirm");
        let card = "payment_method=pm_card_visa_chargeDeclinedInsufficientFunds";
        let (status, declined) = post(&stripe, &path, card, "c1").await;
        let error = &declined["error"];
        assert_eq!((status, error["decline_code"].as_str()), (402, Some("insufficient_funds")));
        assert_eq!(error["payment_intent"]["status"], "requires_payment_method");
        assert_eq!(post(&stripe, &path, "payment_method=pm_card_visa", "c2").await.0, 200);
        assert_eq!(stripe.ledger().intents[0].status, IntentStatus::RequiresCapture);
        let kinds: Vec<_> = stripe.take_events().into_iter().map(|event| event.kind).collect();
        assert_eq!(
            kinds,
            [
                "payment_intent.created",
                "payment_intent.payment_failed",
                "payment_intent.amount_capturable_updated"
            ]
        );
    }

    #[tokio::test]
    async fn lists_go_by_cursors_newest_first() {
        let stripe = StandIn::start().await.unwrap();
        let mut ids = Vec::new();
        for _ in 0..5 {
            ids.push(created(&stripe).await);
        }
        let page = |(_, page): (u16, Value)| {
            let data = page["data"].as_array().unwrap().clone();
            let ids: Vec<String> =
                data.iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect();
            (ids, page["has_more"].as_bool().unwrap())
        };
        let [oldest, second, third, fourth, newest] = <[String; 5]>::try_from(ids).unwrap();
        let listed = page(get(&stripe, "payment_intents?limit=2").await);
        assert_eq!(listed, (vec![newest.clone(), fourth.clone()], true));
        let path = format!("payment_intents?limit=2&starting_after={fourth}");
        assert_eq!(page(get(&stripe, &path).await), (vec![third.clone(), second.clone()], true));
        let path = format!("payment_intents?limit=2&ending_before={oldest}");
        assert_eq!(page(get(&stripe, &path).await), (vec![third.clone(), second], true));
        let path = format!("payment_intents?limit=2&ending_before={third}");
        assert_eq!(page(get(&stripe, &path).await), (vec![newest, fourth], false));
        let path = format!("payment_intents?created[gte]={}", stripe.now() + 60);
        assert_eq!(page(get(&stripe, &path).await), (vec![], false));
    }

    #[tokio::test]
    async fn a_call_is_held_until_the_test_lets_it_go() {
        let stripe = StandIn::start().await.unwrap();
        stripe.next(Call::Create, Fault::Held);
        let asked = stripe.clone();
        let asking = tokio::spawn(async move { post(&asked, "payment_intents", NEW, "k").await });
        while stripe.calls(Call::Create) == 0 {
            tokio::task::yield_now().await;
        }
        let again = post(&stripe, "payment_intents", NEW, "k").await;
        assert_eq!((again.0, stripe.ledger().intents.len()), (409, 0), "its key is in use");
        assert!(!asking.is_finished());
        stripe.let_go();
        assert_eq!(asking.await.unwrap().0, 200);
    }

    #[tokio::test]
    async fn a_call_is_shown_before_it_has_any_effect() {
        let stripe = StandIn::start().await.unwrap();
        let seen = Arc::<Mutex<Vec<(Option<Call>, String, usize)>>>::default();
        let (noted, ledger) = (Arc::clone(&seen), stripe.clone());
        stripe.watch(move |request| {
            let intents = ledger.ledger().intents.len();
            let order = request.fields()["metadata[order]"].clone();
            noted.lock().unwrap().push((request.call, order, intents));
            Box::pin(std::future::ready(()))
        });
        created(&stripe).await;
        assert_eq!(*seen.lock().unwrap(), [(Some(Call::Create), "7".to_owned(), 0)]);
    }

    #[tokio::test]
    async fn a_charge_tells_when_it_began_and_ended() {
        let stripe = StandIn::start().await.unwrap();
        let id = created(&stripe).await;
        let confirm = format!("payment_intents/{id}/confirm");
        post(&stripe, &confirm, "payment_method=pm_card_visa", "c").await;
        let charge = |stripe: &StandIn| stripe.ledger().charges[0].clone();
        assert_eq!(charge(&stripe).ended_at, None);
        stripe.advance(Duration::from_hours(1));
        post(&stripe, &format!("payment_intents/{id}/cancel"), "", "v").await;
        let charge = charge(&stripe);
        assert!(charge.ended_at.unwrap() - charge.authorized_at >= 3600, "{charge:?}");
    }

    #[tokio::test]
    async fn what_a_bank_only_asks_about_can_be_given_back() {
        let stripe = StandIn::start().await.unwrap();
        let id = captured(&stripe).await;
        stripe.inquire(&id).unwrap();
        let part = format!("payment_intent={id}&amount=500");
        assert_eq!(post(&stripe, "refunds", &part, "r1").await.0, 200);
        stripe.decide_dispute(&id, DisputeStatus::InquiryClosed);
        stripe.decide_dispute(&id, DisputeStatus::NeedsResponse);
        let (status, refused) = post(&stripe, "refunds", &part, "r2").await;
        assert_eq!((status, refused["error"]["code"].as_str()), (400, Some("charge_disputed")));
        let kinds: Vec<_> = stripe.take_events().into_iter().map(|event| event.kind).collect();
        let told = |kind: &str| kinds.iter().filter(|told| *told == kind).count();
        assert_eq!((told("charge.dispute.created"), told("charge.dispute.closed")), (1, 1));
        assert_eq!(told("charge.dispute.updated"), 1);
    }
}
