//! Everything that the pages say. A language is one value of [`Texts`]: the compiler asks for
//! whatever is missing in it. What stands in braces is [filled in](fill) by the page, or by its script.

use std::fmt;

mod english;
mod german;

pub(super) use english::ENGLISH;
pub(super) use german::GERMAN;

/// What the pages say in one language.
#[derive(Debug)]
pub(super) struct Texts {
    // Every page.
    pub(super) shop: &'static str,
    pub(super) to_content: &'static str,
    pub(super) navigation: &'static str,
    pub(super) browse: &'static str,
    pub(super) my_orders: &'static str,
    pub(super) my_listings: &'static str,
    pub(super) sell: &'static str,
    pub(super) account: &'static str,
    pub(super) sign_in: &'static str,
    pub(super) sign_up: &'static str,
    pub(super) sign_out: &'static str,
    pub(super) sandbox: &'static str,
    pub(super) api: &'static str,

    // Browsing.
    pub(super) browse_title: &'static str,
    pub(super) search: &'static str,
    pub(super) search_hint: &'static str,
    pub(super) more: &'static str,
    pub(super) gone: &'static str,
    pub(super) nothing_on_sale: &'static str,
    pub(super) nothing_on_sale_next: &'static str,
    pub(super) nothing_found: &'static str,
    pub(super) show_all: &'static str,

    // What is left.
    pub(super) left_one: &'static str,
    pub(super) left_many: &'static str,
    pub(super) sold_out: &'static str,
    pub(super) all_held: &'static str,
    pub(super) withdrawn: &'static str,
    pub(super) not_open_yet: &'static str,
    pub(super) sale_over: &'static str,
    pub(super) meter: &'static str,
    pub(super) connection_lost: &'static str,
    pub(super) last_seen: &'static str,

    // A ticket.
    pub(super) when: &'static str,
    pub(super) place: &'static str,
    pub(super) sale_opens: &'static str,
    pub(super) quantity: &'static str,
    pub(super) at_most_per_order: &'static str,
    pub(super) at_most_per_buyer: &'static str,
    pub(super) reserve: &'static str,
    pub(super) reserve_hint: &'static str,
    pub(super) sign_in_to_reserve: &'static str,
    pub(super) each: &'static str,
    pub(super) yours: &'static str,
    pub(super) look_at_others: &'static str,

    // An order.
    pub(super) order: &'static str,
    pub(super) time_left: &'static str,
    pub(super) time_left_until: &'static str,
    pub(super) minutes: &'static str,
    pub(super) seconds: &'static str,
    pub(super) last_minute: &'static str,
    pub(super) last_seconds: &'static str,
    pub(super) total: &'static str,
    pub(super) pay: &'static str,
    pub(super) test_card: &'static str,
    pub(super) test_card_hint: &'static str,
    pub(super) card_works: &'static str,
    pub(super) card_declined: &'static str,
    pub(super) card_no_funds: &'static str,
    pub(super) card_expired: &'static str,
    pub(super) card_token: &'static str,
    pub(super) card_form_failed: &'static str,
    pub(super) card_needs_script: &'static str,
    pub(super) cancel_order: &'static str,
    pub(super) more_time: &'static str,
    pub(super) paying: &'static str,
    pub(super) paying_hint: &'static str,
    pub(super) complete: &'static str,
    pub(super) complete_hint: &'static str,
    pub(super) what_now: &'static str,
    pub(super) expired: &'static str,
    pub(super) expired_hint: &'static str,
    pub(super) cancelled_by_you: &'static str,
    pub(super) cancelled_by_seller: &'static str,
    pub(super) cancelled_by_payment: &'static str,
    pub(super) nothing_charged: &'static str,
    pub(super) being_cancelled: &'static str,
    pub(super) refunded: &'static str,
    pub(super) refunded_hint: &'static str,
    pub(super) refunded_part: &'static str,
    pub(super) try_again: &'static str,
    pub(super) ordered_at: &'static str,
    pub(super) returned: &'static str,

    // Orders in a list.
    pub(super) more_orders: &'static str,
    pub(super) no_orders: &'static str,
    pub(super) no_orders_next: &'static str,
    pub(super) chip_reserved: &'static str,
    pub(super) chip_paying: &'static str,
    pub(super) chip_complete: &'static str,
    pub(super) chip_cancelled: &'static str,
    pub(super) chip_expired: &'static str,
    pub(super) chip_refunded: &'static str,

    // Selling.
    pub(super) sell_title: &'static str,
    pub(super) edit_title: &'static str,
    pub(super) title: &'static str,
    pub(super) price: &'static str,
    pub(super) currency: &'static str,
    pub(super) units: &'static str,
    pub(super) description: &'static str,
    pub(super) venue: &'static str,
    pub(super) starts_at: &'static str,
    pub(super) max_per_order: &'static str,
    pub(super) max_per_buyer: &'static str,
    pub(super) optional: &'static str,
    pub(super) put_on_sale: &'static str,
    pub(super) save: &'static str,
    pub(super) withdraw: &'static str,
    pub(super) withdraw_hint: &'static str,
    pub(super) withdraw_holds: &'static str,
    pub(super) locked: &'static str,
    pub(super) takings: &'static str,
    pub(super) no_listings: &'static str,
    pub(super) edit: &'static str,
    pub(super) view: &'static str,

    // Accounts.
    pub(super) email: &'static str,
    pub(super) password: &'static str,
    pub(super) password_rule: &'static str,
    pub(super) current_password: &'static str,
    pub(super) new_password: &'static str,
    pub(super) new_email: &'static str,
    pub(super) no_account_yet: &'static str,
    pub(super) have_account: &'static str,
    pub(super) change_email: &'static str,
    pub(super) change_password: &'static str,
    pub(super) sessions: &'static str,
    pub(super) this_session: &'static str,
    pub(super) unknown_device: &'static str,
    pub(super) last_used: &'static str,
    pub(super) end_session: &'static str,
    pub(super) end_others: &'static str,
    pub(super) export: &'static str,
    pub(super) export_hint: &'static str,
    pub(super) delete_account: &'static str,
    pub(super) delete_hint: &'static str,

    // What was done.
    pub(super) done_cancelled: &'static str,
    pub(super) done_listed: &'static str,
    pub(super) done_saved: &'static str,
    pub(super) done_withdrawn: &'static str,
    pub(super) done_email: &'static str,
    pub(super) done_password: &'static str,
    pub(super) done_session: &'static str,
    pub(super) done_signed_out: &'static str,
    pub(super) done_deleted: &'static str,
    pub(super) done_extended: &'static str,

    // What went wrong.
    pub(super) look_at_fields: &'static str,
    pub(super) not_found: &'static str,
    pub(super) not_found_hint: &'static str,
    pub(super) failed: &'static str,
    pub(super) failed_hint: &'static str,
    pub(super) busy: &'static str,
    pub(super) busy_hint: &'static str,
    pub(super) away: &'static str,
    pub(super) not_answered: &'static str,
    pub(super) not_answered_hint: &'static str,
    pub(super) back_to_form: &'static str,
    pub(super) refused: &'static str,
    /// What a refusal's stable word means, where the language has a sentence of its own for it.
    pub(super) problem: fn(&str) -> Option<&'static str>,
}

impl Texts {
    /// How many units are left of a listing.
    pub(super) fn left(&self, units: u32) -> String {
        if units == 1 { self.left_one.to_owned() } else { fill(self.left_many, "n", units) }
    }

    /// The sentence for a refusal: the language's own, or the one that came with it.
    pub(super) fn refusal(&self, code: &str, message: &str) -> String {
        (self.problem)(code).unwrap_or(message).to_owned()
    }
}

/// The text with a value in the place of `{name}`.
pub(super) fn fill(text: &str, name: &str, value: impl fmt::Display) -> String {
    text.replace(&format!("{{{name}}}"), &value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_fills_in_what_the_pages_give_it() {
        for texts in [&ENGLISH, &GERMAN] {
            assert_ne!(texts.left(1), texts.left(2));
            assert!(texts.left(12).contains("12"));
            for (text, names) in [
                (texts.meter, &["sold", "held", "free"][..]),
                (texts.busy_hint, &["n"]),
                (texts.last_seen, &["n"]),
                (texts.pay, &["amount"]),
                (texts.refunded_part, &["amount"]),
                (texts.failed_hint, &["id"]),
                (texts.nothing_found, &["words"]),
                (texts.starts_at, &["zone"]),
                (texts.returned, &["n"]),
                (texts.at_most_per_order, &["n"]),
                (texts.at_most_per_buyer, &["n"]),
            ] {
                let filled = names.iter().fold(text.to_owned(), |text, name| fill(&text, name, 7));
                assert!(!filled.contains('{') && filled.contains('7'), "{text}");
            }
        }
    }

    #[test]
    fn german_has_a_sentence_for_what_buyers_meet_most() {
        for code in ["sold_out", "card_declined", "required", "invalid_credentials", "email_in_use"]
        {
            assert_ne!(GERMAN.refusal(code, "?"), "?", "{code}");
        }
        assert_eq!(GERMAN.refusal("no_such_word", "As it came"), "As it came");
    }
}
