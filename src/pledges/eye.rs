//! What the gate sees of a pledge before it is sealed: signals, a score, and the tags by which waves are found later.

use std::{net::IpAddr, time::Duration};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{
    Seen,
    fields::{Message, Name},
    mailbox::Email,
    rules::Rules,
    submission::{Checked, Submission},
};
use crate::{
    campaigns::Campaign,
    clock::Clock,
    country::Country,
    crypto::{CryptoError, Key, KeyRing},
    gate::{
        arrivals::Arrivals,
        recent::Recent,
        rules::Facts,
        signals::{self, Crowd, Sent},
        source_tags::SourceTags,
        tags::Tags,
    },
    totals::Totals,
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
    /// Whose it is.
    pub partner: Option<Uuid>,
}

/// The keys of tags, to find what was tagged: under the current root secret and those before it. Clones share them.
#[derive(Clone)]
pub struct TagKeys(Vec<Key>);

impl TagKeys {
    /// From all root secrets of `ring`.
    pub fn new(ring: &KeyRing) -> Self {
        Self(ring.roots().map(|root| root.derive(PURPOSE, b"")).collect())
    }

    /// Tags that a name has had in a campaign.
    pub fn of_name(&self, campaign: Uuid, name: &str) -> Vec<i64> {
        self.0.iter().filter_map(|key| Tags::new(key, campaign).name_tag(name)).collect()
    }

    /// The same of a mailbox's domain.
    pub fn of_domain(&self, campaign: Uuid, domain: &str) -> Vec<i64> {
        self.0.iter().filter_map(|key| Tags::new(key, campaign).domain_tag(domain)).collect()
    }

    /// The same of a word of a public text; the first is the one that it gets now.
    pub fn of_word(&self, campaign: Uuid, word: &str) -> Vec<i64> {
        self.0.iter().filter_map(|key| Tags::new(key, campaign).word_tag(word)).collect()
    }
}

/// Looks at pledges. Clones share what they remember of sources.
#[derive(Clone)]
pub struct Eye {
    key: Key,
    recent: Recent,
    sources: SourceTags,
    rules: Rules,
    arrivals: Arrivals,
    totals: Totals,
    clock: Clock,
}

impl Eye {
    /// # Errors
    /// [`CryptoError::NoRandomness`].
    pub fn new(
        ring: &KeyRing,
        sources: SourceTags,
        rules: Rules,
        totals: Totals,
        clock: Clock,
    ) -> Result<Self, CryptoError> {
        let recent = Recent::new(clock.clone(), HALF_LIFE)?;
        let (key, arrivals) = (ring.current().derive(PURPOSE, b""), Arrivals::new(clock.clone()));
        Ok(Self { key, recent, sources, rules, arrivals, totals, clock })
    }

    /// What stands out. Costs some ten microseconds.
    pub fn look(&self, campaign: &Campaign, checked: &Checked, submission: &Submission, way: Way) -> Seen {
        let name = checked.name.as_ref().map(Name::as_str);
        let mailbox = checked.email.as_ref().map(Email::parts);
        let took = way.begun_at.and_then(|begun| (self.clock.now() - begun).to_std().ok());
        let source_recent = way.source.map_or(0, |source| self.recent.add(source));
        let verdict = signals::judge(&Sent {
            name,
            mailbox,
            message: checked.message.as_ref().map(Message::as_str),
            country: checked.country,
            crowd: self.crowd(campaign, checked.country, source_recent),
            elapsed: took,
            // What JSON makes of an empty field is empty.
            honeypot: submission.website.as_deref().is_some_and(|text| !text.trim().is_empty()),
            script: way.script,
            server: way.source.is_none(),
            source_recent,
        });
        let tags = Tags::new(&self.key, campaign.id);
        let source_tag = way.source.and_then(|source| self.sources.tag(source));
        let domain = mailbox.map(|(_, domain)| domain);
        let facts = Facts { domain, source: source_tag, name, partner: way.partner };
        // Trials go by the rules of the campaign.
        let ruling = self.rules.judge(campaign.test_of.unwrap_or(campaign.id), &facts);
        Seen {
            held: ruling.holds(verdict.score >= campaign.hold_at),
            score: verdict.score,
            signals: verdict.signals.with(ruling.signals()).bits(),
            source_tag,
            domain_tag: domain.and_then(|domain| tags.domain_tag(domain)),
            name_tag: name.and_then(|name| tags.name_tag(name)),
            shape_tag: tags.shape_tag(name, mailbox.map(|(local, _)| local)),
        }
    }

    /// How many there are from a country: as many as are shown to the public, or as many as came lately, whichever is more. Both are
    /// in memory.
    fn crowd(&self, campaign: &Campaign, country: Country, source_recent: u32) -> Crowd {
        // One mailbox can be sent again and again without new work: whoever is busy makes no crowd, or a few addresses could get a
        // small country held.
        let counts = source_recent < signals::BUSY;
        let (here, all) = self.arrivals.count(campaign.id, country, counts);
        let shown = self.totals.published(&campaign.slug);
        let (shown_here, shown_all) = shown.map_or((0, 0), |shown| (shown.document.of(country), shown.document.total));
        Crowd { of_country: shown_here.max(here.into()), of_campaign: shown_all.max(all.into()) }
    }
}
