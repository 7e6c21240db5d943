//! The sandbox keeps the contract of the port, in memory and in a file.

mod in_memory {
    ticketing_core::gateway_conformance!(super::harness::Kept::InMemory);
}

mod in_a_file {
    ticketing_core::gateway_conformance!(super::harness::Kept::InAFile);
}

#[cfg(test)]
mod harness {
    use std::sync::Arc;

    use async_trait::async_trait;
    use tempfile::TempDir;
    use ticketing_core::ports::{PaymentGateway, PaymentMethod, WebhookRequest};
    use ticketing_core::testing::ManualClock;
    use ticketing_core::testing::builders::START;
    use ticketing_core::testing::conformance::gateway::{Card, GatewayHarness, GatewayNamespace};
    use ticketing_core::values::{IntentRef, Timestamp};
    use ticketing_local::SandboxGateway;

    /// Where each case's ledger is.
    #[derive(Debug, Clone, Copy)]
    pub(crate) enum Kept {
        InMemory,
        InAFile,
    }

    #[derive(Debug)]
    struct Opened {
        clock: ManualClock,
        gateway: SandboxGateway,
        /// Removed when the case is over.
        _folder: Option<TempDir>,
    }

    #[async_trait]
    impl GatewayHarness for Kept {
        async fn open(&self) -> Box<dyn GatewayNamespace> {
            let clock = ManualClock::new(START);
            let builder = SandboxGateway::builder().clock(Arc::new(clock.clone()));
            let (gateway, folder) = match self {
                Self::InMemory => (builder.in_memory(), None),
                Self::InAFile => {
                    let folder = TempDir::new().unwrap();
                    let gateway = builder.open(folder.path().join("ledger")).await.unwrap();
                    (gateway, Some(folder))
                }
            };
            Box::new(Opened { clock, gateway, _folder: folder })
        }
    }

    #[async_trait]
    impl GatewayNamespace for Opened {
        fn gateway(&self) -> Arc<dyn PaymentGateway> {
            Arc::new(self.gateway.clone())
        }

        async fn close(&mut self) {
            self.gateway.close().await.unwrap();
        }

        fn now(&self) -> Timestamp {
            self.clock.now()
        }

        fn card(&self, card: Card) -> Option<PaymentMethod> {
            card.token().map(PaymentMethod::card_token)
        }

        async fn webhook(&self, intent: &IntentRef) -> Option<WebhookRequest> {
            let waiting = self.gateway.undelivered().await.unwrap();
            waiting.into_iter().find(|request| {
                let notice = self.gateway.read_webhook(request, self.clock.now());
                notice.is_ok_and(|notice| notice.intent.as_ref() == Some(intent))
            })
        }

        async fn signed(&self, body: Vec<u8>) -> Option<WebhookRequest> {
            Some(self.gateway.sign(body))
        }
    }
}
