//! As much of a cluster as a deployment needs: it starts and ends pods, and the ingress sends requests
//! to those that are ready.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;

use crate::browser::Browser;
use crate::ingress::Rules;
use crate::manifests::{Overlay, Role};
use crate::pod::{Pod, run_to_the_end};
use crate::proxy::Proxy;
use crate::shop::PASSWORD;
use crate::substitutes::Substitutes;

/// Pods by their role, and whether each of them is ready.
type Endpoints = Arc<RwLock<BTreeMap<String, Vec<(SocketAddr, Arc<AtomicBool>)>>>>;

/// A deployment that runs.
pub(crate) struct Cluster {
    pub(crate) roles: BTreeMap<String, Role>,
    pub(crate) overlay: Overlay,
    pods: BTreeMap<String, Vec<Pod>>,
    endpoints: Endpoints,
    proxy: Proxy,
    pub(crate) substitutes: Substitutes,
}

impl Cluster {
    /// Makes the tables, and then starts as many of each role as there must be.
    pub(crate) async fn start(overlay: Overlay) -> Self {
        let substitutes = Substitutes::start(&overlay).await;
        let told = run_to_the_end(&overlay.migration(), &substitutes).await;
        assert_eq!(told, "the tables are up to date\n");
        substitutes.grant(&overlay).await;
        let endpoints = Endpoints::default();
        let proxy = Proxy::start(ways(Rules::of(&overlay), Arc::clone(&endpoints))).await;
        let (roles, pods) = (overlay.roles(), BTreeMap::new());
        let mut cluster = Self { roles, overlay, pods, endpoints, proxy, substitutes };
        let wanted: Vec<(String, usize)> =
            cluster.roles.values().map(|role| (role.name.clone(), role.replicas.0)).collect();
        for (role, replicas) in wanted {
            cluster.scale_up(&role, replicas).await;
        }
        cluster
    }

    /// Where everybody finds it.
    pub(crate) fn address(&self) -> SocketAddr {
        self.proxy.address
    }

    /// Somebody who is not signed in.
    pub(crate) fn visitor(&self) -> Browser {
        Browser::new(self.address())
    }

    /// Somebody who has just signed up, by that name.
    pub(crate) async fn member(&self, name: &str) -> Browser {
        let browser = self.visitor();
        let account = json!({ "email": format!("{name}@example.com"), "password": PASSWORD });
        browser.post("/api/users/signup", account).await.expect(201);
        browser
    }

    /// The pods of a role.
    pub(crate) fn pods(&self, role: &str) -> &[Pod] {
        &self.pods[role]
    }

    /// Starts more of a role, until there are so many.
    pub(crate) async fn scale_up(&mut self, role: &str, replicas: usize) {
        let missing = replicas - self.pods.get(role).map_or(0, Vec::len);
        let starting = (0..missing).map(|_| Pod::start(&self.roles[role], &self.substitutes));
        for pod in join_all(starting).await {
            self.note(pod);
        }
    }

    /// Ends as many of a role as are too many, the oldest first.
    pub(crate) async fn scale_down(&mut self, role: &str, replicas: usize) {
        let pods = self.pods.get_mut(role).unwrap();
        let leaving: Vec<Pod> = pods.drain(..pods.len() - replicas).collect();
        join_all(leaving.into_iter().map(Pod::end)).await;
        self.forget_ended();
    }

    /// Replaces every pod of every role: one more is started, and once that is ready an old one is told
    /// to end, as `maxSurge: 1` and `maxUnavailable: 0` have it. Answers how long the slowest took to
    /// end.
    pub(crate) async fn restart_all(&mut self) -> Duration {
        let old: Vec<(String, usize)> =
            self.pods.iter().map(|(role, pods)| (role.clone(), pods.len())).collect();
        let rounds = old.iter().map(|(_, pods)| *pods).max().unwrap_or(0);
        let mut ending = Vec::new();
        for round in 0..rounds {
            let due = old.iter().filter(|(_, pods)| round < *pods);
            let starting = due.map(|(role, _)| Pod::start(&self.roles[role], &self.substitutes));
            for pod in join_all(starting).await {
                let old = self.pods.get_mut(&pod.role).unwrap().remove(0);
                ending.push(tokio::spawn(old.end()));
                self.note(pod);
            }
        }
        let mut slowest = Duration::ZERO;
        for ended in join_all(ending).await {
            slowest = slowest.max(ended.unwrap());
        }
        self.forget_ended();
        slowest
    }

    fn note(&mut self, pod: Pod) {
        let mut endpoints = self.endpoints.write().unwrap();
        endpoints.entry(pod.role.clone()).or_default().push(pod.endpoint());
        drop(endpoints);
        self.pods.entry(pod.role.clone()).or_default().push(pod);
    }

    /// Those that are not there any more are no endpoints.
    fn forget_ended(&self) {
        let mut endpoints = self.endpoints.write().unwrap();
        for (role, known) in endpoints.iter_mut() {
            known.retain(|(address, _)| self.pods[role].iter().any(|pod| pod.address == *address));
        }
    }

    /// Ends all of it in good order.
    pub(crate) async fn close(mut self) {
        let pods = std::mem::take(&mut self.pods).into_values().flatten();
        join_all(pods.map(Pod::end)).await;
    }
}

/// Where the ingress sends what is asked for: to any pod of the role that is ready.
fn ways(
    rules: Rules,
    endpoints: Endpoints,
) -> impl Fn(&str) -> Option<Vec<SocketAddr>> + Send + Sync {
    move |path| {
        let found = rules.for_path(path);
        if found.is_closed {
            return None;
        }
        let role = found.service.strip_prefix("ticketing-").expect("a service of ours");
        let endpoints = endpoints.read().unwrap();
        let known = endpoints.get(role).map_or(&[][..], Vec::as_slice);
        let ready = known.iter().filter(|(_, is_ready)| is_ready.load(Ordering::SeqCst));
        Some(ready.map(|(address, _)| *address).collect())
    }
}
