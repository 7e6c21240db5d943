use jsonwebtoken::crypto;
use serde_json::value::RawValue;
use ticketing_core::values::Timestamp;

use super::*;

const NOW: i64 = 1_700_000_000;
const SECRET: &str = "0123456789abcdef0123456789abcdef";
const OTHER: &str = "fedcba9876543210fedcba9876543210";
const HEADER: &str = r#"{"typ":"session+jwt","alg":"HS256","kid":"a"}"#;
const CLAIMS: &str = r#"{"iss":"ticketing-accounts","aud":"ticketing","sub":"u","sid":"6f1e7f0e-3e0e-4c6e-9a51-0d0f6f6a8c11","email":"a@b.org","iat":1700000000,"exp":1700000100}"#;

fn now() -> Timestamp {
    Timestamp::from_millis(NOW * 1000)
}

fn tokens(keys: &str) -> Tokens {
    Tokens::new(&keys.parse().unwrap())
}

fn ours() -> Tokens {
    tokens(&format!("a:{SECRET}"))
}

/// A JSON text as a part of a token, letter for letter.
fn part(json: &str) -> String {
    let raw = RawValue::from_string(json.to_owned()).unwrap();
    let token = encode(&Header::default(), &raw, &EncodingKey::from_secret(b"x")).unwrap();
    token.split('.').nth(1).unwrap().to_owned()
}

fn forged_with(header: &str, claims: &str, secret: &str, algorithm: Algorithm) -> String {
    let message = format!("{}.{}", part(header), part(claims));
    let key = EncodingKey::from_secret(secret.as_bytes());
    let signature = crypto::sign(message.as_bytes(), &key, algorithm).unwrap();
    format!("{message}.{signature}")
}

fn forged(header: &str, claims: &str) -> String {
    forged_with(header, claims, SECRET, Algorithm::HS256)
}

fn session() -> Session {
    Session {
        id: SessionId::random(),
        user: UserId::new("u").unwrap(),
        created_at: now(),
        last_seen_at: now(),
        expires_at: now().plus(Duration::from_secs(100)),
        user_agent: None,
        revoked_at: None,
    }
}

#[test]
fn what_is_signed_here_can_be_read_here() {
    assert!(ours().work(now()));
}

#[test]
fn a_token_says_who_it_is_until_it_expires() {
    let (tokens, session) = (ours(), session());
    let token = tokens.sign(&session, &"A@b.org".parse().unwrap(), now()).unwrap();
    let claims = tokens.read(&token, now()).unwrap();
    assert_eq!((claims.sub, claims.sid), (session.user, session.id));
    assert_eq!((claims.email.as_str(), claims.iat, claims.exp), ("A@b.org", NOW, NOW + 100));
    let at = |seconds| tokens.read(&token, Timestamp::from_millis((NOW + seconds) * 1000));
    assert!(at(99).is_some());
    assert!(at(100).is_none());
    assert!(at(-60).is_some());
    assert!(at(-61).is_none(), "a token from the future");
    assert!(token.len() < 600, "{}", token.len());
}

#[test]
fn the_forgeries_below_are_refused_for_what_is_wrong_with_them() {
    assert!(ours().read(&forged(HEADER, CLAIMS), now()).is_some());
}

#[test]
fn no_header_but_ours_is_believed() {
    let jwk = r#"{"typ":"session+jwt","alg":"HS256","kid":"a","jwk":{"kty":"oct","k":"eHg"}}"#;
    for header in [
        r#"{"typ":"session+jwt","alg":"none","kid":"a"}"#,
        r#"{"typ":"session+jwt","alg":"NONE","kid":"a"}"#,
        r#"{"typ":"session+jwt","alg":"HS384","kid":"a"}"#,
        r#"{"typ":"session+jwt","alg":"RS256","kid":"a"}"#,
        r#"{"typ":"session+jwt","alg":"EdDSA","kid":"a"}"#,
        r#"{"typ":"session+jwt","kid":"a"}"#,
        r#"{"typ":"JWT","alg":"HS256","kid":"a"}"#,
        r#"{"alg":"HS256","kid":"a"}"#,
        r#"{"typ":"session+jwt","alg":"HS256"}"#,
        r#"{"typ":"session+jwt","alg":"HS256","kid":"b"}"#,
        r#"{"typ":"session+jwt","alg":"HS256","kid":"../../dev/null"}"#,
        r#"{"typ":"session+jwt","alg":"HS256","kid":"a' OR 1=1 --"}"#,
        r#"{"typ":"session+jwt","alg":"HS256","kid":""}"#,
        r#"{"typ":"session+jwt","alg":"HS256","kid":["a"]}"#,
        r#"{"typ":"session+jwt","alg":"HS256","kid":"a","jku":"https://example.org/keys"}"#,
        r#"{"typ":"session+jwt","alg":"HS256","kid":"a","x5u":"https://example.org/cert"}"#,
        r#"{"typ":"session+jwt","alg":"HS256","kid":"a","crit":["exp"]}"#,
        r#"{"typ":"session+jwt","alg":"HS256","kid":"a","more":1}"#,
        r#"{"typ":"session+jwt","alg":"HS256","kid":"b","kid":"a"}"#,
        r#"{"typ":"session+jwt","alg":"none","alg":"HS256","kid":"a"}"#,
        jwk,
        "[]",
        "7",
    ] {
        assert!(ours().read(&forged(header, CLAIMS), now()).is_none(), "{header}");
    }
}

#[test]
fn no_signature_but_ours_is_believed() {
    for algorithm in [Algorithm::HS384, Algorithm::HS512] {
        let header = HEADER.replace("HS256", &format!("{algorithm:?}"));
        let token = forged_with(&header, CLAIMS, SECRET, algorithm);
        assert!(ours().read(&token, now()).is_none(), "{algorithm:?}");
    }
    assert!(ours().read(&forged_with(HEADER, CLAIMS, OTHER, Algorithm::HS256), now()).is_none());
    let token = forged(HEADER, CLAIMS);
    let (message, signature) = token.rsplit_once('.').unwrap();
    let (header, claims) = message.split_once('.').unwrap();
    let none = part(r#"{"typ":"session+jwt","alg":"none","kid":"a"}"#);
    let changed = part(&CLAIMS.replace("\"u\"", "\"v\""));
    for token in [
        String::new(),
        "..".to_owned(),
        message.to_owned(),
        format!("{message}."),
        format!("{none}.{claims}."),
        format!("{header}.{changed}.{signature}"),
        format!("{token}="),
        format!("{token}.{signature}"),
        format!(" {token}"),
    ] {
        assert!(ours().read(&token, now()).is_none(), "{token}");
    }
}

#[test]
fn claims_must_all_be_there_and_right() {
    let gone = |claim: &str| {
        let mut claims: serde_json::Value = serde_json::from_str(CLAIMS).unwrap();
        claims.as_object_mut().unwrap().remove(claim).unwrap();
        claims.to_string()
    };
    for claim in ["iss", "aud", "sub", "sid", "email", "iat", "exp"] {
        assert!(ours().read(&forged(HEADER, &gone(claim)), now()).is_none(), "without {claim}");
    }
    for (from, to) in [
        ("1700000100", "\"1700000100\""),
        ("1700000100", "1700000100.5"),
        ("1700000100", "null"),
        ("1700000100", "1e400"),
        ("1700000100", "1700000000"),
        ("1700000000", "\"1700000000\""),
        ("ticketing-accounts", "somebody-else"),
        ("\"ticketing\"", "\"another\""),
        ("\"ticketing\"", "[\"another\"]"),
        ("\"u\"", "7"),
        ("\"u\"", "\"\""),
        ("6f1e7f0e-", "6f1e7f0e"),
        ("\"exp\":", "\"exp\":1600000000,\"exp\":"),
        ("\"exp\":", "\"sub\":\"v\",\"exp\":"),
        ("\"exp\":", "\"sid\":\"6f1e7f0e-3e0e-4c6e-9a51-0d0f6f6a8c12\",\"exp\":"),
    ] {
        let claims = CLAIMS.replacen(from, to, 1);
        assert_ne!(claims, CLAIMS);
        assert!(ours().read(&forged(HEADER, &claims), now()).is_none(), "{from} {to}");
    }
}

#[test]
fn a_long_token_is_not_looked_at() {
    let padded = CLAIMS.replacen('{', &format!("{{\"pad\":\"{}\",", "x".repeat(10_000)), 1);
    assert!(ours().read(&forged(HEADER, &padded), now()).is_none());
    let short = CLAIMS.replacen('{', &format!("{{\"pad\":\"{}\",", "x".repeat(100)), 1);
    assert!(ours().read(&forged(HEADER, &short), now()).is_some());
}

#[test]
fn keys_are_replaced_without_signing_anybody_out() {
    let token = ours().sign(&session(), &"a@b.org".parse().unwrap(), now()).unwrap();
    let overlap = tokens(&format!("b:{OTHER},a:{SECRET}"));
    assert!(overlap.read(&token, now()).is_some());
    let new = overlap.sign(&session(), &"a@b.org".parse().unwrap(), now()).unwrap();
    assert!(ours().read(&new, now()).is_none(), "the first key signs");
    let after = tokens(&format!("b:{OTHER}"));
    assert!(after.read(&token, now()).is_none());
    assert!(after.read(&new, now()).is_some());
    // The name alone is not enough, nor is the secret under another name.
    assert!(tokens(&format!("a:{OTHER}")).read(&token, now()).is_none());
    assert!(tokens(&format!("b:{SECRET}")).read(&token, now()).is_none());
}

#[test]
fn secrets_are_not_shown() {
    assert!(!format!("{:?}", ours()).contains("0123456789abcdef"));
}
