//! `pledges privacy report`: the record of processing activities (GDPR article 30) and the draft of an impact assessment
//! (article 35) of one campaign, in Markdown, from the settings in force and the rows as they are. Written for the
//! controller's data protection officer, who fills in what the service can't know and judges the risks.

mod assessment;
pub mod store;

use std::fmt::{self, Write};

use chrono::{DateTime, Utc};

use super::retention::{Limit, proof::Cleared};
use crate::campaigns::{
    Campaign, State,
    settings::{Ask, Erasure},
};

use store::{Agreed, KeyHolder, Numbers};

/// What the service can't know.
const TO_FILL_IN: &str = "*(to be filled in by the controller)*";

/// What the report is made of, beside the campaign's settings.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Numbers of rows.
    pub numbers: Numbers,
    /// What was agreed to.
    pub agreed: Vec<Agreed>,
    /// Who can open sealed records.
    pub key_holders: Vec<KeyHolder>,
    /// When its limits were last looked after.
    pub looked_at: Option<DateTime<Utc>>,
    /// What was cleared, newest first.
    pub cleared: Vec<Cleared>,
    /// Months that the audit log is kept for.
    pub audit_months: i32,
}

/// The report in Markdown.
///
/// # Errors
/// Never: text can always be written.
pub fn markdown(campaign: &Campaign, facts: &Facts) -> Result<String, fmt::Error> {
    let mut out = String::new();
    head(&mut out, campaign, facts)?;
    purposes(&mut out, campaign, facts)?;
    categories(&mut out, campaign)?;
    recipients(&mut out, facts)?;
    retention(&mut out, campaign, facts)?;
    measures(&mut out, campaign)?;
    numbers(&mut out, facts)?;
    assessment::write(&mut out, campaign, facts)?;
    Ok(out)
}

fn time(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M UTC").to_string()
}

fn time_or(at: Option<DateTime<Utc>>, otherwise: &str) -> String {
    at.map_or_else(|| otherwise.to_owned(), time)
}

/// Somebody's text, as one line in which nothing means something to Markdown.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.split_whitespace().collect::<Vec<_>>().join(" ").chars() {
        if "\\`*_{}[]<>#|~!&".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

fn title(campaign: &Campaign) -> String {
    let texts = campaign.texts.get(&campaign.default_language);
    plain(texts.map_or(campaign.slug.as_str(), |texts| texts.title.as_str()))
}

fn head(out: &mut String, campaign: &Campaign, facts: &Facts) -> fmt::Result {
    let state = match (campaign.state, campaign.closed_at) {
        (State::Draft, _) => "being prepared".to_owned(),
        (State::Open, _) => "open".to_owned(),
        (State::Closed, closed) => format!("closed since {}", time_or(closed, "an unknown time")),
    };
    let (name, contact) = campaign.controller.as_ref().map_or_else(
        || (TO_FILL_IN.to_owned(), TO_FILL_IN.to_owned()),
        |controller| (plain(&controller.name), plain(&controller.contact)),
    );
    writeln!(out, "# Record of processing: {}\n", title(campaign))?;
    writeln!(
        out,
        "Written by `pledges privacy report {}` from the settings and rows of {}. Where it says {TO_FILL_IN}, the service \
         can't know.\n",
        campaign.slug,
        time(facts.numbers.at)
    )?;
    writeln!(out, "## Who is responsible\n")?;
    writeln!(out, "| | |\n|---|---|")?;
    writeln!(out, "| Controller | {name} |")?;
    writeln!(out, "| Contact | {contact} |")?;
    writeln!(out, "| Data protection officer, representative in the EU | {TO_FILL_IN} |")?;
    writeln!(out, "| Processors (who runs the servers, where) | {TO_FILL_IN} |")?;
    writeln!(out, "| Transfers to third countries | {TO_FILL_IN} |")?;
    writeln!(out, "| Campaign | `{}`, {state}, added {} |\n", campaign.slug, time(campaign.created_at))
}

fn purposes(out: &mut String, campaign: &Campaign, facts: &Facts) -> fmt::Result {
    writeln!(out, "## Purposes\n")?;
    writeln!(
        out,
        "Supporters pledge to a human-rights campaign. That tells a political opinion or a belief, so it is a special \
         category of data (GDPR article 9), and for people in some countries a danger. The basis is their explicit \
         consent (articles 6(1)(a) and 9(2)(a)), which they give by pledging and, separately, for what is below.\n"
    )?;
    writeln!(out, "| purpose | what they agree to | version | pledges |\n|---|---|---|---|")?;
    writeln!(
        out,
        "| to count the pledge, once a mailbox, by country | the campaign's text and privacy notice | | {} |",
        facts.numbers.pledges
    )?;
    writeln!(
        out,
        "| to keep spam out (moderators look at the review copy) | the privacy notice | | {} |",
        facts.numbers.pledges
    )?;
    for consent in &campaign.consents {
        let text = consent.texts.get(&campaign.default_language).map_or("", String::as_str);
        let purpose = consent.purpose.as_str();
        let fits = |agreed: &&Agreed| agreed.purpose == purpose && agreed.version == consent.version;
        let pledges = facts.agreed.iter().find(fits).map_or(0, |agreed| agreed.pledges);
        writeln!(out, "| {purpose} | {} | {} | {pledges} |", plain(text), consent.version)?;
    }
    writeln!(out)?;
    let notices = campaign.texts.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
    writeln!(out, "The privacy notice is there in: {notices}.\n")
}

fn categories(out: &mut String, campaign: &Campaign) -> fmt::Result {
    let asked = |ask: Ask| match ask {
        Ask::Required => "asked, required",
        Ask::Optional => "asked, may be left out",
        Ask::Off => "not asked",
    };
    let fields = campaign.fields;
    writeln!(out, "## Whose data, and which\n")?;
    writeln!(out, "Of supporters:\n")?;
    writeln!(out, "| data | asked | where | readable by |\n|---|---|---|---|")?;
    let sealed = "sealed record; review copy | the organiser, offline; moderators, masked";
    writeln!(out, "| name | {} | {sealed} |", asked(fields.name))?;
    writeln!(
        out,
        "| e-mail address | {} | sealed record; masked in the review copy; as a fingerprint | the organiser, offline |",
        asked(fields.email)
    )?;
    writeln!(
        out,
        "| message | {} | sealed record; review copy | the organiser, offline; moderators |",
        asked(fields.message)
    )?;
    writeln!(out, "| country | asked, may be withheld | in clear | who has the database |")?;
    writeln!(out, "| consents, language, page, times | given with the pledge | in clear | who has the database |")?;
    if campaign.wall {
        writeln!(
            out,
            "| name and message of who agrees to be shown, once approved | given with the pledge | public wall, in clear | everybody |"
        )?;
    }
    writeln!(out, "| network address | not asked | in memory only, for limits | nobody; never stored or logged |")?;
    writeln!(
        out,
        "\nOf moderators and organisers: login, password (Argon2id), sessions, and what they did (audit log).\n"
    )
}

fn recipients(out: &mut String, facts: &Facts) -> fmt::Result {
    writeln!(out, "## Recipients\n")?;
    writeln!(
        out,
        "{} open accounts see this campaign (moderators and organisers of it, and admins). Sealed records are opened only \
         with one of these keys, whose secret halves the service doesn't have:\n",
        facts.numbers.accounts
    )?;
    if facts.key_holders.is_empty() {
        writeln!(out, "None: nothing is sealed for anybody.\n")?;
    } else {
        writeln!(out, "| whose | for | public key | added | proved to open | in use |\n|---|---|---|---|---|---|")?;
        for key in &facts.key_holders {
            let whom = key.partner_id.map_or_else(|| "organiser".to_owned(), |partner| format!("partner {partner}"));
            let in_use = key.removed_at.map_or_else(|| "yes".to_owned(), |at| format!("until {}", time(at)));
            let proved = time_or(key.checked_at, "never");
            let (label, public, added) = (plain(&key.label), &key.public_key, time(key.added_at));
            writeln!(out, "| {label} | {whom} | `{public}` | {added} | {proved} | {in_use} |")?;
        }
        writeln!(out)?;
    }
    let last = facts.numbers.last_export.map_or_else(String::new, |at| format!(", the last one {}", time(at)));
    writeln!(out, "Lists given out: {}{last}. What becomes of them there: {TO_FILL_IN}\n", facts.numbers.exports)
}

fn retention(out: &mut String, campaign: &Campaign, facts: &Facts) -> fmt::Result {
    let limits = campaign.retention;
    let count = match limits.erasure {
        Erasure::Keep => "goes on counting, without the person",
        Erasure::Withdraw => "is withdrawn and no longer counted",
    };
    writeln!(out, "## How long\n")?;
    writeln!(out, "| data | kept |\n|---|---|")?;
    writeln!(out, "| review copy | {} days after the pledge |", limits.review_days)?;
    writeln!(
        out,
        "| sealed records, consents, language, page; the salt and keys that they depend on | until {} days after the \
         campaign is closed |",
        limits.record_days
    )?;
    if campaign.wall {
        writeln!(
            out,
            "| name and message on the public wall | until the consent or the pledge is taken back or the entry is hidden; at \
             the latest until {} days after the campaign is closed |",
            limits.record_days
        )?;
    }
    writeln!(
        out,
        "| campaign, country, partner, state, times (the count) | for good; nothing in them names anybody |"
    )?;
    writeln!(out, "| sessions of moderators | 30 days after their end |")?;
    writeln!(out, "| pledges that were not confirmed | 7 days |")?;
    writeln!(out, "| addresses of mails that wait | until they are sent, 72 hours at most |")?;
    writeln!(out, "| which mailbox had a mail (a keyed hash) | 7 days |")?;
    let months = facts.audit_months;
    writeln!(
        out,
        "| audit log (what moderators and organisers did; nothing personal of supporters) | {months} months, by whole months |"
    )?;
    writeln!(out, "| erased person | nothing personal is kept; the pledge {count} |")?;
    writeln!(out, "| backups | {TO_FILL_IN} |\n")?;
    if let Some(at) = campaign.salt_destroyed_at {
        writeln!(out, "The retention of this campaign has ended: salt and keys were destroyed on {}.\n", time(at))?;
    }
    writeln!(out, "### Proof\n")?;
    writeln!(out, "All limits were last looked after: {}.\n", time_or(facts.looked_at, "never"))?;
    if facts.cleared.is_empty() {
        return writeln!(out, "Nothing has been past its limit yet.\n");
    }
    writeln!(out, "| when | what was cleared | how many |\n|---|---|---|")?;
    for cleared in &facts.cleared {
        let what = Limit::parse(&cleared.what).map_or(cleared.what.as_str(), |limit| limit.in_words());
        writeln!(out, "| {} | {what} | {} |", time(cleared.at), cleared.changed)?;
    }
    writeln!(out)
}

fn measures(out: &mut String, campaign: &Campaign) -> fmt::Result {
    writeln!(out, "## Security measures\n")?;
    for measure in [
        "The e-mail address is stored nowhere in clear; a keyed fingerprint makes a mailbox count once.",
        "Records for the organiser are sealed (XChaCha20-Poly1305) under keys that change each hour and are stored only \
         wrapped to the keys above (age, X25519): afterwards the service can't open them, and a stolen database opens none.",
        "Review copies are sealed under a key that isn't in the database; names and addresses are masked for \
         moderators, who see the full names of up to a hundred pledges at a time for a reason that goes on record.",
        "Every action of a moderator is on record, with who, when and why, and can be undone.",
        "Passwords are hashed with Argon2id; sessions are short and can be ended at once.",
        "Logs, metrics, addresses and error texts hold no personal data; network addresses are not stored.",
        "An acknowledged pledge is on disk; totals equal a recount, and `pledges doctor` proves it.",
        "Retention is kept by a job of the service, with the proof above.",
    ] {
        writeln!(out, "* {measure}")?;
    }
    if campaign.threshold > 1 {
        let threshold = campaign.threshold;
        writeln!(out, "* Small numbers are published rounded down to multiples of {threshold}, all renewed together.")?;
    }
    writeln!(out, "\nOf the organisation (who has access, training, contracts, incident plan): {TO_FILL_IN}\n")
}

fn numbers(out: &mut String, facts: &Facts) -> fmt::Result {
    let of = &facts.numbers;
    writeln!(out, "## Numbers\n")?;
    writeln!(out, "| | |\n|---|---|")?;
    for (what, count) in [
        ("pledges", of.pledges),
        ("of them counted", of.counted),
        ("removed by moderators", of.removed),
        ("withdrawn", of.withdrawn),
        ("erased", of.erased),
        ("with a review copy", of.review_copies),
        ("with a sealed record", of.records),
        ("with a sealed record for a partner", of.for_partners),
        ("keys of sealed records", of.epochs),
    ] {
        writeln!(out, "| {what} | {count} |")?;
    }
    writeln!(out)
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn what_people_wrote_stays_text() {
        assert_eq!(plain("a | b\n# c <img> [x](y) `z`"), "a \\| b \\# c \\<img\\> \\[x\\](y) \\`z\\`");
        assert_eq!(plain("Défendre, ensemble: 50%"), "Défendre, ensemble: 50%");
    }
}
