//! The list of bugs.

/// A seed for each bug that is known to find it, as `planted --record` writes them.
const KNOWN_SEEDS: &str = include_str!("../../known-seeds.txt");

/// Makes the list of bugs, each with its number and what is wrong.
macro_rules! bugs {
    ($($name:ident = $number:literal, $what:literal;)*) => {
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
        }
    };
}

bugs! {
    CheckThenInsert = "B1", "units are checked when they are read, and taken without another look";
    PublishBeforeCommit = "B2", "events are published before they are committed";
    CursorRelay = "B3", "the relay reads what comes after the last row that it saw";
    WebhookClosedFirst = "B4", "a webhook is marked done before its effect is committed";
    OlderSnapshotWins = "B5", "a consumer lets an older snapshot overwrite a newer one";
    DoneBeforePublished = "B6", "an outbox row is marked done before the bus has confirmed it";
    SoldOutForEver = "B7", "a sold-out refusal is repeated for ever without asking";
    UnconditionalRelease = "B8", "a cancellation releases units whatever became of the order";
    OwnClock = "B9", "deadlines are decided by the clock of the process";
    VoidsWithoutAsking = "B10", "an order expires without the gateway being asked";
    FreshKeys = "B11", "every try at the gateway has a key of its own";
    PendingRefundsDontCount = "B12", "refunds that are under way don't count";
    AmountFromClient = "B13", "the amount at the gateway is not the order's";
    WebhooksInMemory = "B14", "webhooks are remembered by the process alone";
    OpensBeforeWriting = "B16", "an intent is opened before its attempt is written down";
    HoldsExtendedAgain = "B17", "a hold is extended by whoever asks again";
    LateCancelUnsells = "B18", "a cancellation that comes late undoes a sale";
    LeaseWithoutFencing = "B19", "a lease that is over still ends what it was for";
    StaleListingDecides = "B20", "a listing that was read before decides, whatever it has become";
}

impl Bug {
    /// A seed that is known to find it, if one is.
    pub fn known_seed(self) -> Option<u64> {
        let known = KNOWN_SEEDS.lines().filter_map(|line| line.split_once(' '));
        known.filter(|(number, _)| *number == self.number()).find_map(|(_, seed)| seed.parse().ok())
    }

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
