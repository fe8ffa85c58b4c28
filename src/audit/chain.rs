//! The chain: every entry has the hash of the one before and, with it, of all the rest of itself. The database computes it
//! (`audit_hash` in the migrations); here it is computed a second time, by other code, to hold the rows against.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use crate::crypto::digest;

/// How the text begins that is hashed: what it is, and the version of its form.
const FORM: &str = "pledges audit 1";

/// Hash before the first entry.
pub const BEGINNING: [u8; 32] = [0; 32];

/// An entry as a part of the chain.
#[derive(Clone, Debug)]
pub struct Link {
    /// Its place: 1, 2, 3.
    pub number: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// Who; None: the operator.
    pub moderator_id: Option<Uuid>,
    /// In which campaign.
    pub campaign_id: Option<Uuid>,
    /// What.
    pub action: String,
    /// What it was about: JSON as PostgreSQL writes it, byte for byte.
    pub details: String,
    /// Hash of the entry before.
    pub previous: Vec<u8>,
    /// Its hash, as it is stored.
    pub hash: Vec<u8>,
}

/// An entry for others, who compute the chain themselves: the texts are those that were hashed.
#[derive(Serialize)]
struct Line<'a> {
    number: i64,
    at: String,
    moderator: Option<Uuid>,
    campaign: Option<Uuid>,
    action: &'a str,
    details: &'a str,
    previous: String,
    hash: String,
}

impl Link {
    /// The hash that it must have.
    pub fn computed(&self) -> [u8; 32] {
        let id = |id: Option<Uuid>| id.map_or_else(|| "-".to_owned(), |id| id.to_string());
        let text = [
            FORM,
            &self.number.to_string(),
            &self.time(),
            &id(self.moderator_id),
            &id(self.campaign_id),
            &self.action,
            &self.details,
            &hex(&self.previous),
        ]
        .join("\n");
        digest(text.as_bytes())
    }

    /// As a line of JSON, with a line break at its end.
    pub fn line(&self) -> String {
        let line = Line {
            number: self.number,
            at: self.time(),
            moderator: self.moderator_id,
            campaign: self.campaign_id,
            action: &self.action,
            details: &self.details,
            previous: hex(&self.previous),
            hash: hex(&self.hash),
        };
        serde_json::to_string(&line).unwrap_or_default() + "\n"
    }

    /// With all six digits, as PostgreSQL has it.
    fn time(&self) -> String {
        self.at.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
    }
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a string doesn't fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// What [`hex`] wrote of 32 bytes.
pub fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link() -> Link {
        Link {
            number: 1,
            at: DateTime::from_timestamp_micros(1_764_547_200_000_120).unwrap(),
            moderator_id: None,
            campaign_id: Some(Uuid::from_u128(1)),
            action: "campaign.add".into(),
            details: r#"{"slug": "defend"}"#.into(),
            previous: BEGINNING.to_vec(),
            hash: Vec::new(),
        }
    }

    #[test]
    fn the_text_that_is_hashed_has_one_part_a_line() {
        let text = "pledges audit 1\n1\n2025-12-01T00:00:00.000120Z\n-\n00000000-0000-0000-0000-000000000001\ncampaign.add\n\
             {\"slug\": \"defend\"}\n0000000000000000000000000000000000000000000000000000000000000000";
        assert_eq!(link().computed(), digest(text.as_bytes()));
    }

    #[test]
    fn every_part_counts() {
        let changes: [fn(&mut Link); 7] = [
            |link| link.number = 2,
            |link| link.at += chrono::TimeDelta::microseconds(1),
            |link| link.moderator_id = Some(Uuid::from_u128(2)),
            |link| link.campaign_id = None,
            |link| link.action = "campaign.set".into(),
            |link| link.details.push(' '),
            |link| link.previous[31] = 1,
        ];
        for change in changes {
            let mut other = link();
            change(&mut other);
            assert_ne!(other.computed(), link().computed());
        }
    }

    #[test]
    fn hexadecimal_goes_both_ways() {
        let bytes = digest(b"anything");
        assert_eq!(unhex(&hex(&bytes)), Some(bytes));
        for wrong in ["", "00", &"g".repeat(64), &"é".repeat(32)] {
            assert_eq!(unhex(wrong), None, "{wrong}");
        }
    }
}
