//! The shelf of the check: the chain as it is stored. Queries are written out so that `details` comes byte for byte.

use chrono::{DateTime, Utc};
use diesel::{
    OptionalExtension, QueryableByName,
    sql_types::{BigInt, Bytea, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::{
    audit::chain::Link,
    db::{Connection, DbError},
};

/// A number and its hash.
#[derive(Clone, Debug, QueryableByName)]
pub struct Place {
    /// The number.
    #[diesel(sql_type = BigInt)]
    pub number: i64,
    /// The hash, 32 bytes.
    #[diesel(sql_type = Bytea)]
    pub hash: Vec<u8>,
}

/// What was dropped after its time.
#[derive(Clone, Debug)]
pub struct Dropped {
    /// The last of it.
    pub last: Option<Place>,
    /// How many entries.
    pub entries: i64,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = BigInt)]
    number: i64,
    #[diesel(sql_type = Timestamptz)]
    at: DateTime<Utc>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    moderator_id: Option<Uuid>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    campaign_id: Option<Uuid>,
    #[diesel(sql_type = Text)]
    action: String,
    #[diesel(sql_type = Text)]
    details: String,
    #[diesel(sql_type = Bytea)]
    previous: Vec<u8>,
    #[diesel(sql_type = Bytea)]
    hash: Vec<u8>,
}

impl From<Row> for Link {
    fn from(row: Row) -> Self {
        let Row { number, at, moderator_id, campaign_id, action, details, previous, hash } = row;
        Self { number, at, moderator_id, campaign_id, action, details, previous, hash }
    }
}

const LINKS: &str =
    "SELECT number, at, moderator_id, campaign_id, action, details::text AS details, previous, hash FROM audit_log";

/// The end of the log.
///
/// # Errors
/// Those of the database.
pub async fn head(connection: &mut Connection) -> Result<Place, DbError> {
    Ok(diesel::sql_query("SELECT number, hash FROM audit_head").get_result(connection).await?)
}

/// What the checkpoints say.
///
/// # Errors
/// Those of the database.
pub async fn dropped(connection: &mut Connection) -> Result<Dropped, DbError> {
    #[derive(QueryableByName)]
    struct Sum {
        #[diesel(sql_type = BigInt)]
        entries: i64,
    }
    let last = diesel::sql_query("SELECT number, hash FROM audit_checkpoints ORDER BY number DESC LIMIT 1");
    let last = last.get_result(&mut *connection).await.optional()?;
    let sum = diesel::sql_query("SELECT coalesce(sum(entries), 0)::bigint AS entries FROM audit_checkpoints");
    let Sum { entries } = sum.get_result(connection).await?;
    Ok(Dropped { last, entries })
}

/// The checkpoint of a number.
///
/// # Errors
/// Those of the database.
pub async fn checkpoint(connection: &mut Connection, number: i64) -> Result<Option<Place>, DbError> {
    let found = diesel::sql_query("SELECT number, hash FROM audit_checkpoints WHERE number = $1 LIMIT 1");
    Ok(found.bind::<BigInt, _>(number).get_result(connection).await.optional()?)
}

/// The entry of a number.
///
/// # Errors
/// Those of the database.
pub async fn one(connection: &mut Connection, number: i64) -> Result<Option<Link>, DbError> {
    let found = diesel::sql_query(format!("{LINKS} WHERE number = $1 ORDER BY at LIMIT 1"));
    let found: Option<Row> = found.bind::<BigInt, _>(number).get_result(connection).await.optional()?;
    Ok(found.map(Link::from))
}

/// Up to `limit` entries behind the one with this number and time, in order. Without a time: behind all with the number.
///
/// # Errors
/// Those of the database.
pub async fn after(
    connection: &mut Connection,
    number: i64,
    at: Option<DateTime<Utc>>,
    limit: i64,
) -> Result<Vec<Link>, DbError> {
    // The first condition is the one that the index takes.
    let found = diesel::sql_query(format!(
        "{LINKS} WHERE number >= $1 AND (number > $1 OR at > $2) ORDER BY number, at LIMIT $3"
    ));
    let found = found.bind::<BigInt, _>(number).bind::<Nullable<Timestamptz>, _>(at).bind::<BigInt, _>(limit);
    let found: Vec<Row> = found.get_results(connection).await?;
    Ok(found.into_iter().map(Link::from).collect())
}
