//! Every page in every state, in one shop.

use std::time::Duration;

use serde_json::json;

use crate::browser::Browser;
use crate::shop::{Shop, welcomes_a_crowd};
use crate::window::Window;

/// A shop in which everything has happened.
pub(crate) struct Gallery {
    pub(crate) shop: Shop,
    seller: Browser,
    buyer: Browser,
    newcomer: Browser,
    tickets: Tickets,
    orders: Orders,
}

struct Tickets {
    plenty: String,
    limited: String,
    sold_out: String,
    held: String,
    later: String,
    withdrawn: String,
}

struct Orders {
    to_pay: String,
    paying: String,
    complete: String,
    returned: String,
    refunded: String,
    cancelled: String,
    expired: String,
}

/// Who looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    Nobody,
    Buyer,
    Seller,
    Newcomer,
}

/// A page as somebody comes to it.
#[derive(Debug, Clone)]
pub(crate) struct View {
    pub(crate) name: &'static str,
    who: Who,
    pub(crate) path: String,
    /// The form that leads to it, where a link does not.
    form: Option<&'static [(&'static str, &'static str)]>,
}

impl Gallery {
    pub(crate) async fn open() -> Self {
        // So much happens in it that it is too large for a stack.
        Box::pin(Self::filled()).await
    }

    async fn filled() -> Self {
        let brief = |config: &mut ticketing_server::Config| {
            config.hold = Duration::from_secs(1);
        };
        let shop = Shop::built(brief, welcomes_a_crowd).await;
        let (seller, buyer) = (shop.member().await, shop.member().await);
        let plenty = lists(&seller, "Night of the organ", 120, "St. Anne's", 12).await;
        let expired = buyer.reserves(&plenty).await;
        let path = format!("/api/orders/{expired}");
        buyer.sees(&path, |order| order["status"] == "cancelled").await;

        let shop = shop.reopened(|_| {}, welcomes_a_crowd).await;
        let here = shop.server.address();
        let (seller, buyer) = (seller.at(here), buyer.at(here));
        let newcomer = shop.member().await;
        let tickets = Tickets {
            limited: limited(&seller).await,
            sold_out: lists(&seller, "A very small stage, and a play in one act", 2, "Attic", 3)
                .await,
            held: lists(&seller, "Front row", 1, "Opera house", 40).await,
            later: later(&seller).await,
            withdrawn: lists(&seller, "Rained off", 8, "Castle yard", 20).await,
            plenty,
        };
        seller.delete(&format!("/api/tickets/{}", tickets.withdrawn)).await.expect(204);
        buyer.pays(&reserves(&buyer, &tickets.sold_out, 2).await).await;
        newcomer.reserves(&tickets.held).await;
        let newcomer = shop.member().await;
        let orders = Orders::made(&seller, &buyer, &tickets, expired).await;
        Self { shop, seller, buyer, newcomer, tickets, orders }
    }

    /// Every page, as far as links and forms lead to it.
    pub(crate) fn views(&self) -> Vec<View> {
        let mut views = self.shown_to_anybody();
        views.extend(self.shown_to_members());
        views.extend(self.refused());
        views
    }

    fn shown_to_anybody(&self) -> Vec<View> {
        let ticket = |name, id: &str| View::of(name, Who::Nobody, format!("/tickets/{id}"));
        vec![
            View::of("browse", Who::Nobody, "/".into()),
            View::of("browse-nothing", Who::Nobody, "/?q=zeppelin".into()),
            ticket("ticket-signed-out", &self.tickets.plenty),
            ticket("ticket-sold-out", &self.tickets.sold_out),
            ticket("ticket-held", &self.tickets.held),
            ticket("ticket-later", &self.tickets.later),
            ticket("ticket-withdrawn", &self.tickets.withdrawn),
            View::of("sign-in", Who::Nobody, "/signin".into()),
            View::of("sign-up", Who::Nobody, "/signup".into()),
            View::of("not-found", Who::Nobody, "/nothing".into()),
        ]
    }

    fn shown_to_members(&self) -> Vec<View> {
        let order = |name, id: &str| View::of(name, Who::Buyer, format!("/orders/{id}"));
        let own = |name, id: &str| View::of(name, Who::Seller, format!("/listings/{id}"));
        let plenty = format!("/tickets/{}", self.tickets.plenty);
        vec![
            View::of("browse-signed-in", Who::Buyer, "/".into()),
            View::of("ticket", Who::Buyer, format!("/tickets/{}", self.tickets.limited)),
            View::of("ticket-own", Who::Seller, plenty),
            order("order-to-pay", &self.orders.to_pay),
            order("order-paying", &self.orders.paying),
            order("order-complete", &self.orders.complete),
            order("order-returned", &self.orders.returned),
            order("order-refunded", &self.orders.refunded),
            order("order-cancelled", &self.orders.cancelled),
            order("order-expired", &self.orders.expired),
            View::of("orders", Who::Buyer, "/orders".into()),
            View::of("orders-none", Who::Newcomer, "/orders".into()),
            View::of("sell", Who::Newcomer, "/sell".into()),
            View::of("listings", Who::Seller, "/listings".into()),
            View::of("listings-none", Who::Newcomer, "/listings".into()),
            own("listing", &self.tickets.later),
            own("listing-locked", &self.tickets.plenty),
            own("listing-withdrawn", &self.tickets.withdrawn),
            View::of("account", Who::Buyer, "/account".into()),
        ]
    }

    fn refused(&self) -> Vec<View> {
        let ticket = format!("/tickets/{}", self.tickets.limited);
        let order = format!("/orders/{}/pay", self.orders.to_pay);
        vec![
            View::of("sign-up-refused", Who::Nobody, "/signup".into())
                .after(&[("email", "no address"), ("password", "short")]),
            View::of("sell-refused", Who::Seller, "/sell".into()).after(&[
                ("title", ""),
                ("price", "dear"),
                ("currency", "shells"),
                ("quantity", "many"),
                ("venue", "Opera house"),
            ]),
            View::of("ticket-refused", Who::Buyer, ticket).after(&[("quantity", "5")]),
            View::of("order-declined", Who::Buyer, order).after(&[("token", "tok_chargeDeclined")]),
        ]
    }

    /// Brings a window to a page.
    pub(crate) async fn show(&self, window: &Window, view: &View) {
        match view.who {
            Who::Nobody => window.is_used_by_nobody().await,
            Who::Buyer => window.is_used_by(&self.buyer).await,
            Who::Seller => window.is_used_by(&self.seller).await,
            Who::Newcomer => window.is_used_by(&self.newcomer).await,
        }
        let Some(form) = view.form else { return window.open(&view.path).await };
        // From a page that no change of an order reaches.
        window.open("/signup").await;
        window.sends(&view.path, form).await;
        window.until("a refusal", async || window.has("[role=alert]").await).await;
    }

    pub(crate) async fn close(self) {
        self.shop.close().await;
    }
}

impl View {
    fn of(name: &'static str, who: Who, path: String) -> Self {
        Self { name, who, path, form: None }
    }

    fn after(self, form: &'static [(&'static str, &'static str)]) -> Self {
        Self { form: Some(form), ..self }
    }

    /// Whether a link leads to it.
    pub(crate) fn is_linked(&self) -> bool {
        self.form.is_none()
    }
}

impl Orders {
    async fn made(seller: &Browser, buyer: &Browser, tickets: &Tickets, expired: String) -> Self {
        let plenty = &tickets.plenty;
        let complete = reserves(buyer, plenty, 2).await;
        let returned = reserves(buyer, plenty, 4).await;
        let refunded = buyer.reserves(plenty).await;
        for order in [&complete, &returned, &refunded] {
            buyer.pays(order).await;
            let path = format!("/api/orders/{order}");
            buyer.sees(&path, |order| order["status"] == "complete").await;
        }
        let part = json!({ "lines": [{ "ticketId": plenty, "quantity": 1 }] });
        gives_back(seller, &returned, part).await;
        gives_back(seller, &refunded, json!({})).await;
        let cancelled = buyer.reserves(plenty).await;
        buyer.delete(&format!("/api/orders/{cancelled}")).await.expect(204);
        let paying = buyer.reserves(plenty).await;
        let asks = json!({ "orderId": paying, "token": "tok_threeDSecure" });
        buyer.post("/api/payments", asks).await.expect(201);
        let to_pay = reserves(buyer, plenty, 3).await;
        Self { to_pay, paying, complete, returned, refunded, cancelled, expired }
    }
}

/// Gives money back as soon as it can be: it may just be on its way.
async fn gives_back(seller: &Browser, order: &str, what: serde_json::Value) {
    let path = format!("/api/orders/{order}/refund");
    let giving = async {
        while seller.post(&path, what.clone()).await.status.as_u16() != 201 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(crate::shop::SOON, giving).await.expect("no refund");
}

async fn reserves(buyer: &Browser, ticket: &str, quantity: u32) -> String {
    let body = json!({ "ticketId": ticket, "quantity": quantity });
    buyer.post("/api/orders", body).await.expect(201).id()
}

/// A date far ahead, so that pages look the same every day.
fn day(number: u32) -> String {
    format!("2031-05-{:02}T19:30:00Z", number % 28 + 1)
}

async fn lists(seller: &Browser, title: &str, units: u32, venue: &str, on: u32) -> String {
    let about = "Doors open an hour before it begins.\nThere is no break.";
    let new = json!({
        "title": title, "price": "19.99", "quantity": units, "venue": venue,
        "startsAt": day(on), "description": about,
    });
    seller.post("/api/tickets", new).await.expect(201).id()
}

async fn limited(seller: &Browser) -> String {
    let new = json!({
        "title": "Brass and candles", "price": "1234.50", "quantity": 60, "maxPerOrder": 4,
        "maxPerBuyer": 6, "venue": "Riverside hall", "startsAt": day(5), "currency": "EUR",
    });
    seller.post("/api/tickets", new).await.expect(201).id()
}

async fn later(seller: &Browser) -> String {
    let new = json!({
        "title": "Something that nobody can buy yet", "price": 35, "quantity": 500,
        "saleStartsAt": day(1), "startsAt": day(26), "venue": "The old railway station",
    });
    seller.post("/api/tickets", new).await.expect(201).id()
}
