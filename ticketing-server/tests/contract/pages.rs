//! The web client, as somebody uses it whose browser runs no script: links, forms and where they
//! lead.

use axum::http::{Method, StatusCode};
use serde_json::json;

use crate::browser::{Answer, Browser};
use crate::shop::{NOTHING, SOON, Shop};

const PASSWORD: &str = "correct horse battery";
const TRICK: &str = "<script>alert('1')</script> & \"more\"";
const SHOWN_TRICK: &str =
    "&#60;script&#62;alert(&#39;1&#39;)&#60;/script&#62; &#38; &#34;more&#34;";

impl Browser {
    /// Opens a page.
    async fn open(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[("accept", "text/html")], "".into()).await
    }

    /// Opens a page in German.
    async fn open_in_german(&self, path: &str) -> Answer {
        let headers = [("accept", "text/html"), ("accept-language", "de-CH, de;q=0.9, en;q=0.5")];
        self.send(Method::GET, path, &headers, "".into()).await
    }

    /// Sends a form as a browser does, which says where it comes from.
    async fn submit(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let headers = [
            ("accept", "text/html"),
            ("content-type", "application/x-www-form-urlencoded"),
            ("sec-fetch-site", "same-origin"),
        ];
        self.send(Method::POST, path, &headers, encoded(fields).into()).await
    }

    /// Sends a form that works, and opens the page that it leads to.
    async fn submit_and_go_on(&self, path: &str, fields: &[(&str, &str)]) -> (String, Answer) {
        let answer = self.submit(path, fields).await.expect(303);
        let next = answer.header("location").unwrap().to_owned();
        let page = self.open(&next).await.expect(200);
        (next, page)
    }

    async fn signs_up(&self, email: &str) {
        let form = [("email", email), ("password", PASSWORD)];
        self.submit_and_go_on("/signup", &form).await;
    }

    /// Puts tickets on sale, and answers the address of their page.
    async fn sells(&self, title: &str, price: &str, quantity: &str) -> String {
        let form = [("title", title), ("price", price), ("quantity", quantity)];
        let (page, shown) = self.submit_and_go_on("/sell", &form).await;
        assert!(shown.text.contains("It is on sale."), "{}", shown.text);
        page.split('?').next().unwrap().to_owned()
    }
}

fn encoded(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

/// The value of a hidden field.
fn hidden<'a>(page: &'a Answer, name: &str) -> &'a str {
    let begin = format!("name=\"{name}\" value=\"");
    page.text.split(&begin).nth(1).and_then(|rest| rest.split('"').next()).unwrap()
}

#[track_caller]
fn says(page: &Answer, text: &str) {
    assert!(page.text.contains(text), "not on the page: {text}\n{}", page.text);
}

#[tokio::test]
async fn somebody_sells_and_somebody_buys() {
    let shop = Shop::for_a_crowd().await;
    let (seller, buyer) = (shop.visitor(), shop.visitor());
    seller.signs_up("seller@example.com").await;
    let ticket = seller.sells("Night of the organ", "19.99", "5").await;
    says(&seller.open(&ticket).await, "This is your listing.");

    let stranger = buyer.open(&ticket).await.expect(200);
    says(&stranger, "19.99\u{a0}USD");
    says(&stranger, "5 left");
    says(&stranger, "Sign in to reserve");
    buyer.signs_up("buyer@example.com").await;
    let page = buyer.open(&ticket).await.expect(200);
    let wanted = [("quantity", "2"), ("key", hidden(&page, "key"))];
    let (order, reserved) = buyer.submit_and_go_on(&ticket, &wanted).await;
    says(&reserved, "Pay 39.98\u{a0}USD");
    says(&shop.visitor().open(&ticket).await, "3 left");

    let pay = format!("{order}/pay");
    let declined = [("token", "tok_chargeDeclined"), ("key", hidden(&reserved, "key"))];
    let told = buyer.submit(&pay, &declined).await.expect(402);
    assert_eq!(buyer.open(&pay).await.expect(303).header("location"), Some(order.as_str()));
    let no_card = buyer.submit(&pay, &[("token", "")]).await.expect(400);
    says(&no_card, "There is no such card");
    says(&told, "role=\"alert\"");
    says(&told, "Pay 39.98\u{a0}USD");
    let works = [("token", "tok_visa"), ("key", hidden(&told, "key"))];
    let (paid, shown) = buyer.submit_and_go_on(&pay, &works).await;
    assert_eq!(paid, order);
    says(&shown, "Paid. The tickets are yours.");
    says(&buyer.open("/orders").await, "Paid");
    says(&seller.open("/listings").await, "2 sold, 0 reserved, 3 free");
    shop.close().await;
}

#[tokio::test]
async fn a_form_that_is_sent_twice_is_done_once() {
    let shop = Shop::for_a_crowd().await;
    let seller = shop.member().await;
    let ticket = seller.lists_many("Front row", json!(20), 5).await;
    let buyer = shop.member().await;
    let path = format!("/tickets/{ticket}");
    let page = buyer.open(&path).await;
    let form = [("quantity", "1"), ("key", hidden(&page, "key"))];
    let (first, second) = tokio::join!(buyer.submit(&path, &form), buyer.submit(&path, &form));
    let [first, second] = [first, second].map(|answer| answer.expect(303));
    assert_eq!(first.header("location"), second.header("location"));
    assert_eq!(seller.ticket(&ticket).await["held"], json!(1));
    shop.close().await;
}

#[tokio::test]
async fn what_was_typed_stays_beside_what_is_wrong() {
    let shop = Shop::for_a_crowd().await;
    let visitor = shop.visitor();
    let wrong = [("email", "no address"), ("password", "short"), ("next", "/sell")];
    let page = visitor.submit("/signup", &wrong).await.expect(400);
    says(&page, "value=\"no address\"");
    says(&page, "Email must be valid");
    says(&page, "Password must be between 8 and 128 characters");
    says(&page, "name=\"next\" value=\"/sell\"");
    assert!(!page.text.contains("short"), "a password is not sent back");

    visitor.signs_up("seller@example.com").await;
    let page = visitor.submit("/sell", &[("title", "A show"), ("price", "dear")]).await.expect(400);
    says(&page, "value=\"A show\"");
    says(&page, "value=\"dear\"");
    says(&page, "id=\"price-wrong\">Not a decimal number");
    let again = visitor.another();
    let page = again.submit("/signup", &[("email", "seller@example.com"), ("password", PASSWORD)]);
    says(&page.await.expect(400), "Email in use");
    shop.close().await;
}

#[tokio::test]
async fn what_is_refused_says_what_is_possible() {
    let shop = Shop::for_a_crowd().await;
    let seller = shop.member().await;
    let ticket = seller.lists_many("Front row", json!(20), 3).await;
    let buyer = shop.member().await;
    let path = format!("/tickets/{ticket}");
    let page = buyer.submit(&path, &[("quantity", "4")]).await.expect(400);
    says(&page, "role=\"alert\"");
    says(&page, "3 left");
    says(&page, "value=\"4\"");
    buyer.submit(&path, &[("quantity", "none")]).await.expect(400);
    buyer.submit(&path, &[("quantity", "3")]).await.expect(303);
    let page = shop.visitor().open(&path).await.expect(200);
    says(&page, "All reserved; what is not paid for comes back");
    says(&page, "Look at other tickets");
    // Whoever sells can't change what somebody holds, and is told so before and after.
    let own = format!("/listings/{ticket}");
    says(&seller.open(&own).await, "Units are reserved or sold");
    let terms = [("title", "Front row"), ("price", "21"), ("quantity", "3")];
    says(&seller.submit(&own, &terms).await.expect(400), "Cannot edit a reserved ticket");
    shop.close().await;
}

#[tokio::test]
async fn an_order_is_cancelled_or_runs_out_of_time() {
    let shop = Shop::built(
        |config| config.hold = std::time::Duration::from_secs(2),
        crate::shop::welcomes_a_crowd,
    );
    let shop = shop.await;
    let seller = shop.member().await;
    let ticket = seller.lists_many("Front row", json!(20), 5).await;
    let buyer = shop.member().await;
    let order = format!("/orders/{}", buyer.reserves(&ticket).await);
    let (_, page) = buyer.submit_and_go_on(&format!("{order}/cancel"), &[]).await;
    says(&page, "The order was cancelled. Nothing was charged.");
    says(&page, "You cancelled this order");

    let order = format!("/orders/{}", buyer.reserves(&ticket).await);
    let told = tokio::time::timeout(SOON, async {
        loop {
            let page = buyer.open(&order).await.expect(200);
            if page.text.contains("The time to pay has run out") {
                return page;
            }
            tokio::task::yield_now().await;
        }
    });
    let page = told.await.unwrap();
    says(&page, "Nothing was charged.");
    says(&page, &format!("href=\"/tickets/{ticket}\""));
    let late = buyer.submit(&format!("{order}/pay"), &[("token", "tok_visa")]).await;
    says(&late.expect(400), "Cannot pay for a");
    shop.close().await;
}

#[tokio::test]
async fn who_is_not_signed_in_comes_back_after_signing_in() {
    let shop = Shop::for_a_crowd().await;
    let seller = shop.member().await;
    let ticket = seller.lists("Front row", json!(20)).await;
    let visitor = shop.visitor();
    let path = format!("/tickets/{ticket}");
    let sent_on = visitor.submit(&path, &[("quantity", "1")]).await.expect(303);
    let sign_in = sent_on.header("location").unwrap();
    assert_eq!(sign_in, format!("/signin?next=%2Ftickets%2F{ticket}"));
    let page = visitor.open(sign_in).await.expect(200);
    assert_eq!(hidden(&page, "next"), path);
    for own in ["/orders", "/listings", "/sell", "/account", &format!("/orders/{NOTHING}")] {
        let answer = visitor.open(own).await.expect(303);
        assert!(answer.header("location").unwrap().starts_with("/signin?next="), "{own}");
    }
    // Nobody is sent to another house.
    let form =
        [("email", "a@example.com"), ("password", PASSWORD), ("next", "//elsewhere.example")];
    assert_eq!(visitor.submit("/signup", &form).await.expect(303).header("location"), Some("/"));
    let (next, page) = visitor.submit_and_go_on("/signout", &[]).await;
    assert_eq!(next, "/?done=signed-out");
    says(&page, "You are signed out.");
    visitor.open("/orders").await.expect(303);
    shop.close().await;
}

#[tokio::test]
async fn others_orders_and_listings_are_not_shown() {
    let shop = Shop::for_a_crowd().await;
    let (seller, buyer, other) = (shop.member().await, shop.member().await, shop.member().await);
    let ticket = seller.lists("Front row", json!(20)).await;
    let order = buyer.reserves(&ticket).await;
    let page = other.open(&format!("/orders/{order}")).await;
    assert_ne!(page.status, StatusCode::OK);
    assert!(!page.text.contains("Front row"), "{}", page.text);
    other.open(&format!("/listings/{ticket}")).await.expect(404);
    let cancel = other.submit(&format!("/orders/{order}/cancel"), &[]).await;
    assert_eq!(cancel.status, StatusCode::UNAUTHORIZED);
    assert_eq!(buyer.order(&order).await["status"], json!("created"));
    shop.close().await;
}

#[tokio::test]
async fn a_form_from_another_site_is_refused() {
    let shop = Shop::for_a_crowd().await;
    let seller = shop.member().await;
    let ticket = seller.lists("Front row", json!(20)).await;
    let buyer = shop.member().await;
    let headers = [
        ("accept", "text/html"),
        ("content-type", "application/x-www-form-urlencoded"),
        ("sec-fetch-site", "cross-site"),
    ];
    let path = format!("/tickets/{ticket}");
    let answer = buyer.send(Method::POST, &path, &headers, "quantity=1".into()).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    says(&answer, "<!doctype html>");
    assert_eq!(seller.ticket(&ticket).await["held"], json!(0));
    shop.close().await;
}

/// A browser that is not on a secure origin, or is older, says only where a form comes from.
#[tokio::test]
async fn an_older_browser_sends_forms_too() {
    let shop = Shop::for_a_crowd().await;
    let visitor = shop.visitor();
    let page = visitor.open("/signup").await.expect(200);
    assert_eq!(page.header("referrer-policy"), Some("same-origin"), "or it says nothing at all");
    let here = format!("http://{}", shop.server.address());
    for (origin, status) in [("null", 403), ("http://elsewhere.example", 403), (&here, 303)] {
        let headers = [
            ("accept", "text/html"),
            ("content-type", "application/x-www-form-urlencoded"),
            ("origin", origin),
        ];
        let form = encoded(&[("email", "old@example.com"), ("password", PASSWORD)]);
        let answer = visitor.send(Method::POST, "/signup", &headers, form.into()).await;
        assert_eq!(answer.status.as_u16(), status, "{origin}: {answer:?}");
    }
    shop.close().await;
}

/// A form whose answer was lost is not sent again by itself, and may have been done.
#[tokio::test]
async fn a_form_without_an_answer_leads_to_its_page() {
    let shop = Shop::with(|config| config.address_rate = std::num::NonZeroU32::new(1)).await;
    let visitor = shop.visitor();
    let path = format!("/orders/{NOTHING}/pay");
    let refused = tokio::time::timeout(SOON, async {
        loop {
            let page = visitor.submit(&path, &[("token", "tok_visa")]).await;
            if page.status == StatusCode::TOO_MANY_REQUESTS {
                return page;
            }
        }
    });
    let page = refused.await.unwrap();
    says(&page, "We could not tell how that ended");
    says(&page, &format!("href=\"/orders/{NOTHING}\""));
    assert!(!page.text.contains("http-equiv"), "{}", page.text);
    shop.close().await;
}

#[tokio::test]
async fn tricks_in_a_listing_show_as_text() {
    let shop = Shop::for_a_crowd().await;
    let seller = shop.visitor();
    seller.signs_up("seller@example.com").await;
    let form = [
        ("title", TRICK),
        ("price", "5"),
        ("quantity", "2"),
        ("venue", TRICK),
        ("description", TRICK),
    ];
    let (page, _) = seller.submit_and_go_on("/sell", &form).await;
    let ticket = page.split('?').next().unwrap().to_owned();
    let buyer = shop.visitor();
    buyer.signs_up("buyer@example.com").await;
    let (order, _) = buyer.submit_and_go_on(&ticket, &[("quantity", "1")]).await;
    let own = ticket.replace("/tickets/", "/listings/");
    for (who, path) in [
        (&buyer, "/"),
        (&buyer, ticket.as_str()),
        (&buyer, order.as_str()),
        (&buyer, "/orders"),
        (&seller, "/listings"),
        (&seller, own.as_str()),
        (&buyer, "/?q=%3Cscript%3E"),
    ] {
        let page = who.open(path).await.expect(200);
        assert_eq!(page.text.matches("<script").count(), 1, "{path}: the page's own script alone");
        if !path.contains('?') {
            says(&page, SHOWN_TRICK);
        }
    }
    shop.close().await;
}

#[tokio::test]
async fn failures_are_pages_for_people_and_json_for_programs() {
    let shop = Shop::open().await;
    let visitor = shop.visitor();
    let page = visitor.open("/nothing").await.expect(404);
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    says(&page, "There is nothing here");
    visitor.open(&format!("/tickets/{NOTHING}")).await.expect(404);
    visitor.open("/tickets/no-id").await.expect(404);
    visitor.get("/nothing").await.expect_code(404, "not_found");
    visitor.open("/api/nothing").await.expect_code(404, "not_found");
    says(&visitor.submit("/", &[]).await.expect(405), "<!doctype html>");
    shop.close().await;
}

#[tokio::test]
async fn whoever_stays_out_for_a_moment_is_told_when_to_come_back() {
    let shop = Shop::with(|config| config.address_rate = std::num::NonZeroU32::new(1)).await;
    let visitor = shop.visitor();
    let busy = tokio::time::timeout(SOON, async {
        loop {
            let page = visitor.open("/").await;
            if page.status == StatusCode::TOO_MANY_REQUESTS {
                return page;
            }
        }
    });
    let page = busy.await.unwrap();
    says(&page, "You are not out: this page tries again in");
    let seconds = page.header("retry-after").unwrap().to_owned();
    says(&page, &format!("<meta http-equiv=\"refresh\" content=\"{seconds}\">"));
    shop.close().await;
}

#[tokio::test]
async fn pages_speak_german_to_who_asks_for_it() {
    let shop = Shop::for_a_crowd().await;
    let seller = shop.member().await;
    let ticket = seller.lists_many("Orgelnacht", json!("1234.50"), 2).await;
    let page = shop.visitor().open_in_german(&format!("/tickets/{ticket}")).await.expect(200);
    says(&page, "<html lang=\"de\">");
    says(&page, "1.234,50\u{a0}USD");
    says(&page, "Noch 2");
    says(&shop.visitor().open_in_german("/nichts").await.expect(404), "Hier ist nichts");
    shop.close().await;
}

#[tokio::test]
async fn a_crowd_may_share_what_shows_nobody() {
    let shop = Shop::for_a_crowd().await;
    let page = shop.visitor().open("/").await.expect(200);
    assert_eq!(page.header("cache-control"), Some("public, max-age=1"));
    assert_eq!(page.header("vary").map(|vary| vary.contains("cookie")), Some(true));
    let member = shop.visitor();
    member.signs_up("member@example.com").await;
    let page = member.open("/").await.expect(200);
    assert_eq!(page.header("cache-control"), Some("no-store"));
    for path in page.text.split('"').filter(|part| part.starts_with("/assets/")) {
        let file = shop.visitor().get(path).await.expect(200);
        assert_eq!(file.header("cache-control"), Some("public, max-age=31536000, immutable"));
    }
    shop.close().await;
}

#[tokio::test]
async fn an_account_is_looked_after_and_left() {
    let shop = Shop::for_a_crowd().await;
    let here = shop.visitor();
    here.signs_up("one@example.com").await;
    let there = shop.visitor();
    let form = [("email", "one@example.com"), ("password", PASSWORD)];
    there.submit_and_go_on("/signin", &form).await;
    says(&here.open("/account").await, "Sign out everywhere else");
    let (_, page) = here.submit_and_go_on("/account/sessions/others/end", &[]).await;
    says(&page, "Signed out there.");
    there.open("/account").await.expect(303);

    let wrong = [("email", "two@example.com"), ("password", "another password")];
    let page = here.submit("/account/email", &wrong).await.expect(400);
    says(&page, "value=\"two@example.com\"");
    let right = [("email", "two@example.com"), ("password", PASSWORD)];
    let (_, page) = here.submit_and_go_on("/account/email", &right).await;
    says(&page, "two@example.com");
    let short = [("current_password", PASSWORD), ("new_password", "short")];
    let page = here.submit("/account/password", &short).await.expect(400);
    says(&page, "Password must be between 8 and 128 characters");
    let better = [("current_password", PASSWORD), ("new_password", "a better password")];
    here.submit_and_go_on("/account/password", &better).await;
    let (next, page) =
        here.submit_and_go_on("/account/delete", &[("password", "a better password")]).await;
    assert_eq!(next, "/?done=deleted");
    says(&page, "Your account was deleted.");
    here.open("/account").await.expect(303);
    shop.close().await;
}

#[tokio::test]
async fn a_listing_is_edited_and_taken_off_sale() {
    let shop = Shop::for_a_crowd().await;
    let seller = shop.visitor();
    seller.signs_up("seller@example.com").await;
    let ticket = seller.sells("Matinee", "10", "4").await;
    let own = ticket.replace("/tickets/", "/listings/");
    let page = seller.open(&own).await.expect(200);
    let edited = [
        ("title", "Matinee in May"),
        ("price", "12.50"),
        ("quantity", "6"),
        ("starts_at", "2027-05-02T11:00"),
        ("zone", "Europe/Berlin"),
        ("version", hidden(&page, "version")),
    ];
    let (_, saved) = seller.submit_and_go_on(&own, &edited).await;
    says(&saved, "Saved.");
    says(&saved, "value=\"2027-05-02T09:00\"");
    says(&seller.open(&ticket).await, "Matinee in May");
    // Somebody with the page of before would undo it.
    let stale = seller.submit(&own, &edited).await;
    assert_eq!(stale.status, StatusCode::CONFLICT);
    let (_, gone) = seller.submit_and_go_on(&format!("{own}/withdraw"), &[]).await;
    says(&gone, "It is off sale.");
    says(&shop.visitor().open(&ticket).await, "No longer on sale");
    shop.close().await;
}
