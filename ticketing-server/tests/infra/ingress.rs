//! The rules of the ingress: where a path leads.

use serde_json::Value;

use crate::manifests::{Overlay, list, text};

/// Who may ask, of an Ingress as a whole.
const ALLOWED: &str = "nginx.ingress.kubernetes.io/whitelist-source-range";

/// All rules of an overlay, of which the longest path that fits wins.
#[derive(Debug, Clone)]
pub(crate) struct Rules(Vec<Rule>);

/// One path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rule {
    pub(crate) path: String,
    pub(crate) service: String,
    /// Whether whoever comes from outside is refused.
    pub(crate) is_closed: bool,
}

impl Rules {
    pub(crate) fn of(overlay: &Overlay) -> Self {
        let mut rules: Vec<Rule> = overlay.of_kind("Ingress").flat_map(rules_of).collect();
        rules.sort_by_key(|rule| std::cmp::Reverse(rule.path.len()));
        Self(rules)
    }

    pub(crate) fn all(&self) -> &[Rule] {
        &self.0
    }

    /// The rule that is in force for a path.
    pub(crate) fn for_path(&self, path: &str) -> &Rule {
        self.0.iter().find(|rule| rule.fits(path)).expect("a rule for every path")
    }
}

impl Rule {
    /// As `pathType: Prefix` has it: whole elements of the path.
    fn fits(&self, path: &str) -> bool {
        let beginning = self.path.trim_end_matches('/');
        path.strip_prefix(beginning).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

fn rules_of(ingress: &Value) -> Vec<Rule> {
    let allowed = &ingress["metadata"]["annotations"][ALLOWED];
    assert!(allowed.is_null() || allowed == "127.0.0.1/32", "{allowed} may ask");
    let rules = list(&ingress["spec"]["rules"]);
    let paths = rules.iter().flat_map(|rule| list(&rule["http"]["paths"]));
    let rule = |path: &Value| {
        assert_eq!(path["pathType"], "Prefix", "{path}");
        assert_eq!(path["backend"]["service"]["port"]["name"], "http", "{path}");
        Rule {
            path: text(&path["path"]),
            service: text(&path["backend"]["service"]["name"]),
            is_closed: !allowed.is_null(),
        }
    };
    paths.map(rule).collect()
}

#[test]
fn paths_lead_where_the_rules_say() {
    for overlay in [Overlay::dev(), Overlay::prod()] {
        let rules = Rules::of(&overlay);
        for (path, service) in [
            ("/api/users/signup", "ticketing-auth"),
            ("/api/tickets", "ticketing-tickets"),
            ("/api/tickets/live", "ticketing-tickets"),
            ("/api/ticketsabc", "ticketing-client"),
            ("/api/orders/7/live", "ticketing-orders"),
            ("/api/payments/intents", "ticketing-payments"),
            ("/api/webhooks/stripe", "ticketing-payments"),
            ("/", "ticketing-client"),
            ("/tickets/7", "ticketing-client"),
        ] {
            let rule = rules.for_path(path);
            assert_eq!((&*rule.service, rule.is_closed), (service, false), "{path}");
        }
        for path in ["/metrics", "/metrics/", "/healthz", "/readyz"] {
            assert!(rules.for_path(path).is_closed, "{path} is open");
        }
    }
}

/// What would hold live streams back is off.
#[test]
fn streams_pass_as_they_come() {
    for overlay in [Overlay::dev(), Overlay::prod()] {
        let annotations = &overlay.find("Ingress", "ticketing")["metadata"]["annotations"];
        assert_eq!(annotations["nginx.ingress.kubernetes.io/proxy-buffering"], "off");
        let patience = &annotations["nginx.ingress.kubernetes.io/proxy-read-timeout"];
        // Streams say something every fifteen seconds.
        assert!(patience.as_str().unwrap().parse::<u32>().unwrap() >= 60, "{patience}");
    }
}
