//! Keyed tags: they tell which pledges of one campaign have something in common, and nobody without the key what it is.

use unicode_normalization::UnicodeNormalization;
use uuid::Uuid;

use crate::{
    crypto::Key,
    gate::signals::{shape, visible},
};

/// Makes the tags of one campaign. Tags of two campaigns never meet.
#[derive(Debug)]
pub struct Tags<'a> {
    key: &'a Key,
    campaign: Uuid,
}

impl<'a> Tags<'a> {
    /// With a key that is derived for tags only.
    pub fn new(key: &'a Key, campaign: Uuid) -> Self {
        Self { key, campaign }
    }

    /// Of a mailbox's domain, in any case. None for an empty one.
    pub fn domain_tag(&self, domain: &str) -> Option<i64> {
        self.tag(b"domain", &domain.trim().trim_end_matches('.').to_lowercase())
    }

    /// Of a name, however its letters, spaces and marks are written. None when nothing is left.
    pub fn name_tag(&self, name: &str) -> Option<i64> {
        self.tag(b"name", &normal_name(name))
    }

    /// Of how name and mailbox are made (`signals::shape`). None without both.
    pub fn shape_tag(&self, name: Option<&str>, local: Option<&str>) -> Option<i64> {
        name.or(local)?;
        self.tag(b"shape", &shape(name, local))
    }

    /// Of a word of a public text, which must be folded already. None for an empty one.
    pub fn word_tag(&self, word: &str) -> Option<i64> {
        self.tag(b"word", word)
    }

    fn tag(&self, kind: &[u8], value: &str) -> Option<i64> {
        if value.is_empty() {
            return None;
        }
        let hash = self.key.hash(&[kind, self.campaign.as_bytes(), value.as_bytes()]);
        hash.first_chunk().copied().map(i64::from_be_bytes)
    }
}

/// A name for comparing: what shows of it, compatible forms joined, small letters, single spaces.
pub fn normal_name(name: &str) -> String {
    if name.is_ascii() {
        // The same, without looking anything up.
        return name.split_ascii_whitespace().collect::<Vec<_>>().join(" ").to_ascii_lowercase();
    }
    let folded: String = visible(name).nfkc().flat_map(char::to_lowercase).nfkc().collect();
    folded.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;

    #[test]
    fn the_same_thing_written_otherwise_has_the_same_tag() {
        let key = Key::from_bytes(Zeroizing::new([7; 32]));
        let tags = Tags::new(&key, Uuid::from_u128(1));
        assert_eq!(tags.domain_tag("Example.org."), tags.domain_tag("example.org"));
        assert_eq!(tags.name_tag(" José  GARCÍA "), tags.name_tag("jose\u{301} garci\u{301}a"));
        assert_eq!(tags.name_tag("Ａｎｎａ"), tags.name_tag("anna"));
        for unseen in ['\u{ad}', '\u{200b}', '\u{200d}', '\u{2060}', '\u{feff}', '\u{fe0f}', '\u{34f}'] {
            assert_eq!(tags.name_tag(&format!("An{unseen}na")), tags.name_tag("anna"), "{unseen:?}");
        }
        assert_ne!(tags.name_tag("Anna"), tags.name_tag("Anne"));
        assert_eq!(
            tags.shape_tag(Some("Ana Ruiz"), Some("ana.ruiz12")),
            tags.shape_tag(Some("Bo Li"), Some("bo.li99"))
        );
    }

    #[test]
    fn kinds_campaigns_and_keys_have_tags_of_their_own() {
        let [key, other] = [7, 8].map(|byte| Key::from_bytes(Zeroizing::new([byte; 32])));
        let tags = Tags::new(&key, Uuid::from_u128(1));
        let tag = tags.name_tag("anna");
        assert_ne!(tag, tags.domain_tag("anna"));
        assert_ne!(tag, Tags::new(&key, Uuid::from_u128(2)).name_tag("anna"));
        assert_ne!(tag, Tags::new(&other, Uuid::from_u128(1)).name_tag("anna"));
        assert_eq!(tags.name_tag("  "), None);
        assert_eq!(tags.shape_tag(None, None), None);
    }
}
