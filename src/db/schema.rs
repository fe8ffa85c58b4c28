//! The tables, generated from the database by the test `schema_rs_is_current`; see there.

diesel::table! {
    /// Moderators letting held pledges count.
    acceptances (id) {
        /// UUIDv7.
        id -> Uuid,
        /// The campaign.
        campaign_id -> Uuid,
        /// Who accepted.
        moderator_id -> Uuid,
        /// Whether a search found them; otherwise they were named one by one.
        by_search -> Bool,
        /// Why, in the moderator's words.
        note -> Text,
        /// How many pledges it let count.
        pledges -> Int8,
        /// How many of them its undo has held again.
        held_again -> Int8,
        /// When it began.
        created_at -> Timestamptz,
        /// When its undo began; NULL: it stands.
        undone_at -> Nullable<Timestamptz>,
        /// Who undid it.
        undone_by -> Nullable<Uuid>,
        /// Why it was undone.
        undo_note -> Nullable<Text>,
    }
}

diesel::table! {
    /// Who is written to when something stands out among the pledges of a campaign. A row goes when its campaign's retention has ended.
    alert_mailboxes (id) {
        /// UUIDv7.
        id -> Uuid,
        /// The campaign.
        campaign_id -> Uuid,
        /// The address, sealed under a key of the server's for this row.
        sealed -> Bytea,
        /// From this score of a cluster on.
        score_from -> Int2,
        /// When it was added (database clock).
        added_at -> Timestamptz,
    }
}

diesel::table! {
    /// Months of the audit log that were dropped after their time. The chain is checked from the last one on.
    audit_checkpoints (month) {
        /// First day of the month (UTC).
        month -> Date,
        /// The highest number among what was dropped until then.
        number -> Int8,
        /// Hash of that entry.
        hash -> Bytea,
        /// How many entries were dropped with this month.
        entries -> Int8,
        /// When.
        made_at -> Timestamptz,
    }
}

diesel::table! {
    /// The end of the audit log, in one row that whoever appends locks.
    audit_head (one) {
        /// True.
        one -> Bool,
        /// Number of the last entry; 0: there is none.
        number -> Int8,
        /// Its hash.
        hash -> Bytea,
    }
}

diesel::table! {
    /// What was done, by whom, when and why; committed with the action. Append-only, by month, each entry with the hash of the one before.
    audit_log (number, at) {
        /// Its place in the chain: 1, 2, 3, without gaps. Set by the database.
        number -> Int8,
        /// The number, under the name that the release 0.2 knows.
        id -> Int8,
        /// When the transaction of the action began (database clock).
        at -> Timestamptz,
        /// Who; NULL: the operator at the command line, or the service itself.
        moderator_id -> Nullable<Uuid>,
        /// In which campaign; NULL: in none.
        campaign_id -> Nullable<Uuid>,
        /// What, as a dotted name: removal.create, session.open, …
        action -> Text,
        /// What the action was about: ids, counts and reasons. Never personal data of supporters.
        details -> Jsonb,
        /// Hash of the entry before; of number 1: 32 zero bytes.
        previous -> Bytea,
        /// SHA-256 of all the rest (audit_hash). Set by the database.
        hash -> Bytea,
    }
}

diesel::table! {
    /// What was switched on for a campaign under attack. Each ends by itself; rows stay for thirty days after that, the audit log keeps longer.
    campaign_switches (id) {
        /// UUIDv7.
        id -> Uuid,
        /// The campaign.
        campaign_id -> Uuid,
        /// hold_all (every new pledge is held), require_mail (pledges are confirmed by mail), raise_proof (proofs of work cost more) or pause_partner (nothing is taken from one partner).
        switch -> Text,
        /// The partner that is paused; NULL: the switch is of no partner.
        partner_id -> Nullable<Uuid>,
        /// Why, in the words of who switched it on.
        reason -> Text,
        /// Who switched it on; NULL: the operator, at the command line.
        moderator_id -> Nullable<Uuid>,
        /// When (database clock).
        on_at -> Timestamptz,
        /// When it ends by itself.
        ends_at -> Timestamptz,
        /// When it was switched off by hand, or another of its kind took its place; NULL: it wasn't.
        off_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    /// How many pledges of a campaign are counted, deltas not folded yet left out.
    campaign_totals (campaign_id) {
        /// The campaign.
        campaign_id -> Uuid,
        /// Counted pledges, all countries and ZZ.
        total -> Int8,
        /// Grows by one with every change of what is published.
        version -> Int8,
        /// When this version was made (database clock): as_of of the published document.
        changed_at -> Timestamptz,
        /// When the rounded values were last re-read, all together.
        reread_at -> Timestamptz,
        /// The earliest hour in which counted may differ from settled; NULL: none.
        unsettled_from -> Nullable<Timestamptz>,
        /// Counted pledges whose mailbox confirmed them.
        confirmed -> Int8,
    }
}

diesel::table! {
    /// What is pledged for: texts, settings and the salt of its fingerprints.
    campaigns (id) {
        /// UUIDv7.
        id -> Uuid,
        /// The name in addresses: 2 to 63 lower-case letters, digits and single hyphens.
        slug -> Text,
        /// draft (not public), open (takes pledges) or closed (public, takes none).
        state -> Text,
        /// BCP 47 tag of the texts shown when the visitor's language is not there.
        default_language -> Text,
        /// Per language: title, summary, body, share, privacy_notice.
        texts -> Jsonb,
        /// How many pledges the campaign hopes for; NULL: none is shown.
        goal -> Nullable<Int8>,
        /// Whether the form asks for a name: required, optional or off.
        name_field -> Text,
        /// Whether the form asks for an e-mail address: required, optional or off.
        email_field -> Text,
        /// Whether the form asks for a message: required, optional or off.
        message_field -> Text,
        /// Every version of every consent text ever shown; the highest version of a purpose is the current one.
        consents -> Jsonb,
        /// Who answers for the data (the controller in data protection law).
        controller_name -> Nullable<Text>,
        /// How to reach the controller.
        controller_contact -> Nullable<Text>,
        /// Small numbers are published rounded down to a multiple of this; 1: exactly.
        threshold -> Int4,
        /// Version of the mailbox canonicalisation; fixed for the life of the campaign, so that a mailbox keeps its fingerprint.
        mailbox_rules -> Int2,
        /// Random; enters the key of the campaign's fingerprints. NULL: destroyed, because its retention has ended.
        salt -> Nullable<Bytea>,
        /// When the campaign was made.
        created_at -> Timestamptz,
        /// Milliseconds between two published totals, at the least.
        publish_every_ms -> Int4,
        /// Id of the root secret that the campaign's fingerprints and request digests come from; it stays for the life of the campaign. NULL: from before there were ids, until the service starts.
        fingerprint_key_id -> Nullable<Bytea>,
        /// When it was closed (database clock); NULL: it isn't.
        closed_at -> Nullable<Timestamptz>,
        /// Days after which the review copy of a pledge is cleared.
        review_days -> Int4,
        /// Days after closing at which everything personal is cleared and the salt destroyed.
        record_days -> Int4,
        /// What becomes of the count when somebody is erased: keep (still counted, without the person) or withdraw.
        erasure -> Text,
        /// When its retention ended and the salt was destroyed; NULL: not yet.
        salt_destroyed_at -> Nullable<Timestamptz>,
        /// email: a pledge counts once its mailbox has confirmed it; none: at once.
        confirmation -> Text,
        /// Words of its own for the mails: by language, by key. What isn't there is the service's.
        mail_texts -> Jsonb,
        /// Whether a pledge needs a proof of work. off: no; on: yes, always of the same price; adaptive: yes, dearer for busy sources and in busy times.
        proof -> Text,
        /// From this score on a pledge is held.
        hold_at -> Int2,
        /// The campaign whose partners' trials are here; NULL: this is no place of trials.
        test_of -> Nullable<Uuid>,
        /// What becomes of a pledge that is still held when its review window ends: count (it counts) or remove (it is removed, which can be undone).
        held_default -> Text,
        /// Whether everybody may see how many pledges came by which partner, rounded down.
        publish_partners -> Bool,
        /// Whether approved names and messages are shown publicly. Turned off, nothing that was approved is kept.
        wall -> Bool,
    }
}

diesel::table! {
    /// Clusters that somebody was written to about in the last hour, so that nobody is again within it.
    cluster_alerts (mailbox_id, common, value) {
        /// Who.
        mailbox_id -> Uuid,
        /// What the pledges of the cluster have in common.
        common -> Text,
        /// Its value: a tag, a country, a partner, a signal or a minute.
        value -> Text,
        /// When (database clock).
        alerted_at -> Timestamptz,
    }
}

diesel::table! {
    /// What stands out among the pledges of the last day, as of the last look; a row for each open campaign. It has tags, so it is written anew with each look and goes when its campaign closes.
    clusters (campaign_id) {
        /// The campaign.
        campaign_id -> Uuid,
        /// When the last look was (database clock).
        looked_at -> Timestamptz,
        /// When the oldest pledge that was compared was stored; NULL: there was none.
        since -> Nullable<Timestamptz>,
        /// How many pledges were compared.
        compared -> Int8,
        /// The clusters, the highest score first (src/gate/waves/clusters.rs).
        found -> Jsonb,
    }
}

diesel::table! {
    /// Changes of the counts, appended in the transaction that changes the rows and folded into the totals soon after. Rows here are not in the totals yet.
    count_deltas (id) {
        /// Order of insertion; nothing depends on it.
        id -> Int8,
        /// The campaign.
        campaign_id -> Uuid,
        /// The countries that change.
        countries -> Array<Nullable<Text>>,
        /// By how much each changes, in the order of countries.
        amounts -> Array<Nullable<Int8>>,
        /// The UTC minute of counted_at of the pledges; NULL: from before there were time buckets, which have them already.
        minute -> Nullable<Timestamptz>,
        /// When (database clock): how long the oldest delta waits tells whether somebody folds.
        appended_at -> Timestamptz,
        /// The transaction that appended it. What is below fold_progress.floor is folded and gone, so nobody walks over dead rows.
        xact -> Int8,
        /// The partners whose counts change.
        partners -> Array<Nullable<Uuid>>,
        /// By how much each changes, in the order of partners.
        partner_amounts -> Array<Nullable<Int8>>,
        /// By how many the confirmed ones among the counted change.
        confirmed -> Int8,
    }
}

diesel::table! {
    /// The same by hour and country.
    country_hours (campaign_id, begins_at, country) {
        /// The campaign.
        campaign_id -> Uuid,
        /// First moment of the hour (UTC).
        begins_at -> Timestamptz,
        /// ISO 3166-1 alpha-2, XK or ZZ.
        country -> Text,
        /// Exactly how many are counted.
        counted -> Int8,
        /// How many were when the rounded values were last re-read: what the history of a country is made of.
        settled -> Int8,
    }
}

diesel::table! {
    /// A campaign's counted pledges by country, exact and as shown.
    country_totals (campaign_id, country) {
        /// The campaign.
        campaign_id -> Uuid,
        /// ISO 3166-1 alpha-2, XK or ZZ.
        country -> Text,
        /// Exactly how many are counted.
        counted -> Int8,
        /// What the public sees: counted itself while live, else the value of the last re-reading.
        shown -> Int8,
        /// Whether shown follows counted at once (a big country) or waits for the next re-reading.
        live -> Bool,
    }
}

diesel::table! {
    /// Pledges that were taken back before their mailbox pledged again: exports name them as gone.
    departures (pledge_id) {
        /// The id that it had.
        pledge_id -> Uuid,
        /// The campaign.
        campaign_id -> Uuid,
        /// The partner whose site it came from.
        partner_id -> Nullable<Uuid>,
        /// When it was taken back or erased.
        left_at -> Timestamptz,
        /// erased or withdrawn.
        why -> Text,
    }
}

diesel::table! {
    /// When the organiser's list was last given out: the next one tells what was erased since.
    exports (id) {
        /// UUIDv7; stands in the bundle.
        id -> Uuid,
        /// The campaign.
        campaign_id -> Uuid,
        /// The partner whose list it was; NULL: the organiser's.
        partner_id -> Nullable<Uuid>,
        /// Who asked for it; NULL: the command line.
        moderator_id -> Nullable<Uuid>,
        /// The moment it shows (database clock).
        snapshot_at -> Timestamptz,
        /// How many pledges it had.
        pledges -> Int8,
        /// When its last byte was handed over (database clock); NULL: under way or cut off, and the next one goes back further.
        completed_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    /// How far the deltas are folded. One row.
    fold_progress (only_row) {
        /// Always true.
        only_row -> Bool,
        /// Every delta of a transaction below this is folded.
        floor -> Int8,
    }
}

diesel::table! {
    /// Moderators' blocks and allows. A row is deleted when it has expired, or its campaign's retention has ended.
    gate_rules (id) {
        /// UUIDv7. Nothing but hits and last_hit_at ever changes in a row.
        id -> Uuid,
        /// The campaign.
        campaign_id -> Uuid,
        /// block: what fits is held; allow: what fits and is not blocked isn't held.
        kind -> Text,
        /// What it looks at: domain (of the mailbox), source (a tag), name (a pattern) or partner.
        subject -> Text,
        /// What it is held against and why it was made, sealed under the server key: either may name somebody.
        sealed -> Bytea,
        /// Who made it; NULL: the operator, at the command line.
        made_by -> Nullable<Uuid>,
        /// When.
        created_at -> Timestamptz,
        /// Until when it is in force; that of a source ends with its day (UTC), as tags do.
        expires_at -> Timestamptz,
        /// Pledges that it decided, repeats too; approximate after a crash.
        hits -> Int8,
        /// When it last did.
        last_hit_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    /// One-time links to an account: a new one, or one that gets a new password. Rows stay for thirty days after their end, the audit log keeps longer.
    invitations (id) {
        /// UUIDv7.
        id -> Uuid,
        /// The login of the account.
        login -> Text,
        /// What it may do.
        role -> Text,
        /// Ids of the campaigns that it may see.
        campaigns -> Array<Nullable<Uuid>>,
        /// The account that gets a new password; NULL: a new account is made.
        resets -> Nullable<Uuid>,
        /// SHA-256 of what the link carries, 256 random bits.
        token_hash -> Bytea,
        /// Who invited; NULL: the operator, at the command line.
        made_by -> Nullable<Uuid>,
        /// When.
        made_at -> Timestamptz,
        /// When the link ends by itself.
        expires_at -> Timestamptz,
        /// When it was used; NULL: it was not.
        accepted_at -> Nullable<Timestamptz>,
        /// When it was revoked, or another for the same login took its place; NULL: it was not.
        revoked_at -> Nullable<Timestamptz>,
        /// Those of the campaigns of which the account will be an organiser, whatever its role.
        organises -> Array<Nullable<Uuid>>,
    }
}

diesel::table! {
    /// The links that mails carry: whoever has one acts for its pledge. One row a mail that was written.
    mail_links (id) {
        /// That of the mail (UUIDv7). Stands in the link.
        id -> Uuid,
        /// The campaign.
        campaign_id -> Uuid,
        /// The pledge.
        pledge_id -> Uuid,
        /// SHA-256 of the secret in the link (256 bits).
        hash -> Bytea,
        /// Keyed hash of the code that can be typed instead; NULL: the mail had none.
        code -> Nullable<Bytea>,
        /// How often a code was tried; after five only the link is good.
        code_attempts -> Int2,
        /// When the mail was written first; it confirms for seven days.
        created_at -> Timestamptz,
    }
}

diesel::table! {
    /// Mails that wait to be sent, and those that couldn't be. A mail that the mail server has accepted is deleted.
    mail_outbox (id) {
        /// UUIDv7. The Message-ID is a keyed hash of it, the same in every attempt.
        id -> Uuid,
        /// The campaign.
        campaign_id -> Uuid,
        /// The fingerprint of the pledge that it is about; of trial_mailbox, the partner's id; of alert, that of the alert mailbox.
        fingerprint -> Uuid,
        /// pledge (somebody pledged with this mailbox), access (somebody asked with this address to see their pledge), trial_mailbox (mails of a partner's trials are to go to this address) or alert (something stands out among the pledges, and this address is told).
        kind -> Text,
        /// The language to write in (BCP 47); NULL: the campaign's.
        language -> Nullable<Text>,
        /// The address, sealed under a key of the server's: a byte for the format, the id of the key, and what only this row opens. NULL: gone, 72 hours after created_at.
        sealed -> Nullable<Bytea>,
        /// How often it was taken to be sent.
        attempts -> Int2,
        /// When it may be taken next (database clock). Whoever takes it moves this on, so that another one takes it when he has gone.
        due_at -> Timestamptz,
        /// Why it was last not sent: a word of the service's or smtp_ and a status code, never what the mail server wrote.
        failure -> Nullable<Text>,
        /// When it was given up; NULL: it wasn't. Deleted seven days later.
        dead_at -> Nullable<Timestamptz>,
        /// When it was put here (database clock).
        created_at -> Timestamptz,
    }
}

diesel::table! {
    /// How the mail server does, as the instances that send have last seen it; one row, or none before the first mail.
    mail_server (only_row) {
        /// Always true: there is one row.
        only_row -> Bool,
        /// When it last answered about a mail, within some seconds (database clock); NULL: never.
        worked_at -> Nullable<Timestamptz>,
        /// Since when it can't be used; NULL: it can.
        failing_since -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    /// The mails of the last seven days, so that a mailbox gets five at the most, and one campaign can't use up all of them.
    mailbox_mails (mail_id) {
        /// Keyed hash of the mail's id, so that the row itself names no pledge.
        mail_id -> Uuid,
        /// Keyed hash of the mailbox, the same in every campaign: therefore no longer than these days.
        mailbox -> Uuid,
        /// When the mail was written.
        written_at -> Timestamptz,
        /// Keyed hash of mailbox and campaign together: which campaign wrote can't be seen, nor which mailboxes one campaign wrote to.
        in_campaign -> Uuid,
    }
}

diesel::table! {
    /// Which campaigns a moderator or organiser may see.
    moderator_campaigns (moderator_id, campaign_id) {
        /// Who.
        moderator_id -> Uuid,
        /// Which campaign.
        campaign_id -> Uuid,
        /// Whether the account is an organiser of this campaign, though its role is moderator. Of no consequence with other roles.
        organises -> Bool,
    }
}

diesel::table! {
    /// People who sign in.
    moderators (id) {
        /// UUIDv7; the sub of access tokens.
        id -> Uuid,
        /// Name to sign in with: 1 to 63 lower-case letters, digits and single . _ -
        login -> Text,
        /// moderator, organiser (both of given campaigns) or admin (of all).
        role -> Text,
        /// Argon2id, PHC string.
        password_hash -> Text,
        /// When the account was made.
        created_at -> Timestamptz,
        /// Since when the account is closed; NULL: it is not.
        disabled_at -> Nullable<Timestamptz>,
        /// Pledges that the account may remove in a day (UTC); NULL: the usual number, or for admins any.
        removals_per_day -> Nullable<Int4>,
    }
}

diesel::table! {
    /// What became of a partner's submissions by hour, repeats included, for fifteen days.
    partner_hours (partner_id, hour, test, outcome) {
        /// The partner.
        partner_id -> Uuid,
        /// Beginning of the hour (UTC).
        hour -> Timestamptz,
        /// Whether they came with a key for trials.
        test -> Bool,
        /// accepted, or the code of the problem by which they were refused.
        outcome -> Text,
        /// How many.
        amount -> Int8,
        /// When the last of them came.
        last_at -> Timestamptz,
    }
}

diesel::table! {
    /// A campaign's counted pledges by partner, deltas not folded yet left out.
    partner_totals (campaign_id, partner_id) {
        /// The campaign.
        campaign_id -> Uuid,
        /// The partner.
        partner_id -> Uuid,
        /// Exactly how many are counted.
        counted -> Int8,
        /// What the public sees: a multiple of the threshold, as of the last re-reading.
        shown -> Int8,
    }
}

diesel::table! {
    /// Organisations whose sites collect pledges for a campaign.
    partners (id) {
        /// UUIDv7; partner_id of its pledges.
        id -> Uuid,
        /// The campaign.
        campaign_id -> Uuid,
        /// Its name, for organisers.
        name -> Text,
        /// Origins of the pages that may post with its site key: https://www.example.org, or https://*.example.org for every subdomain.
        origins -> Array<Nullable<Text>>,
        /// Public: stands in its pages.
        site_key -> Text,
        /// The same for trials: what comes with it counts nowhere.
        test_site_key -> Text,
        /// SHA-256 of the key by which its server posts (256 random bits); NULL: it has none.
        secret_hash -> Nullable<Bytea>,
        /// The one before, while it is still good.
        old_secret_hash -> Nullable<Bytea>,
        /// Until when the one before is good.
        old_secret_until -> Nullable<Timestamptz>,
        /// SHA-256 of the key for trials; NULL: it has none.
        test_secret_hash -> Nullable<Bytea>,
        /// Pledges that its server may post in a minute.
        per_minute -> Int4,
        /// When it was added.
        created_at -> Timestamptz,
        /// Since when nothing is taken from it; NULL: it is.
        disabled_at -> Nullable<Timestamptz>,
        /// How many of its pledges are in which state, as told to it: rounded down, and counted anew once an hour at most.
        states -> Jsonb,
        /// When they were counted.
        states_at -> Timestamptz,
        /// The address that mails of its trials go to, sealed under a key of the server's for this row; NULL: none. Cleared when its owner hasn't agreed in seven days, and when the campaign's retention ends.
        trial_mailbox -> Nullable<Bytea>,
        /// The mail that asks its owner (UUIDv7); stands in the link by which he agrees.
        trial_mailbox_mail -> Nullable<Uuid>,
        /// When its owner was written to; the link is good for seven days.
        trial_mailbox_asked_at -> Nullable<Timestamptz>,
        /// When its owner agreed; NULL: nothing is sent there.
        trial_mailbox_verified_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    /// What moderators search by, a row a pledge, filled just behind ingest.
    pledge_search (chunk, id) {
        /// The chunk that its id belongs to.
        chunk -> Int8,
        /// The pledge.
        id -> Uuid,
        /// pledges.created_at.
        at -> Timestamptz,
        /// pledges.source_tag; goes with it.
        source_tag -> Nullable<Int8>,
        /// pledges.domain_tag; goes with it.
        domain_tag -> Nullable<Int8>,
        /// pledges.name_tag; goes with it.
        name_tag -> Nullable<Int8>,
        /// pledges.shape_tag; goes with it.
        shape_tag -> Nullable<Int8>,
        /// pledges.score.
        score -> Int2,
        /// pledge_terms of the pledge, and the negative number of its chunk.
        terms -> Array<Nullable<Int8>>,
    }
}

diesel::table! {
    /// One person's promise each. No foreign keys: they cost a quarter of ingest, and doctor finds orphans.
    pledges (id) {
        /// UUIDv7, never shown to the public.
        id -> Uuid,
        /// The campaign.
        campaign_id -> Uuid,
        /// ISO 3166-1 alpha-2, XK, or ZZ for "prefer not to say".
        country -> Text,
        /// awaiting, held, counted, removed or withdrawn. In every counter exactly while counted.
        state -> Text,
        /// What undo of the removal restores; NULL unless removed.
        state_before -> Nullable<Text>,
        /// The removal that took the pledge out; NULL unless removed.
        removal_id -> Nullable<Uuid>,
        /// The first 128 bits of the HMAC-SHA-256 of the mailbox under the campaign's key; without a mailbox, of the idempotency key, or random.
        fingerprint -> Uuid,
        /// HMAC of the submitted fields, only for a pledge without mailbox that came with an idempotency key: tells a retry from another body.
        request_digest -> Nullable<Bytea>,
        /// Version of the text by which the organiser may write; NULL: may not.
        consent_updates -> Nullable<Int2>,
        /// Version of the text by which the partner may write; NULL: may not.
        consent_partner -> Nullable<Int2>,
        /// Version of the text by which name and message may be shown; NULL: may not.
        consent_public -> Nullable<Int2>,
        /// Name, message and masked address for moderators, sealed under a server key.
        sealed_review -> Nullable<Bytea>,
        /// BCP 47 tag of the form the supporter used; NULL: not said.
        language -> Nullable<Text>,
        /// Which page the pledge came from, as that page says; NULL: not said.
        source -> Nullable<Text>,
        /// When it was stored (database clock).
        created_at -> Timestamptz,
        /// When it first became counted (database clock); kept through holds, removal and undo. NULL: it never was.
        counted_at -> Nullable<Timestamptz>,
        /// The partner whose site it came from; NULL: none.
        partner_id -> Nullable<Uuid>,
        /// Name, address, message and consents for the organiser, sealed under the key of an epoch.
        sealed_record -> Nullable<Bytea>,
        /// The same for the partner, when the supporter allowed it and the partner has a recipient.
        sealed_for_partner -> Nullable<Bytea>,
        /// When the personal parts were erased; the fingerprint stays until the campaign's retention ends.
        erased_at -> Nullable<Timestamptz>,
        /// When its mailbox confirmed it (database clock); NULL: it didn't.
        confirmed_at -> Nullable<Timestamptz>,
        /// When its owner took it back; NULL: nobody did.
        withdrawn_at -> Nullable<Timestamptz>,
        /// When the owner of the mailbox said that somebody else had entered it: it gets no mail and can't pledge. NULL: never.
        suppressed_at -> Nullable<Timestamptz>,
        /// How much it looks like a bot's, by its signals; from the campaign's limit on it is held.
        score -> Int2,
        /// What stood out, a bit each (docs/signals.md).
        signals -> Int4,
        /// Keyed hash of the network that it came from, under a key that is destroyed within 48 hours; cleared with the review copy.
        source_tag -> Nullable<Int8>,
        /// Keyed hash of the mailbox's domain; cleared with the review copy.
        domain_tag -> Nullable<Int8>,
        /// Keyed hash of the name; cleared with the review copy.
        name_tag -> Nullable<Int8>,
        /// Keyed hash of the shape of name and mailbox; cleared with the review copy.
        shape_tag -> Nullable<Int8>,
        /// The acceptance that let the pledge count; NULL: none did, or it was undone.
        acceptance_id -> Nullable<Uuid>,
    }
}

diesel::table! {
    /// Pledges that an undo has put back and that rules which were in force then would take again: they are left alone.
    pledges_put_back (pledge_id) {
        /// The pledge, which may be gone by now.
        pledge_id -> Uuid,
        /// The campaign.
        campaign_id -> Uuid,
        /// When the last of those rules ends, and the row is deleted. Rules that are made later look at later pledges only.
        until -> Timestamptz,
    }
}

diesel::table! {
    /// Public age keys: who can open, offline, what a campaign seals.
    recipients (id) {
        /// UUIDv7.
        id -> Uuid,
        /// The campaign.
        campaign_id -> Uuid,
        /// The partner whose key it is; NULL: the organiser's.
        partner_id -> Nullable<Uuid>,
        /// X25519, as age writes it.
        public_key -> Text,
        /// Whose it is or where its secret half is kept, in the organiser's words.
        label -> Text,
        /// SHA-256 of the code in the newest test record; NULL: none was made.
        test_code_hash -> Nullable<Bytea>,
        /// When that test record was made.
        test_made_at -> Nullable<Timestamptz>,
        /// When it was last proved that somebody can open what is sealed to it; NULL: never, and nothing is.
        checked_at -> Nullable<Timestamptz>,
        /// When it was added.
        added_at -> Timestamptz,
        /// Since when nothing new is sealed to it; NULL: still is.
        removed_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    /// Codes to sign in with when the device of the second factor is lost, ten of an account. Each is used once.
    recovery_codes (moderator_id, hash) {
        /// Whose.
        moderator_id -> Uuid,
        /// SHA-256 of the code, which is 120 random bits.
        hash -> Bytea,
        /// When it was made.
        made_at -> Timestamptz,
        /// When it was used; NULL: not yet.
        used_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    /// Refresh tokens, hashed. Each is used once; a second use ends the session.
    refresh_tokens (hash) {
        /// SHA-256 of the token.
        hash -> Bytea,
        /// The session it belongs to.
        session_id -> Uuid,
        /// The token it replaced; NULL: the first of its session.
        parent -> Nullable<Bytea>,
        /// When it was issued.
        issued_at -> Timestamptz,
        /// When it was exchanged first; NULL: not yet.
        used_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    /// How many pledges an account has removed and accepted in a day, counted with the act itself; thirty days of it.
    removal_counts (moderator_id, day) {
        /// Who.
        moderator_id -> Uuid,
        /// The day (UTC, database clock).
        day -> Date,
        /// Pledges that were removed or accepted, also those of which that was undone later.
        pledges -> Int8,
        /// How many of them rules removed that the account has made: half of what it may remove at the most.
        by_rules -> Int8,
    }
}

diesel::table! {
    /// Removals by a search, and undos of large ones, as long as they are under way or paused.
    removal_work (removal_id) {
        /// The removal.
        removal_id -> Uuid,
        /// Whether it is being undone.
        undo -> Bool,
        /// For whom: who began it, or resumed it last.
        moderator_id -> Uuid,
        /// Why it is undone.
        note -> Nullable<Text>,
        /// What is looked for; tags among it go with this row. NULL: it is an undo.
        search -> Nullable<Jsonb>,
        /// When; pledges that are stored later are left alone.
        began_at -> Timestamptz,
        /// From this id on the pledges are looked through one by one, below it by the index of the search.
        recent_from -> Uuid,
        /// How far it is: 0 among what had changed and the index didn't know, 1 among recent ids, 2 among the others.
        part -> Int2,
        /// In part 0: changes with numbers up to here are done.
        number -> Int8,
        /// In parts 1 and 2: ids from here on are done; of an undo: up to here.
        id -> Uuid,
        /// By how much the counts of countries have changed by it.
        change -> Jsonb,
        /// Since when it is paused; NULL: it is not.
        paused_at -> Nullable<Timestamptz>,
        /// The instance that works on it.
        worker -> Nullable<Uuid>,
        /// Until then no other instance does.
        leased_until -> Timestamptz,
        /// When it last went on; who has waited longest is next.
        worked_at -> Timestamptz,
        /// When whoever it is for began it, or resumed it last. A removal pauses when that account is reset later.
        taken_at -> Timestamptz,
    }
}

diesel::table! {
    /// Moderators taking pledges out.
    removals (id) {
        /// UUIDv7.
        id -> Uuid,
        /// The campaign.
        campaign_id -> Uuid,
        /// Who removed; NULL: the service, by the campaign's held_default.
        moderator_id -> Nullable<Uuid>,
        /// Category: spam, bot, duplicate, abuse, test or other.
        reason -> Text,
        /// Why, in the moderator's words.
        note -> Text,
        /// How many pledges it took out.
        pledges -> Int8,
        /// When.
        created_at -> Timestamptz,
        /// When it was undone; NULL: it stands.
        undone_at -> Nullable<Timestamptz>,
        /// Who undid it.
        undone_by -> Nullable<Uuid>,
        /// Why it was undone.
        undo_note -> Nullable<Text>,
        /// How many of them were counted, and left the totals.
        counted -> Int8,
        /// running, paused, cancelled (what it took out stays out), done, or undoing; undone ones stay as they were and have undone_at.
        state -> Text,
        /// Of a paused one: a moderator said so, the account has removed as many as it may (quota), or it was closed or reset or doesn't see the campaign any more (account).
        paused_because -> Nullable<Text>,
        /// How many pledges fitted the search when it began; NULL: they were named one by one.
        expected -> Nullable<Int8>,
        /// How many of them an undo in the background has put back.
        put_back -> Int8,
        /// How many of those count again.
        counted_back -> Int8,
        /// When it last took pledges out.
        last_at -> Timestamptz,
        /// The search rule that took them out, which may be gone; NULL: none did.
        rule_id -> Nullable<Uuid>,
        /// The day (UTC) on which that rule did.
        rule_day -> Nullable<Date>,
    }
}

diesel::table! {
    /// How far the retention job is with a campaign, so that it doesn't walk over all rows each time.
    retention_progress (campaign_id) {
        /// The campaign.
        campaign_id -> Uuid,
        /// When all its limits were last looked after, whether or not something was due (database clock).
        looked_at -> Nullable<Timestamptz>,
        /// No pledge with a smaller id has a review copy left.
        review_from -> Uuid,
        /// No pledge with a smaller id has anything personal left; of a campaign whose retention has ended.
        records_from -> Uuid,
        /// When the last pledge of a campaign whose retention has ended was cleared; NULL: not yet.
        cleared_at -> Nullable<Timestamptz>,
        /// What was cleared or erased before this moment is in no dead row of the pledges any more; NULL: unknown.
        vacuumed_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    /// The proof of retention: what was cleared when. Counts only. Runs with nothing to do leave retention_progress.looked_at.
    retention_runs (id) {
        /// UUIDv7.
        id -> Uuid,
        /// The campaign; NULL: none.
        campaign_id -> Nullable<Uuid>,
        /// review_copies, keys (the salt and the keys of sealed records), records (all that is personal in a pledge), sessions, unconfirmed (pledges that were never confirmed), mails (which mailbox had a mail), departures (former ids of pledges that were taken back), trials (pledges with a partner's key for trials), held (pledges that were held until their review window ended, and got the campaign's held_default) or trial_mailboxes (addresses for mails of a partner's trials).
        what -> Text,
        /// How many rows were cleared, deleted or settled.
        changed -> Int8,
        /// When the first of them was (database clock).
        began_at -> Timestamptz,
        /// When the last of them was.
        ended_at -> Timestamptz,
    }
}

diesel::table! {
    /// Keys of sealed records, each for one instance and at most an hour, wrapped so that only recipients can open them.
    sealing_epochs (id) {
        /// UUIDv7; stands in every record that was sealed in it.
        id -> Uuid,
        /// Whose records.
        campaign_id -> Uuid,
        /// For which partner; NULL: for the organiser.
        partner_id -> Nullable<Uuid>,
        /// An age file with the epoch's key.
        wrapped_key -> Bytea,
        /// The public keys it is wrapped to.
        recipients -> Array<Nullable<Text>>,
        /// When it began (database clock).
        began_at -> Timestamptz,
    }
}

diesel::table! {
    /// Pledges that were changed or deleted, until pledge_search has followed: seconds.
    search_changes (number) {
        /// Grows, nearly in the order of the changes.
        number -> Int8,
        /// The campaign.
        campaign_id -> Uuid,
        /// The id that it has or had.
        pledge_id -> Uuid,
        /// When it was changed (database clock).
        at -> Timestamptz,
    }
}

diesel::table! {
    /// Pieces of a campaign's pledges by id, about 65,536 each; later ones have greater numbers.
    search_chunks (number) {
        /// Grows.
        number -> Int8,
        /// The campaign.
        campaign_id -> Uuid,
        /// Ids from here on, up to the next chunk's, belong to it. The first one's is zero.
        first_id -> Uuid,
    }
}

diesel::table! {
    /// How many rows of pledge_search have a term, by chunk; written in the transaction that changes them.
    search_counts (term, chunk) {
        /// The term.
        term -> Int8,
        /// The chunk.
        chunk -> Int8,
        /// How many.
        pledges -> Int8,
    }
}

diesel::table! {
    /// How far pledge_search has been filled.
    search_progress (campaign_id) {
        /// The campaign.
        campaign_id -> Uuid,
        /// Pledges up to this id have been taken, but for those that were committed late.
        seen -> Uuid,
        /// Up to this id it was looked for those too.
        swept -> Uuid,
    }
}

diesel::table! {
    /// Pledges that moderators' search has just taken in and that the rules haven't been held against: empty within a second or two.
    search_rule_pledges (number) {
        /// In the order in which they were taken in.
        number -> Int8,
        /// The campaign.
        campaign_id -> Uuid,
        /// The pledge, which may be gone by now.
        pledge_id -> Uuid,
        /// Since when it waits. An instance that can't open a rule of the campaign leaves it to the others for ten seconds.
        at -> Timestamptz,
    }
}

diesel::table! {
    /// Searches that are kept alive for new pledges. A row is deleted when it has expired, when a removal of it is undone, or when its campaign's retention has ended.
    search_rules (id) {
        /// UUIDv7. Nothing but hits, last_hit_at, untold and told_at ever changes in a row.
        id -> Uuid,
        /// The campaign.
        campaign_id -> Uuid,
        /// hold or remove: what becomes of a pledge that fits.
        effect -> Text,
        /// Why, as a category: that of its removals.
        reason -> Text,
        /// What is looked for and why, sealed under the server key: either may name somebody.
        sealed -> Bytea,
        /// Who made it; its removals are on account of them.
        made_by -> Uuid,
        /// When; pledges that were stored before are left alone.
        created_at -> Timestamptz,
        /// Until when it is in force; one that looks for a source ends with its day (UTC), as tags do.
        expires_at -> Timestamptz,
        /// Pledges that it held or removed.
        hits -> Int8,
        /// When it last did.
        last_hit_at -> Nullable<Timestamptz>,
        /// What it has done that the audit log hasn't been told; NULL: nothing. Told within about a minute, and at its end.
        untold -> Nullable<Jsonb>,
        /// When the audit log was last told; NULL: never.
        told_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    /// TOTP (RFC 6238) of people who sign in.
    second_factors (moderator_id) {
        /// Whose.
        moderator_id -> Uuid,
        /// The secret in force, sealed under a key of the root secret; NULL: none is.
        sealed -> Nullable<Bytea>,
        /// When a code confirmed it.
        since -> Nullable<Timestamptz>,
        /// The last 30 seconds, counted from 1970, of which a code was accepted: only codes of later ones are.
        last_step -> Int8,
        /// A new secret that no code has confirmed yet, sealed alike; NULL: none was offered.
        offered -> Nullable<Bytea>,
        /// When it was offered; it can be confirmed for half an hour.
        offered_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    /// One sign-in each: the family of its refresh tokens.
    sessions (id) {
        /// UUIDv7; the sid of access tokens.
        id -> Uuid,
        /// Who signed in.
        moderator_id -> Uuid,
        /// When.
        created_at -> Timestamptz,
        /// When it ends whatever happens.
        expires_at -> Timestamptz,
        /// When it was ended before that; NULL: it was not.
        ended_at -> Nullable<Timestamptz>,
        /// logout, reuse of a consumed refresh token, a new password, the account disabled, ended from another session (elsewhere) or by an admin, a new second factor, or the account reset.
        ended_because -> Nullable<Text>,
        /// When it was last used, to about a minute.
        last_used_at -> Timestamptz,
        /// The family of the program that opened it.
        agent -> Text,
        /// When its owner last proved who they are, by signing in, the password or a code: dangerous calls want it within ten minutes.
        proved_at -> Timestamptz,
    }
}

diesel::table! {
    /// Keys of pledges.source_tag, one a day, the same for all instances. Gone an hour after the day; the table is then written anew.
    source_tag_keys (day) {
        /// The day (UTC) whose pledges are tagged with it.
        day -> Date,
        /// The key, sealed under a key of the root secret.
        sealed -> Bytea,
        /// When it was made (database clock).
        made_at -> Timestamptz,
    }
}

diesel::table! {
    /// Proofs of work that were used, for an hour: longer than one is good.
    spent_proofs (nonce) {
        /// The signed random number of the challenge.
        nonce -> Uuid,
        /// Of the pledge that it was used for: the same again is a retry.
        fingerprint -> Uuid,
        /// When.
        spent_at -> Timestamptz,
    }
}

diesel::table! {
    /// A campaign's counted pledges by the minute (two days) and hour (for ever) of their counted_at, deltas not folded yet left out.
    time_buckets (campaign_id, unit, begins_at) {
        /// The campaign.
        campaign_id -> Uuid,
        /// minute or hour.
        unit -> Text,
        /// First moment of the minute or hour (UTC).
        begins_at -> Timestamptz,
        /// How many are counted; one that is gone from the table has none.
        counted -> Int8,
    }
}

diesel::table! {
    /// What moderators decided about showing pledges publicly. An entry is of a counted, confirmed pledge whose supporter agrees to be shown: with the end of that it is deleted, in the same transaction.
    wall_entries (pledge_id) {
        /// The pledge; never shown to the public.
        pledge_id -> Uuid,
        /// The campaign.
        campaign_id -> Uuid,
        /// What the public calls the entry: random, new with each approval.
        token -> Uuid,
        /// shown, declined (never was shown) or hidden (was shown).
        state -> Text,
        /// As it is shown; NULL: none, or not shown.
        name -> Nullable<Text>,
        /// As it is shown; NULL: none, or not shown.
        message -> Nullable<Text>,
        /// Day (UTC) of the approval; NULL: not shown.
        day -> Nullable<Date>,
        /// How often it was reported since the approval, or since a moderator last said that it may stay.
        reports -> Int4,
        /// Why, each once: abuse, spam, private, other.
        reasons -> Array<Nullable<Text>>,
    }
}

diesel::table! {
    /// How many unmasked names an account has seen or approved in a day for the wall; thirty days of it.
    wall_looks (moderator_id, day) {
        /// Who.
        moderator_id -> Uuid,
        /// The day (UTC, database clock).
        day -> Date,
        /// Pledges that were seen or approved, each time counted.
        pledges -> Int8,
    }
}

diesel::table! {
    /// Words of what the public wall shows, each once an entry; gone with it.
    wall_words (campaign_id, word, pledge_id) {
        /// The campaign of the entry.
        campaign_id -> Uuid,
        /// Keyed tag of the word: in small letters, compatible forms joined, the first 64 letters. In scripts without spaces of each letter and each pair of neighbours.
        word -> Int8,
        /// Whose entry.
        pledge_id -> Uuid,
    }
}

diesel::joinable!(sessions -> moderators (moderator_id));
diesel::allow_tables_to_appear_in_same_query!(acceptances, alert_mailboxes, audit_checkpoints, audit_head, audit_log, campaign_switches, campaign_totals, campaigns, cluster_alerts, clusters, count_deltas, country_hours, country_totals, departures, exports, fold_progress, gate_rules, invitations, mail_links, mail_outbox, mail_server, mailbox_mails, moderator_campaigns, moderators, partner_hours, partner_totals, partners, pledge_search, pledges, pledges_put_back, recipients, recovery_codes, refresh_tokens, removal_counts, removal_work, removals, retention_progress, retention_runs, sealing_epochs, search_changes, search_chunks, search_counts, search_progress, search_rule_pledges, search_rules, second_factors, sessions, source_tag_keys, spent_proofs, time_buckets, wall_entries, wall_looks, wall_words);
