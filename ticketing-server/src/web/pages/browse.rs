//! `/`: what is on sale.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use ticketing_core::ListingView;
use ticketing_core::ports::ListingQuery;
use ticketing_core::values::{Cursor, Page};

use crate::http::error::ApiError;
use crate::http::extract::Parameters;
use crate::web::Web;
use crate::web::answer::shared;
use crate::web::cards::Card;
use crate::web::forms::given;
use crate::web::frame::Frame;
use crate::web::texts::fill;

/// The longest search that makes sense: a title.
const LONGEST_SEARCH: usize = 200;

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(in crate::web) struct Search {
    q: String,
    cursor: String,
}

#[derive(Debug, Template)]
#[template(path = "browse.html")]
struct Browse {
    frame: Frame,
    q: String,
    /// Whether the cards begin with the newest listing of all, whatever it is.
    is_newest: bool,
    cards: Vec<Card>,
    /// What can't be bought because others were faster, at the end.
    gone: Vec<Card>,
    more: Option<String>,
    nothing_found: Option<String>,
}

pub(in crate::web) async fn show(
    State(web): State<Web>,
    frame: Frame,
    Parameters(search): Parameters<Search>,
) -> Result<Response, ApiError> {
    let q: String = search.q.trim().chars().take(LONGEST_SEARCH).collect();
    let asked = query(&q, &search.cursor);
    let found = web.engine.tickets().search(&asked).await?;
    let now = web.engine.now();
    let gone = if found.next.is_none() { gone(&web, &q).await? } else { Vec::new() };
    let shown = |listing| Card::new(&frame, listing, now);
    let page = Browse {
        is_newest: q.is_empty() && asked.page.after.is_none(),
        cards: found.items.iter().map(shown).collect(),
        gone: gone.iter().map(shown).filter(|card| card.left.is_taken).collect(),
        more: found.next.map(|next| address_of(&q, next)),
        nothing_found: given(&q).map(|words| fill(frame.t.nothing_found, "words", words)),
        q,
        frame,
    };
    shared(&page.frame, &page)
}

/// Those that can't be bought of the newest listings: where the list ends, visitors see what they
/// have missed. Older ones are left out, so that a page costs no more the more was ever listed.
async fn gone(web: &Web, words: &str) -> Result<Vec<ListingView>, ApiError> {
    let newest = ListingQuery { all: true, ..query(words, "") };
    let mut found = web.engine.tickets().search(&newest).await?.items;
    found.retain(|listing| listing.inventory.available == 0);
    Ok(found)
}

/// A cursor of a foreign shape begins at the beginning.
fn query(words: &str, cursor: &str) -> ListingQuery {
    let words = words.split_whitespace().map(str::to_owned).collect();
    let page = Page { after: cursor.parse().ok(), ..Page::default() };
    ListingQuery { words, page, ..ListingQuery::default() }
}

fn address_of(words: &str, cursor: Cursor) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    if !words.is_empty() {
        query.append_pair("q", words);
    }
    format!("/?{}", query.append_pair("cursor", &cursor.to_string()).finish())
}
