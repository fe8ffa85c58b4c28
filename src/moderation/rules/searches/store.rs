//! The shelf of searches that are kept alive.

use chrono::{DateTime, Utc};
use diesel::{
    ExpressionMethods, QueryDsl, QueryableByName,
    dsl::{count_star, now},
    sql_types::{Array, BigInt, Bool, Bytea, Integer, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::{AsyncConnection, RunQueryDsl};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Effect, MOST,
    told::{self, Untold},
};
use crate::{
    accounts,
    audit::{self, Entry},
    db::{
        Connection, DbError, Prepared,
        schema::{campaigns, search_rules},
    },
    moderation::{removals::Reason, search::filler},
};

/// A rule as it is stored.
pub struct Row {
    /// UUIDv7.
    pub id: Uuid,
    /// The campaign.
    pub campaign: Uuid,
    /// What becomes of what fits.
    pub effect: Effect,
    /// Why, as a category.
    pub reason: Reason,
    /// The rest, see [`super::open`].
    pub sealed: Vec<u8>,
    /// Who made it.
    pub maker: Uuid,
    /// Their login.
    pub made_by: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Until when it is in force.
    pub expires_at: DateTime<Utc>,
    /// Pledges that it held or removed.
    pub hits: i64,
    /// When it last did.
    pub last_hit_at: Option<DateTime<Utc>>,
    /// What the log hasn't been told of that.
    pub untold: Untold,
    /// Whether it may be told again.
    pub tells: bool,
}

#[derive(QueryableByName)]
struct Stored {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    campaign_id: Uuid,
    #[diesel(sql_type = Text)]
    effect: String,
    #[diesel(sql_type = Text)]
    reason: String,
    #[diesel(sql_type = Bytea)]
    sealed: Vec<u8>,
    #[diesel(sql_type = SqlUuid)]
    maker: Uuid,
    #[diesel(sql_type = Text)]
    made_by: String,
    #[diesel(sql_type = Timestamptz)]
    created_at: DateTime<Utc>,
    #[diesel(sql_type = Timestamptz)]
    expires_at: DateTime<Utc>,
    #[diesel(sql_type = BigInt)]
    hits: i64,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    last_hit_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Jsonb>)]
    untold: Option<Value>,
    #[diesel(sql_type = Bool)]
    tells: bool,
}

impl Stored {
    fn read(self) -> Result<Row, DbError> {
        let effect = Effect::parse(&self.effect).ok_or(DbError::Defect("what a rule does can't be read"))?;
        Ok(Row {
            id: self.id,
            campaign: self.campaign_id,
            effect,
            reason: Reason::parse(&self.reason).unwrap_or(Reason::Other),
            sealed: self.sealed,
            maker: self.maker,
            made_by: self.made_by,
            created_at: self.created_at,
            expires_at: self.expires_at,
            hits: self.hits,
            last_hit_at: self.last_hit_at,
            untold: Untold::read(self.untold),
            tells: self.tells,
        })
    }
}

const SELECT: &str = "SELECT search_rules.id, campaign_id, effect, reason, sealed, made_by AS maker, login AS made_by, \
     search_rules.created_at, expires_at, hits, last_hit_at, untold, \
     coalesce(told_at <= now() - interval '1 minute', true) AS tells FROM search_rules JOIN moderators ON moderators.id = made_by \
     WHERE campaign_id = $1 AND expires_at > now()";

/// The rules of a campaign that have not ended, oldest first.
///
/// # Errors
/// Those of the database.
pub async fn list(connection: &mut Connection, campaign: Uuid) -> Result<Vec<Row>, DbError> {
    let rows: Vec<Stored> = diesel::sql_query(format!("{SELECT} ORDER BY search_rules.id"))
        .bind::<SqlUuid, _>(campaign)
        .get_results(connection)
        .await?;
    rows.into_iter().map(Stored::read).collect()
}

/// Whether the maker of a rule may still have it.
fn keeps() -> String {
    accounts::store::keeps("search_rules.made_by", "search_rules.campaign_id", "search_rules.created_at")
}

/// Those that are in force, locked until the end of the transaction: what removes before what holds. The rules of an account that was
/// closed are not, nor those of one that doesn't see the campaign any more or was reset, and those of a campaign whose retention has ended.
///
/// # Errors
/// Those of the database.
pub(super) async fn in_force(connection: &mut Connection, campaign: Uuid) -> Result<Vec<Row>, DbError> {
    let sql = format!(
        "{SELECT} AND disabled_at IS NULL AND {} \
           AND EXISTS (SELECT FROM campaigns WHERE campaigns.id = campaign_id AND salt IS NOT NULL) \
         ORDER BY effect DESC, search_rules.id FOR NO KEY UPDATE OF search_rules",
        keeps()
    );
    let rows: Vec<Stored> = diesel::sql_query(sql).bind::<SqlUuid, _>(campaign).get_results(connection).await?;
    rows.into_iter().map(Stored::read).collect()
}

/// A rule that is to be made.
pub struct NewRule {
    /// UUIDv7.
    pub id: Uuid,
    /// The campaign.
    pub campaign: Uuid,
    /// What becomes of what fits.
    pub effect: Effect,
    /// Why, as a category.
    pub reason: Reason,
    /// The rest, see [`super::seal`].
    pub sealed: Vec<u8>,
    /// Days for which it is in force.
    pub days: i32,
    /// Whether it ends with the day (UTC) whatever is said: it looks for a source, whose tag changes then.
    pub ends_today: bool,
    /// What it looks for, as the log is told: names and tags are left out, because entries outlive rules.
    pub told: Value,
    /// The session, when it looks for somebody by name: its hits tell whether they pledge, so that is on record like a search.
    pub of_somebody: Option<Uuid>,
}

#[derive(QueryableByName)]
struct Ends {
    #[diesel(sql_type = Timestamptz)]
    expires_at: DateTime<Utc>,
}

/// Makes a rule, and says whether there was room for it.
///
/// # Errors
/// [`DbError::NotFound`] when there is no such campaign, and those of the database.
pub async fn add(connection: &mut Connection, new: &NewRule, moderator: Uuid) -> Result<bool, DbError> {
    connection
        .transaction(async |connection| {
            // One after the other, so that there are never too many.
            let campaign = campaigns::table.find(new.campaign).select(campaigns::id).for_no_key_update();
            campaign.first::<Uuid>(&mut *connection).await?;
            let there = search_rules::table
                .filter(search_rules::campaign_id.eq(new.campaign))
                .filter(search_rules::expires_at.gt(now))
                .select(count_star());
            if there.get_result::<i64>(&mut *connection).await? >= MOST {
                return Ok(false);
            }
            // Whatever the filler takes in from here on, it takes in when the rule is seen.
            filler::store::lock(connection).await?;
            let Ends { expires_at } = diesel::sql_query(
                "INSERT INTO search_rules (id, campaign_id, effect, reason, sealed, made_by, created_at, expires_at) \
                 SELECT $1, $2, $3, $4, $5, $6, at, least(at + $7 * interval '24 hours', \
                   CASE WHEN $8 THEN date_trunc('day', at, 'UTC') + interval '24 hours' END) \
                 FROM (SELECT clock_timestamp() AS at) AS moment RETURNING expires_at",
            )
            .bind::<SqlUuid, _>(new.id)
            .bind::<SqlUuid, _>(new.campaign)
            .bind::<Text, _>(new.effect.as_str())
            .bind::<Text, _>(new.reason.as_str())
            .bind::<Bytea, _>(&new.sealed)
            .bind::<SqlUuid, _>(moderator)
            .bind::<Integer, _>(new.days)
            .bind::<Bool, _>(new.ends_today)
            .get_result(&mut *connection)
            .await?;
            let mut told = Vec::new();
            if let Some(session) = new.of_somebody {
                told.push(("pledge.search_name", json!({ "session": session, "rule": new.id })));
            }
            let details = json!({ "rule": new.id, "kind": new.effect.as_str(), "subject": "search", "reason": new.reason,
                "search": new.told, "days": new.days, "expires_at": expires_at });
            told.push(("rule.add", details));
            let entry = |(action, details)| Entry {
                moderator: Some(moderator),
                campaign: Some(new.campaign),
                action,
                details,
            };
            record_all(connection, told.into_iter().map(entry).collect()).await?;
            Ok(true)
        })
        .await
}

/// A rule that is gone.
#[derive(QueryableByName)]
struct Ended {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    campaign_id: Uuid,
    #[diesel(sql_type = Text)]
    effect: String,
    #[diesel(sql_type = Text)]
    reason: String,
    #[diesel(sql_type = BigInt)]
    hits: i64,
    #[diesel(sql_type = Nullable<Jsonb>)]
    untold: Option<Value>,
}

/// The columns of one.
const ENDED: &str = "search_rules.id, search_rules.campaign_id, effect, search_rules.reason, hits, untold";

impl Ended {
    /// What the log wasn't told while it was there.
    fn untold(&mut self) -> Vec<Entry> {
        let reason = Reason::parse(&self.reason).unwrap_or(Reason::Other);
        Untold::read(self.untold.take()).entries(self.id, self.campaign_id, reason)
    }

    /// The same, and that somebody deleted it, with whatever else is to be said of that.
    fn deleted(mut self, moderator: Option<Uuid>, why: Option<(&str, Value)>) -> Vec<Entry> {
        let mut entries = self.untold();
        let mut details = json!({ "rule": self.id, "kind": self.effect, "subject": "search", "hits": self.hits });
        if let (Some((field, value)), Value::Object(details)) = (why, &mut details) {
            details.insert(field.to_owned(), value);
        }
        entries.push(Entry { moderator, campaign: Some(self.campaign_id), action: "rule.delete", details });
        entries
    }
}

async fn record_all(connection: &mut Connection, entries: Vec<Entry>) -> Result<(), DbError> {
    for entry in entries {
        audit::store::record(connection, entry).await?;
    }
    Ok(())
}

/// Deletes a rule that has not ended. `moderator`: who does it; None: the operator.
///
/// # Errors
/// [`DbError::NotFound`], and those of the database.
pub async fn delete(
    connection: &mut Connection,
    campaign: Uuid,
    id: Uuid,
    moderator: Option<Uuid>,
) -> Result<(), DbError> {
    connection
        .transaction(async |connection| {
            let ended: Ended = diesel::sql_query(format!(
                "DELETE FROM search_rules WHERE id = $1 AND campaign_id = $2 AND expires_at > now() RETURNING {ENDED}"
            ))
            .bind::<SqlUuid, _>(id)
            .bind::<SqlUuid, _>(campaign)
            .get_result(&mut *connection)
            .await?;
            record_all(connection, ended.deleted(moderator, None)).await
        })
        .await
}

/// Ends the rule that made a removal, if one did and it is still there. Belongs in the transaction of its undo, before the removal is
/// locked: whoever applies the rule locks it in that order too. That transaction ends with the entries that are returned.
///
/// # Errors
/// Those of the database.
pub async fn end_of_removal(
    connection: &mut Connection,
    campaign: Uuid,
    removal: Uuid,
    moderator: Uuid,
) -> Result<Vec<Entry>, DbError> {
    let ended: Vec<Ended> = diesel::sql_query(format!(
        "DELETE FROM search_rules USING removals WHERE removals.id = $1 AND removals.campaign_id = $2 \
           AND search_rules.id = rule_id RETURNING {ENDED}"
    ))
    .bind::<SqlUuid, _>(removal)
    .bind::<SqlUuid, _>(campaign)
    .get_results(&mut *connection)
    .await?;
    Ok(ended.into_iter().flat_map(|ended| ended.deleted(Some(moderator), Some(("undone", json!(removal))))).collect())
}

/// Deletes rules that have ended, those of campaigns whose retention has, those whose makers may not have them any more, and what was
/// kept of pledges for their sake. False: somebody applies rules, and nothing was deleted.
///
/// # Errors
/// Those of the database; then nothing has changed.
pub async fn forget(connection: &mut Connection) -> Result<bool, DbError> {
    connection
        .transaction(async |connection| {
            if !told::store::try_lock(connection).await? {
                return Ok(false);
            }
            let ended: Vec<Ended> = diesel::sql_query(format!(
                "DELETE FROM search_rules WHERE expires_at <= now() \
                   OR campaign_id IN (SELECT id FROM campaigns WHERE salt IS NULL) RETURNING {ENDED}"
            ))
            .get_results(&mut *connection)
            .await?;
            let without: Vec<Ended> =
                diesel::sql_query(format!("DELETE FROM search_rules WHERE NOT {} RETURNING {ENDED}", keeps()))
                    .get_results(&mut *connection)
                    .await?;
            diesel::sql_query(
                "DELETE FROM pledges_put_back WHERE until <= now() \
                   OR campaign_id IN (SELECT id FROM campaigns WHERE salt IS NULL)",
            )
            .execute(&mut *connection)
            .await?;
            let ended = ended.into_iter().flat_map(|mut ended| ended.untold());
            let without = without.into_iter().flat_map(|ended| ended.deleted(None, Some(("why", json!("account")))));
            record_all(connection, ended.chain(without).collect()).await?;
            Ok(true)
        })
        .await
}

/// Has the rules held against pledges that are taken into the search. Belongs in that transaction. Where a campaign has no rules, no row
/// is looked at; what came before all of them is left out.
///
/// # Errors
/// Those of the database.
pub async fn queue(connection: &mut Connection, campaign: Uuid, ids: &[Uuid]) -> Result<(), DbError> {
    enum Queue {}
    Prepared::<Queue>::new(
        "INSERT INTO search_rule_pledges (campaign_id, pledge_id) SELECT campaign_id, id FROM pledges \
         WHERE EXISTS (SELECT FROM search_rules WHERE campaign_id = $1 AND expires_at > now()) AND campaign_id = $1 \
           AND id = ANY($2) AND state IN ('awaiting', 'held', 'counted') \
           AND created_at >= (SELECT min(created_at) FROM search_rules WHERE campaign_id = $1 AND expires_at > now())",
    )
    .bind::<SqlUuid, _>(campaign)
    .bind::<Array<SqlUuid>, _>(ids)
    .execute(connection)
    .await?;
    Ok(())
}
