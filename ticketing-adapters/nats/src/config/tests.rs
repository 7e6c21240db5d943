use super::*;

#[test]
fn a_url_says_where_and_under_which_names() {
    let url = "nats://me:secret@a,b:4223?prefix=my-shop&replicas=3&ack_wait=5&creds=/c&ca=/a";
    let config = NatsConfig::from_url(url).unwrap();
    assert_eq!(config.place(), "a:4222,b:4223, my-shop");
    assert_eq!((config.replicas, config.ack_wait), (Some(3), Duration::from_secs(5)));
    assert_eq!(config.credentials, Some("/c".into()));
    assert_eq!(config.authority, Some("/a".into()));
    assert!(!config.servers.iter().any(ServerAddr::has_user_pass), "they are written to the log");
    assert!(config.who == Who::User { name: "me".into(), password: "secret".into() });
    let config = NatsConfig::from_url("tls://h").unwrap();
    assert_eq!(config.place(), "h:4222, ticketing");
    assert!(config.servers.iter().all(ServerAddr::tls_required));
}

#[test]
fn a_url_says_who_signs_in() {
    let who = |url: &str| NatsConfig::from_url(url).unwrap().who;
    assert!(who("nats://h") == Who::Anybody);
    assert!(who("nats://a%2Bb@h") == Who::Token("a+b".into()));
    assert!(who("nats://u:p%40ss@h") == Who::User { name: "u".into(), password: "p@ss".into() });
    assert!(NatsConfig::from_url("nats://%ff@h").is_err());
}

#[test]
fn what_is_wrong_is_told_without_secrets() {
    let form = "this is not the URL of a NATS server, such as nats://user:password@host:4222";
    for (url, told) in [
        ("http://u:secret@h", form),
        ("nats:u:secret@h", form),
        ("nats://u:a?secret@h", form),
        ("nats://u:secret@h:x", form),
        (
            "nats://u:secret@h?stream=x",
            r#"there is no parameter "stream", only: prefix, replicas, ack_wait, creds, ca"#,
        ),
        ("nats://u:secret@h?replicas=6", "write replicas as a number from 1 to 5"),
        ("nats://u:secret@h?ack_wait=0", "write ack_wait as seconds, from 1 to 3600"),
        ("nats://u:secret@h?creds=", "write creds as the name of a file"),
        ("nats://u:secret@h?prefix=a.b", "write prefix as 1 to 32 letters, digits and dashes"),
    ] {
        let error = NatsConfig::from_url(url).unwrap_err();
        assert_eq!(error.to_string(), told, "{url}");
        assert!(!format!("{error:?}").contains("secret"), "{error:?}");
    }
    let config = NatsConfig::from_url("nats://u:secret@h").unwrap();
    assert!(!format!("{config:?}").contains("secret"), "{config:?}");
}

#[tokio::test]
async fn credentials_that_are_not_there_are_told() {
    let config = NatsConfig::from_url("nats://h?creds=/nowhere/shop.creds").unwrap();
    let told = config.options().await.unwrap_err().to_string();
    assert_eq!(told, "the credentials in /nowhere/shop.creds can't be read");
}
