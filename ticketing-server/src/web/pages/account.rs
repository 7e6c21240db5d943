//! `/account`: the visitor's e-mail address, password, sessions and data.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use secrecy::SecretString;
use serde::Deserialize;

use super::entrance::{email_of, with_cookie};
use crate::auth::{Recognised, Session, SessionId, SignedInNow};
use crate::http::detached::detached;
use crate::http::error::ApiError;
use crate::http::extract::{PathId, Problems};
use crate::http::users::caller::Visitor;
use crate::http::users::cookie as session_cookie;
use crate::web::Web;
use crate::web::answer::{self, on_to, page};
use crate::web::done::Done;
use crate::web::format::Moment;
use crate::web::forms::{Form, Refused, Wrong};
use crate::web::frame::Frame;
use crate::web::visitor::Member;

#[derive(Debug, Template)]
#[template(path = "account.html")]
struct Account {
    frame: Frame,
    email: String,
    sessions: Vec<Place>,
    has_others: bool,
    /// Which of the forms was refused, and why.
    refused: Option<&'static str>,
    wrong: Wrong,
    typed: String,
}

/// Where the visitor is signed in.
#[derive(Debug)]
struct Place {
    id: String,
    name: String,
    last_seen: Moment,
    is_this: bool,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub(in crate::web) struct NewEmail {
    email: String,
    password: SecretString,
}

impl Default for NewEmail {
    fn default() -> Self {
        Self { email: String::new(), password: SecretString::from(String::new()) }
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub(in crate::web) struct NewPassword {
    current_password: SecretString,
    new_password: SecretString,
}

impl Default for NewPassword {
    fn default() -> Self {
        let nothing = || SecretString::from(String::new());
        Self { current_password: nothing(), new_password: nothing() }
    }
}

#[derive(Debug, Clone, Deserialize)]
pub(in crate::web) struct Leaving {
    password: SecretString,
}

const EMAIL: &str = "email";
const PASSWORD: &str = "password";
const LEAVING: &str = "leaving";

pub(in crate::web) async fn show(
    State(web): State<Web>,
    Member(member): Member,
    frame: Frame,
) -> Result<Response, ApiError> {
    page(StatusCode::OK, &Account::new(&web, frame, &member).await?)
}

/// Back from the address of a form, which a page that it was refused with has.
pub(in crate::web) async fn back() -> Response {
    on_to("/account")
}

pub(in crate::web) async fn change_email(
    State(web): State<Web>,
    Member(member): Member,
    frame: Frame,
    Visitor(visit): Visitor,
    Form(sent): Form<NewEmail>,
) -> Result<Response, ApiError> {
    let mut problems = Problems::default();
    let email = email_of(&sent.email, &mut problems);
    let changed = match problems.unless_any(email) {
        Ok(email) => {
            let (accounts, who) = (web.accounts.clone(), member.clone());
            let password = sent.password;
            let change =
                async move { accounts.change_email(&who, email, password, visit.user_agent).await };
            detached(change).await
        }
        Err(problems) => Err(problems),
    };
    match changed {
        Ok(now) => renewed(&web, &now, Done::Email),
        Err(error) => show_refused(&web, frame, &member, error, EMAIL, sent.email).await,
    }
}

pub(in crate::web) async fn change_password(
    State(web): State<Web>,
    Member(member): Member,
    frame: Frame,
    Visitor(visit): Visitor,
    Form(sent): Form<NewPassword>,
) -> Result<Response, ApiError> {
    let email = member.email.parse().ok();
    let accepted = web.accounts.accept(sent.new_password, email.as_ref());
    let changed = match accepted {
        Ok(new) => {
            let (accounts, who) = (web.accounts.clone(), member.clone());
            let current = sent.current_password;
            let change =
                async move { accounts.change_password(&who, current, new, visit.user_agent).await };
            detached(change).await
        }
        Err(why) => {
            let mut problems = Problems::default();
            problems.add("newPassword", why.code(), why.message());
            problems.unless_any(None)
        }
    };
    match changed {
        Ok(now) => renewed(&web, &now, Done::Password),
        Err(error) => show_refused(&web, frame, &member, error, PASSWORD, String::new()).await,
    }
}

pub(in crate::web) async fn end_session(
    State(web): State<Web>,
    Member(member): Member,
    id: PathId<SessionId>,
) -> Result<Response, ApiError> {
    let (accounts, id) = (web.accounts.clone(), id.known()?);
    detached(async move { accounts.end_session(&member, id).await }).await?;
    Ok(on_to(&Done::Session.at("/account")))
}

pub(in crate::web) async fn end_others(
    State(web): State<Web>,
    Member(member): Member,
) -> Result<Response, ApiError> {
    let accounts = web.accounts.clone();
    detached(async move { accounts.end_other_sessions(&member).await }).await?;
    Ok(on_to(&Done::Session.at("/account")))
}

pub(in crate::web) async fn delete(
    State(web): State<Web>,
    Member(member): Member,
    frame: Frame,
    Form(Leaving { password }): Form<Leaving>,
) -> Result<Response, ApiError> {
    let (accounts, who) = (web.accounts.clone(), member.clone());
    match detached(async move { accounts.delete(&who, password).await }).await {
        Ok(()) => {
            let cookie = session_cookie::cleared(&web.accounts)?;
            Ok(with_cookie(on_to(&Done::Deleted.at("/")), cookie))
        }
        Err(error) => show_refused(&web, frame, &member, error, LEAVING, String::new()).await,
    }
}

/// Goes on with the token that came of a change.
fn renewed(web: &Web, now: &SignedInNow, done: Done) -> Result<Response, ApiError> {
    let cookie = session_cookie::session(&web.accounts, now)?;
    Ok(with_cookie(on_to(&done.at("/account")), cookie))
}

async fn show_refused(
    web: &Web,
    frame: Frame,
    member: &Recognised,
    error: ApiError,
    form: &'static str,
    typed: String,
) -> Result<Response, ApiError> {
    let mut refused = Refused::by(error, frame.t)?;
    if let Some(field) = field_of(form, refused.code) {
        refused.wrong.add(field, refused.text.clone());
    }
    let account = Account::new(web, refused.frame(frame), member).await?;
    let wrong = refused.wrong.clone();
    answer::refused(&refused, &Account { refused: Some(form), wrong, typed, ..account })
}

/// The field of a form that a refusal of the whole is about.
fn field_of(form: &str, code: &str) -> Option<&'static str> {
    match (form, code) {
        (PASSWORD, "invalid_credentials") => Some("currentPassword"),
        (_, "invalid_credentials") => Some("password"),
        (_, "email_in_use") => Some("email"),
        _ => None,
    }
}

impl Account {
    async fn new(web: &Web, frame: Frame, member: &Recognised) -> Result<Self, ApiError> {
        let sessions = web.accounts.sessions(member).await?;
        let current = web.accounts.current(member.clone()).await;
        let current = current.ok_or_else(ApiError::not_found)?;
        let sessions: Vec<Place> =
            sessions.into_iter().map(|it| Place::new(&frame, it, member.session)).collect();
        Ok(Self {
            email: current.email,
            has_others: sessions.len() > 1,
            sessions,
            refused: None,
            wrong: Wrong::default(),
            typed: String::new(),
            frame,
        })
    }

    /// What is wrong with a field of one of the forms.
    fn wrong(&self, form: &str, field: &str) -> Option<&str> {
        if self.refused == Some(form) { self.wrong.with(field) } else { None }
    }
}

impl Place {
    fn new(frame: &Frame, session: Session, current: SessionId) -> Self {
        Self {
            id: session.id.to_string(),
            name: session.user_agent.unwrap_or_else(|| frame.t.unknown_device.to_owned()),
            last_seen: Moment::of(frame.language, session.last_seen_at),
            is_this: session.id == current,
        }
    }
}
