//! The shelf of the wall, for moderators. Whoever decides about several pledges locks them in the order of their ids, and their entries
//! after them: as a removal does, so that neither waits for the other in a circle.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::{
    QueryableByName,
    sql_types::{
        Array, BigInt, Bool, Bytea, Date, Double, Integer, Nullable, Text as SqlText, Timestamptz, Uuid as SqlUuid,
    },
};
use diesel_async::{AsyncConnection, RunQueryDsl};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Decided, Decision, NAMES_PER_DAY, Reason, State, Text, Waiting, WallError};
use crate::{
    accounts::Who,
    audit::{self, Entry},
    db::{Connection, DbError},
};

impl From<diesel::result::Error> for WallError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Database(error.into())
    }
}

/// Holds for pledges that may be shown.
macro_rules! showable {
    () => {
        "state = 'counted' AND consent_public IS NOT NULL AND confirmed_at IS NOT NULL"
    };
}

#[derive(QueryableByName)]
struct Candidate {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Bytea)]
    sealed_review: Vec<u8>,
    #[diesel(sql_type = Nullable<SqlText>)]
    language: Option<String>,
    #[diesel(sql_type = Timestamptz)]
    created_at: DateTime<Utc>,
}

#[derive(QueryableByName)]
struct Of {
    #[diesel(sql_type = SqlUuid)]
    pledge_id: Uuid,
}

fn ids_of(rows: Vec<Of>) -> Vec<Uuid> {
    rows.into_iter().map(|row| row.pledge_id).collect()
}

/// Pledges that wait, with larger ids than that of the part, oldest first: as many as it has at the most; and after which one there are
/// more. `open` finds what would be shown of each. Counted and on record, or nothing is told.
///
/// # Errors
/// See [`WallError`].
pub async fn waiting(
    connection: &mut Connection,
    who: &Who,
    campaign: Uuid,
    (after, limit): (Option<Uuid>, u32),
    open: &(impl Fn(Uuid, &[u8]) -> Option<Text> + Sync),
) -> Result<(Vec<Waiting>, Option<Uuid>), WallError> {
    connection
        .transaction(async |connection| {
            let mut rows: Vec<Candidate> = diesel::sql_query(concat!(
                "SELECT id, sealed_review, language, created_at FROM pledges WHERE campaign_id = $1 AND id > $2 AND ",
                showable!(),
                " AND sealed_review IS NOT NULL AND NOT EXISTS (SELECT FROM wall_entries WHERE pledge_id = pledges.id) \
                 ORDER BY id LIMIT $3"
            ))
            .bind::<SqlUuid, _>(campaign)
            .bind::<SqlUuid, _>(after.unwrap_or(Uuid::nil()))
            .bind::<BigInt, _>(i64::from(limit) + 1)
            .get_results(&mut *connection)
            .await?;
            let limit = usize::try_from(limit).unwrap_or(usize::MAX);
            let more = rows.len() > limit;
            rows.truncate(limit);
            let last = rows.last().filter(|_| more).map(|row| row.id);
            let waiting = rows.into_iter().filter_map(|row| {
                let text = open(row.id, &row.sealed_review)?;
                Some(Waiting { id: row.id, text, language: row.language, created_at: row.created_at })
            });
            let waiting: Vec<Waiting> = waiting.collect();
            let ids: Vec<Uuid> = waiting.iter().map(|waiting| waiting.id).collect();
            if !ids.is_empty() {
                look(connection, who.id, ids.len()).await?;
                let details = json!({ "session": who.session, "pledges": ids });
                record(connection, who, campaign, "wall.read", details).await?;
            }
            Ok((waiting, last))
        })
        .await
}

#[derive(QueryableByName)]
struct Wall {
    #[diesel(sql_type = Bool)]
    wall: bool,
}

/// Puts those of the pledges onto the wall that may be and aren't. `open` finds what is shown of each, and the tags of its words. Returns
/// which they are.
///
/// # Errors
/// See [`WallError`]; then none is.
pub async fn approve(
    connection: &mut Connection,
    who: &Who,
    campaign: Uuid,
    ids: &[Uuid],
    open: &(impl Fn(Uuid, &[u8]) -> Option<(Text, Vec<i64>)> + Sync),
) -> Result<Vec<Uuid>, WallError> {
    connection
        .transaction(async |connection| {
            // Whoever turns the wall off waits for this, and finds what comes of it.
            let on: Wall = diesel::sql_query("SELECT wall FROM campaigns WHERE id = $1 FOR SHARE")
                .bind::<SqlUuid, _>(campaign)
                .get_result(&mut *connection)
                .await?;
            if !on.wall {
                return Err(WallError::Off);
            }
            let rows: Vec<Candidate> = diesel::sql_query(concat!(
                "SELECT id, sealed_review, language, created_at FROM pledges WHERE campaign_id = $1 AND id = ANY($2) AND ",
                showable!(),
                " AND sealed_review IS NOT NULL ORDER BY id FOR NO KEY UPDATE"
            ))
            .bind::<SqlUuid, _>(campaign)
            .bind::<Array<SqlUuid>, _>(ids)
            .get_results(&mut *connection)
            .await?;
            let entries = rows.iter().filter_map(|row| Some((row.id, open(row.id, &row.sealed_review)?)));
            let approved = show(connection, campaign, entries.collect()).await?;
            if !approved.is_empty() {
                look(connection, who.id, approved.len()).await?;
                record(connection, who, campaign, "wall.approve", json!({ "pledges": approved })).await?;
            }
            Ok(approved)
        })
        .await
}

async fn show(
    connection: &mut Connection,
    campaign: Uuid,
    entries: Vec<(Uuid, (Text, Vec<i64>))>,
) -> Result<Vec<Uuid>, DbError> {
    let (ids, texts): (Vec<Uuid>, Vec<_>) = entries.into_iter().unzip();
    let (texts, words): (Vec<Text>, Vec<Vec<i64>>) = texts.into_iter().unzip();
    let words: Vec<(Uuid, Vec<i64>)> = ids.iter().copied().zip(words).collect();
    let (names, messages): (Vec<_>, Vec<_>) = texts.into_iter().map(|text| (text.name, text.message)).unzip();
    let shown: Vec<Of> = diesel::sql_query(
        "INSERT INTO wall_entries (pledge_id, campaign_id, token, state, name, message, day) \
         SELECT id, $1, gen_random_uuid(), 'shown', name, message, (now() AT TIME ZONE 'UTC')::date \
         FROM unnest($2, $3, $4) AS new (id, name, message) \
         ON CONFLICT (pledge_id) DO UPDATE SET state = 'shown', token = excluded.token, name = excluded.name, \
           message = excluded.message, day = excluded.day WHERE wall_entries.state <> 'shown' \
         RETURNING pledge_id",
    )
    .bind::<SqlUuid, _>(campaign)
    .bind::<Array<SqlUuid>, _>(ids)
    .bind::<Array<Nullable<SqlText>>, _>(names)
    .bind::<Array<Nullable<SqlText>>, _>(messages)
    .get_results(&mut *connection)
    .await?;
    let shown = ids_of(shown);
    let words = words.into_iter().filter(|(id, _)| shown.contains(id));
    let (ids, words): (Vec<Uuid>, Vec<i64>) =
        words.flat_map(|(id, words)| words.into_iter().map(move |word| (id, word))).unzip();
    diesel::sql_query(
        "INSERT INTO wall_words (campaign_id, pledge_id, word) SELECT $1, * FROM unnest($2, $3) ON CONFLICT DO NOTHING",
    )
    .bind::<SqlUuid, _>(campaign)
    .bind::<Array<SqlUuid>, _>(ids)
    .bind::<Array<BigInt>, _>(words)
    .execute(connection)
    .await?;
    Ok(shown)
}

/// Decides about those of the pledges that the decision can be about. Returns which they were.
///
/// # Errors
/// Those of the database; then nothing has changed.
pub async fn decide(
    connection: &mut Connection,
    who: &Who,
    campaign: Uuid,
    ids: &[Uuid],
    decision: Decision,
) -> Result<Vec<Uuid>, DbError> {
    let (action, reason, sql) = match decision {
        Decision::Decline(reason) => (
            "wall.decline",
            Some(reason),
            concat!(
                "WITH locked AS (SELECT id FROM pledges WHERE campaign_id = $1 AND id = ANY($2) AND ",
                showable!(),
                " ORDER BY id FOR NO KEY UPDATE) \
                 INSERT INTO wall_entries (pledge_id, campaign_id, token, state) \
                 SELECT id, $1, gen_random_uuid(), 'declined' FROM locked ON CONFLICT DO NOTHING RETURNING pledge_id"
            ),
        ),
        Decision::Hide(reason) => (
            "wall.hide",
            Some(reason),
            "WITH locked AS (SELECT id FROM pledges WHERE campaign_id = $1 AND id = ANY($2) ORDER BY id FOR NO KEY UPDATE) \
             UPDATE wall_entries SET state = 'hidden', name = NULL, message = NULL, day = NULL, reports = 0, reasons = '{}' \
             FROM locked WHERE pledge_id = locked.id AND state = 'shown' RETURNING pledge_id",
        ),
        Decision::Dismiss => (
            "wall.dismiss",
            None,
            "WITH locked AS (SELECT id FROM pledges WHERE campaign_id = $1 AND id = ANY($2) ORDER BY id FOR NO KEY UPDATE) \
             UPDATE wall_entries SET reports = 0, reasons = '{}' \
             FROM locked WHERE pledge_id = locked.id AND reports > 0 RETURNING pledge_id",
        ),
    };
    connection
        .transaction(async |connection| {
            let changed: Vec<Of> = diesel::sql_query(sql)
                .bind::<SqlUuid, _>(campaign)
                .bind::<Array<SqlUuid>, _>(ids)
                .get_results(&mut *connection)
                .await?;
            let changed = ids_of(changed);
            if !changed.is_empty() {
                let mut details = json!({ "pledges": changed });
                if let (Some(reason), Value::Object(details)) = (reason, &mut details) {
                    details.insert("reason".into(), reason.as_str().into());
                }
                record(connection, who, campaign, action, details).await?;
            }
            Ok(changed)
        })
        .await
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    pledge_id: Uuid,
    #[diesel(sql_type = SqlText)]
    state: String,
    #[diesel(sql_type = Nullable<SqlText>)]
    name: Option<String>,
    #[diesel(sql_type = Nullable<SqlText>)]
    message: Option<String>,
    #[diesel(sql_type = Nullable<Date>)]
    day: Option<NaiveDate>,
    #[diesel(sql_type = Integer)]
    reports: i32,
    #[diesel(sql_type = Array<SqlText>)]
    reasons: Vec<String>,
}

/// What was decided about pledges with smaller ids than `before`, newest first. `state`: only these; `reported`: only what was reported.
///
/// # Errors
/// Those of the database.
pub async fn decided(
    connection: &mut Connection,
    campaign: Uuid,
    (state, reported): (Option<State>, bool),
    (before, limit): (Option<Uuid>, u32),
) -> Result<Vec<Decided>, DbError> {
    let rows: Vec<Row> = diesel::sql_query(
        "SELECT pledge_id, state, name, message, day, reports, reasons FROM wall_entries \
         WHERE campaign_id = $1 AND pledge_id < $2 AND ($3 IS NULL OR state = $3) AND (NOT $4 OR reports > 0) \
         ORDER BY pledge_id DESC LIMIT $5",
    )
    .bind::<SqlUuid, _>(campaign)
    .bind::<SqlUuid, _>(before.unwrap_or(Uuid::max()))
    .bind::<Nullable<SqlText>, _>(state.map(State::as_str))
    .bind::<Bool, _>(reported)
    .bind::<BigInt, _>(i64::from(limit))
    .get_results(connection)
    .await?;
    let decided = |row: Row| {
        let state = State::parse(&row.state).ok_or(DbError::Defect("an entry of the wall can't be read"))?;
        let text = (state == State::Shown).then_some(Text { name: row.name, message: row.message });
        let reasons = row.reasons.iter().filter_map(|reason| Reason::parse(reason)).collect();
        Ok(Decided { id: row.pledge_id, state, text, day: row.day, reports: row.reports, reasons })
    };
    rows.into_iter().map(decided).collect()
}

#[derive(QueryableByName)]
struct Looked {
    #[diesel(sql_type = BigInt)]
    pledges: i64,
    #[diesel(sql_type = Double)]
    seconds: f64,
}

/// Counts names that an account has seen or approved. Belongs in the transaction, which must be rolled back when it fails.
async fn look(connection: &mut Connection, who: Uuid, count: usize) -> Result<(), WallError> {
    let looked: Looked = diesel::sql_query(
        "INSERT INTO wall_looks AS kept (moderator_id, day, pledges) VALUES ($1, (now() AT TIME ZONE 'UTC')::date, $2) \
         ON CONFLICT (moderator_id, day) DO UPDATE SET pledges = kept.pledges + excluded.pledges \
         RETURNING pledges, extract(epoch FROM date_trunc('day', now() AT TIME ZONE 'UTC') + interval '1 day' \
           - (now() AT TIME ZONE 'UTC'))::float8 AS seconds",
    )
    .bind::<SqlUuid, _>(who)
    .bind::<BigInt, _>(i64::try_from(count).unwrap_or(i64::MAX))
    .get_result(&mut *connection)
    .await?;
    if looked.pledges > NAMES_PER_DAY {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a day has 86,400 seconds")]
        return Err(WallError::Spent { seconds: looked.seconds as u32 });
    }
    let gone = "DELETE FROM wall_looks WHERE moderator_id = $1 AND day < (now() AT TIME ZONE 'UTC')::date - 30";
    diesel::sql_query(gone).bind::<SqlUuid, _>(who).execute(connection).await?;
    Ok(())
}

async fn record(
    connection: &mut Connection,
    who: &Who,
    campaign: Uuid,
    action: &'static str,
    details: Value,
) -> Result<(), DbError> {
    let entry = Entry { moderator: Some(who.id), campaign: Some(campaign), action, details };
    audit::store::record(connection, entry).await
}
