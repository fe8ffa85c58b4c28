//! Bundles: a campaign's list of supporters as it is given out, still sealed. Text, one item a line, so that reading goes
//! on at the next line after damage:
//!
//! ```text
//! pledges-bundle 1
//! {"about":{…},"key":"…"}     what it is, and its key, wrapped to recipients
//! 1 BASE64                    a frame: its number, and the rest sealed under that key
//! 2 BASE64
//! ```
//!
//! What kind a frame is, and all that is in it, is sealed: who steals a bundle learns how many lines there are. A frame
//! opens in its bundle under its number only, so that lines can't be moved, doubled or left out unnoticed. First come the
//! keys of the epochs, twice, because the damage of one would cost an hour of pledges; then the pledges in the order of
//! their ids, each with its record as it lies in the database; then what is gone; at last the counts, without which the
//! bundle is cut off.
//!
//! [`Writer`] makes one, [`Opener`] reads it. Neither needs a database.

mod damage;
mod frame;
mod numbers;
mod opener;
mod reader;
mod writer;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::crypto;

pub use damage::{BadBundle, Damage, What};
pub use frame::{About, Consents, Counts, Frame, Gone, SealedEpoch, SealedPledge, Why};
pub use opener::{Found, Opener, Pledge};
pub use writer::Writer;

/// The first line.
const FIRST_LINE: &str = "pledges-bundle 1";

/// What the wrapped key and the place of each frame begin with.
const PLACE: &[u8] = b"pledges bundle v1";

/// What a bundle is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// The export that made it.
    pub bundle: Uuid,
    /// Whose supporters.
    pub campaign: CampaignName,
    /// For which partner; None: for the organiser.
    pub partner: Option<Uuid>,
    /// The moment it shows (database clock).
    pub snapshot_at: DateTime<Utc>,
    /// The last export before it that was completed.
    pub previous: Option<Previous>,
    /// Since when it tells what is gone; None: nobody had an earlier one.
    pub gone_since: Option<DateTime<Utc>>,
    /// The public keys that it is sealed to.
    pub recipients: Vec<String>,
}

/// A campaign, for people and programs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CampaignName {
    /// UUIDv7.
    pub id: Uuid,
    /// Its name in addresses.
    pub slug: String,
}

/// An earlier bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Previous {
    /// The export that made it.
    pub bundle: Uuid,
    /// The moment it shows.
    pub snapshot_at: DateTime<Utc>,
}

impl Header {
    /// A name for its file.
    pub fn file_name(&self) -> String {
        format!("{}-{}.pledges", self.campaign.slug, self.snapshot_at.format("%Y-%m-%d-%H%M%S"))
    }

    /// What the wrapped key begins with: the key of one bundle doesn't fit the header of another, or a changed one.
    fn place(&self) -> Result<Vec<u8>, serde_json::Error> {
        Ok([PLACE, crypto::digest(&serde_json::to_vec(self)?).as_slice()].concat())
    }
}

/// The second line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SecondLine {
    about: Header,
    /// An age file in base64.
    key: String,
}

/// Where a frame belongs.
fn place(bundle: Uuid, number: u64) -> Vec<u8> {
    [PLACE, bundle.as_bytes(), number.to_be_bytes().as_slice()].concat()
}

#[cfg(test)]
mod tests;
