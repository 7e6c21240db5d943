//! URLs as they may be shown.

/// Schemes of what is in a file or in this process: nothing of such a URL is secret.
const PLAIN: [&str; 3] = ["sqlite", "sandbox", "local"];

/// In the place of what is secret.
const HIDDEN: &str = "***";

/// A URL without what may be secret in it: who signs in and with what, every parameter, and all of a
/// URL that names no host, which may be a key. What is no URL stays as it is, unless it has the shape
/// of a name and a password before a host.
pub(crate) fn redacted(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once(':') else {
        return text.to_owned();
    };
    if PLAIN.contains(&scheme) {
        return text.to_owned();
    }
    if let Some(place) = rest.strip_prefix("//") {
        return format!("{scheme}://{}", without_credentials(place));
    }
    // Neither a port nor a path in Rust's writing is one.
    let may_be_a_key = scheme.chars().all(|c| c.is_ascii_alphabetic())
        && !rest.is_empty()
        && !rest.starts_with(':')
        && rest.parse::<u16>().is_err();
    match text.rsplit_once('@') {
        Some((_, host)) => format!("{HIDDEN}@{host}"),
        None if may_be_a_key => format!("{scheme}:{HIDDEN}"),
        None => text.to_owned(),
    }
}

/// What follows the scheme, up to its parameters. A password may have been written with any sign in
/// it, so the host begins after the last `@`.
fn without_credentials(place: &str) -> String {
    let (credentials, rest) = match place.rsplit_once('@') {
        Some((credentials, rest)) => (Some(credentials), rest),
        None => (None, place),
    };
    let (shown, parameters) = match rest.split_once(['?', '#']) {
        Some((shown, _)) => (shown, "?***"),
        None => (rest, ""),
    };
    let user = credentials.map(|it| match it.split_once(':') {
        Some((user, _)) => format!("{user}:{HIDDEN}@"),
        // Alone it may be a token.
        None => format!("{HIDDEN}@"),
    });
    format!("{}{shown}{parameters}", user.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_secret_is_not_shown() {
        for (url, shown) in [
            ("postgres://user:canary@host/db", "postgres://user:***@host/db"),
            ("postgres://user:can@ary@host:5432/db", "postgres://user:***@host:5432/db"),
            ("postgres://user:can/ary@host/db", "postgres://user:***@host/db"),
            ("postgres://user:can?ary@host/db", "postgres://user:***@host/db"),
            ("postgres://host/db?password=canary", "postgres://host/db?***"),
            ("postgres://user:canary@host/db?sslmode=require", "postgres://user:***@host/db?***"),
            ("nats://canary@host", "nats://***@host"),
            ("stripe:canary", "stripe:***"),
            ("user:canary@host", "***@host"),
        ] {
            assert_eq!(redacted(url), shown, "{url}");
            assert!(!redacted(url).contains("ary"), "{url}");
        }
    }

    #[test]
    fn what_is_not_secret_is_shown() {
        for url in [
            "sqlite:tickets.db?readers=8",
            "sandbox:/var/ledger",
            "local:",
            "postgres://host:5432/db",
            "http://127.0.0.1:3000",
            "127.0.0.1:8080",
            "localhost:8080",
            "info,tracing::span=debug",
            "tracing::span=debug",
            "::1",
            "8080",
            "stripe:",
        ] {
            assert_eq!(redacted(url), url);
        }
    }
}
