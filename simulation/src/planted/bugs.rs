//! The list of bugs.

/// Makes the list of bugs, each with its number and what is wrong.
macro_rules! bugs {
    ($($name:ident = $number:literal, $what:literal, $known:literal;)*) => {
        /// A bug that can be planted.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Bug {
            $(#[doc = $what] $name,)*
        }

        impl Bug {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Its number in the list of bugs, such as `B1`.
            pub fn number(self) -> &'static str {
                match self {
                    $(Self::$name => $number,)*
                }
            }

            /// What is wrong.
            pub fn what(self) -> &'static str {
                match self {
                    $(Self::$name => $what,)*
                }
            }

            /// A seed that is known to find it.
            pub fn known_seed(self) -> u64 {
                match self {
                    $(Self::$name => $known,)*
                }
            }
        }
    };
}

bugs! {
    CheckThenInsert = "B1", "units are checked when they are read, and taken without another look", 0;
    PublishBeforeCommit = "B2", "events are published before they are committed", 0;
    CursorRelay = "B3", "the relay reads what comes after the last row that it saw", 0;
    WebhookClosedFirst = "B4", "a webhook is marked done before its effect is committed", 119;
    OlderSnapshotWins = "B5", "a consumer lets an older snapshot overwrite a newer one", 0;
    DoneBeforePublished = "B6", "an outbox row is marked done before the bus has confirmed it", 0;
    SoldOutForEver = "B7", "a sold-out refusal is repeated for ever without asking", 1;
    UnconditionalRelease = "B8", "a cancellation releases units whatever became of the order", 28;
    OwnClock = "B9", "deadlines are decided by the clock of the process", 0;
    VoidsWithoutAsking = "B10", "an order expires without the gateway being asked", 2;
    FreshKeys = "B11", "every try at the gateway has a key of its own", 1;
    PendingRefundsDontCount = "B12", "refunds that are under way don't count", 1;
    AmountFromClient = "B13", "the amount at the gateway is not the order's", 1;
    WebhooksInMemory = "B14", "webhooks are remembered by the process alone", 119;
    OpensBeforeWriting = "B16", "an intent is opened before its attempt is written down", 0;
    HoldsExtendedAgain = "B17", "a hold is extended by whoever asks again", 44;
    LateCancelUnsells = "B18", "a cancellation that comes late undoes a sale", 2;
    LeaseWithoutFencing = "B19", "a lease that is over still ends what it was for", 105;
    StaleListingDecides = "B20", "a listing that was read before decides, whatever it has become", 292;
}

impl Bug {
    /// The bug with that number.
    pub fn of_number(number: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|bug| bug.number().eq_ignore_ascii_case(number))
    }

    /// Whether it stands between an engine and its storage.
    #[cfg(feature = "planted-bugs")]
    pub(super) fn is_of_storage(self) -> bool {
        matches!(
            self,
            Self::PublishBeforeCommit
                | Self::CursorRelay
                | Self::WebhookClosedFirst
                | Self::DoneBeforePublished
                | Self::WebhooksInMemory
                | Self::OpensBeforeWriting
                | Self::LeaseWithoutFencing
        )
    }

    /// Whether it stands between an engine and its gateway.
    #[cfg(feature = "planted-bugs")]
    pub(super) fn is_of_gateway(self) -> bool {
        matches!(self, Self::VoidsWithoutAsking | Self::FreshKeys | Self::AmountFromClient)
    }

    /// The bug of the core that it is, if it is one.
    #[cfg(feature = "planted-bugs")]
    pub(super) fn of_core(self) -> Option<ticketing_core::planted::CoreBug> {
        use ticketing_core::planted::CoreBug;
        let pairs = [
            (Self::CheckThenInsert, CoreBug::CheckThenInsert),
            (Self::SoldOutForEver, CoreBug::SoldOutForEver),
            (Self::UnconditionalRelease, CoreBug::UnconditionalRelease),
            (Self::OwnClock, CoreBug::OwnClock),
            (Self::PendingRefundsDontCount, CoreBug::PendingRefundsDontCount),
            (Self::HoldsExtendedAgain, CoreBug::HoldsExtendedAgain),
            (Self::LateCancelUnsells, CoreBug::LateCancelUnsells),
            (Self::StaleListingDecides, CoreBug::StaleListingDecides),
        ];
        pairs.into_iter().find(|(bug, _)| *bug == self).map(|(_, core)| core)
    }
}
