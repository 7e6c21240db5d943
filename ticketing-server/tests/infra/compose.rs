//! The Compose files say what the manifests say.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use ticketing_server::Config;
use ticketing_server::config::Sources;

use crate::ingress::Rules;
use crate::manifests::{Overlay, documents, root, text};

fn split() -> Value {
    documents("infra/compose/split.yaml").remove(0)
}

/// Services of ours, by what they are told.
fn servers(file: &Value) -> BTreeMap<String, BTreeMap<String, String>> {
    let services = file["services"].as_object().unwrap().iter();
    let ours = services.filter(|(_, it)| it["image"] == "ticketing-server");
    ours.map(|(name, service)| {
        let told = service["environment"].as_object().into_iter().flatten();
        (name.clone(), told.map(|(name, value)| (name.clone(), text(value))).collect())
    })
    .collect()
}

#[test]
fn each_role_is_a_service_whose_settings_the_server_accepts() {
    let split = split();
    let mut servers = servers(&split);
    servers.remove("migrate").expect("what makes the tables");
    assert_eq!(
        servers.keys().collect::<Vec<_>>(),
        Overlay::dev().roles().keys().collect::<Vec<_>>()
    );
    for (name, variables) in servers {
        assert_eq!(variables["TICKETING_SERVICES"], name);
        // What stands in for Stripe takes one key alone.
        let dev = Overlay::dev().roles()[&name].container.variables.clone();
        assert_eq!(variables["TICKETING_STRIPE_SECRET_KEY"], dev["TICKETING_STRIPE_SECRET_KEY"]);
        let config = Config::load(&Sources { variables, ..Sources::default() }).unwrap();
        assert_eq!(config.strangers(), <[String; 0]>::default());
    }
    assert_eq!(split["services"]["orders"]["deploy"]["replicas"], 2);
}

/// Both ways in have the same rules.
#[test]
fn the_gate_has_the_rules_of_the_ingress() {
    let gate = std::fs::read_to_string(root().join("infra/compose/nginx.conf")).unwrap();
    let rules = Rules::of(&Overlay::dev());
    let mut said = BTreeSet::new();
    for location in gate.split("location ").skip(1) {
        let (place, body) = location.split_once('{').unwrap();
        let service =
            body.split_once("set $service ").map(|(_, rest)| rest.split_once(';').unwrap().0);
        said.insert((place.trim().to_owned(), service.map(str::to_owned)));
    }
    let mut wanted = BTreeSet::from([("~ ^/(metrics|healthz|readyz)(/|$)".to_owned(), None)]);
    for rule in rules.all().iter().filter(|rule| !rule.is_closed) {
        let place = match &*rule.path {
            "/" => "/".to_owned(),
            path => format!("~ ^{path}(/|$)"),
        };
        let service = rule.service.strip_prefix("ticketing-").unwrap();
        wanted.insert((place, Some(service.to_owned())));
    }
    assert_eq!(said, wanted);
    let mut closed: Vec<&str> =
        rules.all().iter().filter(|it| it.is_closed).map(|it| &*it.path).collect();
    closed.sort_unstable();
    assert_eq!(closed, ["/healthz", "/metrics", "/readyz"]);
    assert!(gate.contains("proxy_buffering off;"));
}

/// Containers have longer to end than their servers need: the delay, the deadline, and five seconds.
#[test]
fn containers_have_time_to_end() {
    let one = documents("infra/compose/compose.yaml").remove(0);
    for (service, delay) in [(&one["services"]["shop"], 0), (&split()["services"]["orders"], 3)] {
        let grace: u32 = text(&service["stop_grace_period"]).trim_end_matches('s').parse().unwrap();
        assert!(grace > delay + 25 + 5, "{grace}");
        assert_eq!(service["read_only"], true);
    }
}
