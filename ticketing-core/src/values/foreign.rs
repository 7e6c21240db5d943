//! Names that a payment gateway gives to things: kept, compared, never looked into.

use crate::values::text::{Rule, Text, checked_text};

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
    ///
    /// An adapter writes its own name down as a constant:
    ///
    /// ```
    /// use ticketing_core::values::GatewayName;
    ///
    /// const NAME: GatewayName = GatewayName::from_static("sandbox");
    /// assert_eq!(GatewayName::new("sandbox"), Ok(NAME));
    /// ```
    GatewayName,
    Rule {
        what: "gateway name",
        may_be_empty: false,
        max: GATEWAY_NAME_MAX,
        measure: str::len,
        allows: |c| u8::try_from(c).is_ok_and(in_gateway_name),
    },
    std::convert::identity::<&str>
}

const GATEWAY_NAME_MAX: usize = 32;

const fn in_gateway_name(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'
}

impl GatewayName {
    /// A name that stands in the program.
    ///
    /// # Panics
    /// If the name is not allowed; where a constant is made of it, the program does not compile.
    pub const fn from_static(name: &'static str) -> Self {
        let mut rest = name.as_bytes();
        assert!(!rest.is_empty() && rest.len() <= GATEWAY_NAME_MAX, "1 to 32 characters");
        while let [byte, following @ ..] = rest {
            assert!(in_gateway_name(*byte), "small letters, digits and hyphens");
            rest = following;
        }
        Self(Text::fixed(name))
    }
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;
    use std::collections::BTreeSet;
    use std::fmt::{Debug, Display};
    use std::panic::catch_unwind;
    use std::str::FromStr;

    use proptest::prelude::*;
    use serde::Serialize;
    use serde::de::DeserializeOwned;

    use super::*;
    use crate::values::{InvalidText, TextProblem};

    const SANDBOX: GatewayName = GatewayName::from_static("sandbox");
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

    #[test]
    fn a_name_in_the_program_is_the_name_from_elsewhere() {
        let read: GatewayName = serde_json::from_str("\"sandbox\"").unwrap();
        assert_eq!(SANDBOX, read);
        assert_eq!(BTreeSet::from([SANDBOX, read.clone()]).len(), 1);
        assert_eq!((SANDBOX.as_str(), SANDBOX.to_string()), (read.as_str(), read.to_string()));
        assert_eq!(format!("{SANDBOX:?}"), format!("{read:?}"));
        let later = GatewayName::new("stripe").unwrap();
        assert_eq!(SANDBOX.cmp(&later), Ordering::Less);
    }

    #[test]
    fn both_ways_to_a_name_allow_the_same() {
        const LONGEST: &str = "abcdefghijklmnopqrstuvwxyz-01234";
        let names = [
            "a",
            "stripe-2",
            LONGEST,
            "",
            "Stripe",
            "a b",
            "a_b",
            " a",
            "\0",
            "\u{fc}",
            "a\u{1f600}",
        ];
        for name in names {
            let fixed = catch_unwind(|| GatewayName::from_static(name)).ok();
            assert_eq!(fixed, GatewayName::new(name).ok(), "{name:?}");
        }
        let too_long: &'static str = concat!("abcdefghijklmnopqrstuvwxyz-01234", "5");
        assert!(catch_unwind(|| GatewayName::from_static(too_long)).is_err());
        assert!(GatewayName::new(too_long).is_err());
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
