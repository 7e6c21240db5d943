//! Stands between the server and localstripe 1.15, which is older than the calls that we make.
//!
//! What Stripe has and localstripe has otherwise is put into its words here, and no more:
//!
//! | we send | localstripe | it is sent |
//! |---|---|---|
//! | an intent with `automatic_payment_methods` | refuses the parameter | the intent without |
//! | a confirmation with its payment method | is not implemented | the method first, then the confirmation |
//! | a list by `created`, or back from a cursor | refuses both | the list without; nothing that is older |
//!
//! What it can't do has no test here, and has one with the strict stand-in:
//!
//! - idempotency keys: it ignores them, and makes a repeated call again;
//! - card tokens: it makes no payment method of one, so buyers pay with `pm_...`;
//! - why a card was declined: it knows `card_declined` alone, and forgets to say that it is a card's error;
//! - another card on the intent of a declined one: it stays as it is (the engine opens another);
//! - telling of an authorization, a cancellation, a refund or a dispute: of intents it tells that one was
//!   captured, or was declined, once;
//! - the limits of refunds: it gives back more than was taken, and any number of times;
//! - the codes of errors: a state that does not fit is a bad request, and what is not there has no code;
//! - disputes, and more than two decimals.

use std::net::{Ipv4Addr, SocketAddr};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, Request, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use form_urlencoded::{Serializer, parse};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

type Form = Vec<(String, String)>;

/// Starts it before a localstripe. Answers with where it is.
pub(super) async fn start(localstripe: String) -> (SocketAddr, AbortHandle) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().fallback(interpret).with_state(localstripe);
    let serving = tokio::spawn(async move { drop(axum::serve(listener, router).await) });
    (address, serving.abort_handle())
}

async fn interpret(
    State(localstripe): State<String>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let key = headers.get(header::AUTHORIZATION).map(|key| key.to_str().unwrap().to_owned());
    let send = async |method: Method, path: &str, form: &Form| {
        let form = Serializer::new(String::new()).extend_pairs(form).finish();
        call(method, &format!("{localstripe}{path}"), key.as_deref(), form).await
    };
    let form = read(&body);
    let parts: Vec<&str> = uri.path().trim_start_matches('/').split('/').collect();
    let (status, answer) = match (&method, parts.as_slice()) {
        (&Method::POST, ["v1", "payment_intents"]) => {
            let known = without(form, "automatic_payment_methods");
            send(Method::POST, uri.path(), &known).await
        }
        (&Method::POST, ["v1", "payment_intents", id, "confirm"]) => {
            let (set, rest): (Form, Form) =
                form.into_iter().partition(|(name, _)| name == "payment_method");
            let set = send(Method::POST, &format!("/v1/payment_intents/{id}"), &set).await;
            if set.0 == 200 { send(Method::POST, uri.path(), &rest).await } else { set }
        }
        (&Method::GET, ["v1", "payment_intents"]) => {
            let query = read(uri.query().unwrap_or_default().as_bytes());
            if query.iter().any(|(name, _)| name == "created[lt]" || name == "ending_before") {
                (200, json!({ "object": "list", "data": [], "has_more": false }))
            } else {
                let query =
                    Serializer::new(String::new()).extend_pairs(without(query, "created")).finish();
                send(Method::GET, &format!("{}?{query}", uri.path()), &Form::new()).await
            }
        }
        _ => send(method, &uri.to_string(), &form).await,
    };
    (StatusCode::from_u16(status).unwrap(), axum::Json(answer)).into_response()
}

fn read(form: &[u8]) -> Form {
    parse(form).into_owned().collect()
}

/// A form without that parameter, and what is below it.
fn without(form: Form, parameter: &str) -> Form {
    form.into_iter().filter(|(name, _)| name.split('[').next() != Some(parameter)).collect()
}

/// Calls localstripe. What is no JSON is shown as text.
pub(super) async fn call(
    method: Method,
    url: &str,
    key: Option<&str>,
    body: String,
) -> (u16, Value) {
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let kind = if body.starts_with('{') {
        "application/json"
    } else {
        "application/x-www-form-urlencoded"
    };
    let mut request = Request::builder().method(method).uri(url).header(header::CONTENT_TYPE, kind);
    if let Some(key) = key {
        request = request.header(header::AUTHORIZATION, key);
    }
    let answer = client.request(request.body(Full::new(body.into())).unwrap()).await.unwrap();
    let status = answer.status().as_u16();
    let text = Body::new(answer.into_body()).collect().await.unwrap().to_bytes();
    let text = String::from_utf8_lossy(&text).into_owned();
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}
