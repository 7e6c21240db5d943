//! Who may know whom: the layers of this crate, checked in its sources.
//!
//! A layer knows itself and what lies below it. Names at the root of the crate belong to no
//! layer, so a layer that used one would reach past the rule; only the root itself, which puts
//! everything together, and the test tools may name everything. Code that is compiled for tests
//! alone is not looked at.

#[cfg(test)]
#[path = "architecture/source.rs"]
mod source;

#[cfg(test)]
mod layers {
    use std::collections::{BTreeMap, BTreeSet};
    use std::fs;
    use std::path::Path;

    use super::source::{Source, module_of};

    /// The layers, with what each may name.
    const MAY_KNOW: [(&str, &[&str]); 5] = [
        ("values", &["values"]),
        ("domain", &["values", "domain", "planted"]),
        ("ports", &["values", "domain", "ports", "planted"]),
        ("service", &["values", "domain", "ports", "service", "planted"]),
        ("memory", &["values", "domain", "ports", "memory", "planted"]),
    ];

    /// Drivers belong to adapters and to the server, which depend on this crate.
    const NOWHERE: [&str; 4] = ["sqlx", "axum", "hyper", "reqwest"];

    /// What would make a decision wait, depend on more than its arguments, or leave a trace.
    const NOT_WHERE_THINGS_ARE_DECIDED: [&str; 10] = [
        "async",
        "await",
        "async_trait",
        "tokio",
        "futures_util",
        "tracing",
        "SystemTime",
        "Instant",
        "now_v7",
        "new_v4",
    ];

    /// What is wrong with a source, whose path starts at the folder of sources.
    fn violations(path: &str, text: &str) -> Vec<String> {
        let source = Source::read(path, text);
        let layer = module_of(path).into_iter().next().unwrap_or_default();
        let mut found = Vec::new();
        let decides = matches!(layer.as_str(), "values" | "domain");
        let banned = NOT_WHERE_THINGS_ARE_DECIDED.into_iter().filter(|_| decides);
        for word in NOWHERE.into_iter().chain(banned) {
            if source.words.contains(word) {
                found.push(format!("{path} says `{word}`"));
            }
        }
        let known = MAY_KNOW.into_iter().find(|(name, _)| *name == layer);
        let Some((_, known)) = known else {
            return found;
        };
        for named in source.names {
            let allowed = named.first().is_some_and(|first| known.contains(&first.as_str()));
            if !allowed {
                found.push(format!("{path} names crate::{}", named.join("::")));
            }
        }
        found
    }

    /// Every source by its path from the folder of sources.
    fn sources() -> BTreeMap<String, String> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut folders = vec![root.clone()];
        let mut sources = BTreeMap::new();
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == "rs") {
                    let name = path.strip_prefix(&root).unwrap();
                    let name = name.to_str().unwrap().replace('\\', "/");
                    sources.insert(name, fs::read_to_string(&path).unwrap());
                }
            }
        }
        sources
    }

    /// The modules that are compiled for tests alone.
    fn test_modules(sources: &BTreeMap<String, String>) -> BTreeSet<Vec<String>> {
        let read = |(path, text): (&String, &String)| Source::read(path, text).test_modules;
        sources.iter().flat_map(read).collect()
    }

    #[test]
    fn every_layer_knows_only_what_lies_below_it() {
        let mut sources = sources();
        let tests = test_modules(&sources);
        sources.retain(|path, _| {
            let module = module_of(path);
            !tests.iter().any(|test| module.starts_with(test))
        });
        for (layer, _) in MAY_KNOW {
            let there =
                sources.keys().any(|path| module_of(path).first().is_some_and(|l| l == layer));
            assert!(there, "no source of {layer} was looked at");
        }
        let found = sources.iter().flat_map(|(path, text)| violations(path, text));
        let found: Vec<String> = found.collect();
        assert!(found.is_empty(), "{}", found.join("\n"));
    }

    #[test]
    fn test_modules_are_recognized_by_their_declaration() {
        let tests = test_modules(&sources());
        let module = |path: &str| path.split("::").map(str::to_owned).collect::<Vec<_>>();
        assert!(tests.contains(&module("domain::order::tests")));
        assert!(tests.contains(&module("domain::order::fixtures")));
        assert!(!tests.contains(&module("domain::order::lines")));
        assert!(!tests.contains(&module("testing")));
    }

    /// Every spelling of a wrong name is found, in a file that could stand in the domain.
    #[test]
    fn planted_imports_of_a_higher_layer_are_found() {
        let wrong = [
            "use crate::service::engine::Engine;",
            "use crate::{domain, service};",
            "use crate::{domain::{order, event}, ports::{storage::Storage as Store}};",
            "use crate::{values, domain, ports::{self}};",
            "use super::super::service;",
            "use super::super::{service};",
            "pub use super::super::memory::*;",
            "fn f() -> crate::service::Error { todo!() }",
            "fn f() { super::super::service::start(); }",
            "impl From<crate :: ports :: PortError> for Rejection {}",
            "mod inner { use super::super::super::service; }",
            "mod inner { mod deeper {} fn f() { super::super::super::ports::f() } }",
            "mod inner {} fn f() { self::super::super::testing::f() }",
            "use crate::*;",
            "use crate as everything;",
            "use super::super as everything;",
            "use crate::{self as everything};",
            "use crate::Ticketing;",
            "use ticketing_core::service::Engine;",
            "use ::ticketing_core::service::Engine;",
            "extern crate self as everything;",
            "macro_rules! m { () => { $crate::service::f() } }",
            "use crate::r#service::f;",
            "#[derive(Debug, crate::service::Something)] struct S;",
            "/* a comment */ use /* and */ crate /* more */ ::service::f;",
            "const QUOTE: char = '\"'; use crate::service::f; const OTHER: char = '\"';",
            "const RAW: &str = r#\"\"#; use crate::service::f; const MORE: &str = \"\\\"\";",
            "fn f<'a>(x: &'a str) -> &'a str { crate::service::f(x) }",
            "#[cfg(not(test))] use crate::service::f;",
            "#[cfg(any(test, feature = \"testing\"))] use crate::testing::f;",
            "#[cfg(test)] mod tests { fn f() {} } use crate::service::f;",
            "#[cfg(test)] use crate::ports::g; use crate::service::f;",
        ];
        for text in wrong {
            let found = violations("domain/order.rs", text);
            assert_eq!(found.len(), 1, "{text}\n{found:?}");
        }
    }

    #[test]
    fn what_the_domain_may_say_is_not_found() {
        let right = [
            "use crate::values::Money; use crate::domain::order::Order;",
            "use crate::{domain, values::{self, Money as M}};",
            "use super::event::{self, DomainEvent}; use super::*;",
            "use std::fmt; use uuid::Uuid; use serde::Serialize;",
            "mod inner { use super::super::event; use super::*; }",
            "pub(crate) fn f() {} pub(in crate::domain) fn g(self) {} pub(super) fn h() {}",
            "// use crate::service::f;\n/* crate::service::f() /* tokio */ async */",
            "/// See [`testing`](crate::testing::conformance), or tokio.\nfn f() {}",
            "const WORDS: &str = \"crate::service and tokio\"; const B: &[u8] = b\"sqlx\";",
            "const RAW: &str = r##\"\"# crate::service::f() \"##;",
            "#[cfg(test)]\n#[expect(dead_code)]\nmod tests { use crate::service::f; }",
            "#[cfg(test)] use crate::memory::MemoryStorage;",
            "#[cfg(test)] const ALL: [fn(); 1] = [crate::service::f];",
            "#[cfg(all(test, feature = \"mock\"))] fn f() { crate::service::f() }",
            "fn f(asynchronous: u8, tokio_like: u8) {}",
        ];
        for text in right {
            let found = violations("domain/order.rs", text);
            assert!(found.is_empty(), "{text}\n{found:?}");
        }
    }

    #[test]
    fn each_layer_has_its_own_rule() {
        let all = ["values", "domain", "ports", "service", "memory", "testing"];
        for (layer, known) in MAY_KNOW {
            for other in all {
                let text = format!("use crate::{other}::something;");
                let found = violations(&format!("{layer}/room.rs"), &text);
                assert_eq!(found.is_empty(), known.contains(&other), "{layer}: {text}");
            }
        }
        let everything = "use crate::{service, memory, testing, Ticketing};";
        for root in ["lib.rs", "builder.rs", "testing/mod.rs", "testing/clock.rs"] {
            assert!(violations(root, everything).is_empty(), "{root}");
        }
    }

    #[test]
    fn deciding_neither_waits_nor_looks_around() {
        let wrong = [
            "async fn f() {}",
            "fn f() { g().await }",
            "use tokio::sync::Mutex;",
            "#[tracing::instrument] fn f() {}",
            "use tracing::info as note;",
            "fn f() -> std::time::Instant { std::time::Instant::now() }",
        ];
        for text in wrong {
            for path in ["values/money.rs", "domain/order.rs"] {
                assert!(!violations(path, text).is_empty(), "{path}: {text}");
            }
            assert!(violations("service/orders.rs", text).is_empty(), "{text}");
        }
    }

    #[test]
    fn drivers_are_found_everywhere() {
        for driver in NOWHERE {
            for path in ["lib.rs", "ports/storage.rs", "memory/mod.rs", "testing/mod.rs"] {
                let text = format!("fn f(pool: &{driver}::Pool) {{}}");
                assert_eq!(violations(path, &text).len(), 1, "{path}: {text}");
            }
        }
    }
}
