//! Processes that do some of the services.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::Method;
use serde_json::json;
use ticketing_server::Config;
use ticketing_server::config::Sources;

use crate::authorization::described;
use crate::program::command;
use crate::shop::{NOTHING, SOON, Shop};

/// Services, and where their routes are.
const ROUTES: [(&str, &[&str]); 8] = [
    ("auth", &["/api/users"]),
    ("tickets", &["/api/tickets"]),
    ("orders", &["/api/orders"]),
    ("payments", &["/api/payments", "/api/webhooks"]),
    ("expiration", &[]),
    ("client", &[]),
    ("tickets,orders", &["/api/tickets", "/api/orders"]),
    (
        "auth,tickets,orders,payments,expiration,client",
        &["/api/users", "/api/tickets", "/api/orders", "/api/payments", "/api/webhooks"],
    ),
];

#[tokio::test]
async fn a_process_has_the_routes_of_its_services_and_no_others() {
    let all = described(&Shop::open().await).await;
    for (services, prefixes) in ROUTES {
        let shop = Shop::with(|config| config.services = services.parse().unwrap()).await;
        let is_here = |path: &str| prefixes.iter().any(|prefix| path.starts_with(prefix));
        let expected: BTreeSet<String> =
            all.iter().filter(|route| is_here(route.split_once(' ').unwrap().1)).cloned().collect();
        assert_eq!(described(&shop).await, expected, "{services}");
        for route in &all {
            let (_, path) = route.split_once(' ').unwrap();
            let asked = path.replace("{id}", NOTHING).replace("{gateway}", "sandbox");
            // No route has this method, so what answers is whether there is a route at all.
            let answer = shop.visitor().send(Method::PATCH, &asked, &[], "".into()).await;
            let status = if is_here(path) { 405 } else { 404 };
            assert_eq!(answer.status.as_u16(), status, "{services}: {path}");
        }
        let page = if services.contains("client") { 200 } else { 404 };
        assert_eq!(shop.visitor().get("/").await.status.as_u16(), page, "{services}");
        for health in ["/healthz", "/readyz", "/metrics", "/openapi.json"] {
            shop.visitor().get(health).await.expect(200);
        }
        shop.close().await;
    }
}

/// The routes of one service do what they do elsewhere.
#[tokio::test]
async fn the_services_of_a_process_work_without_the_others() {
    let shop = Shop::with(|config| config.services = "auth,tickets".parse().unwrap()).await;
    let seller = shop.member().await;
    let ticket = seller.lists("Front row", json!(20)).await;
    assert_eq!(seller.ticket(&ticket).await["available"], json!(1));
    let order = json!({ "ticketId": ticket });
    seller.post("/api/orders", order).await.expect_errors(404, &[("Not Found", None)]);
}

#[test]
fn some_services_need_a_database_and_a_bus_that_others_reach() {
    let load = |services: &str| {
        let flags = BTreeMap::from([("services", services.to_owned())]);
        Config::load(&Sources { flags, ..Sources::default() })
    };
    let (whole, parts) = ROUTES.split_last().unwrap();
    for (services, _) in parts {
        let problems = load(services).unwrap_err().problems;
        let [problem] = problems.as_slice() else { panic!("{services}: {problems:?}") };
        assert_eq!(problem.setting, "TICKETING_SERVICES");
        assert!(problem.what.contains("write `all`"), "{problem}");
    }
    assert!(load(whole.0).unwrap().services.is_all());
    assert!(load("all").unwrap().services.is_all());
}

#[tokio::test]
async fn the_program_refuses_before_it_makes_anything() {
    let folder = tempfile::tempdir().unwrap();
    let starting =
        command(folder.path()).args(["--services", "orders"]).kill_on_drop(true).output();
    let refused = tokio::time::timeout(SOON, starting).await.expect("it serves").unwrap();
    let complained = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success());
    assert!(complained.contains("TICKETING_SERVICES"), "{complained}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
