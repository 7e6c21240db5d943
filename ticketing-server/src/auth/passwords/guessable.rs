//! Passwords that are among the first that anybody would try.
//!
//! [`zxcvbn`] estimates how many guesses a password takes of somebody who knows what people choose: its
//! list has 30,000 passwords, 11,000 of them long enough for an account here, then names and words, what
//! is near on a keyboard, repetitions, rows, dates, and all of these behind one another or spelled with
//! signs.

use crate::auth::email::Email;

/// A password that takes fewer guesses is refused. Every entry of the lists takes fewer. At the rate
/// at which an account may be tried, so many take a year.
const GUESSES_MIN: u64 = 1_000_000;

/// Longer texts are estimated by their beginning: what begins with so many characters that nobody
/// would guess is not guessed. The longest entry of the lists has 23. An estimate takes a tenth of a
/// millisecond; of so many signs and digits that stand for letters, as long as a hash, and of many more
/// it would take seconds.
const LONGEST: usize = 24;

/// Whether a password is among the first that anybody would try for the account of that address.
pub(super) fn is_guessable(password: &str, email: Option<&Email>) -> bool {
    // In capitals or not is the next thing that is tried.
    let beginning: String = password.to_lowercase().chars().take(LONGEST).collect();
    let own: Vec<&str> = email.map(own_words).unwrap_or_default();
    zxcvbn::zxcvbn(&beginning, &own).guesses() < GUESSES_MIN
}

/// What an account's own address has in it.
fn own_words(email: &Email) -> Vec<&str> {
    std::iter::once(email.key()).chain(email.key().split('@')).collect()
}
