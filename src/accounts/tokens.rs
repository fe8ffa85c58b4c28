//! Access tokens: JWTs of one algorithm, one type, one issuer, one audience (RFC 8725). Everything about them is
//! required and checked, here and by the library.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, crypto::aws_lc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{
    clock::Clock,
    crypto::{CryptoError, Key, KeyRing, RootSecret},
};

/// How long an access token lasts.
pub const LIFETIME_SECONDS: i64 = 600;

/// How far the clocks of two instances may be apart.
const LEEWAY_SECONDS: i64 = 5;

const TYPE: &str = "at+jwt";
const ISSUER: &str = "pledges";
const AUDIENCE: &str = "pledges-moderation";

/// Longer ones are not even parsed.
const MAX_BYTES: usize = 2_048;

/// What an access token says. All of it is required, nothing else may stand in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    iss: String,
    aud: String,
    /// The account.
    pub sub: Uuid,
    /// The session.
    pub sid: Uuid,
    jti: Uuid,
    iat: i64,
    nbf: i64,
    exp: i64,
}

/// The only header that is taken: no `crit`, `jku`, `jwk`, `x5u`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OnlyHeader {
    alg: String,
    typ: String,
    kid: String,
}

/// Issues and checks access tokens.
pub struct AccessTokens {
    encoding: EncodingKey,
    key_id: String,
    /// By key id.
    decoding: Vec<(String, DecodingKey)>,
    validation: Validation,
    clock: Clock,
}

fn key(root: &RootSecret) -> Key {
    root.derive("access tokens v1", b"")
}

fn key_id(key: &Key) -> String {
    URL_SAFE_NO_PAD.encode(key.hash(&[b"key id"]).first_chunk::<6>().unwrap_or(&[0; 6]))
}

impl AccessTokens {
    /// Signed with the key that comes from the current root secret, checked with those of every one that is listed: a token
    /// outlives a rotation by the few minutes that it lasts.
    ///
    /// # Errors
    /// When a token signed here is not accepted here: the library can't do its work.
    pub fn new(ring: &KeyRing, clock: Clock) -> Result<Self, CryptoError> {
        // Without a provider the library panics at first use. Another part of the process may have installed it.
        let _ = aws_lc::DEFAULT_PROVIDER.install_default();
        let current = key(ring.current());
        let decoding = ring.roots().map(key).map(|key| (key_id(&key), DecodingKey::from_secret(key.expose())));
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
        // The times are checked below, against our own clock.
        validation.validate_exp = false;
        let tokens = Self {
            encoding: EncodingKey::from_secret(current.expose()),
            key_id: key_id(&current),
            decoding: decoding.collect(),
            validation,
            clock,
        };
        let (sub, sid) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let claims = tokens.check(&tokens.issue(sub, sid)?).ok_or(CryptoError::DoesNotOpen)?;
        if claims.sub == sub && claims.sid == sid { Ok(tokens) } else { Err(CryptoError::DoesNotOpen) }
    }

    /// A token for a session of an account.
    ///
    /// # Errors
    /// When it can't be signed.
    pub fn issue(&self, account: Uuid, session: Uuid) -> Result<Zeroizing<String>, CryptoError> {
        let now = self.clock.now().timestamp();
        let claims = Claims {
            iss: ISSUER.into(),
            aud: AUDIENCE.into(),
            sub: account,
            sid: session,
            jti: Uuid::new_v4(),
            iat: now,
            nbf: now,
            exp: now + LIFETIME_SECONDS,
        };
        let mut header = Header::new(Algorithm::HS256);
        header.typ = Some(TYPE.into());
        header.kid = Some(self.key_id.clone());
        jsonwebtoken::encode(&header, &claims, &self.encoding).map(Zeroizing::new).map_err(|_| CryptoError::DoesNotSeal)
    }

    /// What the token says, if it is right in every way.
    pub fn check(&self, token: &str) -> Option<Claims> {
        if token.len() > MAX_BYTES || token.split('.').count() != 3 {
            return None;
        }
        let header = URL_SAFE_NO_PAD.decode(token.split('.').next()?).ok()?;
        let header: OnlyHeader = serde_json::from_slice(&header).ok()?;
        if header.alg != "HS256" || header.typ != TYPE {
            return None;
        }
        let (_, decoding) = self.decoding.iter().find(|(id, _)| *id == header.kid)?;
        let claims = jsonwebtoken::decode::<Claims>(token, decoding, &self.validation).ok()?.claims;
        let now = self.clock.now().timestamp();
        let in_time = claims.iat <= now + LEEWAY_SECONDS
            && claims.nbf <= now + LEEWAY_SECONDS
            && claims.exp > now - LEEWAY_SECONDS
            && claims.iat <= claims.nbf
            && claims.nbf < claims.exp
            && claims.exp.checked_sub(claims.iat).is_some_and(|life| life <= LIFETIME_SECONDS);
        in_time.then_some(claims)
    }
}

#[cfg(test)]
mod tests;
