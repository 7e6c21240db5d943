//! The calls that can go wrong.

use std::fmt;

/// Makes the list of operations, each with its name.
macro_rules! operations {
    ($($(#[$docs:meta])* $name:ident = $word:literal,)*) => {
        /// One method of one port.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Operation {
            $($(#[$docs])* $name,)*
        }

        impl Operation {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The port and the method, as in `storage.commit`: what errors name as operation.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                }
            }
        }
    };
}

operations! {
    /// [`Storage::commit`](crate::ports::Storage::commit)
    Commit = "storage.commit",
    /// [`Storage::now`](crate::ports::Storage::now)
    StorageNow = "storage.now",
    /// [`Storage::store_id`](crate::ports::Storage::store_id)
    StoreId = "storage.store_id",
    /// [`Storage::listings`](crate::ports::Storage::listings)
    Listings = "storage.listings",
    /// [`Storage::search`](crate::ports::Storage::search)
    Search = "storage.search",
    /// [`Storage::order`](crate::ports::Storage::order)
    Order = "storage.order",
    /// [`Storage::orders_of`](crate::ports::Storage::orders_of)
    OrdersOf = "storage.orders_of",
    /// [`Storage::payment`](crate::ports::Storage::payment)
    Payment = "storage.payment",
    /// [`Storage::payment_by_intent`](crate::ports::Storage::payment_by_intent)
    PaymentByIntent = "storage.payment_by_intent",
    /// [`Storage::payments_of`](crate::ports::Storage::payments_of)
    PaymentsOf = "storage.payments_of",
    /// [`Storage::refund`](crate::ports::Storage::refund)
    Refund = "storage.refund",
    /// [`Storage::refunds_of`](crate::ports::Storage::refunds_of)
    RefundsOf = "storage.refunds_of",
    /// [`Storage::key`](crate::ports::Storage::key)
    Key = "storage.key",
    /// [`Storage::event`](crate::ports::Storage::event)
    Event = "storage.event",
    /// [`Storage::due_orders`](crate::ports::Storage::due_orders)
    DueOrders = "storage.due_orders",
    /// [`Storage::due_orders_of`](crate::ports::Storage::due_orders_of)
    DueOrdersOf = "storage.due_orders_of",
    /// [`Storage::live_orders`](crate::ports::Storage::live_orders)
    LiveOrders = "storage.live_orders",
    /// [`Storage::clearing_pools`](crate::ports::Storage::clearing_pools)
    ClearingPools = "storage.clearing_pools",
    /// [`Storage::unsettled_payments`](crate::ports::Storage::unsettled_payments)
    UnsettledPayments = "storage.unsettled_payments",
    /// [`Storage::unsettled_refunds`](crate::ports::Storage::unsettled_refunds)
    UnsettledRefunds = "storage.unsettled_refunds",
    /// [`Storage::parked_payments`](crate::ports::Storage::parked_payments)
    ParkedPayments = "storage.parked_payments",
    /// [`Storage::failed_refunds`](crate::ports::Storage::failed_refunds)
    FailedRefunds = "storage.failed_refunds",
    /// [`Storage::receive`](crate::ports::Storage::receive)
    ReceiveWebhook = "storage.receive",
    /// [`Storage::claim_webhooks`](crate::ports::Storage::claim_webhooks)
    ClaimWebhooks = "storage.claim_webhooks",
    /// [`Storage::claim_outbox`](crate::ports::Storage::claim_outbox)
    ClaimOutbox = "storage.claim_outbox",
    /// [`Storage::outbox_done`](crate::ports::Storage::outbox_done)
    OutboxDone = "storage.outbox_done",
    /// [`Storage::published_since`](crate::ports::Storage::published_since)
    PublishedSince = "storage.published_since",
    /// [`Storage::outbox_depth`](crate::ports::Storage::outbox_depth)
    OutboxDepth = "storage.outbox_depth",
    /// [`Storage::live_holds`](crate::ports::Storage::live_holds)
    LiveHolds = "storage.live_holds",
    /// [`Storage::dead_letters`](crate::ports::Storage::dead_letters)
    DeadLetters = "storage.dead_letters",
    /// [`Storage::prune`](crate::ports::Storage::prune)
    Prune = "storage.prune",
    /// [`EventBus::publish`](crate::ports::EventBus::publish)
    Publish = "bus.publish",
    /// [`EventBus::subscribe`](crate::ports::EventBus::subscribe)
    Subscribe = "bus.subscribe",
    /// [`EventStream::next`](crate::ports::EventStream::next), once there is an event to deliver
    Deliver = "bus.deliver",
    /// [`Acknowledge::acknowledge`](crate::ports::Acknowledge::acknowledge)
    Acknowledge = "bus.acknowledge",
    /// [`Timers::arm`](crate::ports::Timers::arm)
    ArmTimer = "timers.arm",
    /// [`Timers::claim`](crate::ports::Timers::claim)
    ClaimTimers = "timers.claim",
    /// [`Timers::done`](crate::ports::Timers::done)
    TimerDone = "timers.done",
    /// [`PaymentGateway::open`](crate::ports::PaymentGateway::open)
    OpenIntent = "gateway.open",
    /// [`PaymentGateway::confirm`](crate::ports::PaymentGateway::confirm)
    Confirm = "gateway.confirm",
    /// [`PaymentGateway::look_up`](crate::ports::PaymentGateway::look_up)
    LookUp = "gateway.look_up",
    /// [`PaymentGateway::capture`](crate::ports::PaymentGateway::capture)
    Capture = "gateway.capture",
    /// [`PaymentGateway::void`](crate::ports::PaymentGateway::void)
    Void = "gateway.void",
    /// [`PaymentGateway::refund`](crate::ports::PaymentGateway::refund)
    SendRefund = "gateway.refund",
    /// [`PaymentGateway::look_up_refund`](crate::ports::PaymentGateway::look_up_refund)
    LookUpRefund = "gateway.look_up_refund",
    /// [`PaymentGateway::list_since`](crate::ports::PaymentGateway::list_since)
    ListIntents = "gateway.list_since",
}

impl Operation {
    /// The port that it belongs to: `storage`, `bus`, `timers` or `gateway`.
    pub fn port(self) -> &'static str {
        self.name().split_once('.').map_or("", |(port, _)| port)
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
