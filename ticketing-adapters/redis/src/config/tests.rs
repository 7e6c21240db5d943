use super::*;

#[test]
fn a_url_says_where_and_under_which_names() {
    let config = RedisConfig::from_url("redis://shop:secret@cache:7000/3?prefix=a-b.c&shards=64");
    let config = config.unwrap();
    assert_eq!(config.place(), "cache:7000/3, a-b.c");
    assert_eq!(config.shards.get(), 64);
    let config = RedisConfig::from_url("redis://127.0.0.1").unwrap();
    assert_eq!(config.place(), "127.0.0.1:6379/0, ticketing");
    assert_eq!(config.shards.get(), 1);
}

#[test]
fn what_is_wrong_is_told_without_secrets() {
    for (url, told) in [
        ("http://:secret@h", "this is not the URL of a Redis, such as redis://:password@host/0"),
        ("redis://:secret@h/x", "this is not the URL of a Redis, such as redis://:password@host/0"),
        ("redis://:a?secret@h", "this is not the URL of a Redis, such as redis://:password@host/0"),
        ("redis://:secret@h?shard=2", r#"there is no parameter "shard", only: prefix, shards, ca"#),
        ("redis://:secret@h?shards=0", "write shards as a number from 1 to 64"),
        ("redis://:secret@h?shards=65", "write shards as a number from 1 to 64"),
        ("redis://:secret@h?ca=", "write ca as the name of a file"),
        (
            "redis://:secret@h?prefix=a{b",
            "write prefix as 1 to 64 letters, digits, dots and dashes",
        ),
    ] {
        let error = RedisConfig::from_url(url).unwrap_err();
        assert_eq!(error.to_string(), told, "{url}");
        assert!(!format!("{error:?}").contains("secret"), "{error:?}");
    }
    let config = RedisConfig::from_url("redis://me:secret@h").unwrap();
    assert!(!format!("{config:?}").contains("secret"), "{config:?}");
}

#[test]
fn shards_are_at_least_one_and_bounded() {
    let shards = |url| RedisConfig::from_url(url).map(|config| config.shards.get()).ok();
    assert_eq!(shards("redis://h?shards=0"), None);
    let config = RedisConfig::from_url("redis://h").unwrap();
    assert_eq!(config.shards(NonZeroU8::MAX).shards.get(), SHARDS_MAX);
}

#[test]
fn certificates_that_are_not_there_are_told() {
    let config = RedisConfig::from_url("rediss://h?ca=/nowhere/ca.pem").unwrap();
    let told = config.client().unwrap_err().to_string();
    assert_eq!(told, "the certificates in /nowhere/ca.pem can't be read");
}
