//! Which mail is written, and what it says: decided when it is sent and not when somebody asks for it, by what is true of the
//! pledge then. So whoever enters an address learns nothing, and its owner all.

use uuid::Uuid;

use super::{
    State,
    links::{
        self, Links, MAILS_A_WEEK, MAILS_KEPT, TRIAL_MAILS_A_WEEK,
        store::{self, Facts, Mail, NewLink},
    },
    mailbox::Email,
};
use crate::{
    campaigns::{self, Campaign, Campaigns},
    db::{Connection, Database, DbError},
    http::PublicOrigin,
    mail::{
        Address, Composed, Composer, Due, Kind, Letter,
        letters::{self, Values},
    },
    partners::trials,
};

/// Writes the mails of pledges.
pub struct Letters {
    database: Database,
    campaigns: Campaigns,
    links: Links,
    origin: PublicOrigin,
}

/// What a mail says.
pub type Content = letters::Kind;

/// Mails to one mailbox in seven days at the most, as things are.
fn most(facts: &Facts, trials: bool) -> i64 {
    match facts.campaign_mails {
        _ if trials => TRIAL_MAILS_A_WEEK,
        0 => MAILS_A_WEEK,
        // The last ones are for campaigns that haven't written yet.
        _ => MAILS_A_WEEK - MAILS_KEPT,
    }
}

/// What is sent for a row of the outbox, if anything; of a trial more often.
pub fn content(due: &Due, facts: &Facts, trials: bool) -> Option<Content> {
    if facts.suppressed || facts.mails >= most(facts, trials) {
        return None;
    }
    match (facts.state, due.kind) {
        (State::Awaiting, Kind::Pledge | Kind::Access) => Some(Content::Confirm),
        // Another mail confirmed it while this one waited: that it was pledged is no news to its owner.
        // What is held looks to its owner as if it counted.
        (State::Counted | State::Held, Kind::Pledge) if facts.counted_at.is_some_and(|at| at >= due.created_at) => None,
        (State::Counted | State::Held, Kind::Pledge) => Some(Content::AlreadyPledged),
        (State::Counted | State::Held, Kind::Access) => Some(Content::Access),
        (State::Withdrawn, Kind::Access) if !facts.erased => Some(Content::Access),
        (State::Withdrawn | State::Removed, _) | (_, Kind::TrialMailbox | Kind::Alert) => None,
    }
}

impl Letters {
    /// With links to `origin`.
    pub fn new(database: Database, campaigns: Campaigns, links: Links, origin: PublicOrigin) -> Self {
        Self { database, campaigns, links, origin }
    }

    fn write(&self, due: &Due, to: &Address, campaign: &Campaign, content: Content) -> Result<Letter, DbError> {
        let language = due.language.as_deref().and_then(|tag| campaign.spoken(tag));
        let language = language.unwrap_or(&campaign.default_language);
        let title = campaign.texts.get(language).map_or(campaign.slug.as_str(), |texts| texts.title.as_str());
        let token = self.links.token(due.campaign, due.id);
        let path = match content {
            Content::Confirm => format!("confirm/{}", token.text()),
            Content::AlreadyPledged | Content::Access => format!("my-pledge/{}", token.text()),
            Content::TrialMailbox => format!("trial-mailbox/{}", token.text()),
            // Whoever has it must sign in first.
            Content::Alert => format!("moderation/#/c/{}/clusters", campaign.slug),
        };
        let trials = campaign.test_of.is_some();
        let code = self.links.code(due.id);
        let values = Values {
            campaign: title,
            controller: campaign.controller.as_ref().map(|controller| controller.name.as_str()),
            link: &format!("{}/{path}", self.origin.0),
            // A code is looked for among the real pledges.
            code: (content == Content::Confirm && !trials).then_some(code.as_str()),
            host: self.origin.0.split("://").last().unwrap_or_default(),
        };
        let written = letters::write(content, language, &campaign.mail_texts, &values)
            .map_err(|_| DbError::Defect("a letter can't be written"))?;
        Ok(Letter {
            to: to.clone(),
            subject: if trials { format!("[TEST] {}", written.subject) } else { written.subject },
            text: written.text,
            html: written.html,
            language: written.language,
        })
    }

    fn link(&self, due: &Due, content: Content) -> NewLink {
        let code = (content == Content::Confirm).then(|| self.links.stored_code(due.id, &self.links.code(due.id)));
        NewLink { campaign: due.campaign, hash: self.links.token(due.campaign, due.id).hash(), code }
    }
}

/// How a mail and its mailbox are counted.
struct Tags {
    note: Uuid,
    mailbox: Vec<Uuid>,
    campaign: Vec<Uuid>,
}

impl Letters {
    fn tags(&self, due: &Due, email: &Email, trials: bool) -> Tags {
        let campaign = self.links.campaign_tags(email, due.campaign);
        // Those of trials are counted apart: they keep none of one's own from being sent.
        let mailbox = if trials { campaign.clone() } else { self.links.mailbox_tags(email) };
        Tags { note: self.links.note(due.id), mailbox, campaign }
    }

    /// The mail that asks the owner of an address whether a partner's trials may write there.
    async fn ask_for_trials(&self, due: &Due, to: &Address, email: &Email) -> Result<Composed, DbError> {
        let tags = self.tags(due, email, false);
        let prepare = async |connection: &mut Connection| {
            if trials::store::asked(connection, due.id).await?.is_none() {
                return Ok(None);
            }
            // Drafts too: a partner is set up before the campaign is public.
            let all = campaigns::store::list(connection).await?;
            let campaign = all.into_iter().find(|campaign| campaign.id == due.campaign);
            let may = links::store::count(connection, &tags.mail(due), MAILS_A_WEEK).await?;
            Ok::<_, DbError>(campaign.filter(|_| may))
        };
        match self.database.run(prepare).await? {
            Some(campaign) => Ok(Composed::Letter(Box::new(self.write(due, to, &campaign, Content::TrialMailbox)?))),
            None => Ok(Composed::Nothing),
        }
    }
}

impl Tags {
    fn mail(&self, due: &Due) -> Mail<'_> {
        Mail { id: due.id, note: self.note, tags: &self.mailbox, campaign_tags: &self.campaign }
    }
}

impl Composer for Letters {
    async fn compose(&self, due: &Due, to: &Address) -> Result<Composed, DbError> {
        let Ok(email) = Email::parse(to.as_str()) else { return Ok(Composed::Nothing) };
        if due.kind == Kind::TrialMailbox {
            return self.ask_for_trials(due, to, &email).await;
        }
        let known = self.campaigns.by_id(due.campaign);
        if due.kind == Kind::Alert {
            let letter = known.map(|campaign| self.write(due, to, &campaign, Content::Alert)).transpose()?;
            return Ok(letter.map_or(Composed::Nothing, |letter| Composed::Letter(Box::new(letter))));
        }
        // One that another instance has just learnt of is here within a second; one that is gone has its mails given up in time.
        let campaign = known.ok_or(DbError::Unavailable)?;
        let trials = campaign.test_of.is_some();
        let tags = self.tags(due, &email, trials);
        let choose = |facts: &Facts| content(due, facts, trials).map(|content| (content, self.link(due, content)));
        let prepare = async |connection: &mut Connection| {
            store::prepare(connection, &tags.mail(due), due.fingerprint, choose).await
        };
        match self.database.run(prepare).await? {
            Some(content) => Ok(Composed::Letter(Box::new(self.write(due, to, &campaign, content)?))),
            None => Ok(Composed::Nothing),
        }
    }
}

#[cfg(test)]
mod tests;
