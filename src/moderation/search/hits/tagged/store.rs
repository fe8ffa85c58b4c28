//! The shelf of tagged hits.

use uuid::Uuid;

use super::super::{
    super::Search,
    store::{Span, Terms, Way, beside, counting, ids},
};
use crate::db::{Connection, DbError};

/// Rows that fit, along the index of a tag, as `FROM …`. Tags of sources are alike in all campaigns; the index knows the chunk too, so that
/// where nothing else is asked for no row is read. In a `CASE`, or the planner would read the ids of all these chunks, or take them for few and
/// sort all that the tag has instead of walking to the end of a page.
fn from_tags(search: &Search, terms: &Terms, span: Span) -> String {
    let (terms, beside, campaign) = (terms.conditions(Way::Ids), beside(search, span), search.campaign);
    format!(
        "pledge_search WHERE true{beside}{terms} AND CASE WHEN chunk = ANY(ARRAY(SELECT number FROM search_chunks \
           WHERE campaign_id = '{campaign}')) THEN true END"
    )
}

/// Hits by their tags, newest first.
///
/// # Errors
/// Those of the database.
pub async fn by_tags(
    connection: &mut Connection,
    search: &Search,
    terms: &Terms,
    span: Span,
    limit: usize,
) -> Result<Vec<Uuid>, DbError> {
    let from = from_tags(search, terms, span);
    ids(connection, search, &format!("SELECT id FROM {from} ORDER BY id DESC LIMIT {limit}")).await
}

/// How many hits there are by their tags, up to `limit`.
///
/// # Errors
/// Those of the database.
pub async fn count(
    connection: &mut Connection,
    search: &Search,
    terms: &Terms,
    span: Span,
    limit: i64,
) -> Result<i64, DbError> {
    counting(connection, search, &from_tags(search, terms, span), limit).await
}

/// The hit behind `number` newer ones; None: there are no more than these.
///
/// # Errors
/// Those of the database.
pub async fn behind(
    connection: &mut Connection,
    search: &Search,
    terms: &Terms,
    span: Span,
    number: i64,
) -> Result<Option<Uuid>, DbError> {
    let sql = format!("SELECT id FROM {} ORDER BY id DESC OFFSET {number} LIMIT 1", from_tags(search, terms, span));
    Ok(ids(connection, search, &sql).await?.pop())
}
