use super::*;

#[test]
fn a_url_says_where_and_under_which_names() {
    let config = RabbitConfig::from_url("amqp://me:secret@a:7000/%2f?prefix=my-shop").unwrap();
    assert_eq!(config.place(), "a:7000//, my-shop");
    let config = RabbitConfig::from_url("amqps://h/events").unwrap();
    assert_eq!(config.place(), "h:5671/events, ticketing");
}

#[test]
fn what_is_wrong_is_told_without_secrets() {
    let form = "this is not the URL of a RabbitMQ, such as amqp://user:password@host/%2f";
    for (url, told) in [
        ("http://u:secret@h", form),
        ("amqp://u:secret@h:x/", form),
        ("amqp://u:a?secret@h/", form),
        ("amqp://u:secret@h?vhost=x", r#"there is no parameter "vhost", only: prefix, ca"#),
        ("amqp://u:secret@h?ca=", "write ca as the name of a file"),
        ("amqp://u:secret@h?prefix=a.b", "write prefix as 1 to 32 letters, digits and dashes"),
    ] {
        let error = RabbitConfig::from_url(url).unwrap_err();
        assert_eq!(error.to_string(), told, "{url}");
        assert!(!format!("{error:?}").contains("secret"), "{error:?}");
    }
    let config = RabbitConfig::from_url("amqp://u:secret@h").unwrap();
    assert!(!format!("{config:?}").contains("secret"), "{config:?}");
}

#[test]
fn certificates_that_are_not_there_are_told() {
    let config = RabbitConfig::from_url("amqps://h?ca=/nowhere/ca.pem").unwrap();
    let told = config.tls().unwrap_err().to_string();
    assert_eq!(told, "the certificates in /nowhere/ca.pem can't be read");
}
