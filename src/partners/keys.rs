//! Keys of partners. What they are can be seen by their beginning, so that a secret one that was pasted into a page is noticed, also
//! by those who look through public code for secrets.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use super::Lane;
use crate::crypto::{self, CryptoError};

/// What every secret key begins with.
pub const SECRET: &str = "sk_";

/// A new public key: 128 random bits, so that nobody stumbles on another's.
///
/// # Errors
/// [`CryptoError::NoRandomness`].
pub fn new_site_key(lane: Lane) -> Result<String, CryptoError> {
    let start = match lane {
        Lane::Live => "pk_",
        Lane::Test => "pk_test_",
    };
    Ok(format!("{start}{}", URL_SAFE_NO_PAD.encode(crypto::random_bytes::<16>()?)))
}

/// A new secret key of 256 random bits, and the hash that is kept of it.
///
/// # Errors
/// [`CryptoError::NoRandomness`].
pub fn new_secret(lane: Lane) -> Result<(String, [u8; 32]), CryptoError> {
    let start = match lane {
        Lane::Live => "",
        Lane::Test => "test_",
    };
    let secret = format!("{SECRET}{start}{}", URL_SAFE_NO_PAD.encode(crypto::random_bytes::<32>()?));
    let hash = crypto::digest(secret.as_bytes());
    Ok((secret, hash))
}
