//! The shelf of rules.

use chrono::{DateTime, Utc};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, IntoSql, JoinOnDsl, NullableExpressionMethods, QueryDsl, Queryable,
    QueryableByName,
    dsl::{count_star, now, sql},
    expression::SqlLiteral,
    sql_types::{Array, BigInt, Bool, Bytea, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::{AsyncConnection, RunQueryDsl};
use serde_json::json;
use uuid::Uuid;

use crate::{
    accounts,
    audit::{self, Entry},
    db::{
        Connection, DbError,
        schema::{campaigns, gate_rules, moderators},
    },
    gate::rules::{Kind, MOST, Subject},
};

/// A rule as it is stored.
#[derive(Clone)]
pub struct Row {
    /// UUIDv7.
    pub id: Uuid,
    /// The campaign.
    pub campaign: Uuid,
    /// What it does.
    pub kind: Kind,
    /// What it looks at.
    pub subject: Subject,
    /// The rest, see [`super::Rules::opened`].
    pub sealed: Vec<u8>,
    /// Login of who made it; None: the operator.
    pub made_by: Option<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Until when it is in force.
    pub expires_at: DateTime<Utc>,
    /// Pledges that it decided, repeats too.
    pub hits: i64,
    /// When it last did.
    pub last_hit_at: Option<DateTime<Utc>>,
}

#[derive(Queryable)]
struct Stored {
    id: Uuid,
    campaign: Uuid,
    kind: String,
    subject: String,
    sealed: Vec<u8>,
    made_by: Option<String>,
    created_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    hits: i64,
    last_hit_at: Option<DateTime<Utc>>,
}

impl Stored {
    fn read(self) -> Result<Row, DbError> {
        let unknown = DbError::Defect("a rule's kind or subject can't be read");
        let (Some(kind), Some(subject)) = (Kind::parse(&self.kind), Subject::parse(&self.subject)) else {
            return Err(unknown);
        };
        Ok(Row {
            id: self.id,
            campaign: self.campaign,
            kind,
            subject,
            sealed: self.sealed,
            made_by: self.made_by,
            created_at: self.created_at,
            expires_at: self.expires_at,
            hits: self.hits,
            last_hit_at: self.last_hit_at,
        })
    }
}

/// Whether who made a rule may still have it.
fn keeps() -> String {
    accounts::store::keeps("gate_rules.made_by", "gate_rules.campaign_id", "gate_rules.created_at")
}

/// Whether a rule whose time isn't over is in force, with its maker joined. An allow is an open door: it doesn't outlive the rights of
/// whoever made it, and rests while their account is closed. Blocks stay, and what the operator made.
fn stands() -> SqlLiteral<Bool> {
    sql(&format!(
        "(gate_rules.kind = 'block' OR gate_rules.made_by IS NULL OR (moderators.disabled_at IS NULL AND {}))",
        keeps()
    ))
}

/// Rows in force, of one campaign or of all, oldest first.
async fn read(connection: &mut Connection, campaign: Option<Uuid>) -> Result<Vec<Row>, DbError> {
    let mut query = gate_rules::table
        .left_join(moderators::table.on(gate_rules::made_by.eq(moderators::id.nullable())))
        .filter(gate_rules::expires_at.gt(now))
        .filter(stands())
        .select((
            gate_rules::id,
            gate_rules::campaign_id,
            gate_rules::kind,
            gate_rules::subject,
            gate_rules::sealed,
            moderators::login.nullable(),
            gate_rules::created_at,
            gate_rules::expires_at,
            gate_rules::hits,
            gate_rules::last_hit_at,
        ))
        .order(gate_rules::id)
        .into_boxed();
    if let Some(campaign) = campaign {
        query = query.filter(gate_rules::campaign_id.eq(campaign));
    }
    let rows: Vec<Stored> = query.load(connection).await?;
    rows.into_iter().map(Stored::read).collect()
}

/// The rules of a campaign that are in force, oldest first.
///
/// # Errors
/// Those of the database.
pub async fn list(connection: &mut Connection, campaign: Uuid) -> Result<Vec<Row>, DbError> {
    read(connection, Some(campaign)).await
}

/// Every rule that is in force, in the order of the ids.
///
/// # Errors
/// Those of the database.
pub async fn all(connection: &mut Connection) -> Result<Vec<Row>, DbError> {
    read(connection, None).await
}

/// The ids of [`all`].
///
/// # Errors
/// Those of the database.
pub async fn ids(connection: &mut Connection) -> Result<Vec<Uuid>, DbError> {
    let all = gate_rules::table
        .left_join(moderators::table.on(gate_rules::made_by.eq(moderators::id.nullable())))
        .filter(gate_rules::expires_at.gt(now))
        .filter(stands())
        .order(gate_rules::id)
        .select(gate_rules::id);
    Ok(all.load(connection).await?)
}

/// A rule that is to be made.
pub struct NewRule {
    /// UUIDv7.
    pub id: Uuid,
    /// The campaign.
    pub campaign: Uuid,
    /// What it does.
    pub kind: Kind,
    /// What it looks at.
    pub subject: Subject,
    /// The rest, see [`super::Rules::seal`].
    pub sealed: Vec<u8>,
    /// Days for which it is in force; that of a source ends with the day (UTC), when its tag changes.
    pub days: i32,
}

#[derive(QueryableByName)]
struct Ends {
    #[diesel(sql_type = Timestamptz)]
    expires_at: DateTime<Utc>,
}

/// Makes a rule, and says whether there was room for it. `moderator`: who does it; None: the operator. The audit entry doesn't say what
/// it is held against: that may be somebody's name, and entries outlive rules.
///
/// # Errors
/// [`DbError::NotFound`] when there is no such campaign, and those of the database.
pub async fn add(connection: &mut Connection, new: &NewRule, moderator: Option<Uuid>) -> Result<bool, DbError> {
    connection
        .transaction(async |connection| {
            // One after the other, so that there are never too many.
            let campaign = campaigns::table.find(new.campaign).select(campaigns::id).for_no_key_update();
            campaign.first::<Uuid>(connection).await?;
            let there: i64 = gate_rules::table
                .left_join(moderators::table.on(gate_rules::made_by.eq(moderators::id.nullable())))
                .filter(gate_rules::campaign_id.eq(new.campaign).and(gate_rules::expires_at.gt(now)))
                .filter(stands())
                .select(count_star())
                .get_result(connection)
                .await?;
            if usize::try_from(there).is_ok_and(|there| there >= MOST) {
                return Ok(false);
            }
            let Ends { expires_at } = diesel::sql_query(
                "INSERT INTO gate_rules (id, campaign_id, kind, subject, sealed, made_by, expires_at) \
                 SELECT $1, $2, $3, $4, $5, $6, CASE WHEN $4 = 'source' \
                   THEN date_trunc('day', now(), 'UTC') + interval '24 hours' ELSE now() + $7 * interval '24 hours' END \
                 RETURNING expires_at",
            )
            .bind::<SqlUuid, _>(new.id)
            .bind::<SqlUuid, _>(new.campaign)
            .bind::<Text, _>(new.kind.as_str())
            .bind::<Text, _>(new.subject.as_str())
            .bind::<Bytea, _>(&new.sealed)
            .bind::<Nullable<SqlUuid>, _>(moderator)
            .bind::<Integer, _>(new.days)
            .get_result(connection)
            .await?;
            let details = json!({ "rule": new.id, "kind": new.kind, "subject": new.subject, "days": new.days,
                "expires_at": expires_at });
            let entry = Entry { moderator, campaign: Some(new.campaign), action: "rule.add", details };
            audit::store::record(connection, entry).await?;
            Ok(true)
        })
        .await
}

/// Deletes a rule that is in force.
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
            let rule = gate_rules::id.eq(id).and(gate_rules::campaign_id.eq(campaign));
            let rule = gate_rules::table.filter(rule.and(gate_rules::expires_at.gt(now)));
            let columns = (gate_rules::kind, gate_rules::subject, gate_rules::hits);
            let (kind, subject, hits): (String, String, i64) =
                diesel::delete(rule).returning(columns).get_result(connection).await?;
            let details = json!({ "rule": id, "kind": kind, "subject": subject, "hits": hits });
            let entry = Entry { moderator, campaign: Some(campaign), action: "rule.delete", details };
            audit::store::record(connection, entry).await
        })
        .await
}

/// An allow that is gone with the rights of its maker.
#[derive(QueryableByName)]
struct Lost {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    campaign_id: Uuid,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Text)]
    subject: String,
    #[diesel(sql_type = BigInt)]
    hits: i64,
}

/// Deletes rules that have ended, those of campaigns whose retention has, and allows whose makers may not have them any more: it is not
/// known for ever that an account was reset.
///
/// # Errors
/// Those of the database; then nothing has changed.
pub async fn forget(connection: &mut Connection) -> Result<(), DbError> {
    connection
        .transaction(async |connection| {
            let ended = campaigns::table.filter(campaigns::salt.is_null()).select(campaigns::id);
            let over = gate_rules::expires_at.le(now.into_sql::<Timestamptz>());
            let over = over.or(gate_rules::campaign_id.eq_any(ended));
            diesel::delete(gate_rules::table.filter(over)).execute(connection).await?;
            let lost: Vec<Lost> = diesel::sql_query(format!(
                "DELETE FROM gate_rules WHERE kind = 'allow' AND made_by IS NOT NULL AND NOT {} \
                 RETURNING id, campaign_id, kind, subject, hits",
                keeps()
            ))
            .get_results(connection)
            .await?;
            for Lost { id, campaign_id, kind, subject, hits } in lost {
                let details = json!({ "rule": id, "kind": kind, "subject": subject, "hits": hits, "why": "account" });
                let entry = Entry { moderator: None, campaign: Some(campaign_id), action: "rule.delete", details };
                audit::store::record(connection, entry).await?;
            }
            Ok(())
        })
        .await
}

/// Adds to how often rules decided. Those that are gone are left out.
///
/// # Errors
/// Those of the database.
pub async fn add_hits(connection: &mut Connection, hits: &[(Uuid, i64)]) -> Result<(), DbError> {
    diesel::sql_query(
        "WITH given AS (SELECT * FROM unnest($1, $2) AS given (rule, amount)), \
         locked AS (SELECT id, amount FROM gate_rules JOIN given ON rule = id ORDER BY id FOR UPDATE OF gate_rules) \
         UPDATE gate_rules SET hits = hits + amount, last_hit_at = now() FROM locked WHERE gate_rules.id = locked.id",
    )
    .bind::<Array<SqlUuid>, _>(hits.iter().map(|(rule, _)| *rule).collect::<Vec<_>>())
    .bind::<Array<BigInt>, _>(hits.iter().map(|(_, amount)| *amount).collect::<Vec<_>>())
    .execute(connection)
    .await?;
    Ok(())
}

#[derive(QueryableByName)]
struct Sealed {
    #[diesel(sql_type = Bytea)]
    key_id: Vec<u8>,
    #[diesel(sql_type = BigInt)]
    rules: i64,
}

/// How many rules there are, searches that are kept alive too, by key id, which stands behind the first byte of what is sealed.
///
/// # Errors
/// Those of the database.
pub async fn rules_by_key(connection: &mut Connection) -> Result<Vec<(Vec<u8>, i64)>, DbError> {
    let rows: Vec<Sealed> = diesel::sql_query(
        "SELECT substring(sealed FROM 2 FOR 4) AS key_id, count(*) AS rules FROM (SELECT sealed, expires_at FROM gate_rules \
           UNION ALL SELECT sealed, expires_at FROM search_rules) AS all_rules WHERE expires_at > now() GROUP BY 1",
    )
    .get_results(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (row.key_id, row.rules)).collect())
}
