//! The shelf of partners.

use std::{collections::HashMap, time::Duration};

use chrono::{DateTime, Utc};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, IntoSql, NullableExpressionMethods, OptionalExtension, QueryDsl,
    Queryable, QueryableByName, Selectable, SelectableHelper,
    dsl::{IntervalDsl, now},
    sql_types::{BigInt, Double, Jsonb, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::{AsyncConnection, RunQueryDsl};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Lane, Partner, TrialMailbox, keys, origins::OriginPattern};
use crate::{
    audit::{self, Entry},
    crypto::CryptoError,
    db::{Connection, DbError, schema::partners},
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = partners, check_for_backend(diesel::pg::Pg))]
struct Row {
    id: Uuid,
    campaign_id: Uuid,
    name: String,
    origins: Vec<Option<String>>,
    site_key: String,
    test_site_key: String,
    secret_hash: Option<Vec<u8>>,
    old_secret_hash: Option<Vec<u8>>,
    old_secret_until: Option<DateTime<Utc>>,
    test_secret_hash: Option<Vec<u8>>,
    per_minute: i32,
    created_at: DateTime<Utc>,
    disabled_at: Option<DateTime<Utc>>,
    trial_mailbox: Option<Vec<u8>>,
    trial_mailbox_verified_at: Option<DateTime<Utc>>,
}

/// Pledges by state, as a partner is told.
#[derive(QueryableByName)]
pub struct States {
    /// By the name of the state.
    #[diesel(sql_type = Jsonb)]
    pub states: Value,
    /// When they were counted.
    #[diesel(sql_type = Timestamptz)]
    pub states_at: DateTime<Utc>,
}

/// Hashes of the secret keys that are good now, and what each is good for.
pub type Secrets = Vec<([u8; 32], Lane)>;

impl Row {
    fn read(self) -> Result<(Partner, Secrets), DbError> {
        // Whether http is allowed was decided when it was written.
        let origin = |text: Option<String>| text.and_then(|text| OriginPattern::parse(&text, true).ok());
        let origins: Option<Vec<_>> = self.origins.into_iter().map(origin).collect();
        let kept = [
            (&self.secret_hash, Lane::Live),
            (&self.old_secret_hash, Lane::Live),
            (&self.test_secret_hash, Lane::Test),
        ];
        let secrets = kept.into_iter().filter_map(|(hash, lane)| Some((hash.as_deref()?.try_into().ok()?, lane)));
        let secrets = secrets.collect();
        let partner = Partner {
            id: self.id,
            campaign: self.campaign_id,
            name: self.name,
            origins: origins.ok_or(DbError::Defect("a partner's origins can't be read"))?,
            site_key: self.site_key,
            test_site_key: self.test_site_key,
            has_secret: self.secret_hash.is_some(),
            has_test_secret: self.test_secret_hash.is_some(),
            old_secret_until: self.old_secret_until,
            per_minute: self.per_minute,
            created_at: self.created_at,
            disabled_at: self.disabled_at,
            trial_mailbox: self
                .trial_mailbox
                .map(|sealed| TrialMailbox { sealed, verified_at: self.trial_mailbox_verified_at }),
        };
        Ok((partner, secrets))
    }
}

/// Every partner of every campaign, with the secrets that are good now.
///
/// # Errors
/// Those of the database.
pub async fn all(connection: &mut Connection) -> Result<Vec<(Partner, Secrets)>, DbError> {
    let is_over = partners::old_secret_until.le(now);
    let rows: Vec<(Row, Option<bool>)> =
        partners::table.select((Row::as_select(), is_over)).order(partners::id).load(connection).await?;
    let good = |(row, is_over): (Row, Option<bool>)| match is_over {
        Some(true) => Row { old_secret_hash: None, ..row },
        _ => row,
    };
    rows.into_iter().map(good).map(Row::read).collect()
}

#[derive(QueryableByName)]
struct Pause {
    #[diesel(sql_type = SqlUuid)]
    partner_id: Uuid,
    #[diesel(sql_type = Timestamptz)]
    ends_at: DateTime<Utc>,
    #[diesel(sql_type = Double)]
    rest: f64,
}

/// Partners of which nothing is taken for a while: a switch.
const PAUSED: &str = "SELECT partner_id, ends_at, extract(epoch FROM ends_at - now())::float8 AS rest FROM campaign_switches \
     WHERE switch = 'pause_partner' AND off_at IS NULL AND ends_at > now()";

/// Partners of which nothing is taken for a while, and for how long from now.
///
/// # Errors
/// Those of the database.
pub async fn pauses(connection: &mut Connection) -> Result<Vec<(Uuid, Duration)>, DbError> {
    let rows: Vec<Pause> = diesel::sql_query(PAUSED).get_results(connection).await?;
    let rest = |rest: f64| Duration::try_from_secs_f64(rest).unwrap_or_default();
    Ok(rows.into_iter().map(|row| (row.partner_id, rest(row.rest))).collect())
}

/// Those of a campaign, and until when.
///
/// # Errors
/// Those of the database.
pub async fn paused_until(
    connection: &mut Connection,
    campaign: Uuid,
) -> Result<HashMap<Uuid, DateTime<Utc>>, DbError> {
    let paused = diesel::sql_query(format!("{PAUSED} AND campaign_id = $1")).bind::<SqlUuid, _>(campaign);
    let rows: Vec<Pause> = paused.get_results(connection).await?;
    Ok(rows.into_iter().map(|row| (row.partner_id, row.ends_at)).collect())
}

/// Forgets secrets whose time is over.
///
/// # Errors
/// Those of the database.
pub async fn forget_old_secrets(connection: &mut Connection) -> Result<(), DbError> {
    diesel::update(partners::table.filter(partners::old_secret_until.le(now)))
        .set((partners::old_secret_hash.eq(None::<Vec<u8>>), partners::old_secret_until.eq(None::<DateTime<Utc>>)))
        .execute(connection)
        .await?;
    Ok(())
}

/// The partners of a campaign, oldest first.
///
/// # Errors
/// Those of the database.
pub async fn list(connection: &mut Connection, campaign: Uuid) -> Result<Vec<Partner>, DbError> {
    let rows = partners::table
        .filter(partners::campaign_id.eq(campaign))
        .select(Row::as_select())
        .order(partners::id)
        .load(connection)
        .await?;
    rows.into_iter().map(|row| row.read().map(|(partner, _)| partner)).collect()
}

/// Their ids and names, by name.
///
/// # Errors
/// Those of the database.
pub async fn names(connection: &mut Connection, campaign: Uuid) -> Result<Vec<(Uuid, String)>, DbError> {
    let of_campaign = partners::table.filter(partners::campaign_id.eq(campaign));
    let names = of_campaign.order((partners::name, partners::id)).select((partners::id, partners::name));
    Ok(names.load(connection).await?)
}

/// A partner of a campaign.
///
/// # Errors
/// [`DbError::NotFound`], and those of the database.
pub async fn find(connection: &mut Connection, campaign: Uuid, id: Uuid) -> Result<Partner, DbError> {
    let row = partners::table
        .filter(partners::id.eq(id).and(partners::campaign_id.eq(campaign)))
        .select(Row::as_select())
        .first(connection)
        .await?;
    row.read().map(|(partner, _)| partner)
}

/// A partner that is to be added.
#[derive(Clone, Debug)]
pub struct NewPartner {
    /// The campaign.
    pub campaign: Uuid,
    /// 1 to 200 characters.
    pub name: String,
    /// Where its pages are.
    pub origins: Vec<OriginPattern>,
    /// Public key.
    pub site_key: String,
    /// Public key for trials.
    pub test_site_key: String,
    /// Pledges that its server may post in a minute.
    pub per_minute: i32,
}

impl NewPartner {
    /// With keys of its own.
    ///
    /// # Errors
    /// [`CryptoError::NoRandomness`].
    pub fn new(
        campaign: Uuid,
        name: String,
        origins: Vec<OriginPattern>,
        per_minute: i32,
    ) -> Result<Self, CryptoError> {
        let (site_key, test_site_key) = (keys::new_site_key(Lane::Live)?, keys::new_site_key(Lane::Test)?);
        Ok(Self { campaign, name, origins, site_key, test_site_key, per_minute })
    }
}

/// Adds a partner. `moderator`: who does it; None: the operator.
///
/// # Errors
/// Those of the database.
pub async fn add(connection: &mut Connection, new: &NewPartner, moderator: Option<Uuid>) -> Result<Uuid, DbError> {
    let id = Uuid::now_v7();
    let origins: Vec<String> = new.origins.iter().map(ToString::to_string).collect();
    let details = json!({ "partner": id, "name": new.name, "origins": origins });
    connection
        .transaction(async |connection| {
            diesel::insert_into(partners::table)
                .values((
                    partners::id.eq(id),
                    partners::campaign_id.eq(new.campaign),
                    partners::name.eq(&new.name),
                    partners::origins.eq(&origins),
                    partners::site_key.eq(&new.site_key),
                    partners::test_site_key.eq(&new.test_site_key),
                    partners::per_minute.eq(new.per_minute),
                ))
                .execute(connection)
                .await?;
            record(connection, new.campaign, moderator, "partner.add", details).await
        })
        .await?;
    Ok(id)
}

/// What is changed of a partner; what is None stays.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// Its name.
    pub name: Option<String>,
    /// Where its pages are.
    pub origins: Option<Vec<OriginPattern>>,
    /// Pledges that its server may post in a minute.
    pub per_minute: Option<i32>,
    /// Whether anything is taken from it.
    pub disabled: Option<bool>,
}

/// Changes a partner.
///
/// # Errors
/// [`DbError::NotFound`], and those of the database.
pub async fn change(
    connection: &mut Connection,
    campaign: Uuid,
    id: Uuid,
    change: &Change,
    moderator: Option<Uuid>,
) -> Result<Partner, DbError> {
    let origins: Option<Vec<String>> =
        change.origins.as_ref().map(|origins| origins.iter().map(ToString::to_string).collect());
    let details = json!({
        "partner": id, "name": change.name, "origins": origins, "per_minute": change.per_minute, "disabled": change.disabled,
    });
    connection
        .transaction(async |connection| {
            let partner = partners::table.filter(partners::id.eq(id).and(partners::campaign_id.eq(campaign)));
            partner.select(partners::id).for_update().first::<Uuid>(connection).await?;
            diesel::update(partners::table.find(id))
                .set((
                    // So that there is always something to set.
                    partners::campaign_id.eq(campaign),
                    change.name.as_ref().map(|name| partners::name.eq(name)),
                    origins.as_ref().map(|origins| partners::origins.eq(origins)),
                    change.per_minute.map(|per_minute| partners::per_minute.eq(per_minute)),
                    change
                        .disabled
                        .and_then(|disabled| (!disabled).then(|| partners::disabled_at.eq(None::<DateTime<Utc>>))),
                ))
                .execute(connection)
                .await?;
            if change.disabled == Some(true) {
                let able = partners::table.find(id).filter(partners::disabled_at.is_null());
                diesel::update(able).set(partners::disabled_at.eq(now)).execute(connection).await?;
            }
            record(connection, campaign, moderator, "partner.set", details).await?;
            find(connection, campaign, id).await
        })
        .await
}

/// Gives a partner a new secret key, by its hash. The live one before stays good for `grace_hours`.
///
/// # Errors
/// [`DbError::NotFound`], and those of the database.
pub async fn rotate(
    connection: &mut Connection,
    campaign: Uuid,
    id: Uuid,
    (hash, lane): ([u8; 32], Lane),
    grace_hours: i32,
    moderator: Option<Uuid>,
) -> Result<(), DbError> {
    let details = json!({ "partner": id, "test": lane == Lane::Test, "grace_hours": grace_hours });
    connection
        .transaction(async |connection| {
            let partner = partners::table.filter(partners::id.eq(id).and(partners::campaign_id.eq(campaign)));
            let before =
                partner.select(partners::secret_hash).for_update().first::<Option<Vec<u8>>>(connection).await?;
            let target = diesel::update(partners::table.find(id));
            match (lane, before.filter(|_| grace_hours > 0)) {
                (Lane::Test, _) => {
                    target.set(partners::test_secret_hash.eq(hash.as_slice())).execute(connection).await?
                }
                (Lane::Live, None) => {
                    let none = (
                        partners::old_secret_hash.eq(None::<Vec<u8>>),
                        partners::old_secret_until.eq(None::<DateTime<Utc>>),
                    );
                    target.set((partners::secret_hash.eq(hash.as_slice()), none)).execute(connection).await?
                }
                (Lane::Live, Some(old)) => {
                    let old = (
                        partners::old_secret_hash.eq(old),
                        partners::old_secret_until.eq((now.into_sql::<Timestamptz>() + grace_hours.hours()).nullable()),
                    );
                    target.set((partners::secret_hash.eq(hash.as_slice()), old)).execute(connection).await?
                }
            };
            record(connection, campaign, moderator, "partner.rotate_key", details).await
        })
        .await
}

/// How many pledges of a partner are in which state, rounded down to multiples of `step`: as they were counted within the last
/// hour, so that nobody sees what one pledge did.
///
/// # Errors
/// Those of the database.
pub async fn states(connection: &mut Connection, partner: Uuid, step: i64) -> Result<States, DbError> {
    let counted: Option<States> = diesel::sql_query(
        "UPDATE partners SET states_at = now(), states = ( \
           SELECT coalesce(jsonb_object_agg(state, amount - amount % $2), '{}') FROM ( \
             SELECT state, count(*) AS amount FROM pledges WHERE partner_id = $1 AND pledges.campaign_id = partners.campaign_id \
               AND state <> 'counted' GROUP BY state \
             UNION ALL SELECT 'counted', counted FROM partner_totals \
               WHERE partner_totals.campaign_id = partners.campaign_id AND partner_id = $1) AS of_state WHERE amount >= $2) \
         WHERE id = $1 AND states_at < now() - interval '1 hour' RETURNING states, states_at",
    )
    .bind::<SqlUuid, _>(partner)
    .bind::<BigInt, _>(step)
    .get_result(connection)
    .await
    .optional()?;
    if let Some(counted) = counted {
        return Ok(counted);
    }
    let stored = diesel::sql_query("SELECT states, states_at FROM partners WHERE id = $1");
    Ok(stored.bind::<SqlUuid, _>(partner).get_result(connection).await?)
}

pub(super) async fn record(
    connection: &mut Connection,
    campaign: Uuid,
    moderator: Option<Uuid>,
    action: &'static str,
    details: Value,
) -> Result<(), DbError> {
    audit::store::record(connection, Entry { moderator, campaign: Some(campaign), action, details }).await
}
