//! The dashboard and the alerts ask for numbers that a server really tells.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::browser::Browser;
use crate::manifests::{documents, list, root, text};
use crate::program::Program;

/// What Prometheus itself tells of those that it asks, and gives to what they say.
const OF_PROMETHEUS: [&str; 1] = ["up"];
const LABELS_OF_PROMETHEUS: [&str; 3] = ["job", "role", "pod"];

/// Names of numbers, and the labels that each of them has with the values that were seen.
type Numbers = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

/// The numbers of a server that has done a bit of everything.
async fn told() -> Numbers {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path(), &["--hold", "2s"]).await;
    let seller = program.signs_up("seller").await;
    let ticket = seller.lists_many("Front row", json!(20), 5).await;
    let order = seller.reserves(&ticket).await;
    seller.pays(&order).await;
    let overdue = seller.reserves(&ticket).await;
    seller.sees(&format!("/api/orders/{overdue}"), |it| it["status"] == "cancelled").await;
    let numbers = Browser::new(program.address).get("/metrics").await.expect(200).text;
    assert!(program.terminate().await.success());
    parsed(&numbers)
}

fn parsed(text: &str) -> Numbers {
    let mut numbers = Numbers::new();
    // Counters without a value yet have a description alone, without the ending that samples have.
    for line in text.lines() {
        if let Some(named) = line.strip_prefix("# TYPE ") {
            let (name, kind) = named.split_once(' ').unwrap();
            let endings: &[&str] = match kind {
                "counter" => &["_total"],
                "histogram" => &["_bucket", "_sum", "_count"],
                _ => &[""],
            };
            for ending in endings {
                numbers.entry(format!("{name}{ending}")).or_default();
            }
        } else if !line.starts_with('#') {
            let (name, labels) = line.split_once('{').unwrap_or((line, ""));
            let name = name.split(' ').next().unwrap();
            let known = numbers.entry(name.to_owned()).or_default();
            let (labels, _) = labels.rsplit_once('}').unwrap_or_default();
            for (label, value) in labels_of(labels) {
                known.entry(label).or_default().insert(value);
            }
        }
    }
    numbers
}

/// `a="b",c="d"`, whose values have commas and braces in them at most in routes.
fn labels_of(text: &str) -> Vec<(String, String)> {
    let parts = text.split('"').collect::<Vec<_>>();
    let pairs = parts.chunks_exact(2);
    pairs
        .map(|pair| {
            let label = pair[0].trim_start_matches(',').trim_end_matches(['=', '~', '!']);
            (label.trim().to_owned(), pair[1].to_owned())
        })
        .collect()
}

/// Every number that an expression asks for, with its labels.
fn asked_for(expression: &str) -> Vec<(String, Vec<(String, String)>)> {
    let mut found = Vec::new();
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut rest = expression;
    while let Some((before, after)) = rest.split_once('{') {
        let name: String = before.chars().rev().take_while(|c| is_part(*c)).collect();
        let (labels, after) = after.split_once('}').unwrap();
        found.push((name.chars().rev().collect(), labels_of(labels)));
        rest = after;
    }
    found
}

fn expressions_of_the_dashboard() -> Vec<String> {
    let file = std::fs::read_to_string(root().join("infra/monitoring/dashboard.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&file).unwrap();
    let panels = list(&dashboard["panels"]);
    let ids: BTreeSet<u64> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
    assert_eq!(ids.len(), panels.len(), "every panel has an id of its own");
    let targets = panels.iter().flat_map(|panel| list(&panel["targets"]));
    let mut all: Vec<String> = targets.map(|target| text(&target["expr"])).collect();
    all.push(text(&dashboard["templating"]["list"][1]["definition"]));
    all
}

fn alerts() -> Vec<Value> {
    let groups = documents("infra/monitoring/alerts.yaml").remove(0);
    list(&groups["groups"]).iter().flat_map(|group| list(&group["rules"]).to_vec()).collect()
}

#[tokio::test]
async fn every_number_that_is_asked_for_is_told() {
    let numbers = told().await;
    let mut expressions = expressions_of_the_dashboard();
    expressions.extend(alerts().iter().map(|alert| text(&alert["expr"])));
    let mut seen = BTreeSet::new();
    for expression in &expressions {
        let asked = asked_for(expression);
        assert!(!asked.is_empty(), "{expression} asks for nothing");
        for (name, labels) in asked {
            if OF_PROMETHEUS.contains(&&*name) {
                continue;
            }
            let known = numbers.get(&name);
            let known = known.unwrap_or_else(|| panic!("no server tells {name}: {expression}"));
            for (label, value) in labels {
                if LABELS_OF_PROMETHEUS.contains(&&*label) {
                    continue;
                }
                // Failures of requests are not seen at a server that is well.
                let is_seen = known.get(&label).is_some_and(|values| values.contains(&value));
                assert!(is_seen || value == "5xx", "no server tells {name} of {label}={value}");
            }
            seen.insert(name);
        }
    }
    let unseen: Vec<&String> =
        numbers.keys().filter(|name| !seen.contains(*name) && is_of_interest(name)).collect();
    assert!(unseen.is_empty(), "nobody looks at {unseen:?}");
}

/// Histograms have three names, of which one is enough.
fn is_of_interest(name: &str) -> bool {
    !["_sum", "_count", "_bucket"].iter().any(|ending| name.ends_with(ending))
}

#[test]
fn a_number_that_is_not_there_would_be_found() {
    let numbers = parsed("# TYPE a counter\na_total{b=\"c\",route=\"/x/{id}\"} 1\n# EOF\n");
    assert_eq!(numbers["a_total"]["b"], BTreeSet::from(["c".to_owned()]));
    let asked = asked_for("sum(rate(a_total{b=\"c\"}[5m])) > x_total{}");
    assert_eq!(asked[0], ("a_total".to_owned(), vec![("b".to_owned(), "c".to_owned())]));
    assert!(!numbers.contains_key(&asked[1].0));
}

/// Whoever is woken finds what to do.
#[test]
fn every_alert_is_in_the_documentation() {
    let page = std::fs::read_to_string(root().join("docs/operating.md")).unwrap();
    for alert in alerts() {
        let name = text(&alert["alert"]);
        assert!(
            page.contains(&format!("| `{name}` |")),
            "docs/operating.md says nothing of {name}"
        );
    }
}

/// Prometheus finds the servers by labels and by a port that they have.
#[test]
fn prometheus_finds_every_role() {
    let config = documents("infra/monitoring/prometheus.yaml").remove(0);
    let job = &config["scrape_configs"][0];
    assert_eq!(job["kubernetes_sd_configs"][0]["namespaces"]["names"], json!(["ticketing"]));
    let kept: BTreeMap<String, String> = list(&job["relabel_configs"])
        .iter()
        .filter(|rule| rule["action"] == "keep")
        .map(|rule| (text(&rule["source_labels"][0]), text(&rule["regex"])))
        .collect();
    let meta = |name: &str| kept[&format!("__meta_kubernetes_pod_{name}")].clone();
    for (name, role) in crate::manifests::Overlay::prod().roles() {
        assert!(role.container.ports.contains_key(&meta("container_port_name")), "{name}");
        assert_eq!(meta("label_app_kubernetes_io_name"), "ticketing");
    }
}
