//! The shelf of pledges.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use diesel::{
    QueryResult, QueryableByName,
    pg::Pg,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    sql_types::{Array, BigInt, Bool, Bytea, Integer, Nullable, SmallInt, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::NewPledge;
use crate::{
    db::{Connection, DbError},
    gate::UNGATED,
};

/// The end of a statement that has made pledges `counted`: a delta for each of the campaigns that are `concerned`.
pub(super) const APPEND_DELTAS: &str = "\
     changes AS (SELECT campaign_id, minute, country, partner_id, count(*) AS amount, \
         count(*) FILTER (WHERE is_confirmed) AS confirmed FROM counted \
       GROUP BY GROUPING SETS ((campaign_id, minute, country), (campaign_id, minute, partner_id))) \
     INSERT INTO count_deltas (campaign_id, minute, countries, amounts, partners, partner_amounts, confirmed) \
     SELECT campaign_id, coalesce(minute, date_trunc('minute', now(), 'UTC')), \
       coalesce(array_agg(country) FILTER (WHERE country IS NOT NULL), '{}'), \
       coalesce(array_agg(amount) FILTER (WHERE country IS NOT NULL), '{}'), \
       coalesce(array_agg(partner_id) FILTER (WHERE partner_id IS NOT NULL), '{}'), \
       coalesce(array_agg(amount) FILTER (WHERE partner_id IS NOT NULL), '{}'), \
       coalesce(sum(confirmed) FILTER (WHERE country IS NOT NULL), 0) \
     FROM concerned LEFT JOIN changes USING (campaign_id) GROUP BY 1, 2";

/// What follows the columns that every statement has: which proofs are spent now, and whose were before. Of several with one
/// mailbox the first that isn't refused becomes a row.
const SPEND: &str = "\
     spent AS (INSERT INTO spent_proofs (nonce, fingerprint) \
       SELECT DISTINCT ON (proof) proof, fingerprint FROM sent WHERE proof IS NOT NULL ORDER BY proof, place \
       ON CONFLICT (nonce) DO UPDATE SET nonce = excluded.nonce RETURNING nonce, fingerprint), \
     refused AS (SELECT place FROM sent JOIN spent ON nonce = proof WHERE spent.fingerprint <> sent.fingerprint), \
     given AS (SELECT *, row_number() OVER (PARTITION BY fingerprint ORDER BY place) = 1 AS first \
       FROM sent WHERE place NOT IN (TABLE refused)), ";

/// Columns of what the gate saw.
const SEEN: &str = ", score, signals, source_tag, domain_tag, name_tag, shape_tag";

/// Their change in a row that pledges again: what somebody has accepted was another pledge.
const SEEN_AGAIN: &str = ", score = given.score, signals = given.signals, source_tag = given.source_tag, \
     domain_tag = given.domain_tag, name_tag = given.name_tag, shape_tag = given.shape_tag, acceptance_id = NULL";

/// Columns of what was sent, in the order of their values.
const COLUMNS: &str = "mail_id, address, id, campaign_id, country, partner_id, fingerprint, request_digest, updates, partner, \
     public, review, record, for_partner, language, source, at, becomes";

/// The rest, up to the deltas.
const AGAIN: &str = " FROM (SELECT given.* FROM given JOIN pledges USING (fingerprint) WHERE first AND suppressed_at IS NULL \
         AND state IN ('awaiting', 'withdrawn') ORDER BY fingerprint FOR UPDATE OF pledges) AS given \
       WHERE pledges.fingerprint = given.fingerprint AND suppressed_at IS NULL AND state IN ('awaiting', 'withdrawn') \
       RETURNING pledges.campaign_id, pledges.country, pledges.partner_id, state, \
         date_trunc('minute', counted_at, 'UTC') AS minute), \
     counted AS (SELECT *, false AS is_confirmed FROM (TABLE recorded UNION ALL TABLE again) AS each WHERE state = 'counted'), ";

/// Pledges by columns, and the statement that stores them with their deltas. diesel prepares it once for each connection,
/// which it does for no `sql_query`. There are two: what spends proofs has to sort and to look up, which pledges without one
/// (those of partners' servers) don't pay for.
struct Insert<'a, const PROVEN: bool> {
    /// Of several with one fingerprint only the first becomes a row; each has its mail. Where proofs may refuse some, the
    /// statement finds it out.
    firsts: Vec<bool>,
    scores: Vec<i16>,
    signals: Vec<i32>,
    source_tags: Vec<Option<i64>>,
    domain_tags: Vec<Option<i64>>,
    name_tags: Vec<Option<i64>>,
    shape_tags: Vec<Option<i64>>,
    proofs: Vec<Option<Uuid>>,
    mail_ids: Vec<Option<Uuid>>,
    sealed_addresses: Vec<Option<&'a [u8]>>,
    ids: Vec<Uuid>,
    campaigns: Vec<Uuid>,
    countries: Vec<&'a str>,
    partners: Vec<Option<Uuid>>,
    fingerprints: Vec<Uuid>,
    request_digests: Vec<Option<&'a [u8]>>,
    updates: Vec<Option<i16>>,
    partner: Vec<Option<i16>>,
    public: Vec<Option<i16>>,
    sealed_reviews: Vec<&'a [u8]>,
    sealed_records: Vec<&'a [u8]>,
    sealed_for_partners: Vec<Option<&'a [u8]>>,
    languages: Vec<Option<&'a str>>,
    sources: Vec<Option<&'a str>>,
    /// When each was counted; None: now.
    times: Vec<Option<DateTime<Utc>>>,
    states: Vec<&'static str>,
}

impl<'a, const PROVEN: bool> Insert<'a, PROVEN> {
    fn new(pledges: &[(&'a NewPledge, Option<DateTime<Utc>>)]) -> Self {
        fn column<'a, T>(
            pledges: &[(&'a NewPledge, Option<DateTime<Utc>>)],
            value: impl FnMut(&'a NewPledge) -> T,
        ) -> Vec<T> {
            pledges.iter().map(|(pledge, _)| *pledge).map(value).collect()
        }
        let mut seen = HashSet::new();
        Self {
            firsts: column(pledges, |pledge| seen.insert(pledge.fingerprint)),
            scores: column(pledges, |pledge| pledge.seen.score),
            signals: column(pledges, |pledge| pledge.seen.signals),
            source_tags: column(pledges, |pledge| pledge.seen.source_tag),
            domain_tags: column(pledges, |pledge| pledge.seen.domain_tag),
            name_tags: column(pledges, |pledge| pledge.seen.name_tag),
            shape_tags: column(pledges, |pledge| pledge.seen.shape_tag),
            proofs: column(pledges, |pledge| pledge.proof),
            mail_ids: column(pledges, |pledge| pledge.mail.as_ref().map(|mail| mail.id)),
            sealed_addresses: column(pledges, |pledge| pledge.mail.as_ref().map(|mail| mail.sealed.as_slice())),
            ids: column(pledges, |pledge| pledge.id),
            campaigns: column(pledges, |pledge| pledge.campaign),
            countries: column(pledges, |pledge| pledge.country.as_str()),
            partners: column(pledges, |pledge| pledge.partner),
            fingerprints: column(pledges, |pledge| pledge.fingerprint),
            request_digests: column(pledges, |pledge| pledge.request_digest.as_ref().map(<[u8; 32]>::as_slice)),
            updates: column(pledges, |pledge| pledge.consents.updates),
            partner: column(pledges, |pledge| pledge.consents.partner),
            public: column(pledges, |pledge| pledge.consents.public),
            sealed_reviews: column(pledges, |pledge| pledge.sealed_review.as_slice()),
            sealed_records: column(pledges, |pledge| pledge.sealed_record.as_slice()),
            sealed_for_partners: column(pledges, |pledge| pledge.sealed_for_partner.as_deref()),
            languages: column(pledges, |pledge| pledge.language.as_deref()),
            sources: column(pledges, |pledge| pledge.source.as_deref()),
            times: pledges.iter().map(|(_, at)| *at).collect(),
            states: column(pledges, |pledge| pledge.becomes().as_str()),
        }
    }

    /// What the gate saw.
    fn walk_seen<'b>(&'b self, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_bind_param::<Array<SmallInt>, _>(&self.scores)?;
        out.push_sql("::int2[], ");
        out.push_bind_param::<Array<Integer>, _>(&self.signals)?;
        out.push_sql("::int4[], ");
        for tags in [&self.source_tags, &self.domain_tags, &self.name_tags, &self.shape_tags] {
            out.push_bind_param::<Array<Nullable<BigInt>>, _>(tags)?;
            out.push_sql("::int8[], ");
        }
        Ok(())
    }

    /// The values of [`COLUMNS`].
    fn walk_columns<'b>(&'b self, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_bind_param::<Array<Nullable<SqlUuid>>, _>(&self.mail_ids)?;
        out.push_sql("::uuid[], ");
        out.push_bind_param::<Array<Nullable<Bytea>>, _>(&self.sealed_addresses)?;
        out.push_sql("::bytea[], ");
        for ids in [&self.ids, &self.campaigns] {
            out.push_bind_param::<Array<SqlUuid>, _>(ids)?;
            out.push_sql("::uuid[], ");
        }
        out.push_bind_param::<Array<Text>, _>(&self.countries)?;
        out.push_sql("::text[], ");
        out.push_bind_param::<Array<Nullable<SqlUuid>>, _>(&self.partners)?;
        out.push_sql("::uuid[], ");
        out.push_bind_param::<Array<SqlUuid>, _>(&self.fingerprints)?;
        out.push_sql("::uuid[], ");
        out.push_bind_param::<Array<Nullable<Bytea>>, _>(&self.request_digests)?;
        out.push_sql("::bytea[], ");
        for consents in [&self.updates, &self.partner, &self.public] {
            out.push_bind_param::<Array<Nullable<SmallInt>>, _>(consents)?;
            out.push_sql("::int2[], ");
        }
        for sealed in [&self.sealed_reviews, &self.sealed_records] {
            out.push_bind_param::<Array<Bytea>, _>(sealed)?;
            out.push_sql("::bytea[], ");
        }
        out.push_bind_param::<Array<Nullable<Bytea>>, _>(&self.sealed_for_partners)?;
        out.push_sql("::bytea[], ");
        for texts in [&self.languages, &self.sources] {
            out.push_bind_param::<Array<Nullable<Text>>, _>(texts)?;
            out.push_sql("::text[], ");
        }
        out.push_bind_param::<Array<Nullable<Timestamptz>>, _>(&self.times)?;
        out.push_sql("::timestamptz[], ");
        out.push_bind_param::<Array<Text>, _>(&self.states)?;
        out.push_sql("::text[]");
        Ok(())
    }
}

impl<const PROVEN: bool> QueryId for Insert<'_, PROVEN> {
    type QueryId = Insert<'static, PROVEN>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<const PROVEN: bool> Query for Insert<'_, PROVEN> {
    type SqlType = Array<Integer>;
}

impl<const PROVEN: bool> QueryFragment<Pg> for Insert<'_, PROVEN> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let (seen, seen_again) = if UNGATED { ("", "") } else { (SEEN, SEEN_AGAIN) };
        // What was sent, and of that what isn't refused.
        let sent = if PROVEN { "sent" } else { "given" };
        // The types are said as well, so that the text means the same to whoever prepares it by hand.
        for sql in ["WITH ", sent, " AS (SELECT * FROM unnest("] {
            out.push_sql(sql);
        }
        if !UNGATED {
            self.walk_seen(&mut out)?;
        }
        if PROVEN {
            out.push_bind_param::<Array<Nullable<SqlUuid>>, _>(&self.proofs)?;
            out.push_sql("::uuid[], ");
        } else {
            out.push_bind_param::<Array<Bool>, _>(&self.firsts)?;
            out.push_sql("::bool[], ");
        }
        self.walk_columns(&mut out)?;
        let head = [") WITH ORDINALITY AS ", sent, " (", seen.trim_start_matches(", ")];
        let head = head.into_iter().chain(if UNGATED { [""] } else { [", "] });
        let head = head.chain(if PROVEN { ["proof, "] } else { ["first, "] });
        let spend = if PROVEN { SPEND } else { "" };
        let body = [
            COLUMNS,
            ", place)), ",
            spend,
            "mailed AS (INSERT INTO mail_outbox (id, campaign_id, fingerprint, kind, language, sealed) \
               SELECT mail_id, campaign_id, fingerprint, 'pledge', language, address FROM given WHERE mail_id IS NOT NULL), \
             recorded AS (INSERT INTO pledges (id, campaign_id, country, partner_id, state, fingerprint, request_digest, \
                 consent_updates, consent_partner, consent_public, sealed_review, sealed_record, sealed_for_partner, language, \
                 source, created_at, counted_at",
            seen,
            ") SELECT id, campaign_id, country, partner_id, becomes, fingerprint, request_digest, updates, partner, public, \
                 review, record, for_partner, language, source, coalesce(at, now()), \
                 CASE becomes WHEN 'counted' THEN coalesce(at, now()) END",
            seen,
            " FROM given WHERE first ON CONFLICT (fingerprint) DO NOTHING \
               RETURNING campaign_id, country, partner_id, state, date_trunc('minute', counted_at, 'UTC') AS minute), \
             again AS (UPDATE pledges SET id = given.id, country = given.country, partner_id = given.partner_id, \
                 state = becomes, consent_updates = updates, consent_partner = partner, consent_public = public, \
                 sealed_review = review, sealed_record = record, sealed_for_partner = for_partner, \
                 language = given.language, source = given.source, created_at = now(), \
                 counted_at = CASE becomes WHEN 'counted' THEN now() END, confirmed_at = NULL, withdrawn_at = NULL, \
                 erased_at = NULL",
            seen_again,
            AGAIN,
            "concerned AS (SELECT DISTINCT campaign_id FROM ",
            sent,
            "), ",
            APPEND_DELTAS,
            " RETURNING ",
        ];
        for sql in head.chain(body) {
            out.push_sql(sql);
        }
        out.push_sql(if PROVEN {
            "coalesce((SELECT array_agg((place - 1)::int4) FROM refused), '{}')"
        } else {
            "'{}'::int4[]"
        });
        Ok(())
    }
}

/// Stores pledges, their mails and one delta a campaign: one statement, so one transaction and one flush to disk. A mailbox
/// that is there already changes nothing; its campaign's delta and its mail are written all the same, so that a repeated
/// pledge waits for the disk like a new one and can't be told by its speed (rule 4). A mailbox that was withdrawn pledges
/// again in its row, under the new id; one that hasn't confirmed yet confirms what was sent last. Rows that count are not
/// even locked, so nobody who works on them holds pledges up.
///
/// Their proofs are spent with them, on every instance at once: a proof that was used for another pledge refuses this one. Which
/// those are (by their place) is returned; of them nothing is stored. Proofs are locked first, in the order of their nonces.
///
/// Sort the pledges by fingerprint: two statements then wait for each other in one order only. Those that pledge again are
/// locked in that order too before they are changed, whatever plan the database chose to find them.
///
/// # Errors
/// Those of the database; then none is stored, unless the connection broke: then all or none are.
pub async fn insert(connection: &mut Connection, pledges: &[&NewPledge]) -> Result<Vec<usize>, DbError> {
    let pledges: Vec<_> = pledges.iter().map(|pledge| (*pledge, None)).collect();
    // Each delta returns all of them.
    let refused = run(connection, &pledges).await?;
    Ok(refused
        .into_iter()
        .next()
        .unwrap_or_default()
        .into_iter()
        .filter_map(|place| usize::try_from(place).ok())
        .collect())
}

/// The same for pledges that were counted at some other time. For trials (`seed`, the demo).
///
/// # Errors
/// As [`insert`].
pub async fn insert_at(connection: &mut Connection, pledges: &[(NewPledge, DateTime<Utc>)]) -> Result<(), DbError> {
    let timed: Vec<_> = pledges.iter().map(|(pledge, at)| (pledge, Some(*at))).collect();
    run(connection, &timed).await?;
    // Their ids are of that time too, where moderators' search has long been: it is told as if they had been changed.
    diesel::sql_query("INSERT INTO search_changes (campaign_id, pledge_id) SELECT * FROM unnest($1, $2)")
        .bind::<Array<SqlUuid>, _>(pledges.iter().map(|(pledge, _)| pledge.campaign).collect::<Vec<_>>())
        .bind::<Array<SqlUuid>, _>(pledges.iter().map(|(pledge, _)| pledge.id).collect::<Vec<_>>())
        .execute(connection)
        .await?;
    Ok(())
}

async fn run(
    connection: &mut Connection,
    pledges: &[(&NewPledge, Option<DateTime<Utc>>)],
) -> Result<Vec<Vec<i32>>, DbError> {
    if pledges.iter().any(|(pledge, _)| pledge.proof.is_some()) {
        Ok(Insert::<true>::new(pledges).load(connection).await?)
    } else {
        Ok(Insert::<false>::new(pledges).load(connection).await?)
    }
}

#[derive(QueryableByName)]
struct Mismatch {
    #[diesel(sql_type = Integer)]
    place: i32,
}

/// Which of the pledges (by their place) have the fingerprint of a stored one, but another request digest: their
/// idempotency key was used for another pledge.
///
/// # Errors
/// Those of the database.
pub async fn mismatches(connection: &mut Connection, pledges: &[&NewPledge]) -> Result<Vec<usize>, DbError> {
    let digests = pledges.iter().map(|pledge| pledge.request_digest.as_ref().map(<[u8; 32]>::as_slice));
    let rows: Vec<Mismatch> = diesel::sql_query(
        "SELECT place::int FROM unnest($1::uuid[], $2::uuid[], $3::bytea[]) WITH ORDINALITY \
           AS given (campaign_id, fingerprint, digest, place) \
         JOIN pledges USING (campaign_id, fingerprint) WHERE request_digest <> digest",
    )
    .bind::<Array<SqlUuid>, _>(pledges.iter().map(|pledge| pledge.campaign).collect::<Vec<_>>())
    .bind::<Array<SqlUuid>, _>(pledges.iter().map(|pledge| pledge.fingerprint).collect::<Vec<_>>())
    .bind::<Array<Nullable<Bytea>>, _>(digests.collect::<Vec<_>>())
    .get_results(connection)
    .await?;
    Ok(rows.into_iter().filter_map(|row| usize::try_from(row.place - 1).ok()).collect())
}
