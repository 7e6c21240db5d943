//! Stripe, as the stand-in has it, keeps the contract of the port.

ticketing_core::gateway_conformance!(harness::AtStandIn);

#[cfg(test)]
mod harness {
    use std::sync::Arc;

    use async_trait::async_trait;
    use ticketing_core::domain::payment::DeclineCode;
    use ticketing_core::ports::{PaymentGateway, PaymentMethod, WebhookRequest};
    use ticketing_core::testing::conformance::gateway::{Card, GatewayHarness, GatewayNamespace};
    use ticketing_core::values::{IntentRef, Timestamp};
    use ticketing_stripe::{SecretKey, StripeConfig, StripeGateway, WebhookSecret};
    use ticketing_stripe_stand_in::{SignedEvent, StandIn};

    #[derive(Debug)]
    pub(crate) struct AtStandIn;

    #[derive(Debug)]
    struct Opened {
        stripe: StandIn,
        gateway: StripeGateway,
    }

    #[async_trait]
    impl GatewayHarness for AtStandIn {
        async fn open(&self) -> Box<dyn GatewayNamespace> {
            let stripe = StandIn::start().await.unwrap();
            let gateway = StripeConfig::new(SecretKey::new(stripe.secret_key()).unwrap())
                .webhook_secret(WebhookSecret::new(stripe.webhook_secret()).unwrap())
                .address(stripe.url())
                .open()
                .unwrap();
            Box::new(Opened { stripe, gateway })
        }
    }

    #[async_trait]
    impl GatewayNamespace for Opened {
        fn gateway(&self) -> Arc<dyn PaymentGateway> {
            Arc::new(self.gateway.clone())
        }

        fn now(&self) -> Timestamp {
            Timestamp::from_micros(self.stripe.now() * 1_000_000)
        }

        fn card(&self, card: Card) -> Option<PaymentMethod> {
            let token = match card {
                Card::Authorizes => "tok_visa",
                Card::NeedsAction => "pm_card_threeDSecure2Required",
                Card::Declines(DeclineCode::CardDeclined) => "tok_visa_chargeDeclined",
                Card::Declines(DeclineCode::InsufficientFunds) => {
                    "pm_card_visa_chargeDeclinedInsufficientFunds"
                }
                Card::Declines(DeclineCode::ExpiredCard) => "tok_chargeDeclinedExpiredCard",
                Card::Declines(DeclineCode::IncorrectCvc) => "tok_chargeDeclinedIncorrectCvc",
                Card::Declines(DeclineCode::ProcessingError) => "tok_chargeDeclinedProcessingError",
                // A card can always wait, so there is none that captures at once.
                Card::Captures | Card::Declines(_) => return None,
            };
            Some(PaymentMethod::card_token(token))
        }

        async fn webhook(&self, intent: &IntentRef) -> Option<WebhookRequest> {
            let events = self.stripe.events();
            let about = |id: &serde_json::Value| id.as_str() == Some(intent.as_str());
            let event = events.iter().find(|event| about(&event.object["id"]))?;
            Some(request(self.stripe.sign(event)))
        }

        async fn signed(&self, body: Vec<u8>) -> Option<WebhookRequest> {
            Some(request(self.stripe.sign_body(body)))
        }
    }

    fn request(signed: SignedEvent) -> WebhookRequest {
        let headers = vec![("stripe-signature".to_owned(), signed.signature)];
        WebhookRequest { body: signed.body, headers }
    }
}
