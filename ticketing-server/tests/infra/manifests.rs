//! The objects that an overlay is built to.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

/// Everything that is deployed by one `kubectl apply`.
#[derive(Debug)]
pub(crate) struct Overlay {
    objects: Vec<Value>,
}

/// What a container is started with.
#[derive(Debug, Clone)]
pub(crate) struct Container {
    pub(crate) arguments: Vec<String>,
    /// Every variable, in the order in which later ones win.
    pub(crate) variables: BTreeMap<String, String>,
    /// Where its volumes are.
    pub(crate) folders: Vec<String>,
    /// Its ports by their names.
    pub(crate) ports: BTreeMap<String, u16>,
    pub(crate) spec: Value,
}

/// A role of the deployment.
#[derive(Debug, Clone)]
pub(crate) struct Role {
    pub(crate) name: String,
    pub(crate) container: Container,
    pub(crate) readiness: Probe,
    pub(crate) liveness: Probe,
    pub(crate) grace: Duration,
    /// How many there are at least, and at most.
    pub(crate) replicas: (usize, usize),
}

/// How the kubelet asks a container something.
#[derive(Debug, Clone)]
pub(crate) struct Probe {
    pub(crate) path: String,
    pub(crate) port: u16,
    pub(crate) period: Duration,
    pub(crate) timeout: Duration,
    pub(crate) failures: u32,
}

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// What `scripts/manifests` prints of this: an overlay, or a file.
pub(crate) fn documents(of: &str) -> Vec<Value> {
    let script = root().join("scripts/manifests");
    let ran = Command::new(script).arg(of).output().unwrap();
    assert!(ran.status.success(), "{of}: {}", String::from_utf8_lossy(&ran.stderr));
    serde_json::from_slice(&ran.stdout).unwrap()
}

impl Overlay {
    /// What is built of `infra/k8s/dev`.
    pub(crate) fn dev() -> Self {
        Self { objects: documents("dev") }
    }

    /// What is built of `infra/k8s/prod`, and the secrets that are kept elsewhere.
    pub(crate) fn prod() -> Self {
        let mut objects = documents("prod");
        objects.extend(documents("infra/k8s/prod/secrets.example.yaml"));
        Self { objects }
    }

    pub(crate) fn of_kind(&self, kind: &str) -> impl Iterator<Item = &Value> {
        let kind = kind.to_owned();
        self.objects.iter().filter(move |object| object["kind"] == *kind)
    }

    pub(crate) fn find(&self, kind: &str, name: &str) -> &Value {
        let found = self.of_kind(kind).find(|object| object["metadata"]["name"] == *name);
        found.unwrap_or_else(|| panic!("there is no {kind} {name}"))
    }

    /// Every role of ours, by its name.
    pub(crate) fn roles(&self) -> BTreeMap<String, Role> {
        let ours = self.of_kind("Deployment").filter(|it| is_ours(it));
        ours.map(|deployment| self.role(deployment)).map(|it| (it.name.clone(), it)).collect()
    }

    fn role(&self, deployment: &Value) -> Role {
        let name = text(&deployment["metadata"]["labels"]["app.kubernetes.io/component"]);
        let pod = &deployment["spec"]["template"]["spec"];
        let container = self.container(pod);
        let scaler = self.find("HorizontalPodAutoscaler", &format!("ticketing-{name}"));
        let count = |field: &str| usize::try_from(scaler["spec"][field].as_u64().unwrap()).unwrap();
        Role {
            readiness: probe(&container, "readinessProbe"),
            liveness: probe(&container, "livenessProbe"),
            grace: seconds(&pod["terminationGracePeriodSeconds"]).unwrap(),
            replicas: (count("minReplicas"), count("maxReplicas")),
            name,
            container,
        }
    }

    /// What makes the tables.
    pub(crate) fn migration(&self) -> Container {
        let job = self.find("Job", "ticketing-migrate");
        self.container(&job["spec"]["template"]["spec"])
    }

    fn container(&self, pod: &Value) -> Container {
        let spec = &pod["containers"][0];
        let mut variables = BTreeMap::new();
        for from in list(&spec["envFrom"]) {
            variables.extend(self.all_of(from));
        }
        for one in list(&spec["env"]) {
            let value = one["value"].as_str().expect("a value that stands in the manifest");
            variables.insert(text(&one["name"]), value.to_owned());
        }
        let ports = list(&spec["ports"]).iter().map(|port| {
            let number = port["containerPort"].as_u64().unwrap();
            (text(&port["name"]), u16::try_from(number).unwrap())
        });
        Container {
            arguments: list(&spec["args"]).iter().map(text).collect(),
            variables,
            folders: list(&spec["volumeMounts"]).iter().map(|it| text(&it["mountPath"])).collect(),
            ports: ports.collect(),
            spec: spec.clone(),
        }
    }

    /// All variables of a map or a secret.
    fn all_of(&self, from: &Value) -> BTreeMap<String, String> {
        if let Some(name) = from["configMapRef"]["name"].as_str() {
            return texts(&self.find("ConfigMap", name)["data"]);
        }
        let secret = self.find("Secret", from["secretRef"]["name"].as_str().unwrap());
        texts(&secret["stringData"])
    }
}

/// Whether it is one of the roles.
pub(crate) fn is_ours(object: &Value) -> bool {
    object["metadata"]["labels"]["app.kubernetes.io/name"] == "ticketing"
}

fn probe(container: &Container, which: &str) -> Probe {
    let probe = &container.spec[which];
    let port = &container.ports[probe["httpGet"]["port"].as_str().unwrap()];
    Probe {
        path: text(&probe["httpGet"]["path"]),
        port: *port,
        period: seconds(&probe["periodSeconds"]).unwrap(),
        timeout: seconds(&probe["timeoutSeconds"]).unwrap(),
        failures: u32::try_from(probe["failureThreshold"].as_u64().unwrap()).unwrap(),
    }
}

fn seconds(value: &Value) -> Option<Duration> {
    value.as_u64().map(Duration::from_secs)
}

pub(crate) fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("a text, not {value}")).to_owned()
}

fn texts(value: &Value) -> BTreeMap<String, String> {
    let entries = value.as_object().into_iter().flatten();
    entries.map(|(key, value)| (key.clone(), text(value))).collect()
}
