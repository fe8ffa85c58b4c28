//! Which mail is written, and what it says: decided when it is sent and not when somebody asks for it, by what is true of the
//! pledge then. So whoever enters an address learns nothing, and its owner all.

use super::{
    State,
    links::{
        Links, MAILS_A_WEEK, MAILS_KEPT,
        store::{self, Facts, Mail, NewLink},
    },
    mailbox::Email,
};
use crate::{
    campaigns::{Campaign, Campaigns},
    db::{Connection, Database, DbError},
    http::PublicOrigin,
    mail::{
        Address, Composed, Composer, Due, Kind, Letter,
        letters::{self, Values},
    },
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

/// What is sent for a row of the outbox, if anything.
pub fn content(due: &Due, facts: &Facts) -> Option<Content> {
    // The last ones are for campaigns that haven't written yet.
    let limit = if facts.campaign_mails == 0 { MAILS_A_WEEK } else { MAILS_A_WEEK - MAILS_KEPT };
    if facts.suppressed || facts.mails >= limit {
        return None;
    }
    match (facts.state, due.kind) {
        (State::Awaiting, _) => Some(Content::Confirm),
        // Another mail confirmed it while this one waited: that it was pledged is no news to its owner.
        // What is held looks to its owner as if it counted.
        (State::Counted | State::Held, Kind::Pledge) if facts.counted_at.is_some_and(|at| at >= due.created_at) => None,
        (State::Counted | State::Held, Kind::Pledge) => Some(Content::AlreadyPledged),
        (State::Counted | State::Held, Kind::Access) => Some(Content::Access),
        (State::Withdrawn, Kind::Access) if !facts.erased => Some(Content::Access),
        (State::Withdrawn | State::Removed, _) => None,
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
        let path = if content == Content::Confirm { "confirm" } else { "my-pledge" };
        let code = self.links.code(due.id);
        let values = Values {
            campaign: title,
            controller: campaign.controller.as_ref().map(|controller| controller.name.as_str()),
            link: &format!("{}/{path}/{}", self.origin.0, token.text()),
            code: (content == Content::Confirm).then_some(code.as_str()),
            host: self.origin.0.split("://").last().unwrap_or_default(),
        };
        let written = letters::write(content, language, &campaign.mail_texts, &values)
            .map_err(|_| DbError::Defect("a letter can't be written"))?;
        Ok(Letter {
            to: to.clone(),
            subject: written.subject,
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

impl Composer for Letters {
    async fn compose(&self, due: &Due, to: &Address) -> Result<Composed, DbError> {
        let Ok(email) = Email::parse(to.as_str()) else { return Ok(Composed::Nothing) };
        // One that another instance has just learnt of is here within a second; one that is gone has its mails given up in time.
        let campaign = self.campaigns.by_id(due.campaign).ok_or(DbError::Unavailable)?;
        let tags = self.links.mailbox_tags(&email);
        let campaign_tags = self.links.campaign_tags(&email, due.campaign);
        let mail = Mail { id: due.id, note: self.links.note(due.id), tags: &tags, campaign_tags: &campaign_tags };
        let choose = |facts: &Facts| content(due, facts).map(|content| (content, self.link(due, content)));
        let prepare =
            async |connection: &mut Connection| store::prepare(connection, &mail, due.fingerprint, choose).await;
        match self.database.run(prepare).await? {
            Some(content) => Ok(Composed::Letter(Box::new(self.write(due, to, &campaign, content)?))),
            None => Ok(Composed::Nothing),
        }
    }
}

#[cfg(test)]
mod tests;
