//! Forged and stale tokens, each one mistake away from a good one.

use chrono::{DateTime, TimeDelta};
use serde_json::{Value, json};

use super::*;
use crate::clock::FixedClock;

const SECRET: &str = "0123456789abcdef0123456789ABCDEFxyz";
const NOW: i64 = 1_800_000_000;

fn tokens() -> (AccessTokens, FixedClock) {
    let clock = FixedClock::at(DateTime::from_timestamp(NOW, 0).unwrap());
    (AccessTokens::new(&KeyRing::parse(SECRET).unwrap(), Clock::Fixed(clock.clone())).unwrap(), clock)
}

fn good_header(tokens: &AccessTokens) -> Value {
    json!({"alg": "HS256", "typ": TYPE, "kid": tokens.key_id})
}

fn good_claims() -> Value {
    json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": Uuid::from_u128(1), "sid": Uuid::from_u128(2),
        "jti": Uuid::from_u128(3), "iat": NOW, "nbf": NOW, "exp": NOW + 600,
    })
}

/// A token with this header and these claims, signed with the right key.
fn sign(header: &Value, claims: &Value) -> String {
    let key = RootSecret::new(SECRET.as_bytes()).unwrap().derive("access tokens v1", b"");
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(header), part(claims));
    let signature =
        jsonwebtoken::crypto::sign(message.as_bytes(), &EncodingKey::from_secret(key.expose()), Algorithm::HS256);
    format!("{message}.{}", signature.unwrap())
}

fn with(base: &Value, name: &str, value: Value) -> Value {
    let mut changed = base.clone();
    changed[name] = value;
    changed
}

#[test]
fn the_good_one_is_good() {
    let (tokens, _) = tokens();
    assert!(tokens.check(&sign(&good_header(&tokens), &good_claims())).is_some());
    let claims = tokens.check(&tokens.issue(Uuid::from_u128(7), Uuid::from_u128(8)).unwrap()).unwrap();
    assert_eq!((claims.sub, claims.sid), (Uuid::from_u128(7), Uuid::from_u128(8)));
}

#[test]
fn odd_headers_are_refused() {
    let (tokens, _) = tokens();
    let good = good_header(&tokens);
    for (name, value) in [
        ("alg", json!("none")),
        ("alg", json!("NONE")),
        ("alg", json!("HS384")),
        ("alg", json!("RS256")),
        ("alg", json!(null)),
        ("typ", json!("JWT")),
        ("typ", json!(null)),
        ("kid", json!("other")),
        ("kid", json!("../../etc/passwd")),
        ("kid", json!(["a"])),
        ("crit", json!(["exp"])),
        ("jku", json!("https://evil.example/keys")),
        ("jwk", json!({"kty": "oct", "k": "AAAA"})),
        ("x5u", json!("https://evil.example/cert")),
        ("zip", json!("DEF")),
    ] {
        assert!(tokens.check(&sign(&with(&good, name, value.clone()), &good_claims())).is_none(), "{name}: {value}");
    }
}

#[test]
fn odd_claims_are_refused() {
    let (tokens, _) = tokens();
    let header = good_header(&tokens);
    for (name, value) in [
        ("iss", json!("others")),
        ("aud", json!("others")),
        ("aud", json!(["pledges-moderation", "others"])),
        ("sub", json!("not a uuid")),
        ("exp", json!(null)),
        ("exp", json!("1800000600")),
        ("exp", json!(1.8e9)),
        ("exp", json!(-1)),
        ("exp", json!(NOW - 6)),
        ("exp", json!(NOW + 601)),
        ("exp", json!(i64::MAX)),
        ("nbf", json!(NOW + 6)),
        ("iat", json!(NOW + 6)),
        ("iat", json!(i64::MIN)),
        ("admin", json!(true)),
        ("role", json!("admin")),
    ] {
        assert!(tokens.check(&sign(&header, &with(&good_claims(), name, value.clone()))).is_none(), "{name}: {value}");
    }
    for missing in ["iss", "aud", "sub", "sid", "jti", "iat", "nbf", "exp"] {
        let mut claims = good_claims();
        claims.as_object_mut().unwrap().remove(missing);
        assert!(tokens.check(&sign(&header, &claims)).is_none(), "without {missing}");
    }
}

#[test]
fn damaged_signatures_are_refused() {
    let (tokens, _) = tokens();
    let token = sign(&good_header(&tokens), &good_claims());
    let (message, signature) = token.rsplit_once('.').unwrap();
    let mut bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
    for bit in 0..bytes.len() * 8 {
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(tokens.check(&format!("{message}.{}", URL_SAFE_NO_PAD.encode(&bytes))).is_none());
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
    let other = KeyRing::parse("another 0123456789abcdef0123456789").unwrap();
    let other = AccessTokens::new(&other, Clock::System).unwrap();
    for forged in [
        format!("{message}."),
        message.to_owned(),
        format!("{message}.{signature}."),
        format!("{message}.{signature}="),
        String::new(),
        "..".into(),
        "a".repeat(MAX_BYTES + 1),
        other.issue(Uuid::from_u128(1), Uuid::from_u128(2)).unwrap().to_string(),
    ] {
        assert!(tokens.check(&forged).is_none(), "{forged}");
    }
}

#[test]
fn a_token_ends_after_ten_minutes() {
    let (tokens, clock) = tokens();
    let token = tokens.issue(Uuid::from_u128(1), Uuid::from_u128(2)).unwrap();
    clock.advance(TimeDelta::seconds(LIFETIME_SECONDS + LEEWAY_SECONDS - 1));
    assert!(tokens.check(&token).is_some());
    clock.advance(TimeDelta::seconds(1));
    assert!(tokens.check(&token).is_none());
}

#[test]
fn tokens_of_an_older_root_secret_are_good_while_it_is_listed() {
    let new = "another 0123456789abcdef0123456789";
    let (old, clock) = tokens();
    let issued = old.issue(Uuid::from_u128(1), Uuid::from_u128(2)).unwrap();
    let with = |ring: &str| AccessTokens::new(&KeyRing::parse(ring).unwrap(), Clock::Fixed(clock.clone())).unwrap();
    let both = with(&format!("{new}\n{SECRET}"));
    assert!(both.check(&issued).is_some());
    assert!(with(new).check(&issued).is_none());
    let renewed = both.issue(Uuid::from_u128(1), Uuid::from_u128(2)).unwrap();
    assert!(with(new).check(&renewed).is_some(), "the new one signs");
    assert!(old.check(&renewed).is_none());
    // The key id of one and the signature of the other.
    let crossed = sign(&good_header(&both), &good_claims());
    assert!(both.check(&crossed).is_none());
}
