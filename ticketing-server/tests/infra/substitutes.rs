//! What is another here than in the manifests: where the servers behind are, and what opens them.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::Path;

use sqlx::ConnectOptions as _;
use sqlx::{AssertSqlSafe, Connection as _};
use ticketing_core::testing::server_url;
use ticketing_stripe_stand_in::StandIn;

use crate::leftovers;
use crate::manifests::{Container, Overlay};
use crate::postgres::Cluster;

/// In the place of the servers that the manifests name.
pub(crate) struct Substitutes {
    pub(crate) stripe: StandIn,
    postgres: Cluster,
    names: Names,
}

/// What the deployment is called at servers that it shares with others.
struct Names {
    prefix: String,
}

/// Users that the manifests name, and what each may do.
const USERS: &str = "
    CREATE ROLE owner LOGIN; CREATE ROLE seller LOGIN; CREATE ROLE ticketing LOGIN;
    CREATE DATABASE ticketing ENCODING 'UTF8' TEMPLATE template0";
const MAKERS: &str = "GRANT CREATE ON DATABASE ticketing TO owner, ticketing";

impl Substitutes {
    pub(crate) async fn start(overlay: &Overlay) -> Self {
        let postgres = Cluster::start(&connections_of(overlay)).await;
        for statement in USERS.split(';').chain([MAKERS]) {
            let mut conn = postgres.connect().await;
            sqlx::query(AssertSqlSafe(statement.to_owned())).execute(&mut conn).await.unwrap();
            conn.close().await.unwrap();
        }
        let mut prefix = format!("t{}", uuid::Uuid::now_v7().simple());
        // The longest that all of them take.
        prefix.truncate(32);
        let stripe = StandIn::start().await.unwrap();
        Self { stripe, postgres, names: Names { prefix } }
    }

    /// Gives the sellers their rights, once there are tables, if they are not who made them.
    pub(crate) async fn grant(&self, overlay: &Overlay) {
        let maker = &overlay.migration().variables["TICKETING_DATABASE"];
        if !maker.starts_with("postgres://owner:") {
            return;
        }
        let options = self.postgres.options().database("ticketing");
        let mut conn = options.connect().await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(crate::documents::grants())).execute(&mut conn).await.unwrap();
        conn.close().await.unwrap();
    }

    /// The orders that are stored.
    pub(crate) async fn orders(&self) -> BTreeMap<String, String> {
        let options = self.postgres.options().database("ticketing");
        let mut conn = options.connect().await.unwrap();
        let all = sqlx::query_as("SELECT id::text, state FROM ticketing.orders");
        let all: Vec<(String, String)> = all.fetch_all(&mut conn).await.unwrap();
        conn.close().await.unwrap();
        all.into_iter().collect()
    }

    /// The variables of a container that runs at this address and has its volumes in this folder.
    pub(crate) fn variables(
        &self,
        container: &Container,
        address: Ipv4Addr,
        folder: &Path,
    ) -> BTreeMap<String, String> {
        let replaced = container.variables.iter().map(|(name, value)| {
            let value = self.value(name, value, address);
            (name.clone(), in_folder(&value, container, folder))
        });
        replaced.collect()
    }

    fn value(&self, name: &str, value: &str, address: Ipv4Addr) -> String {
        match name {
            "TICKETING_LISTEN" => value.replace("0.0.0.0", &address.to_string()),
            "TICKETING_DATABASE" => self.database(value),
            "TICKETING_BUS" => self.shared("TICKETING_TEST_NATS"),
            "TICKETING_TIMERS" => self.shared("TICKETING_TEST_REDIS"),
            "TICKETING_PAYMENTS" => {
                assert!(value.starts_with("stripe:"), "{value}");
                format!("stripe:{}", self.stripe.url())
            }
            "TICKETING_STRIPE_SECRET_KEY" => self.stripe.secret_key().to_owned(),
            "TICKETING_STRIPE_WEBHOOK_SECRETS" => self.stripe.webhook_secret().to_owned(),
            "TICKETING_STRIPE_PUBLISHABLE_KEY" => self.stripe.publishable_key().to_owned(),
            // Production insists on live keys, and on https to where they are sent.
            "TICKETING_ENV" => "development".to_owned(),
            // Where the ingress is.
            "TICKETING_TRUSTED_PROXIES" => "127.0.0.0/8".to_owned(),
            _ => value.to_owned(),
        }
    }

    /// The same user, database and parameters at the test's own server, which speaks no TLS.
    fn database(&self, url: &str) -> String {
        let (user, rest) = url.split_once('@').expect("a user");
        let (_, database) = rest.split_once('/').expect("a database");
        let database = database.replace("sslmode=verify-full", "sslmode=disable");
        format!("{user}@127.0.0.1:{}/{database}", self.postgres.options().get_port())
    }

    fn shared(&self, variable: &str) -> String {
        format!("{}?prefix={}", server_url(variable), self.names.prefix)
    }
}

/// Volumes are folders here.
fn in_folder(value: &str, container: &Container, folder: &Path) -> String {
    let mut value = value.to_owned();
    for mounted in &container.folders {
        value = value.replace(mounted, folder.to_str().unwrap());
    }
    value
}

/// As many connections as the database of the overlay allows; with none of its own, as many as the
/// documentation asks for.
fn connections_of(overlay: &Overlay) -> Vec<&str> {
    let own = overlay.of_kind("StatefulSet").find(|it| it["metadata"]["name"] == "postgres");
    let arguments = own.map(|own| &own["spec"]["template"]["spec"]["containers"][0]["args"]);
    let settings = arguments.and_then(|all| all.as_array()).into_iter().flatten();
    let mut settings: Vec<&str> =
        settings.filter_map(|it| it.as_str()).filter(|it| *it != "-c").collect();
    if settings.is_empty() {
        settings.push("max_connections=500");
    }
    settings
}

impl Drop for Names {
    fn drop(&mut self) {
        let prefix = std::mem::take(&mut self.prefix);
        leftovers::in_a_runtime_of_its_own(async move { leftovers::forget(&prefix).await });
    }
}
