//! The shelf of the keys of source tags.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, QueryableByName, insert_into,
    sql_types::{BigInt, Binary, Date, Timestamptz},
};
use diesel_async::{AsyncConnection, RunQueryDsl, SimpleAsyncConnection};

use crate::db::{Connection, DbError, schema::source_tag_keys};

/// Hours after which no key may be there any more.
pub const MOST_HOURS: u32 = 48;

/// The sealed key of a day: `offered`, unless there is one.
///
/// # Errors
/// Those of the database.
pub async fn offer(connection: &mut Connection, day: NaiveDate, offered: &[u8]) -> Result<Vec<u8>, DbError> {
    insert_into(source_tag_keys::table)
        .values((source_tag_keys::day.eq(day), source_tag_keys::sealed.eq(offered)))
        .on_conflict_do_nothing()
        .execute(connection)
        .await?;
    let sealed = source_tag_keys::table.find(day).select(source_tag_keys::sealed).first(connection).await.optional()?;
    sealed.ok_or(DbError::NotFound)
}

/// Destroys the keys of days before `first_kept`, and any that is two days old by the database's clock. A deleted row would stay
/// in its file: the table gets a new one, with what is left. Whoever dumps the database just then is waited for shortly, and
/// the next time again.
///
/// # Errors
/// Those of the database.
pub async fn destroy(connection: &mut Connection, first_kept: NaiveDate) -> Result<(), DbError> {
    let due = "day < $1 OR made_at < now() - interval '47 hours'";
    let count = diesel::sql_query(format!("SELECT count(*) FROM source_tag_keys WHERE {due}"));
    if count.bind::<Date, _>(first_kept).get_result::<Count>(connection).await?.count == 0 {
        return Ok(());
    }
    connection
        .transaction(async |connection| {
            connection.batch_execute("SET LOCAL lock_timeout = '2s'; LOCK TABLE source_tag_keys").await?;
            let keep = format!("SELECT day, sealed, made_at FROM source_tag_keys WHERE NOT ({due})");
            let kept: Vec<Row> = diesel::sql_query(keep).bind::<Date, _>(first_kept).get_results(connection).await?;
            connection.batch_execute("TRUNCATE source_tag_keys").await?;
            for row in kept {
                let key = (
                    source_tag_keys::day.eq(row.day),
                    source_tag_keys::sealed.eq(row.sealed),
                    source_tag_keys::made_at.eq(row.made_at),
                );
                insert_into(source_tag_keys::table).values(key).execute(connection).await?;
            }
            Ok(())
        })
        .await
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Date)]
    day: NaiveDate,
    #[diesel(sql_type = Binary)]
    sealed: Vec<u8>,
    #[diesel(sql_type = Timestamptz)]
    made_at: DateTime<Utc>,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// Keys that should have been destroyed.
///
/// # Errors
/// Those of the database.
pub async fn overdue(connection: &mut Connection) -> Result<i64, DbError> {
    let query = format!("SELECT count(*) FROM source_tag_keys WHERE made_at < now() - interval '{MOST_HOURS} hours'");
    Ok(diesel::sql_query(query).get_result::<Count>(connection).await?.count)
}
