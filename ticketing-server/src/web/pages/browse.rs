//! `/`: what is on sale.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
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
    cards: Vec<Card>,
    more: Option<String>,
    nothing_found: Option<String>,
}

pub(in crate::web) async fn show(
    State(web): State<Web>,
    frame: Frame,
    Parameters(search): Parameters<Search>,
) -> Result<Response, ApiError> {
    let q: String = search.q.trim().chars().take(LONGEST_SEARCH).collect();
    let found = web.engine.tickets().search(&query(&q, &search.cursor)).await?;
    let now = web.engine.now();
    let page = Browse {
        cards: found.items.iter().map(|listing| Card::new(&frame, listing, now)).collect(),
        more: found.next.map(|next| address_of(&q, next)),
        nothing_found: given(&q).map(|words| fill(frame.t.nothing_found, "words", words)),
        q,
        frame,
    };
    shared(&page.frame, &page)
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
