//! `/orders`: everything that the visitor ordered, newest first.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use ticketing_core::domain::view::OrderView;
use ticketing_core::ports::OrderDirection;
use ticketing_core::values::{Cursor, Page};

use crate::http::error::ApiError;
use crate::http::extract::Parameters;
use crate::web::Web;
use crate::web::answer::page;
use crate::web::chips::{Chip, chip};
use crate::web::format::{Moment, money};
use crate::web::frame::Frame;
use crate::web::visitor::Member;

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(in crate::web) struct From {
    cursor: String,
}

#[derive(Debug, Template)]
#[template(path = "orders.html")]
struct Orders {
    frame: Frame,
    rows: Vec<Row>,
    more: Option<Cursor>,
}

#[derive(Debug)]
struct Row {
    id: String,
    title: String,
    units: u32,
    others: usize,
    total: String,
    ordered_at: Moment,
    chip: Chip,
}

pub(in crate::web) async fn show(
    State(web): State<Web>,
    Member(buyer): Member,
    frame: Frame,
    Parameters(from): Parameters<From>,
) -> Result<Response, ApiError> {
    let place = Page { after: from.cursor.parse().ok(), ..Page::default() };
    let found = web.engine.orders().list(&buyer.user, OrderDirection::NewestFirst, place).await?;
    let rows = found.items.iter().map(|order| Row::new(&frame, order)).collect();
    page(StatusCode::OK, &Orders { rows, more: found.next, frame })
}

impl Row {
    fn new(frame: &Frame, order: &OrderView) -> Self {
        let first = order.lines.first();
        Self {
            id: order.id.to_string(),
            title: first.map(|line| line.title.to_string()).unwrap_or_default(),
            units: first.map_or(0, |line| line.quantity.get()),
            others: order.lines.len().saturating_sub(1),
            total: money(frame.language, order.total),
            ordered_at: Moment::of(frame.language, order.created_at),
            chip: chip(frame.t, order),
        }
    }
}
