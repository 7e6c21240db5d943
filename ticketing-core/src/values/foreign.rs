//! Names that a payment gateway gives to things: kept, compared, never looked into.

use crate::values::text::{Rule, checked_text};

checked_text! {
    /// The gateway's name for an intent to pay.
    IntentRef,
    Rule {
        what: "intent",
        may_be_empty: false,
        max: 255,
        measure: str::len,
        allows: |c| c.is_ascii_graphic(),
    },
    std::convert::identity::<&str>
}

checked_text! {
    /// The gateway's name for a refund.
    RefundRef,
    Rule {
        what: "refund reference",
        may_be_empty: false,
        max: 255,
        measure: str::len,
        allows: |c| c.is_ascii_graphic(),
    },
    std::convert::identity::<&str>
}

checked_text! {
    /// The gateway's name for one webhook; the same one may be delivered many times.
    WebhookId,
    Rule {
        what: "webhook id",
        may_be_empty: false,
        max: 255,
        measure: str::len,
        allows: |c| c.is_ascii_graphic(),
    },
    std::convert::identity::<&str>
}

checked_text! {
    /// Our name for a gateway, as in the path of its webhooks: `stripe`, `sandbox`.
    GatewayName,
    Rule {
        what: "gateway name",
        may_be_empty: false,
        max: 32,
        measure: str::len,
        allows: |c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-',
    },
    std::convert::identity::<&str>
}
