//! `/sell`: a new listing.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::terms::{Sent, Terms};
use crate::http::detached::detached;
use crate::http::error::ApiError;
use crate::http::extract::Command;
use crate::web::Web;
use crate::web::answer::{self, on_to, page};
use crate::web::done::Done;
use crate::web::forms::{Form, Refused, Wrong, fresh_key, under_key};
use crate::web::frame::Frame;
use crate::web::texts::fill;
use crate::web::visitor::Member;

#[derive(Debug, Template)]
#[template(path = "sell.html")]
struct Sell {
    frame: Frame,
    terms: Terms,
    wrong: Wrong,
    starts_at: String,
    key: String,
}

pub(in crate::web) async fn show(_: Member, frame: Frame) -> Result<Response, ApiError> {
    page(StatusCode::OK, &Sell::new(frame, Terms::default(), Wrong::default()))
}

pub(in crate::web) async fn list(
    State(web): State<Web>,
    Member(seller): Member,
    frame: Frame,
    command: Command,
    Form(sent): Form<Sent>,
) -> Result<Response, ApiError> {
    let terms = sent.over(Terms::default());
    let listed = match terms.new_ticket() {
        Ok(new) => {
            let tickets = web.engine.caller(under_key(command, &terms.key)?).tickets();
            detached(async move { tickets.list_for_sale(seller.user, new).await }).await
        }
        Err(problems) => Err(problems),
    };
    match listed {
        Ok(ticket) => Ok(on_to(&Done::Listed.at(&format!("/tickets/{}", ticket.id)))),
        Err(error) => {
            let refused = Refused::by(error, frame.t)?;
            let sell = Sell::new(refused.frame(frame), terms, refused.wrong.clone());
            answer::refused(&refused, &sell)
        }
    }
}

impl Sell {
    fn new(frame: Frame, terms: Terms, wrong: Wrong) -> Self {
        let starts_at = fill(frame.t.starts_at, "zone", &terms.zone);
        Self { frame, terms, wrong, starts_at, key: fresh_key() }
    }
}
