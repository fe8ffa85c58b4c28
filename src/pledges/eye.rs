//! What the gate sees of a pledge before it is sealed: signals, a score, and the tags by which waves are found later.

use std::{net::IpAddr, time::Duration};

use chrono::{DateTime, Utc};

use super::{
    Seen,
    fields::{Language, Message, Name},
    mailbox::Email,
    submission::{Checked, Submission},
};
use crate::{
    campaigns::Campaign,
    clock::Clock,
    crypto::{CryptoError, Key, KeyRing},
    gate::{
        recent::Recent,
        signals::{self, Sent},
        source_tags::SourceTags,
        tags::Tags,
    },
};

const PURPOSE: &str = "tags v1";

/// How fast it is forgotten that pledges came from a source: a burst is minutes.
const HALF_LIFE: Duration = Duration::from_secs(300);

/// How a submission came in.
#[derive(Clone, Copy, Debug)]
pub struct Way {
    /// Where from, see [`crate::http::Visitor::source`]; None: a partner's server, whose address says nothing of the supporter.
    pub source: Option<IpAddr>,
    /// When its challenge or form was given out.
    pub begun_at: Option<DateTime<Utc>>,
    /// Whether it came as scripts send it, with the proof that the campaign asks of them.
    pub script: bool,
}

/// Looks at pledges. Clones share what they remember of sources.
#[derive(Clone)]
pub struct Eye {
    key: Key,
    recent: Recent,
    sources: SourceTags,
    clock: Clock,
}

impl Eye {
    /// # Errors
    /// [`CryptoError::NoRandomness`].
    pub fn new(ring: &KeyRing, sources: SourceTags, clock: Clock) -> Result<Self, CryptoError> {
        let recent = Recent::new(clock.clone(), HALF_LIFE)?;
        Ok(Self { key: ring.current().derive(PURPOSE, b""), recent, sources, clock })
    }

    /// What stands out. Costs some ten microseconds.
    pub fn look(&self, campaign: &Campaign, checked: &Checked, submission: &Submission, way: Way) -> Seen {
        let name = checked.name.as_ref().map(Name::as_str);
        let mailbox = checked.email.as_ref().map(Email::parts);
        let took = way.begun_at.and_then(|begun| (self.clock.now() - begun).to_std().ok());
        let verdict = signals::judge(&Sent {
            name,
            mailbox,
            message: checked.message.as_ref().map(Message::as_str),
            country: checked.country,
            language: checked.language.as_ref().map(Language::as_str),
            page_language: None,
            elapsed: took,
            honeypot: submission.website.is_some(),
            script: way.script,
            server: way.source.is_none(),
            source_recent: way.source.map_or(0, |source| self.recent.add(source)),
        });
        let tags = Tags::new(&self.key, campaign.id);
        Seen {
            held: verdict.score >= campaign.hold_at,
            score: verdict.score,
            signals: verdict.signals.bits(),
            source_tag: way.source.and_then(|source| self.sources.tag(source)),
            domain_tag: mailbox.and_then(|(_, domain)| tags.domain_tag(domain)),
            name_tag: name.and_then(|name| tags.name_tag(name)),
            shape_tag: tags.shape_tag(name, mailbox.map(|(local, _)| local)),
        }
    }
}
