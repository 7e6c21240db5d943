//! Settings from all sources, and what is told of those that can't be used.

use std::path::PathBuf;

use super::*;

fn variables(set: &[(&str, &str)]) -> Sources {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Sources { variables: set.iter().map(owned).collect(), ..Sources::default() }
}

fn load(set: &[(&str, &str)]) -> Config {
    Config::load(&variables(set)).unwrap()
}

/// The problems, each with its variable.
fn problems(set: &[(&str, &str)]) -> Vec<String> {
    let error = Config::load(&variables(set)).unwrap_err();
    error.problems.iter().map(ToString::to_string).collect()
}

/// Everything but what was set.
fn shown(config: &Config) -> String {
    format!("{:?}", Config { told: Vec::new(), ..config.clone() })
}

const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

#[test]
fn the_table_tells_the_defaults() {
    let in_words = ["hold_cap", "operators", "session_keys", "client_upstream", "trusted_proxies"];
    let others = [
        "cookie_secure",
        "address_rate",
        "shutdown_delay",
        "database",
        "accounts",
        "stripe_secret_key",
        "stripe_webhook_secrets",
        "stripe_publishable_key",
    ];
    let literal =
        |setting: &&Setting| !in_words.contains(&setting.name) && !others.contains(&setting.name);
    let spelled: Vec<(String, &str)> =
        SETTINGS.iter().filter(literal).map(|it| (it.variable(), it.default)).collect();
    let spelled: Vec<(&str, &str)> =
        spelled.iter().map(|(name, default)| (name.as_str(), *default)).collect();
    assert_eq!(shown(&load(&spelled)), shown(&load(&[])));
    assert_eq!(shown(&load(&[("TICKETING_DATABASE", "sqlite:./ticketing-data/ticketing.db")])), {
        shown(&load(&[]))
    });
}

#[test]
fn a_hold_may_be_short() {
    let config = load(&[("TICKETING_HOLD", "2s"), ("TICKETING_PAY_GRACE", "500ms")]);
    assert_eq!(config.hold, Duration::from_secs(2));
    assert_eq!(config.pay_grace, Duration::from_millis(500));
    assert_eq!(load(&[("TICKETING_HOLD", "72h")]).hold, Duration::from_hours(72));
}

#[test]
fn later_sources_win() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ticketing.toml");
    std::fs::write(&file, "hold = \"1m\"\npay_grace = \"2m\"\nmax_connections = 7\n").unwrap();
    let mut sources = variables(&[
        ("TICKETING_CONFIG", file.to_str().unwrap()),
        ("TICKETING_PAY_GRACE", "3m"),
        ("TICKETING_LISTEN", "0.0.0.0:1"),
    ]);
    sources.flags.insert("listen", "0.0.0.0:2".to_owned());
    let config = Config::load(&sources).unwrap();
    assert_eq!(config.hold, Duration::from_mins(1));
    assert_eq!(config.pay_grace, Duration::from_mins(3));
    assert_eq!(config.listen, "0.0.0.0:2".parse().unwrap());
    assert_eq!(config.max_connections, 7);
    let told: Vec<String> = config
        .told()
        .iter()
        .map(|told| format!("{} {} {}", told.setting.name, told.value, told.origin))
        .collect();
    let expected = [
        "listen 0.0.0.0:2 flag",
        "hold 1m file",
        "pay_grace 3m variable",
        "max_connections 7 file",
    ];
    assert_eq!(told, expected);
}

#[test]
fn files_are_read_strictly() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ticketing.toml");
    for (text, expected) in [
        ("holds = \"1m\"", "there is no setting holds"),
        ("hold = 1.5", "hold must be a text, a number, true, false, or a list"),
        ("hold = ", "can't be read"),
    ] {
        std::fs::write(&file, text).unwrap();
        let sources = Sources { file: Some(file.clone()), ..Sources::default() };
        let told = Config::load(&sources).unwrap_err().to_string();
        assert!(told.contains(expected) && told.contains("TICKETING_CONFIG"), "{told}");
    }
    std::fs::write(&file, "operators = [\"ada\", \"bob\"]\ncookie_secure = true").unwrap();
    let sources = Sources { file: Some(file), ..Sources::default() };
    let config = Config::load(&sources).unwrap();
    assert_eq!((config.operators.len(), config.cookie_secure), (2, true));
    let gone = Sources { file: Some(PathBuf::from("/not/there")), ..Sources::default() };
    assert!(Config::load(&gone).unwrap_err().to_string().contains("/not/there can't be read"));
}

/// A variable without its prefix, what stands in it, and what is told of that.
const WRONG: [(&str, &str, &str); 18] = [
    (
        "LISTEN",
        "8080",
        r#""8080" is not allowed: write an address and a port such as 127.0.0.1:8080"#,
    ),
    (
        "HOLD",
        "15",
        r#""15" is not allowed: write a duration above zero, a year at most, such as 500ms, 2s, 15m or 72h"#,
    ),
    ("HOLD_CAP", "1m", "it is shorter than TICKETING_HOLD: write a longer one"),
    ("EVENT_RETENTION", "71h", "it is too short: write 72h or more"),
    (
        "DATABASE",
        "mysql://u:p@h/d",
        r#"the scheme "mysql" is not compiled in; there is sqlite, postgres"#,
    ),
    ("BUS", "kafka://h", r#"the scheme "kafka" is not compiled in; there is local, nats, amqp"#),
    ("BUS", "nats://u:p@h:x", "write it as nats://USER:PASSWORD@HOST:PORT"),
    (
        "TIMERS",
        "memcached://h",
        r#"the scheme "memcached" is not compiled in; there is local, redis"#,
    ),
    ("PAYMENTS", "paypal:", r#"the scheme "paypal" is not compiled in; there is sandbox, stripe"#),
    ("COOKIE_SECURE", "yes", r#""yes" is not allowed: write `true` or `false`"#),
    ("ENV", "prod", r#""prod" is not allowed: write `development` or `production`"#),
    (
        "SERVICES",
        "orders,mail",
        r#""mail" is no service: name `all`, or some of auth,tickets,orders,payments,expiration,client"#,
    ),
    (
        "SERVICES",
        "orders",
        "a process does some of them only beside others, and this database, bus or place of accounts belongs to one process: write `all`",
    ),
    ("MAX_CONNECTIONS", "0", r#""0" is not allowed: write a whole number from 1 to 4294967295"#),
    ("ADDRESS_RATE", "-1", r#""-1" is not allowed: write a whole number from 1 to 4294967295"#),
    (
        "TRUSTED_PROXIES",
        "10.0.0.1,proxy",
        r#""proxy" is not allowed: write an address or a network such as 10.0.0.0/8"#,
    ),
    ("CLIENT_UPSTREAM", "https://h/x", "write it as http://HOST:PORT, without a path or a user"),
    (
        "LOG",
        "no=such=level",
        r#""no=such=level" is not allowed: write a level, or a filter such as info,ticketing_core=debug"#,
    ),
];

#[test]
fn what_is_wrong_is_told_by_its_variable_with_what_is_allowed() {
    for (name, value, expected) in WRONG {
        let variable = format!("TICKETING_{name}");
        let expected = format!("{variable}: {expected}");
        assert_eq!(problems(&[(&variable, value)]), [expected]);
    }
}

#[test]
fn durations_have_bounds() {
    let rule = "write a duration above zero, a year at most, such as 500ms, 2s, 15m or 72h";
    for wrong in ["-2s", "0s", "9000h", "2", "soon", ""] {
        let told = problems(&[("TICKETING_HOLD", wrong)]);
        assert_eq!(told, [format!("TICKETING_HOLD: {wrong:?} is not allowed: {rule}")]);
    }
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let told = problems(&[
        ("TICKETING_HOLD", "x"),
        ("TICKETING_LISTEN", "x"),
        ("TICKETING_BUS", "x:"),
        ("TICKETING_ENV", "production"),
        ("TICKETING_COOKIE_SECURE", "false"),
    ]);
    let variables: Vec<&str> = told.iter().filter_map(|it| Some(it.split_once(':')?.0)).collect();
    let expected = ["BUS", "HOLD", "LISTEN", "SESSION_KEYS", "PAYMENTS", "COOKIE_SECURE"];
    assert_eq!(variables, expected.map(|name| format!("TICKETING_{name}")));
}

#[test]
fn production_accepts_secure_settings_alone() {
    let key = format!("one:{KEY}");
    let set = [("TICKETING_ENV", "production"), ("TICKETING_SESSION_KEYS", key.as_str())];
    let told = problems(&set);
    let expected = "production needs a gateway that moves money; the sandbox does not";
    assert_eq!(told, [format!("TICKETING_PAYMENTS: {expected}")], "all else is by default");
}

#[test]
fn stripe_wants_keys_that_go_together() {
    const SECRET: (&str, &str) = ("TICKETING_STRIPE_SECRET_KEY", "sk_test_canary");
    const STRIPE: (&str, &str) = ("TICKETING_PAYMENTS", "stripe:");
    let config = load(&[STRIPE, SECRET, ("TICKETING_STRIPE_PUBLISHABLE_KEY", "pk_test_open")]);
    assert_eq!(config.stripe.publishable(), Some("pk_test_open"));
    assert!(!config.payments.is_real(&config.stripe));
    assert!(!format!("{config:?}").contains("canary"), "{config:?}");
    let wrong = |set: &[(&str, &str)]| {
        let told = problems(set);
        assert!(told.iter().all(|it| !it.contains("canary")), "{told:?}");
        let variable = |told: &String| told.split(':').next().unwrap().to_owned();
        told.iter().map(variable).collect::<Vec<_>>()
    };
    assert_eq!(wrong(&[STRIPE]), ["TICKETING_STRIPE_SECRET_KEY"]);
    let key = ("TICKETING_STRIPE_SECRET_KEY", "canary");
    assert_eq!(wrong(&[STRIPE, key]), ["TICKETING_STRIPE_SECRET_KEY"]);
    let live = ("TICKETING_STRIPE_PUBLISHABLE_KEY", "pk_live_a");
    assert_eq!(wrong(&[STRIPE, SECRET, live]), ["TICKETING_STRIPE_PUBLISHABLE_KEY"]);
    let secrets = ("TICKETING_STRIPE_WEBHOOK_SECRETS", "whsec_a, canary");
    assert_eq!(wrong(&[STRIPE, SECRET, secrets]), ["TICKETING_STRIPE_WEBHOOK_SECRETS"]);
    for odd in ["stripe:ftp://h", "stripe:https://h/path", "stripe:https://u:canary@h"] {
        assert_eq!(wrong(&[("TICKETING_PAYMENTS", odd), SECRET]), ["TICKETING_PAYMENTS"], "{odd}");
    }
    let live = ("TICKETING_STRIPE_SECRET_KEY", "sk_live_canary");
    let clear = ("TICKETING_PAYMENTS", "stripe:http://127.0.0.1:1");
    assert_eq!(wrong(&[clear, live]), ["TICKETING_PAYMENTS"]);
}

#[test]
fn production_takes_live_keys_with_a_webhook_secret() {
    let key = format!("one:{KEY}");
    let set = |secret, more: &[(&'static str, &'static str)]| {
        let mut set = vec![
            ("TICKETING_ENV", "production"),
            ("TICKETING_SESSION_KEYS", key.as_str()),
            ("TICKETING_PAYMENTS", "stripe:"),
            ("TICKETING_STRIPE_SECRET_KEY", secret),
        ];
        set.extend(more);
        set
    };
    let webhooks = ("TICKETING_STRIPE_WEBHOOK_SECRETS", "whsec_a");
    let config = load(&set("sk_live_a", &[webhooks]));
    assert!(config.payments.is_real(&config.stripe));
    let told = problems(&set("sk_test_a", &[]));
    let variables: Vec<&str> = told.iter().filter_map(|it| Some(it.split_once(':')?.0)).collect();
    assert_eq!(variables, ["TICKETING_STRIPE_SECRET_KEY", "TICKETING_STRIPE_WEBHOOK_SECRETS"]);
}

#[test]
fn cookies_work_without_https_in_development_alone() {
    assert!(!load(&[]).cookie_secure);
    assert!(load(&[("TICKETING_COOKIE_SECURE", "true")]).cookie_secure);
}

#[test]
fn session_keys_that_are_not_good_are_told_without_them() {
    let config = load(&[("TICKETING_SESSION_KEYS", &format!("new:{KEY}, old:{KEY}"))]);
    assert!(config.session_keys.is_some());
    let twice = format!("a:{KEY},a:{KEY}");
    for wrong in ["", "a", "a:", ":secretsecret", "a:VerySecretAndTooShort", twice.as_str()] {
        let told = problems(&[("TICKETING_SESSION_KEYS", wrong)]);
        assert!(told[0].contains("session key"), "{told:?}");
        assert!(wrong.len() < 10 || !told[0].contains(wrong), "{told:?}");
    }
}

#[test]
fn secrets_come_from_files_and_are_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys");
    std::fs::write(&file, format!("a:{KEY}\n")).unwrap();
    let path = file.to_str().unwrap();
    let toml = folder.path().join("ticketing.toml");
    std::fs::write(&toml, format!("session_keys_file = {path:?}\n")).unwrap();
    let of_flag = Sources {
        flags: BTreeMap::from([("session_keys", path.to_owned())]),
        ..Sources::default()
    };
    let of_file = Sources { file: Some(toml), ..Sources::default() };
    let of_path = variables(&[("TICKETING_SESSION_KEYS_FILE", path)]);
    let of_variable = variables(&[("TICKETING_SESSION_KEYS", &format!("a:{KEY}"))]);
    for sources in [of_flag, of_file, of_path, of_variable] {
        assert!(!format!("{sources:?}").contains("AAEC"), "{sources:?}");
        let config = Config::load(&sources).unwrap();
        assert!(config.session_keys.is_some());
        assert_eq!(config.told()[0].value, "(secret)");
        assert!(!format!("{config:?}").contains("AAEC"), "{config:?}");
    }
    let told = problems(&[("TICKETING_SESSION_KEYS_FILE", "/not/there")]);
    assert!(told[0].starts_with("TICKETING_SESSION_KEYS_FILE: /not/there can't be read"));
    let told = problems(&[("TICKETING_SESSION_KEYS", "a:VerySecretAndTooShort")]);
    assert!(!told[0].contains("VerySecret"), "{told:?}");
}

#[test]
fn variables_that_only_look_like_settings_are_told_by_name() {
    let config = load(&[
        ("TICKETING_LSITEN", "canary"),
        ("TICKETING_HOLD_FILE", "canary"),
        ("TICKETING_HOLD", "2s"),
        ("OTHER_LISTEN", "x"),
    ]);
    assert_eq!(config.strangers(), ["TICKETING_HOLD_FILE", "TICKETING_LSITEN"]);
    assert!(!format!("{config:?}").contains("canary"));
}

#[test]
fn what_is_secret_in_a_url_is_nowhere_to_be_seen() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("url");
    let canary = "postgres://shop:canary@db.example/tickets?password=canary";
    std::fs::write(&file, format!("{canary}\n")).unwrap();
    for name in
        ["DATABASE", "ACCOUNTS", "BUS", "TIMERS", "PAYMENTS", "CLIENT_UPSTREAM", "LISTEN", "HOLD"]
    {
        let mut sources = variables(&[(&format!("TICKETING_{name}"), canary)]);
        sources.flags.insert("database", canary.to_owned());
        assert!(!format!("{sources:?}").contains("canary"), "{sources:?}");
        let told = match Config::load(&sources) {
            Ok(config) => format!("{config:?}"),
            Err(error) => format!("{error} {error:?}"),
        };
        assert!(!told.contains("canary"), "{told}");
    }
    let mut given = Given::default();
    let path = file.to_str().unwrap().to_owned();
    given.add_variables(&BTreeMap::from([("TICKETING_DATABASE_FILE".to_owned(), path)]));
    let told = read::told(&given);
    assert_eq!(
        told[0].value, "postgres://shop:***@db.example/tickets?***",
        "it is told by file, too"
    );
    assert!(!format!("{told:?}").contains("canary"));
}

/// What `check` shows of a setting that is not set, sets it to the same.
#[test]
fn settings_are_shown_as_they_are_in_force() {
    let config = load(&[("TICKETING_HOLD", "2s"), ("TICKETING_PAY_GRACE", "500ms")]);
    let shown = |name: &str| config.shown(table::setting(name).unwrap());
    assert_eq!(shown("hold"), "2s");
    assert_eq!(shown("hold_cap"), "4s 500ms", "two holds and a grace");
    assert_eq!(shown("database"), "sqlite:./ticketing-data/ticketing.db");
    assert_eq!(shown("accounts"), "sqlite:./ticketing-data/accounts.db");
    assert_eq!(shown("payments"), "sandbox:./ticketing-data/sandbox.ledger");
    assert_eq!(shown("cookie_secure"), "false");
    assert_eq!(shown("operators"), "(none)");
    assert_eq!(shown("session_keys"), "(kept in ./ticketing-data/session.keys)");
    let set: Vec<(String, String)> = SETTINGS
        .iter()
        .map(|setting| (setting.variable(), config.shown(setting)))
        .filter(|(_, value)| !value.starts_with('('))
        .collect();
    let set: Vec<(&str, &str)> = set.iter().map(|(name, value)| (&**name, &**value)).collect();
    let again = Config { hold_cap: None, ..load(&set) };
    assert_eq!(self::shown(&again), self::shown(&config));
}

#[test]
fn a_wrong_place_for_accounts_is_told_without_what_is_secret_in_it() {
    for (value, expected) in [
        ("mysql://u:p@h/d", r#"the scheme "mysql" is not compiled in; there is sqlite, postgres"#),
        ("postgres://u:p@h:x/d", "write it as postgres://USER:PASSWORD@HOST:PORT/DATABASE"),
        ("postgres://u:p@h/d?x=1", "there is no parameter x"),
    ] {
        let told = problems(&[("TICKETING_ACCOUNTS", value)]);
        assert_eq!(told, [format!("TICKETING_ACCOUNTS: {expected}")]);
    }
}

#[test]
fn accounts_can_be_in_a_database_whose_password_is_not_shown() {
    let url = "postgres://shop:VerySecret@db.example/shop?password=VerySecret&schema=people";
    let config = load(&[("TICKETING_ACCOUNTS", url)]);
    assert_eq!(config.told()[0].value, "postgres://shop:***@db.example/shop?***");
    let shown = format!("{config:?}");
    assert!(shown.contains("db.example:5432/shop, schema people"), "{shown}");
    assert!(!shown.contains("VerySecret"), "{shown}");
}

#[test]
fn accounts_live_beside_a_shared_database_whose_faults_are_told_once() {
    let url = "postgres://shop:VerySecret@db.example/shop?lanes=2";
    let config = load(&[("TICKETING_DATABASE", url)]);
    let shown = |name: &str| config.shown(table::setting(name).unwrap());
    assert_eq!(shown("database"), "postgres://shop:***@db.example/shop?***");
    assert_eq!(shown("accounts"), "(in db.example:5432/shop, schema ticketing_accounts)");
    assert!(!format!("{config:?}").contains("VerySecret"), "{config:?}");
    let brought = Config { told: Vec::new(), ..config };
    let database = brought.shown(table::setting("database").unwrap());
    assert_eq!(database, "(in db.example:5432/shop)");
    let told = problems(&[("TICKETING_DATABASE", "postgres://u:p@h/d?x=1")]);
    assert_eq!(told, ["TICKETING_DATABASE: there is no parameter x"]);
}

#[test]
fn a_folder_is_enough_for_a_test() {
    let config = Config::in_folder("/some/folder");
    assert_eq!(config.listen, "127.0.0.1:0".parse().unwrap());
    assert_eq!(config.data_dir, PathBuf::from("/some/folder"));
    assert!(format!("{:?}", config.database).contains("/some/folder/ticketing.db"));
    assert!(format!("{:?}", config.accounts).contains("/some/folder/accounts.db"));
}

/// The documentation has the table as it is here.
#[test]
fn the_documentation_has_every_setting() {
    let row = |setting: &Setting| {
        let secret = if setting.has_file() { " (or `_FILE`)" } else { "" };
        let (name, flag, variable) = (setting.name, setting.flag(), setting.variable());
        let (default, meaning) = (setting.default, setting.meaning);
        format!("| `{name}` | `{flag}` | `{variable}`{secret} | {default} | {meaning} |")
    };
    let expected: Vec<String> = SETTINGS.iter().map(row).collect();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/configuration.md");
    let text = std::fs::read_to_string(path).unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    let rows: Vec<&str> = rows.collect();
    assert_eq!(rows, expected, "docs/configuration.md must have:\n{}", expected.join("\n"));
}
