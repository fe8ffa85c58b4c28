//! The shelf of the deltas.

use chrono::{DateTime, Utc};
use diesel::{
    QueryableByName,
    sql_types::{Array, BigInt, Bool, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{ByMinute, Sums};
use crate::{
    country::Country,
    db::{Connection, DbError, Prepared},
    totals::shown::Changes,
};

/// A row of `pledges` whose being counted has changed, as a statement returns it.
#[derive(QueryableByName)]
pub struct CountedRow {
    /// Where from.
    #[diesel(sql_type = Text)]
    pub country: String,
    /// The partner whose site it came from.
    #[diesel(sql_type = Nullable<SqlUuid>)]
    pub partner_id: Option<Uuid>,
    /// When it was counted first.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub counted_at: Option<DateTime<Utc>>,
    /// Whether its mailbox confirmed it.
    #[diesel(sql_type = Bool)]
    pub confirmed: bool,
}

/// Appends deltas. Belongs in the transaction that changes the rows.
///
/// # Errors
/// Those of the database.
pub async fn append(mut connection: &Connection, campaign: Uuid, changes: &ByMinute) -> Result<(), DbError> {
    enum Append {}
    if changes.is_empty() {
        return Ok(());
    }
    let deltas: Vec<Value> = changes
        .iter()
        .map(|(minute, changes)| {
            let countries = changes.countries.iter().filter(|(_, amount)| **amount != 0);
            let partners = changes.partners.iter().filter(|(_, amount)| **amount != 0);
            let (countries, amounts): (Vec<String>, Vec<i64>) =
                countries.map(|(country, amount)| (country.to_string(), *amount)).unzip();
            let (partners, partner_amounts): (Vec<Uuid>, Vec<i64>) =
                partners.map(|(id, amount)| (*id, *amount)).unzip();
            json!({ "minute": minute, "countries": countries, "amounts": amounts, "partners": partners,
                "partner_amounts": partner_amounts, "confirmed": changes.confirmed })
        })
        .collect();
    // One text and one value, however many: so it is prepared once.
    Prepared::<Append>::new(
        "INSERT INTO count_deltas (campaign_id, minute, countries, amounts, partners, partner_amounts, confirmed) \
         SELECT $1, minute, countries, amounts, partners, partner_amounts, confirmed FROM jsonb_to_recordset($2) AS deltas \
           (minute timestamptz, countries text[], amounts bigint[], partners uuid[], partner_amounts bigint[], confirmed bigint)",
    )
    .bind::<SqlUuid, _>(campaign)
    .bind::<Jsonb, _>(Value::Array(deltas))
    .execute(&mut connection)
    .await?;
    Ok(())
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Nullable<Timestamptz>)]
    minute: Option<DateTime<Utc>>,
    #[diesel(sql_type = Array<Text>)]
    countries: Vec<String>,
    #[diesel(sql_type = Array<BigInt>)]
    amounts: Vec<i64>,
    #[diesel(sql_type = Array<SqlUuid>)]
    partners: Vec<Uuid>,
    #[diesel(sql_type = Array<BigInt>)]
    partner_amounts: Vec<i64>,
    #[diesel(sql_type = BigInt)]
    confirmed: i64,
}

fn sum(deltas: &[Row]) -> Sums {
    let mut sums = Sums::default();
    for delta in deltas {
        for (country, amount) in delta.countries.iter().zip(&delta.amounts) {
            sums.add(delta.minute, country.parse().unwrap_or(Country::WITHHELD), *amount);
        }
        for (partner, amount) in delta.partners.iter().zip(&delta.partner_amounts) {
            *sums.partners.entry(*partner).or_default() += amount;
        }
        sums.confirmed += delta.confirmed;
    }
    sums
}

/// Takes deltas of the campaign `$1` away, of transactions from `$2` on, the `$3` oldest.
///
/// They are all up to the last of them, and not joined with the list of them: a plan that expects few compares each with each.
/// And they are found by their transactions: along their ids lie all that were taken, until they are vacuumed.
pub const TAKE: &str = "DELETE FROM count_deltas WHERE campaign_id = $1 AND xact >= $2 AND id + 0 <= (SELECT max(id) FROM \
     (SELECT id FROM count_deltas WHERE campaign_id = $1 AND xact >= $2 ORDER BY id + 0 LIMIT $3) AS first) \
     RETURNING minute, countries, amounts, partners, partner_amounts, confirmed";

/// Takes up to `limit` of a campaign's deltas away, oldest first, and how many it took. Those of transactions below `floor`
/// are gone already.
///
/// # Errors
/// Those of the database.
pub async fn take(connection: &mut Connection, campaign: Uuid, floor: i64, limit: i64) -> Result<(Sums, i64), DbError> {
    let deltas: Vec<Row> = diesel::sql_query(TAKE)
        .bind::<SqlUuid, _>(campaign)
        .bind::<BigInt, _>(floor)
        .bind::<BigInt, _>(limit)
        .get_results(connection)
        .await?;
    Ok((sum(&deltas), i64::try_from(deltas.len()).unwrap_or(i64::MAX)))
}

/// A campaign's deltas that are not folded yet.
///
/// # Errors
/// Those of the database.
pub async fn unfolded(connection: &mut Connection, campaign: Uuid) -> Result<Sums, DbError> {
    let deltas: Vec<Row> = diesel::sql_query(
        "SELECT minute, countries, amounts, partners, partner_amounts, confirmed FROM count_deltas WHERE campaign_id = $1",
    )
    .bind::<SqlUuid, _>(campaign)
    .get_results(connection)
    .await?;
    Ok(sum(&deltas))
}

#[derive(QueryableByName)]
struct Exact {
    #[diesel(sql_type = Text)]
    country: String,
    #[diesel(sql_type = BigInt)]
    counted: i64,
}

/// A campaign's exact counts by country: stored totals and deltas in one snapshot.
///
/// # Errors
/// Those of the database.
pub async fn exact(connection: &mut Connection, campaign: Uuid) -> Result<Changes, DbError> {
    let rows: Vec<Exact> = diesel::sql_query(
        "SELECT country, sum(counted)::bigint AS counted FROM ( \
           SELECT country, counted FROM country_totals WHERE campaign_id = $1 \
           UNION ALL SELECT change.country, change.amount FROM count_deltas, \
             unnest(countries, amounts) AS change (country, amount) WHERE campaign_id = $1) AS parts GROUP BY country",
    )
    .bind::<SqlUuid, _>(campaign)
    .get_results(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (row.country.parse().unwrap_or(Country::WITHHELD), row.counted)).collect())
}
