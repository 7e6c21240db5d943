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

#[cfg(test)]
mod tests {
    use std::fmt::{Debug, Display};
    use std::str::FromStr;

    use proptest::prelude::*;
    use serde::Serialize;
    use serde::de::DeserializeOwned;

    use super::*;
    use crate::values::{InvalidText, TextProblem};

    const FORBIDDEN: Option<TextProblem> = Some(TextProblem::ForbiddenCharacter);

    fn problem<T: FromStr<Err = InvalidText>>(text: &str) -> Option<TextProblem> {
        T::from_str(text).err().map(|refused| refused.problem)
    }

    /// What holds of every name that a gateway gives.
    fn check_a_gateways_name<T: FromStr<Err = InvalidText>>() {
        for text in ["!", "~", "pi_3MtwBwLkdIwHu7ix28a3tqPa", "evt:1/2?3=4", &"i".repeat(255)] {
            assert_eq!(problem::<T>(text), None, "{text:?}");
        }
        assert_eq!(problem::<T>(""), Some(TextProblem::Empty));
        let too_long = Some(TextProblem::TooLong { max: 255 });
        assert_eq!(problem::<T>(&"i".repeat(256)), too_long);
        for text in [" ", "a b", " a", "a\n", "a\0", "\u{7f}", "ä", "\u{a0}"] {
            assert_eq!(problem::<T>(text), FORBIDDEN, "{text:?}");
        }
    }

    #[test]
    fn names_that_a_gateway_gives_are_visible_ascii() {
        check_a_gateways_name::<IntentRef>();
        check_a_gateways_name::<RefundRef>();
        check_a_gateways_name::<WebhookId>();
    }

    #[test]
    fn names_that_a_gateway_gives_are_counted_in_bytes() {
        let text = "ü".repeat(128);
        let too_long = Some(TextProblem::TooLong { max: 255 });
        assert_eq!(problem::<IntentRef>(&text), too_long);
        assert_eq!(problem::<RefundRef>(&text), too_long);
        assert_eq!(problem::<WebhookId>(&text), too_long);
        assert_eq!(problem::<GatewayName>(&text), Some(TextProblem::TooLong { max: 32 }));
    }

    /// Nothing in it needs to be escaped in a path, and no two of them differ by case alone.
    #[test]
    fn our_name_for_a_gateway_fits_into_a_path() {
        for text in ["stripe", "sandbox", "9-b", "-", "az09", &"g".repeat(32)] {
            assert_eq!(problem::<GatewayName>(text), None, "{text:?}");
        }
        assert_eq!(problem::<GatewayName>(""), Some(TextProblem::Empty));
        let too_long = Some(TextProblem::TooLong { max: 32 });
        assert_eq!(problem::<GatewayName>(&"g".repeat(33)), too_long);
        for text in ["Stripe", "a_b", "a/b", "a.b", "..", "a b", "%61", "ä", "`", "{", ":", "a\0"]
        {
            assert_eq!(problem::<GatewayName>(text), FORBIDDEN, "{text:?}");
        }
    }

    #[test]
    fn case_tells_intents_apart() {
        assert_ne!(IntentRef::new("pi_a").unwrap(), IntentRef::new("pi_A").unwrap());
    }

    #[test]
    fn refusals_name_what_was_refused() {
        let refused = [
            problem_in_words::<IntentRef>(),
            problem_in_words::<RefundRef>(),
            problem_in_words::<WebhookId>(),
            problem_in_words::<GatewayName>(),
        ];
        let kinds = ["intent", "refund reference", "webhook id", "gateway name"];
        assert_eq!(refused, kinds.map(|kind| format!("{kind} must not be empty")));
    }

    fn problem_in_words<T: FromStr<Err = InvalidText> + Debug>() -> String {
        T::from_str("").unwrap_err().to_string()
    }

    /// A name goes to the gateway and into the storage as it came, and reads back the same.
    fn check_unchanged<T>(text: &str) -> Result<(), TestCaseError>
    where
        T: FromStr<Err = InvalidText> + Display + Debug + PartialEq + Serialize + DeserializeOwned,
    {
        let Ok(name) = text.parse::<T>() else {
            return Ok(());
        };
        prop_assert_eq!(name.to_string(), text);
        let json = serde_json::to_string(&name).unwrap();
        prop_assert_eq!(serde_json::from_str::<T>(&json).unwrap(), name);
        Ok(())
    }

    proptest! {
        #[test]
        fn what_is_accepted_is_kept_as_it_came(text in "[!-~]{1,40}|[a-z0-9-]{1,32}|.{0,3}") {
            check_unchanged::<IntentRef>(&text)?;
            check_unchanged::<RefundRef>(&text)?;
            check_unchanged::<WebhookId>(&text)?;
            check_unchanged::<GatewayName>(&text)?;
        }
    }
}
