//! Idempotency keys.

use std::collections::BTreeMap;

use crate::answer::{Answer, Failure};
use crate::form::Form;

/// What was sent under which key, and what it was answered with.
#[derive(Debug, Default)]
pub(crate) struct Keys(BTreeMap<String, Used>);

#[derive(Debug)]
struct Used {
    path: String,
    form: Form,
    /// Nothing while the first call runs.
    answer: Option<Answer>,
}

impl Keys {
    /// Begins a call; answers it at once if it was answered before.
    pub(crate) fn begin(
        &mut self,
        key: &str,
        path: &str,
        form: &Form,
    ) -> Result<Option<Answer>, Failure> {
        let Some(used) = self.0.get(key) else {
            let used = Used { path: path.to_owned(), form: form.clone(), answer: None };
            self.0.insert(key.to_owned(), used);
            return Ok(None);
        };
        if used.path != path || used.form != *form {
            return Err(Failure::other_parameters(key));
        }
        used.answer.clone().map(Some).ok_or_else(Failure::key_in_use)
    }

    /// Notes how it ended.
    pub(crate) fn end(&mut self, key: &str, answer: Answer) {
        if let Some(used) = self.0.get_mut(key) {
            used.answer = Some(answer);
        }
    }

    /// Forgets a call that was not begun in earnest.
    pub(crate) fn forget(&mut self, key: &str) {
        self.0.remove(key);
    }

    /// As after a day.
    pub(crate) fn prune(&mut self) {
        self.0.clear();
    }
}
