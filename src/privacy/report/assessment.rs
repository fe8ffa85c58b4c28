//! The draft of the impact assessment: what could happen to supporters, what is done about it, and what remains. The measures
//! are those of docs/privacy.md and docs/security.md; how likely and how grave each is for this campaign, people judge.

use std::fmt::{self, Write};

use super::{Facts, TO_FILL_IN, plain, store::KeyHolder, title};
use crate::campaigns::{
    Campaign,
    settings::{Ask, Confirmation, Erasure},
};

/// A risk, what is done about it, and what remains.
const RISKS: &[(&str, &str, &str)] = &[
    (
        "The database or a backup is stolen, to learn who supports the campaign",
        "Names, addresses and messages are sealed; addresses are fingerprints under a key that isn't in the database; the \
         keys of sealed records are wrapped to keys that are kept offline",
        "Countries, languages, pages and times are in clear. Together with the root secret, guessed addresses can be tested \
         and review copies opened",
    ),
    (
        "Somebody breaks into the running server",
        "It holds the keys of the present hour only, and the key of the review copies; older records it can't open",
        "Who is inside reads every pledge that arrives, and the review copies that are still kept",
    ),
    (
        "An organiser's secret age key is stolen, or a list that was given out",
        "Keys are kept offline; the keys of an ended campaign are destroyed on the server",
        "Whoever has the key and the sealed records reads everybody's. Lists that were given out are out of reach",
    ),
    (
        "A moderator's session is taken over, or a moderator is curious",
        "Names and addresses are masked; look-ups of addresses and every action are on record; sessions end at once",
        "Messages of the last weeks can be read, names revealed a hundred at a time, and known addresses looked up, until it is \
         noticed",
    ),
    (
        "Somebody watches the public numbers to tell who pledged",
        "Small numbers are rounded and renewed together; every supporter gets the same answer",
        "The total is exact. Where pledges count without confirmation by mail it tells whether an address that somebody enters \
         was new",
    ),
    (
        "The network is watched",
        "Everything goes over TLS; pages load nothing from third parties and send no referrer",
        "That somebody visited the campaign's site, when, and how much was sent",
    ),
    (
        "Somebody enters another person's address",
        "With confirmation by mail nothing is counted before the mailbox agrees, and \"this wasn't me\" in the mail deletes it; a \
         mailbox gets five mails a week at the most",
        "The mails themselves. Without confirmation by mail it is counted, once, until the person asks to be erased",
    ),
    (
        "Somebody reads a supporter's mailbox, or the log of a mail server or proxy",
        "A mail has a link and a code and nothing that the supporter entered; opening the link changes nothing; the pages are \
         kept in no cache",
        "Whoever has the link sees and changes the pledge",
    ),
    (
        "Data is kept longer than promised",
        "A job clears what is past its limit and leaves proof; `pledges doctor` complains when nobody has looked for a day",
        "Backups and freed pages of the database's files keep sealed bytes for a while (docs/privacy.md)",
    ),
    (
        "Data is lost, or the counts are wrong",
        "A pledge is acknowledged when it is on disk; counts change with their rows and can be recounted",
        "What was pledged since the last backup, if the disk is lost",
    ),
    (
        "People can't exercise their rights",
        "The organiser erases and tells what is held by address, in one campaign or all",
        "Who pledged without an address can't be found again; who asks must prove that the address is theirs",
    ),
];

/// Writes the draft.
pub(super) fn write(out: &mut String, campaign: &Campaign, facts: &Facts) -> fmt::Result {
    let controller = campaign.controller.as_ref().map_or_else(|| TO_FILL_IN.to_owned(), |who| plain(&who.name));
    writeln!(out, "# Draft of an impact assessment: {}\n", title(campaign))?;
    writeln!(
        out,
        "A special category of data, people who may be in danger, and {} pledges so far: an assessment is called for (GDPR \
         article 35). This is a draft for {controller} to complete and decide on.\n",
        facts.numbers.pledges
    )?;
    writeln!(out, "## What is done, and is it needed?\n")?;
    writeln!(out, "* The record of processing above describes it.")?;
    for necessary in necessity(campaign) {
        writeln!(out, "* {necessary}")?;
    }
    writeln!(out, "* Why the campaign needs more than a count, if it does: {TO_FILL_IN}\n")?;
    writeln!(out, "## Risks for supporters\n")?;
    writeln!(
        out,
        "| what could happen | what is done about it | what remains | likelihood | gravity |\n|---|---|---|---|---|"
    )?;
    for (risk, measures, remains) in RISKS {
        writeln!(out, "| {risk} | {measures} | {remains} | | |")?;
    }
    writeln!(out)?;
    for warning in warnings(campaign, facts) {
        writeln!(out, "**To look at:** {warning}\n")?;
    }
    writeln!(out, "## Decision\n")?;
    writeln!(out, "| | |\n|---|---|")?;
    for open in
        ["Views of supporters or those who speak for them", "Advice of the data protection officer", "Further measures"]
    {
        writeln!(out, "| {open} | {TO_FILL_IN} |")?;
    }
    writeln!(out, "| Decided by, when; to be looked at again | {TO_FILL_IN} |")
}

fn necessity(campaign: &Campaign) -> Vec<&'static str> {
    let fields = campaign.fields;
    let mut all = vec!["A country can be withheld; it is asked because the campaign counts by country."];
    all.push(match fields.email {
        Ask::Off => "No e-mail address is asked; then nothing stops one person from pledging twice.",
        _ => "An e-mail address is asked so that each person counts once; it is kept for the organiser only, sealed.",
    });
    if fields.name != Ask::Off {
        all.push("A name is asked; moderators see its shape, and the whole only for a reason that is on record.");
    }
    if fields.message != Ask::Off {
        all.push("A message is asked; moderators read it to keep abuse out.");
    }
    all
}

/// What the settings and rows themselves give reason to look at.
fn warnings(campaign: &Campaign, facts: &Facts) -> Vec<String> {
    let mut all = Vec::new();
    let mut warn = |when: bool, what: &str| {
        if when {
            all.push(what.to_owned());
        }
    };
    let (limits, numbers) = (campaign.retention, &facts.numbers);
    warn(campaign.controller.is_none(), "there is no controller: supporters must know who answers for their data.");
    warn(campaign.threshold == 1, "small numbers are published exactly (threshold 1).");
    warn(limits.review_days > 30, "review copies are kept for longer than thirty days.");
    warn(limits.record_days > 30, "sealed records are kept for longer than a month after the end.");
    warn(
        limits.erasure == Erasure::Keep && numbers.erased > 0,
        "erased people's pledges go on counting: the privacy notice should say so.",
    );
    warn(
        campaign.confirmation == Confirmation::None,
        "pledges count without being confirmed by mail: whoever watches the total can tell whether an address had pledged \
         before, and anybody can enter anybody's address.",
    );
    let tried = |key: &KeyHolder| key.partner_id.is_none() && key.removed_at.is_none() && key.checked_at.is_some();
    let proved = facts.key_holders.iter().any(tried);
    warn(!proved, "nobody has proved that they can open what is sealed for the organiser.");
    warn(facts.looked_at.is_none(), "retention has never been looked after: is the service running?");
    let in_one_language = campaign.texts.len() == 1;
    warn(in_one_language, "the privacy notice is there in one language only.");
    all
}
