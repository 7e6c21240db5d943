//! What a call is answered with.

use serde_json::{Value, json};

/// An answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

/// A call that failed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Failure {
    pub(crate) answer: Answer,
    /// Whether the call had begun to be executed, and its key repeats the answer.
    pub(crate) began: bool,
}

impl Answer {
    pub(crate) fn ok(body: Value) -> Self {
        Self { status: 200, body }
    }

    /// The answer of a Stripe that failed.
    pub(crate) fn server_error() -> Self {
        let error = json!({ "type": "api_error", "message": "An unknown error occurred" });
        Self { status: 500, body: json!({ "error": error }) }
    }

    pub(crate) fn too_many() -> Self {
        let error = json!({
            "type": "invalid_request_error", "code": "rate_limit",
            "message": "Too many requests hit the API too quickly.",
        });
        Self { status: 429, body: json!({ "error": error }) }
    }

    pub(crate) fn no_such_key() -> Self {
        let error =
            json!({ "type": "invalid_request_error", "message": "Invalid API Key provided" });
        Self { status: 401, body: json!({ "error": error }) }
    }
}

impl Failure {
    fn new(status: u16, error: &Value, began: bool) -> Self {
        Self { answer: Answer { status, body: json!({ "error": error }) }, began }
    }

    pub(crate) fn invalid(message: &str, param: &str) -> Self {
        let error = json!({ "type": "invalid_request_error", "message": message, "param": param });
        Self::new(400, &error, false)
    }

    pub(crate) fn coded(code: &str, message: &str, param: &str) -> Self {
        let error = json!({
            "type": "invalid_request_error", "code": code, "message": message, "param": param,
        });
        Self::new(400, &error, false)
    }

    pub(crate) fn missing(message: impl Into<String>, param: &str) -> Self {
        Self::coded("parameter_missing", &message.into(), param)
    }

    pub(crate) fn unknown(param: &str) -> Self {
        let message = format!("Received unknown parameter: {param}");
        Self::coded("parameter_unknown", &message, param)
    }

    pub(crate) fn no_such(what: &str, id: &str) -> Self {
        let error = json!({
            "type": "invalid_request_error", "code": "resource_missing",
            "message": format!("No such {what}: '{id}'"), "param": "id",
        });
        Self::new(404, &error, false)
    }

    /// The intent is not in a state that allows it.
    pub(crate) fn unexpected_state(message: &str, intent: &Value) -> Self {
        let error = json!({
            "type": "invalid_request_error", "code": "payment_intent_unexpected_state",
            "message": message, "payment_intent": intent,
        });
        Self::new(400, &error, true)
    }

    pub(crate) fn declined(code: &str, decline_code: Option<&str>, intent: &Value) -> Self {
        let error = json!({
            "type": "card_error", "code": code, "decline_code": decline_code,
            "message": "Your card was declined.", "payment_intent": intent,
        });
        Self::new(402, &error, true)
    }

    /// A refund that can't be.
    pub(crate) fn not_refundable(code: Option<&str>, message: &str) -> Self {
        let error = json!({ "type": "invalid_request_error", "code": code, "message": message });
        Self::new(400, &error, true)
    }

    pub(crate) fn other_parameters(key: &str) -> Self {
        let message = format!(
            "Keys for idempotent requests can only be used with the same parameters they were \
             first used with. Try using a key other than '{key}'."
        );
        Self::new(400, &json!({ "type": "idempotency_error", "message": message }), false)
    }

    pub(crate) fn key_in_use() -> Self {
        let error = json!({
            "type": "idempotency_error", "code": "idempotency_key_in_use",
            "message": "There is currently another in-progress request using this key.",
        });
        Self::new(409, &error, false)
    }
}
