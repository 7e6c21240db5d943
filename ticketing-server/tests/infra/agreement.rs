//! What the manifests say of the server, and what they say twice, agrees.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};
use ticketing_server::Config;
use ticketing_server::config::{SETTINGS, Setting, Sources};

use crate::manifests::{Overlay, Role, is_ours, list};

/// How long a server takes after its last request at the most, see `docs/operations.md`.
const LAST_WORDS: Duration = Duration::from_secs(5);

const ROLES: [&str; 6] = ["auth", "client", "expiration", "orders", "payments", "tickets"];

fn both() -> [Overlay; 2] {
    [Overlay::dev(), Overlay::prod()]
}

fn config(role: &Role) -> Config {
    let variables = role.container.variables.clone();
    let loaded = Config::load(&Sources { variables, ..Sources::default() });
    loaded.unwrap_or_else(|wrong| panic!("{}: {wrong}", role.name))
}

#[test]
fn every_role_has_what_a_role_has() {
    for overlay in both() {
        let roles = overlay.roles();
        assert_eq!(roles.keys().collect::<Vec<_>>(), ROLES);
        for (name, role) in &roles {
            assert_eq!(role.container.variables["TICKETING_SERVICES"], **name);
            assert!(role.container.arguments.is_empty(), "{name}");
            let labels = json!({
                "app.kubernetes.io/name": "ticketing", "app.kubernetes.io/component": name,
            });
            let named = format!("ticketing-{name}");
            let of = |kind: &str| &overlay.find(kind, &named)["spec"];
            assert_eq!(of("Service")["selector"], labels);
            assert_eq!(of("Deployment")["selector"]["matchLabels"], labels);
            assert_eq!(of("PodDisruptionBudget")["selector"]["matchLabels"], labels);
            assert_eq!(of("HorizontalPodAutoscaler")["scaleTargetRef"]["name"], *named);
            assert_eq!(of("Deployment")["replicas"], Value::Null, "the autoscaler has them");
            assert!(role.replicas.0 <= role.replicas.1);
        }
    }
}

/// In production, one of each can go at any time.
#[test]
fn there_are_two_of_each_in_production() {
    for role in Overlay::prod().roles().values() {
        assert!(role.replicas.0 >= 2, "{} {:?}", role.name, role.replicas);
    }
}

/// Which is the only way to learn that a production's settings are accepted at all, short of keys that
/// are real.
#[test]
fn the_server_accepts_the_settings_of_every_role() {
    for overlay in both() {
        for role in overlay.roles().values() {
            let config = config(role);
            assert_eq!(config.strangers(), <[String; 0]>::default(), "{}", role.name);
            assert_eq!(config.listen.port(), role.container.ports["http"]);
            assert!(config.listen.ip().is_unspecified(), "a pod's address is not known before");
        }
    }
    for role in Overlay::prod().roles().values() {
        assert!(config(role).environment.is_production() && config(role).cookie_secure);
    }
}

#[test]
fn a_pod_has_longer_to_end_than_its_server_needs() {
    for overlay in both() {
        for role in overlay.roles().values() {
            let config = config(role);
            let delay = config.shutdown_delay.expect("time for others to see that it ends");
            let needed = delay + config.shutdown_deadline + LAST_WORDS;
            assert!(role.grace > needed, "{}: {:?} and {needed:?}", role.name, role.grace);
            let Role { readiness, .. } = role;
            let noticed = (readiness.period + readiness.timeout) * readiness.failures;
            assert!(delay > noticed, "{}: it is noticed after {noticed:?}", role.name);
            assert_eq!((&*readiness.path, &*role.liveness.path), ("/readyz", "/healthz"));
        }
    }
}

/// What the level "restricted" of Kubernetes asks of a pod, and a root that can't be written.
#[test]
fn every_container_may_do_next_to_nothing() {
    for overlay in both() {
        let kinds = ["Deployment", "StatefulSet", "Job"];
        let all: Vec<&Value> = kinds.iter().flat_map(|kind| overlay.of_kind(kind)).collect();
        assert!(all.len() >= 7, "{}", all.len());
        for object in all {
            let name = &object["metadata"]["name"];
            let pod = &object["spec"]["template"]["spec"];
            let context = &pod["securityContext"];
            assert_eq!(context["runAsNonRoot"], true, "{name}");
            assert!(context["runAsUser"].as_u64().is_some_and(|user| user > 0), "{name}");
            assert_eq!(context["seccompProfile"]["type"], "RuntimeDefault", "{name}");
            assert_eq!(pod["automountServiceAccountToken"], false, "{name}");
            for container in list(&pod["containers"]) {
                let context = &container["securityContext"];
                assert_eq!(context["allowPrivilegeEscalation"], false, "{name}");
                assert_eq!(context["readOnlyRootFilesystem"], true, "{name}");
                assert_eq!(context["capabilities"], json!({ "drop": ["ALL"] }), "{name}");
                assert!(container["resources"]["limits"]["memory"].is_string(), "{name}");
            }
        }
        let namespace = overlay.find("Namespace", "ticketing");
        let level = &namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"];
        assert_eq!(level, "restricted");
    }
}

/// Where a role of ours connects to, by the URLs that it is given.
fn asks(role: &Role) -> BTreeSet<u64> {
    let ports = role.container.variables.values().filter_map(|value| {
        let (_, rest) = value.split_once("://")?;
        let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
        place.split(['/', '?']).next()?.rsplit_once(':')?.1.parse().ok()
    });
    ports.collect()
}

/// Ports that policies let a role reach.
fn may_reach(overlay: &Overlay, role: &str) -> BTreeSet<u64> {
    let labels = BTreeMap::from([
        ("app.kubernetes.io/name", "ticketing"),
        ("app.kubernetes.io/component", role),
    ]);
    let policies = overlay.of_kind("NetworkPolicy").filter(|it| selects(&it["spec"], &labels));
    let rules = policies.flat_map(|policy| list(&policy["spec"]["egress"]));
    rules.flat_map(|rule| list(&rule["ports"])).filter_map(|port| port["port"].as_u64()).collect()
}

fn selects(policy: &Value, labels: &BTreeMap<&str, &str>) -> bool {
    let selector = &policy["podSelector"];
    let mut equal = selector["matchLabels"].as_object().into_iter().flatten();
    let has = |key: &str, value: &Value| labels.get(key).is_some_and(|it| value == it);
    equal.all(|(key, value)| has(key, value))
        && list(&selector["matchExpressions"]).iter().all(|one| {
            let values = list(&one["values"]);
            values.iter().any(|value| has(one["key"].as_str().unwrap(), value))
        })
}

#[test]
fn nothing_is_open_but_what_is_needed() {
    for overlay in both() {
        let nothing = &overlay.find("NetworkPolicy", "nothing-else")["spec"];
        let denied = json!({ "podSelector": {}, "policyTypes": ["Ingress", "Egress"] });
        assert_eq!(*nothing, denied, "everything is denied unless it is allowed");
        for role in overlay.roles().values() {
            let (asked, open) = (asks(role), may_reach(&overlay, &role.name));
            assert!(asked.len() >= 3, "{asked:?}");
            assert!(asked.is_subset(&open), "{}: asks {asked:?}, may {open:?}", role.name);
        }
    }
    // Who talks to Stripe: who takes money, and who voids it.
    for role in ROLES {
        let may = may_reach(&Overlay::prod(), role).contains(&443);
        assert_eq!(may, ["orders", "payments", "client"].contains(&role), "{role}");
    }
}

/// Everything behind the ingress may be reached from it, and nothing else may.
#[test]
fn requests_come_from_the_ingress_alone() {
    for overlay in both() {
        let policy = &overlay.find("NetworkPolicy", "requests")["spec"];
        for role in ROLES {
            let labels = BTreeMap::from([
                ("app.kubernetes.io/name", "ticketing"),
                ("app.kubernetes.io/component", role),
            ]);
            let rules = crate::ingress::Rules::of(&overlay);
            let service = format!("ticketing-{role}");
            let is_asked = rules.all().iter().any(|rule| rule.service == service);
            assert_eq!(selects(policy, &labels), is_asked, "{role}");
        }
        let from = &policy["ingress"][0]["from"][0]["namespaceSelector"]["matchLabels"];
        assert_eq!(*from, json!({ "kubernetes.io/metadata.name": "ingress-nginx" }));
    }
}

/// In development a program of ours stands in for Stripe: it must take the key that the others have.
#[tokio::test]
async fn the_stand_in_takes_the_key_of_development() {
    let key = ticketing_stripe_stand_in::StandIn::start().await.unwrap().secret_key();
    let overlay = Overlay::dev();
    for role in overlay.roles().values() {
        let variables = &role.container.variables;
        assert_eq!(variables["TICKETING_STRIPE_SECRET_KEY"], key);
        let service = overlay.find("Service", "stripe");
        let port = &service["spec"]["ports"][0]["port"];
        assert_eq!(variables["TICKETING_PAYMENTS"], format!("stripe:http://stripe:{port}"));
    }
}

#[test]
fn every_variable_of_ours_is_a_setting() {
    let known: BTreeSet<String> = SETTINGS.iter().map(Setting::variable).collect();
    for overlay in both() {
        let mut all = vec![overlay.migration()];
        all.extend(overlay.roles().into_values().map(|role| role.container));
        for container in all {
            let strange: Vec<&String> =
                container.variables.keys().filter(|it| !known.contains(*it)).collect();
            assert!(strange.is_empty(), "{strange:?}");
        }
    }
    assert!(Overlay::dev().of_kind("Deployment").any(|it| !is_ours(it)), "the stand-in is there");
}
