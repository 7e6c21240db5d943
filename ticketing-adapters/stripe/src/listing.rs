//! Stripe's list, turned round: it has the newest first, the port wants the oldest.
//!
//! The page right before a cursor, in Stripe's order, holds the next newer ones. So a walk from the
//! oldest on begins at the newest intent that is too old. Where there is none, the account is
//! younger than what is asked for, and its oldest page is found from the other end.

use ticketing_core::ports::{GatewayError, GatewayErrorKind, IntentPage};
use ticketing_core::values::{IntentRef, Timestamp};

use crate::answers::{Intent, Page};
use crate::calls::{self, Cursor};
use crate::gateway::{StripeGateway, is_name, refused, unreadable};

const LIST: &str = "list";
/// As many as Stripe gives at once.
const PAGE: i64 = 100;
/// The most pages that are walked to find the oldest: more is no new account.
const PAGES_MAX: usize = 1000;

impl StripeGateway {
    pub(crate) async fn page_since(
        &self,
        since: Timestamp,
        after: Option<IntentRef>,
    ) -> Result<IntentPage, GatewayError> {
        // Stripe counts in seconds.
        let second = since.as_micros().div_euclid(1_000_000);
        let from = match after {
            Some(after) if is_name(after.as_str()) => Some(after.as_str().to_owned()),
            Some(_) => return Err(GatewayError::new(GatewayErrorKind::Refused, LIST)),
            None => self.newest_before(second).await?,
        };
        let (page, newer) = match &from {
            Some(from) => {
                let page = self.page(second, Some(Cursor::Newer(from))).await?;
                let newer = page.has_more;
                (page, newer)
            }
            None => self.oldest_page(second).await?,
        };
        turned_round(page, newer)
    }

    async fn newest_before(&self, second: i64) -> Result<Option<String>, GatewayError> {
        let page = self.listed(calls::newest_before(second)).await?;
        Ok(page.data.into_iter().next().map(|intent| intent.id))
    }

    /// The last page, and whether there were others before it.
    async fn oldest_page(&self, second: i64) -> Result<(Page, bool), GatewayError> {
        let mut page = self.page(second, None).await?;
        for walked in 0..PAGES_MAX {
            let last = page.data.last().map(|intent| intent.id.clone());
            match last.filter(|_| page.has_more) {
                Some(last) => page = self.page(second, Some(Cursor::Older(&last))).await?,
                None => return Ok((page, walked > 0)),
            }
        }
        Err(unreadable(LIST, "the list does not end"))
    }

    async fn page(&self, second: i64, at: Option<Cursor<'_>>) -> Result<Page, GatewayError> {
        self.listed(calls::page(second, at, PAGE)).await
    }

    async fn listed(&self, call: stripe_client_core::RequestBuilder) -> Result<Page, GatewayError> {
        self.ask::<Page>(LIST, call, None).await?.map_err(|refusal| refused(LIST, refusal))
    }
}

/// The oldest first, and without what no engine of ours opened.
fn turned_round(mut page: Page, newer: bool) -> Result<IntentPage, GatewayError> {
    page.data.reverse();
    let last = page.data.last().filter(|_| newer);
    let next = last.map(Intent::reference).transpose().map_err(|odd| unreadable(LIST, odd))?;
    let ours = page.data.iter().filter(|intent| intent.is_of_a_store());
    // One that can't be read must not hide the others. Who asked looks it up by its name.
    let read = ours.filter_map(|intent| match intent.found() {
        Ok(found) => Some(found),
        Err(odd) => {
            tracing::warn!(intent = %intent.id, odd = %odd, "an intent of the list can't be read");
            None
        }
    });
    Ok(IntentPage { intents: read.collect(), next })
}
