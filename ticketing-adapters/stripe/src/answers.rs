//! Answers of Stripe, as far as they are read. What is not named here is not looked at.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

/// An intent.
#[derive(Deserialize)]
pub(crate) struct Intent {
    pub(crate) id: String,
    pub(crate) status: String,
    pub(crate) amount: i64,
    #[serde(default)]
    pub(crate) amount_capturable: Option<i64>,
    #[serde(default)]
    pub(crate) amount_received: Option<i64>,
    pub(crate) currency: String,
    #[serde(default)]
    pub(crate) client_secret: Option<String>,
    pub(crate) created: i64,
    #[serde(default)]
    pub(crate) metadata: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) last_payment_error: Option<Failure>,
    #[serde(default)]
    pub(crate) latest_charge: Option<Expandable>,
}

/// Why a card was not charged.
#[derive(Debug, Deserialize)]
pub(crate) struct Failure {
    #[serde(default)]
    pub(crate) code: Option<String>,
    #[serde(default)]
    pub(crate) decline_code: Option<String>,
}

/// A charge, or its name alone.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Expandable {
    Whole(Charge),
    Named(serde::de::IgnoredAny),
}

/// What a card agreed to.
#[derive(Debug, Deserialize)]
pub(crate) struct Charge {
    pub(crate) amount_refunded: i64,
}

/// A page of a list.
#[derive(Deserialize)]
pub(crate) struct Page {
    pub(crate) data: Vec<Intent>,
    pub(crate) has_more: bool,
}

/// A refund.
#[derive(Debug, Deserialize)]
pub(crate) struct Refund {
    pub(crate) id: String,
    /// Nothing, for some that can't be carried out.
    #[serde(default)]
    pub(crate) status: Option<String>,
}

/// A payment method.
#[derive(Deserialize)]
pub(crate) struct Method {
    pub(crate) id: String,
}

/// What Stripe says when it refuses. Its message is not read: it can repeat what was sent.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    kind: Option<String>,
    code: Option<String>,
    decline_code: Option<String>,
}

#[derive(Deserialize)]
struct Body {
    error: Told,
}

#[derive(Deserialize)]
struct Told {
    #[serde(default, rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    decline_code: Option<String>,
}

impl Refusal {
    /// What Stripe refuses with; nothing if the body is none of Stripe's.
    pub(crate) fn read(status: u16, body: &[u8]) -> Option<Self> {
        let told = serde_json::from_slice::<Body>(body).ok()?.error;
        told.kind.as_ref()?;
        let word = |word: Option<String>| word.filter(|word| is_word(word));
        Some(Self {
            status,
            kind: word(told.kind),
            code: word(told.code),
            decline_code: word(told.decline_code),
        })
    }

    /// The card was not charged; the intent tells why.
    pub(crate) fn is_decline(&self) -> bool {
        self.status == 402 || self.kind.as_deref() == Some("card_error")
    }

    /// Why the card was not charged.
    pub(crate) fn failure(&self) -> Failure {
        Failure { code: self.code.clone(), decline_code: self.decline_code.clone() }
    }

    /// The intent is not in a state for that; it tells in which it is.
    pub(crate) fn is_about_the_state(&self) -> bool {
        self.code.as_deref() == Some("payment_intent_unexpected_state")
    }

    /// There is no such thing.
    pub(crate) fn is_missing(&self) -> bool {
        self.code.as_deref() == Some("resource_missing")
    }

    /// Our keys or our account are refused, whatever is asked.
    pub(crate) fn is_about_the_account(&self) -> bool {
        let codes = [
            "account_closed",
            "account_invalid",
            "api_key_expired",
            "livemode_mismatch",
            "platform_api_key_expired",
            "platform_account_required",
            "secret_key_required",
            "testmode_charges_only",
            "tls_version_unsupported",
        ];
        let told = self.code.as_deref().is_some_and(|code| codes.contains(&code));
        matches!(self.status, 401 | 403) || told
    }
}

/// A word of Stripe's, and nothing that was sent to it.
fn is_word(word: &str) -> bool {
    word.len() <= 64
        && word
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b'_' || byte.is_ascii_digit())
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Stripe answered {}", self.status)?;
        let words = [&self.kind, &self.code, &self.decline_code];
        for word in words.into_iter().flatten() {
            write!(f, " {word}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Refusal {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_stripe_refuses() {
        let missing = br#"{"error":{"type":"invalid_request_error","code":"resource_missing"}}"#;
        assert!(Refusal::read(404, missing).unwrap().is_missing());
        let other = br#"{"error":{"type":"invalid_request_error"}}"#;
        assert!(
            !Refusal::read(404, other).unwrap().is_missing(),
            "such as a route that is not there"
        );
        for somebody in
            [&b"<html>404</html>"[..], b"", b"{}", br#"{"error":"no"}"#, br#"{"error":{}}"#]
        {
            assert!(Refusal::read(404, somebody).is_none());
        }
    }
}
