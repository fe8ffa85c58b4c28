//! Personal data that is kept, sealed: the records for the organiser, which the service can't open again once their epoch
//! is over, the bundles in which they are given out, and the review copies that moderators work with.

pub mod bundle;
pub mod development;
mod epochs;
pub mod recipients;
pub mod record;
mod review;
mod store;

pub use epochs::{Audience, Epochs, NoEpoch};
pub use review::{ReviewCopies, ReviewCopy, mask_name};

use serde::Serialize;
use zeroize::Zeroizing;

use crate::crypto::CryptoError;

/// What sealed JSON is padded to a multiple of, in bytes: its length tells little of the name and the message.
const PADDING: usize = 64;

/// The text that is sealed: JSON, with white space at its end, which means nothing. Wiped when dropped.
fn padded_json(value: &impl Serialize) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    let mut text = Zeroizing::new(Vec::with_capacity(4 * PADDING));
    serde_json::to_writer(&mut *text, value).map_err(|_| CryptoError::DoesNotSeal)?;
    let padded = text.len().next_multiple_of(PADDING);
    text.resize(padded, b' ');
    Ok(text)
}
