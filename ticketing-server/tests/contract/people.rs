//! Everybody who may call the API, and what they call it with.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Bytes;
use axum::http::Method;
use serde_json::{Value, json};
use ticketing_core::ports::{Clock as _, SystemClock};
use ticketing_core::testing::ManualClock;
use ticketing_server::ServerBuilder;

use crate::browser::{Answer, Browser};
use crate::shop::{NOTHING, PASSWORD, Shop, VISA, welcomes_a_crowd};

/// Who may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Anonymous,
    /// The buyer of what is asked for.
    Owner,
    Stranger,
    /// Who listed what the owner bought.
    Seller,
    Operator,
    /// With the cookie of a session that was signed out.
    SignedOut,
    /// With the cookie of a session whose time is up.
    Expired,
}

/// Everybody.
pub(crate) struct People {
    pub(crate) shop: Shop,
    everybody: Vec<Person>,
}

struct Person {
    role: Role,
    browser: Browser,
    email: String,
}

/// What the owner of a row owns.
#[derive(Debug, Clone)]
pub(crate) struct Owned {
    pub(crate) ticket: String,
    pub(crate) order: String,
    pub(crate) session: String,
}

/// A request that would succeed if the right person sent it.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Bytes,
}

impl Role {
    pub(crate) const ALL: [Self; 7] = [
        Self::Anonymous,
        Self::Owner,
        Self::Stranger,
        Self::Seller,
        Self::Operator,
        Self::SignedOut,
        Self::Expired,
    ];
}

impl Owned {
    /// Things of which there are none.
    pub(crate) fn nothing(id: &str) -> Self {
        Self { ticket: id.into(), order: id.into(), session: id.into() }
    }
}

/// What ends sessions, and leaves one to go on with.
const RENEWING: [&str; 3] = ["/users/email", "/users/password", "/sessions/revoke-others"];

/// Longer than a session lasts.
const MONTH: Duration = Duration::from_hours(30 * 24);

impl People {
    pub(crate) async fn meet() -> Self {
        let clock = ManualClock::new(SystemClock.now());
        let shop = Shop::built(|_| {}, by_this_clock(&clock)).await;
        let mut everybody = vec![Person::join(&shop, Role::Expired).await];
        clock.advance(MONTH);
        // Operators are named by their ids, which are known once they have signed up.
        everybody.push(Person::join(&shop, Role::Operator).await);
        let id = everybody[1].browser.me().await.parse().unwrap();
        let shop =
            shop.reopened(|config| config.operators = [id].into(), by_this_clock(&clock)).await;
        for person in &mut everybody {
            person.browser = person.browser.at(shop.server.address());
        }
        for role in [Role::Owner, Role::Stranger, Role::Seller, Role::SignedOut] {
            everybody.push(Person::join(&shop, role).await);
        }
        let signed_out = &everybody[5].browser;
        let session = signed_out.cookie("session").unwrap();
        signed_out.post("/api/users/signout", json!({})).await.expect(200);
        signed_out.set_cookie("session", &session);
        let nobody = Person {
            role: Role::Anonymous,
            browser: shop.visitor(),
            email: everybody[2].email.clone(),
        };
        everybody.push(nobody);
        Self { shop, everybody }
    }

    pub(crate) fn one(&self, role: Role) -> &Browser {
        &self.person(role).browser
    }

    fn person(&self, role: Role) -> &Person {
        self.everybody.iter().find(|person| person.role == role).unwrap()
    }

    /// Something new for a route to be tried on.
    pub(crate) async fn own(&self, route: &str) -> Owned {
        let mut owned = Owned::nothing(NOTHING);
        owned.session = self.session_to_revoke(route).await;
        if route == "DELETE /api/users/me" {
            self.give_up_payments().await;
        }
        if route.contains("/api/users") {
            return owned;
        }
        owned.ticket = self.one(Role::Seller).lists("Front row", json!(10)).await;
        if route.contains("/orders/{id}") || route.contains("/payments") {
            owned.order = self.one(Role::Owner).reserves(&owned.ticket).await;
        }
        if route.ends_with("/refund") {
            self.one(Role::Owner).pays(&owned.order).await;
        }
        owned
    }

    /// Ends what the owner's browser was to pay: nobody can leave while a payment runs.
    async fn give_up_payments(&self) {
        let owner = self.one(Role::Owner);
        let listed = owner.get("/api/orders").await;
        let orders = if listed.status.is_success() { listed.json() } else { json!([]) };
        let paying = |order: &&Value| order["status"] == "awaiting:payment";
        for order in orders.as_array().unwrap().iter().filter(paying) {
            let path = format!("/api/orders/{}", order["id"].as_str().unwrap());
            owner.delete(&path).await.expect(204);
        }
    }

    /// A session of the owner's other than the one it uses.
    async fn session_to_revoke(&self, route: &str) -> String {
        if !route.ends_with("/sessions/{id}") {
            return NOTHING.to_owned();
        }
        let owner = self.person(Role::Owner);
        let sign_in = json!({ "email": owner.email, "password": PASSWORD });
        owner.browser.another().post("/api/users/signin", sign_in).await.expect(200);
        let sessions = owner.browser.get("/api/users/sessions").await.expect(200).json();
        let mut sessions = sessions.as_array().unwrap().iter();
        let other = sessions.find(|session| session["current"] == json!(false)).unwrap();
        other["id"].as_str().unwrap().to_owned()
    }

    /// What is sent to a route.
    pub(crate) fn request(&self, role: Role, route: &str, owned: &Owned) -> Request {
        let (method, path) = route.split_once(' ').unwrap();
        let id = if path.contains("/tickets") {
            &owned.ticket
        } else if path.contains("/sessions") {
            &owned.session
        } else {
            &owned.order
        };
        let path = path.replace("{id}", id).replace("{gateway}", "sandbox");
        let method: Method = method.parse().unwrap();
        if path.contains("/webhooks") {
            return self.webhook(method, path);
        }
        let body = body(route, owned, &self.person(role).email).to_string().into();
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        Request { method, path, headers, body }
    }

    /// A webhook as the sandbox signs it.
    fn webhook(&self, method: Method, path: String) -> Request {
        let said = json!({
            "id": format!("sandbox_evt_{}", another()), "livemode": false,
            "created": "2030-01-02T03:04:05Z", "intent": "sandbox_pi_none", "about": "intent",
        });
        let signed = self.shop.server.sandbox().unwrap().sign(said.to_string().into_bytes());
        Request { method, path, headers: signed.headers, body: signed.body.into() }
    }

    /// What a role is answered. It asks from a tab of its own, so that cookies which an answer sets
    /// change nobody's, unless the session in use is what a new one takes the place of.
    pub(crate) async fn ask(&self, role: Role, request: &Request) -> Answer {
        if Self::is_signed_in(role) && RENEWING.iter().any(|path| request.path.ends_with(path)) {
            return request.from(&self.person(role).browser).await;
        }
        request.from(&self.tab(role, request).await).await
    }

    fn is_signed_in(role: Role) -> bool {
        ![Role::Anonymous, Role::SignedOut, Role::Expired].contains(&role)
    }

    async fn tab(&self, role: Role, request: &Request) -> Browser {
        let person = self.person(role);
        let mut ends = ["/signup", "/signin", "/signout"].into_iter();
        if !(Self::is_signed_in(role) && ends.any(|path| request.path.ends_with(path))) {
            return person.browser.tab();
        }
        // A session of its own, since it ends or is replaced, and the one in use is to go on.
        let tab = person.browser.another();
        let sign_in = json!({ "email": person.email, "password": PASSWORD });
        tab.post("/api/users/signin", sign_in).await.expect(200);
        tab
    }
}

impl Request {
    /// What is answered when it is sent from there.
    pub(crate) async fn from(&self, tab: &Browser) -> Answer {
        if self.path.ends_with("/live") {
            return match tab.watch(&self.path).await {
                Ok(stream) => Answer::of_stream(stream),
                Err(answer) => answer,
            };
        }
        let headers = self.headers.iter();
        let headers: Vec<_> = headers.map(|(name, value)| (&**name, &**value)).collect();
        tab.send(self.method.clone(), &self.path, &headers, self.body.clone()).await
    }
}

impl Person {
    async fn join(shop: &Shop, role: Role) -> Self {
        let browser = shop.member().await;
        let me = browser.get("/api/users/currentuser").await.expect(200).json();
        let email = me["currentUser"]["email"].as_str().unwrap().to_owned();
        Self { role, browser, email }
    }
}

/// Sessions by a clock that a test moves. They don't end for being idle, only in time.
fn by_this_clock(clock: &ManualClock) -> impl FnOnce(ServerBuilder) -> ServerBuilder + use<> {
    let clock = Arc::new(clock.clone());
    |server| {
        welcomes_a_crowd(server).auth(|auth| {
            auth.clock = clock;
            auth.session_idle = 12 * MONTH;
        })
    }
}

/// A number that nothing else in this process has.
fn another() -> usize {
    static NUMBERS: AtomicUsize = AtomicUsize::new(0);
    NUMBERS.fetch_add(1, Ordering::Relaxed)
}

fn body(route: &str, owned: &Owned, email: &str) -> Value {
    match route {
        "POST /api/tickets" | "PUT /api/tickets/{id}" => json!({ "title": "A", "price": 1 }),
        "POST /api/orders" => json!({ "ticketId": owned.ticket }),
        "POST /api/payments" => json!({ "orderId": owned.order, "token": VISA }),
        "POST /api/payments/intents" => json!({ "orderId": owned.order }),
        "POST /api/users/signup" | "PUT /api/users/email" => {
            json!({ "email": format!("new-{}@example.com", another()), "password": PASSWORD })
        }
        "POST /api/users/signin" => json!({ "email": email, "password": PASSWORD }),
        "PUT /api/users/password" => {
            json!({ "currentPassword": PASSWORD, "newPassword": PASSWORD })
        }
        "DELETE /api/users/me" => json!({ "password": PASSWORD }),
        _ => json!({}),
    }
}
