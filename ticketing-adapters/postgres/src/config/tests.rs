use super::*;

#[test]
fn a_url_names_the_database_and_our_numbers() {
    let config =
        PostgresConfig::from_url("postgres://ada:s%C3%A9sam@db:6543/shop?lanes=2&sslmode=disable")
            .unwrap();
    assert_eq!(config.server.get_host(), "db");
    assert_eq!(config.server.get_port(), 6543);
    assert_eq!(config.server.get_username(), "ada");
    assert_eq!(config.server.get_database(), Some("shop"));
    assert_eq!((config.lanes, config.readers, config.background), (2, 8, 3));
    assert_eq!(config.connections(), 2 + SPARE_COMMANDS + 8 + 3 + NOTES);
}

#[test]
fn a_place_is_told_without_who_comes_there() {
    for (url, place) in [
        ("postgres://ada:secret@db:6543/shop?lanes=2", "db:6543/shop"),
        ("postgres://ada@db", "db:5432/ada"),
        ("postgres:///shop?host=/run/pg&user=ada&password=secret", "/run/pg/shop"),
    ] {
        assert_eq!(PostgresConfig::from_url(url).unwrap().place(), place, "{url}");
    }
}

#[test]
fn wrong_numbers_are_named() {
    for (parameter, name) in
        [("lanes=0", "lanes"), ("readers=-1", "readers"), ("background=many", "background")]
    {
        let refused = PostgresConfig::from_url(&format!("postgres://db/shop?{parameter}"));
        let told = refused.unwrap_err().to_string();
        assert!(told.starts_with(&format!("the parameter {name} of the URL")), "{told}");
    }
}

#[test]
fn other_urls_are_refused_without_being_shown() {
    for url in
        ["sqlite:tickets.db", "mysql://ada:secret@db/shop", "postgres://ada:secret@db:x/shop"]
    {
        let refused = PostgresConfig::from_url(url).unwrap_err();
        let told = format!("{refused} {refused:?}");
        assert!(matches!(refused, OpenError::NotAUrl(_)), "{told}");
        assert!(!told.contains("secret"), "{told}");
    }
}

#[test]
fn passwords_are_not_shown() {
    let config = PostgresConfig::from_url("postgres://ada:secret@db/shop").unwrap();
    assert!(!format!("{config:?}").contains("secret"));
}
