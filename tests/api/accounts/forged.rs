//! Forged and stale access tokens (security.md; RFC 8725), sent over HTTP: each gets the answer that nobody gets.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use jsonwebtoken::{Algorithm, EncodingKey};
use pledges::{
    accounts::{Role, tokens::AccessTokens},
    clock::{Clock, FixedClock},
    crypto::{KeyRing, RootSecret},
};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::told;
use crate::support::{ROOT_SECRET, TestApp, client::Client};

const OTHER_SECRET: &str = "a77e0c5d9b1f4e3288d6c2b0f1a9e8d7c6b5a4938271605f";

fn root(secret: &str) -> RootSecret {
    RootSecret::new(secret.as_bytes()).unwrap()
}

/// Header, claims and signature of a token.
struct Parts {
    header: Value,
    claims: Value,
    signature: Vec<u8>,
}

impl Parts {
    fn of(token: &str) -> Self {
        let parts: Vec<_> = token.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).unwrap()).collect();
        let json = |part: &[u8]| serde_json::from_slice(part).unwrap();
        Self { header: json(&parts[0]), claims: json(&parts[1]), signature: parts[2].clone() }
    }

    fn unsigned(&self) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}", part(&self.header), part(&self.claims))
    }

    fn signed_with(&self, key: &[u8], algorithm: Algorithm) -> String {
        let message = self.unsigned();
        let key = EncodingKey::from_secret(key);
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, algorithm).unwrap();
        format!("{message}.{signature}")
    }

    /// Signed with the right key: only what is said can be wrong with it.
    fn signed(&self) -> String {
        self.signed_with(root(ROOT_SECRET).derive("access tokens v1", b"").expose(), Algorithm::HS256)
    }

    fn header(&self, name: &str, value: Value) -> Self {
        let mut header = self.header.clone();
        header[name] = value;
        Self { header, claims: self.claims.clone(), signature: self.signature.clone() }
    }

    fn claim(&self, name: &str, value: Value) -> Self {
        let mut claims = self.claims.clone();
        claims[name] = value;
        Self { header: self.header.clone(), claims, signature: self.signature.clone() }
    }

    fn without(&self, name: &str) -> Self {
        let mut parts = self.claim(name, Value::Null);
        parts.claims.as_object_mut().unwrap().remove(name);
        parts.header.as_object_mut().unwrap().remove(name);
        parts
    }
}

/// Fails unless each token gets exactly what somebody without a token gets.
async fn assert_refused(client: &Client, tokens: impl IntoIterator<Item = (String, String)>) {
    let mut other = client.clone();
    other.token = None;
    let nobody = other.get("/v1/auth/me").await;
    nobody.problem(401, "unauthorized");
    assert_eq!(nobody.header("www-authenticate"), "Bearer");
    for (what, token) in tokens {
        other.token = Some(token);
        assert_eq!(told(&other.get("/v1/auth/me").await), told(&nobody), "{what}");
    }
    // The control: the good one still opens.
    client.get("/v1/auth/me").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_with_another_header_is_refused() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Moderator).await;
    let good = Parts::of(client.token.as_deref().unwrap());
    let mut control = client.clone();
    control.token = Some(good.signed());
    control.get("/v1/auth/me").await.expect(200);
    let mut tokens = Vec::new();
    for (name, value) in [
        ("alg", json!("none")),
        ("alg", json!("NONE")),
        ("alg", json!("nOnE")),
        ("alg", json!("hs256")),
        ("alg", json!("HS384")),
        ("alg", json!("RS256")),
        ("alg", Value::Null),
        ("typ", json!("JWT")),
        ("typ", json!("AT+JWT")),
        ("kid", json!("other")),
        ("kid", json!("../../../dev/null")),
        ("kid", json!("' UNION SELECT 'x' --")),
        ("crit", json!([])),
        ("crit", json!(["exp"])),
        ("jku", json!("https://evil.example/keys")),
        ("jwk", json!({"kty": "oct", "k": "AAAA"})),
        ("x5u", json!("https://evil.example/cert")),
        ("x5c", json!(["AAAA"])),
        ("b64", json!(false)),
        ("zip", json!("DEF")),
        ("cty", json!("JWT")),
    ] {
        let forged = good.header(name, value.clone());
        tokens.push((format!("{name} {value}"), forged.signed()));
        tokens.push((format!("{name} {value}, no signature"), format!("{}.", forged.unsigned())));
    }
    for name in ["alg", "typ", "kid"] {
        tokens.push((format!("no {name}"), good.without(name).signed()));
    }
    assert_refused(&client, tokens).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_with_another_signature_is_refused() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Moderator).await;
    let token = client.token.clone().unwrap();
    let (message, signature) = token.rsplit_once('.').unwrap();
    let good = Parts::of(&token);
    let key = *root(ROOT_SECRET).derive("access tokens v1", b"").expose();
    let other_key = *root(OTHER_SECRET).derive("access tokens v1", b"").expose();
    let purpose = *root(ROOT_SECRET).derive("review copy v1", b"").expose();
    let mut tokens: Vec<(String, String)> = vec![
        ("stripped".into(), format!("{message}.")),
        ("two parts".into(), message.to_owned()),
        ("four parts".into(), format!("{token}.{signature}")),
        ("padded".into(), format!("{token}=")),
        ("garbage".into(), "garbage".into()),
        ("dots".into(), "..".into()),
        ("a letter each".into(), "a.b.c".into()),
        ("the refresh token".into(), client.refresh.clone().unwrap()),
        ("other key".into(), good.signed_with(&other_key, Algorithm::HS256)),
        ("key of another purpose".into(), good.signed_with(&purpose, Algorithm::HS256)),
        ("no key".into(), good.signed_with(b"", Algorithm::HS256)),
        ("root secret as key".into(), good.signed_with(ROOT_SECRET.as_bytes(), Algorithm::HS256)),
        ("HS384".into(), good.header("alg", json!("HS384")).signed_with(&key, Algorithm::HS384)),
        ("HS512".into(), good.header("alg", json!("HS512")).signed_with(&key, Algorithm::HS512)),
        ("HS512 called HS256".into(), good.signed_with(&key, Algorithm::HS512)),
        ("long".into(), format!("{message}.{}", "A".repeat(5000))),
        ("signature cut".into(), format!("{message}.{}", &signature[..20])),
    ];
    for bit in (0..good.signature.len() * 8).step_by(7) {
        let mut flipped = good.signature.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        tokens.push((format!("bit {bit}"), format!("{message}.{}", URL_SAFE_NO_PAD.encode(flipped))));
    }
    for at in (0..message.len()).step_by(29) {
        let mut changed = message.as_bytes().to_vec();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        tokens.push((format!("character {at}"), format!("{}.{signature}", String::from_utf8(changed).unwrap())));
    }
    // 32 bytes leave two bits of the last character unused: only one spelling of a signature counts.
    for last in ('A'..='Z').chain('a'..='z').chain('0'..='9').filter(|last| !signature.ends_with(*last)) {
        tokens.push((format!("last {last}"), format!("{message}.{}{last}", &signature[..signature.len() - 1])));
    }
    assert_refused(&client, tokens).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_says_something_else_is_refused() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Moderator).await;
    let admin = Parts::of(app.signed_in(Role::Admin).await.token.as_deref().unwrap());
    let good = Parts::of(client.token.as_deref().unwrap());
    let now = Clock::System.now().timestamp();
    let mut tokens = Vec::new();
    for (name, value) in [
        ("iss", json!("somebody")),
        ("iss", json!(["pledges"])),
        ("aud", json!("pledges")),
        ("aud", json!(["pledges-moderation"])),
        ("sub", admin.claims["sub"].clone()),
        ("sub", json!(Uuid::now_v7())),
        ("sub", json!("admin")),
        ("sid", admin.claims["sid"].clone()),
        ("sid", json!(Uuid::now_v7())),
        ("jti", json!(1)),
        ("exp", json!(now - 6)),
        ("exp", json!(now + 100_000)),
        ("exp", json!(i64::MAX)),
        ("exp", json!(u64::MAX)),
        ("exp", json!(1e300)),
        ("exp", json!("2099-01-01T00:00:00Z")),
        ("exp", json!((now + 300).to_string())),
        ("exp", Value::Null),
        ("nbf", json!(now + 60)),
        ("nbf", Value::Null),
        ("iat", json!(now + 60)),
        ("iat", json!(i64::MIN)),
        ("role", json!("admin")),
        ("scope", json!("*")),
    ] {
        tokens.push((format!("{name} {value}"), good.claim(name, value).signed()));
    }
    for name in ["iss", "aud", "sub", "sid", "jti", "iat", "nbf", "exp"] {
        tokens.push((format!("no {name}"), good.without(name).signed()));
    }
    assert_refused(&client, tokens).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_good_for_ten_minutes_and_five_seconds() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Moderator).await;
    let claims = Parts::of(client.token.as_deref().unwrap()).claims;
    let id = |name: &str| claims[name].as_str().unwrap().parse::<Uuid>().unwrap();
    let issued = |secret: &str, seconds_ago: i64| {
        let clock = FixedClock::at(Clock::System.now() - TimeDelta::seconds(seconds_ago));
        let tokens = AccessTokens::new(&KeyRing::parse(secret).unwrap(), Clock::Fixed(clock)).unwrap();
        tokens.issue(id("sub"), id("sid")).unwrap().to_string()
    };
    let mut other = client.clone();
    for seconds_ago in [0, 300, 590, -3] {
        other.token = Some(issued(ROOT_SECRET, seconds_ago));
        other.get("/v1/auth/me").await.expect(200);
    }
    let stale = [606, 660, 86_400, -30, -3600].map(|ago| (format!("{ago} s ago"), issued(ROOT_SECRET, ago)));
    assert_refused(&client, stale).await;
    assert_refused(&client, [("another service's".to_owned(), issued(OTHER_SECRET, 0))]).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_counts_only_in_one_authorization_header() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Moderator).await;
    let token = client.token.clone().unwrap();
    let mut nobody = client.clone();
    nobody.token = None;
    let refused = told(&nobody.get("/v1/auth/me").await);
    let bearer = format!("Bearer {token}");
    for scheme in ["bearer", "BEARER", "Bearer"] {
        let request = nobody.request(Method::GET, "/v1/auth/me").header("authorization", format!("{scheme} {token}"));
        nobody.send(request).await.expect(200);
    }
    for headers in [
        [("authorization", bearer.as_str()), ("authorization", bearer.as_str())].as_slice(),
        &[("authorization", "Bearer garbage"), ("authorization", &bearer)],
        &[("authorization", &bearer), ("authorization", "Basic YTpi")],
        &[("authorization", "Basic YTpi")],
        &[("authorization", &format!("Basic {token}"))],
        &[("authorization", &format!("Token {token}"))],
        &[("authorization", &format!("Bearer{token}"))],
        &[("authorization", &format!("Bearer, {token}"))],
        &[("authorization", &format!("Bearer \"{token}\""))],
        &[("authorization", &format!("{bearer}, {bearer}"))],
        &[("authorization", &token)],
        &[("authorization", "Bearer")],
        &[("authorization", "Bearer ")],
        &[("authorization", "")],
        &[("x-authorization", &bearer)],
        &[("proxy-authorization", &bearer)],
        &[("cookie", &format!("access_token={token}"))],
    ] {
        let request = nobody.request(Method::GET, "/v1/auth/me");
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        assert_eq!(told(&nobody.send(request).await), refused, "{headers:?}");
    }
    let latin = reqwest::header::HeaderValue::from_bytes(b"Bearer \xe9").unwrap();
    let request = nobody.request(Method::GET, "/v1/auth/me").header("authorization", latin);
    assert_eq!(told(&nobody.send(request).await), refused);
    let in_query = nobody.get(&format!("/v1/auth/me?access_token={token}")).await;
    assert_eq!(told(&in_query), refused);
    app.stop().await;
}
