//! `/signin`, `/signup` and `/signout`.

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use crate::auth::{Accounts, Email, SignedInNow, Visit};
use crate::http::detached::detached;
use crate::http::error::ApiError;
use crate::http::extract::{Parameters, Problems};
use crate::http::users::caller::{PerhapsMember, Visitor};
use crate::http::users::cookie as session_cookie;
use crate::web::Web;
use crate::web::answer::{self, on_to, page};
use crate::web::done::Done;
use crate::web::forms::{Form, Refused, Wrong};
use crate::web::frame::{Frame, own_path};
use crate::web::visitor::next_is;

#[derive(Debug, Template)]
#[template(path = "entrance.html")]
struct Entrance {
    frame: Frame,
    /// Whether this is for those who have no account yet.
    is_new: bool,
    email: String,
    next: String,
    /// The same for those of the other kind.
    other: String,
    wrong: Wrong,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(in crate::web) struct Next {
    next: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(in crate::web) struct Credentials {
    #[serde(default)]
    email: String,
    #[serde(default = "nothing")]
    password: SecretString,
    #[serde(default)]
    next: String,
}

fn nothing() -> SecretString {
    SecretString::from(String::new())
}

pub(in crate::web) async fn show_sign_in(
    frame: Frame,
    Parameters(Next { next }): Parameters<Next>,
) -> Result<Response, ApiError> {
    page(StatusCode::OK, &Entrance::new(frame, false, "", &next, Wrong::default()))
}

pub(in crate::web) async fn show_sign_up(
    frame: Frame,
    Parameters(Next { next }): Parameters<Next>,
) -> Result<Response, ApiError> {
    page(StatusCode::OK, &Entrance::new(frame, true, "", &next, Wrong::default()))
}

pub(in crate::web) async fn sign_in(
    State(web): State<Web>,
    frame: Frame,
    Visitor(visit): Visitor,
    Form(sent): Form<Credentials>,
) -> Result<Response, ApiError> {
    let Credentials { email, password, next } = sent;
    let opened = match read_email(&email, &password) {
        Ok(address) => {
            let accounts = web.accounts.clone();
            detached(async move { accounts.sign_in(address, password, visit).await }).await
        }
        Err(problems) => Err(problems),
    };
    entered(&web.accounts, frame, false, &email, &next, opened)
}

pub(in crate::web) async fn sign_up(
    State(web): State<Web>,
    frame: Frame,
    Visitor(visit): Visitor,
    Form(sent): Form<Credentials>,
) -> Result<Response, ApiError> {
    let Credentials { email, password, next } = sent;
    let opened = open_account(&web.accounts, &email, password, visit).await;
    entered(&web.accounts, frame, true, &email, &next, opened)
}

pub(in crate::web) async fn sign_out(
    State(web): State<Web>,
    PerhapsMember(member): PerhapsMember,
) -> Result<Response, ApiError> {
    if let Some(member) = member {
        let accounts = web.accounts.clone();
        let ending = async move {
            accounts.sign_out(member.session).await;
            Ok::<(), ApiError>(())
        };
        detached(ending).await?;
    }
    let cookie = session_cookie::cleared(&web.accounts)?;
    Ok(with_cookie(on_to(&Done::SignedOut.at("/")), cookie))
}

async fn open_account(
    accounts: &Accounts,
    email: &str,
    password: SecretString,
    visit: Visit,
) -> Result<SignedInNow, ApiError> {
    let mut problems = Problems::default();
    let email = email_of(email, &mut problems);
    let password = accounts.accept(password, email.as_ref());
    let password = password.map_err(|why| problems.add("password", why.code(), why.message()));
    let (email, password) = problems.unless_any(email.zip(password.ok()))?;
    let accounts = accounts.clone();
    detached(async move { accounts.sign_up(email, password, visit).await }).await
}

fn read_email(email: &str, password: &SecretString) -> Result<Email, ApiError> {
    let mut problems = Problems::default();
    let email = email_of(email, &mut problems);
    if password.expose_secret().is_empty() {
        problems.add("password", "required", "Password is required");
    }
    problems.unless_any(email)
}

pub(super) fn email_of(typed: &str, problems: &mut Problems) -> Option<Email> {
    let email = typed.trim().parse().ok();
    if email.is_none() {
        problems.add("email", "invalid_email", "Email must be valid");
    }
    email
}

/// Goes on to where the visitor came from, or shows the form again.
fn entered(
    accounts: &Accounts,
    frame: Frame,
    is_new: bool,
    email: &str,
    next: &str,
    opened: Result<SignedInNow, ApiError>,
) -> Result<Response, ApiError> {
    match opened {
        Ok(now) => {
            let cookie = session_cookie::session(accounts, &now)?;
            Ok(with_cookie(on_to(own_path(Some(next))), cookie))
        }
        Err(error) => {
            let refused = Refused::by(error, frame.t)?;
            let wrong = refused.wrong.clone();
            let entrance = Entrance::new(refused.frame(frame), is_new, email, next, wrong);
            answer::refused(&refused, &entrance)
        }
    }
}

/// An answer that sets a cookie.
pub(super) fn with_cookie(mut response: Response, cookie: HeaderValue) -> Response {
    response.headers_mut().append(header::SET_COOKIE, cookie);
    response
}

impl Entrance {
    fn new(frame: Frame, is_new: bool, email: &str, next: &str, wrong: Wrong) -> Self {
        let next = own_path(Some(next)).to_owned();
        let other = if is_new { "/signin" } else { "/signup" };
        let other = format!("{other}?{}", next_is(&next));
        Self { frame, is_new, email: email.to_owned(), next, other, wrong }
    }
}
