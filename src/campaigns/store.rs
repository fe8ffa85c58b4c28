//! The shelf of campaigns.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use diesel::{ExpressionMethods, Insertable, QueryDsl, Queryable, Selectable, SelectableHelper};
use diesel_async::{AsyncConnection, RunQueryDsl};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Campaign, State,
    change::Change,
    held_default::HeldDefault,
    recipients,
    settings::{
        Ask, Confirmation, Consent, Controller, Erasure, Fields, NewCampaign, ProofRule, Retention, Texts, is_slug,
    },
    switches::Switched,
};
use crate::{
    audit::{self, Entry},
    crypto::KeyId,
    db::{Connection, DbError, schema::campaigns},
    totals,
};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = campaigns, check_for_backend(diesel::pg::Pg))]
struct Row {
    id: Uuid,
    slug: String,
    state: String,
    default_language: String,
    texts: Value,
    goal: Option<i64>,
    name_field: String,
    email_field: String,
    message_field: String,
    consents: Value,
    controller_name: Option<String>,
    controller_contact: Option<String>,
    threshold: i32,
    mailbox_rules: i16,
    salt: Option<Vec<u8>>,
    #[diesel(skip_insertion)]
    created_at: DateTime<Utc>,
    publish_every_ms: i32,
    fingerprint_key_id: Option<Vec<u8>>,
    review_days: i32,
    record_days: i32,
    erasure: String,
    /// A trigger sets it with the state.
    #[diesel(skip_insertion)]
    closed_at: Option<DateTime<Utc>>,
    #[diesel(skip_insertion)]
    salt_destroyed_at: Option<DateTime<Utc>>,
    confirmation: String,
    mail_texts: Value,
    proof: String,
    hold_at: i16,
    test_of: Option<Uuid>,
    held_default: String,
    publish_partners: bool,
    wall: bool,
}

impl TryFrom<Row> for Campaign {
    type Error = DbError;

    fn try_from(row: Row) -> Result<Self, DbError> {
        let unreadable = || DbError::Defect("a campaign's settings can't be read");
        let ask = |text: &str| Ask::parse(text).ok_or_else(unreadable);
        let texts: BTreeMap<String, Texts> = serde_json::from_value(row.texts).map_err(|_| unreadable())?;
        let consents: Vec<Consent> = serde_json::from_value(row.consents).map_err(|_| unreadable())?;
        let fields =
            Fields { name: ask(&row.name_field)?, email: ask(&row.email_field)?, message: ask(&row.message_field)? };
        let fingerprint_key = row.fingerprint_key_id.map(|id| KeyId::from_bytes(&id).ok_or_else(unreadable));
        let controller = row.controller_name.zip(row.controller_contact);
        Ok(Self {
            id: row.id,
            slug: row.slug,
            state: State::parse(&row.state).ok_or_else(unreadable)?,
            default_language: row.default_language,
            texts,
            goal: row.goal,
            fields,
            confirmation: Confirmation::parse(&row.confirmation).ok_or_else(unreadable)?,
            proof: ProofRule::parse(&row.proof).ok_or_else(unreadable)?,
            hold_at: row.hold_at,
            consents,
            controller: controller.map(|(name, contact)| Controller { name, contact }),
            threshold: row.threshold,
            mailbox_rules: row.mailbox_rules,
            salt: row.salt,
            fingerprint_key: fingerprint_key.transpose()?,
            created_at: row.created_at,
            publish_every_ms: row.publish_every_ms,
            recipients: Vec::new(),
            retention: Retention {
                review_days: row.review_days,
                record_days: row.record_days,
                erasure: Erasure::parse(&row.erasure).ok_or_else(unreadable)?,
                held_default: HeldDefault::parse(&row.held_default).ok_or_else(unreadable)?,
            },
            closed_at: row.closed_at,
            salt_destroyed_at: row.salt_destroyed_at,
            mail_texts: serde_json::from_value(row.mail_texts).map_err(|_| unreadable())?,
            test_of: row.test_of,
            publish_partners: row.publish_partners,
            wall: row.wall,
            switched: Switched::default(),
        })
    }
}

/// Every campaign, by slug.
///
/// # Errors
/// Those of the database.
pub async fn list(connection: &mut Connection) -> Result<Vec<Campaign>, DbError> {
    let mut all = with_trials(connection).await?;
    all.retain(|campaign| campaign.test_of.is_none());
    Ok(all)
}

/// The same with the places of their trials, which are campaigns too ([`Campaign::trials`]).
///
/// # Errors
/// Those of the database.
pub async fn with_trials(connection: &mut Connection) -> Result<Vec<Campaign>, DbError> {
    let rows = campaigns::table.select(Row::as_select()).order(campaigns::slug).load(connection).await?;
    let mut all: Vec<Campaign> = rows.into_iter().map(Campaign::try_from).collect::<Result<_, _>>()?;
    let mut recipients: HashMap<Uuid, Vec<_>> = HashMap::new();
    for (audience, recipient) in recipients::store::in_force(connection).await? {
        recipients.entry(audience.campaign).or_default().push((audience, recipient));
    }
    for campaign in &mut all {
        campaign.recipients = recipients.remove(&campaign.id).unwrap_or_default();
    }
    Ok(all)
}

/// A campaign by slug, drafts too.
///
/// # Errors
/// [`DbError::NotFound`], and those of the database.
pub async fn find(connection: &mut Connection, slug: &str) -> Result<Campaign, DbError> {
    // Anything may stand in an address; PostgreSQL doesn't even take a NUL to look for.
    is_slug(slug).map_err(|_| DbError::NotFound)?;
    let found = campaigns::table.filter(campaigns::slug.eq(slug)).filter(campaigns::test_of.is_null());
    let row = found.select(Row::as_select()).first(connection).await?;
    let mut campaign: Campaign = row.try_into()?;
    let recipients = recipients::store::in_force(connection).await?;
    campaign.recipients = recipients.into_iter().filter(|(audience, _)| audience.campaign == campaign.id).collect();
    Ok(campaign)
}

/// Adds a campaign as a draft, with its totals. Its fingerprints come from the root secret with the id `root` for ever.
///
/// # Errors
/// [`DbError::Constraint`] when the slug is taken.
pub async fn add(
    connection: &mut Connection,
    new: &NewCampaign,
    mailbox_rules: i16,
    salt: &[u8; 32],
    root: KeyId,
) -> Result<Uuid, DbError> {
    let id = Uuid::now_v7();
    let unwritable = |_| DbError::Defect("a campaign's settings can't be written");
    let row = Row {
        id,
        slug: new.slug.clone(),
        state: State::Draft.as_str().into(),
        default_language: new.default_language.clone(),
        texts: serde_json::to_value(&new.texts).map_err(unwritable)?,
        goal: new.goal,
        name_field: new.fields.name.as_str().into(),
        email_field: new.fields.email.as_str().into(),
        message_field: new.fields.message.as_str().into(),
        consents: serde_json::to_value(&new.consents).map_err(unwritable)?,
        controller_name: new.controller.as_ref().map(|controller| controller.name.clone()),
        controller_contact: new.controller.as_ref().map(|controller| controller.contact.clone()),
        threshold: new.threshold,
        mailbox_rules,
        salt: Some(salt.to_vec()),
        created_at: DateTime::UNIX_EPOCH,
        publish_every_ms: new.publish_every_ms,
        fingerprint_key_id: Some(root.as_bytes().to_vec()),
        review_days: new.review_days,
        record_days: new.record_days,
        erasure: new.erasure.as_str().into(),
        closed_at: None,
        salt_destroyed_at: None,
        confirmation: new.confirmation.as_str().into(),
        mail_texts: serde_json::to_value(&new.mail_texts).map_err(unwritable)?,
        proof: new.proof.as_str().into(),
        hold_at: new.hold_at,
        test_of: None,
        held_default: new.held_default.as_str().into(),
        publish_partners: new.publish_partners,
        wall: new.wall,
    };
    connection
        .transaction(async |connection| {
            diesel::insert_into(campaigns::table).values(&row).execute(connection).await?;
            totals::store::create(connection, id).await?;
            let what = json!({ "slug": new.slug, "mail_texts": new.mail_texts.0.keys().collect::<Vec<_>>() });
            record(connection, id, "campaign.add", what).await
        })
        .await?;
    Ok(id)
}

/// Says from which root secret the fingerprints of a campaign come that doesn't know it yet.
///
/// # Errors
/// Those of the database.
pub async fn set_fingerprint_key(connection: &mut Connection, campaign: Uuid, root: KeyId) -> Result<(), DbError> {
    diesel::update(campaigns::table.find(campaign).filter(campaigns::fingerprint_key_id.is_null()))
        .set(campaigns::fingerprint_key_id.eq(root.as_bytes().as_slice()))
        .execute(connection)
        .await?;
    Ok(())
}

/// Makes a place for the trials of a campaign's partners, unless there is one. It has a salt of its own, and takes the
/// settings of the campaign as they are at each moment ([`Campaign::trials`]).
///
/// # Errors
/// Those of the database.
pub async fn add_trials(connection: &mut Connection, campaign: Uuid, salt: &[u8; 32]) -> Result<(), DbError> {
    let id = Uuid::now_v7();
    connection
        .transaction(async |connection| {
            let row: Row = campaigns::table.find(campaign).select(Row::as_select()).first(connection).await?;
            let slug = format!("test-{}", id.simple());
            let state = State::Draft.as_str().to_owned();
            let (salt, test_of) = (Some(salt.to_vec()), Some(campaign));
            let row = Row { id, slug, state, salt, goal: None, wall: false, test_of, ..row };
            let added = diesel::insert_into(campaigns::table)
                .values(&row)
                .on_conflict(campaigns::test_of)
                .do_nothing()
                .execute(connection)
                .await?;
            if added == 1 {
                totals::store::create(connection, id).await?;
            }
            Ok(())
        })
        .await
}

/// Writes a campaign's changed settings and makes a new version of its totals. `read` is the campaign as it was before they were changed,
/// `what` is for the audit log.
///
/// # Errors
/// [`DbError::Conflict`] when an organiser has changed one meanwhile, which would be undone; and those of the database.
pub async fn update(
    connection: &mut Connection,
    read: &Campaign,
    campaign: &Campaign,
    what: Value,
) -> Result<(), DbError> {
    let unwritable = |_| DbError::Defect("a campaign's settings can't be written");
    let texts = serde_json::to_value(&campaign.texts).map_err(unwritable)?;
    let consents = serde_json::to_value(&campaign.consents).map_err(unwritable)?;
    let mail_texts = serde_json::to_value(&campaign.mail_texts).map_err(unwritable)?;
    connection
        .transaction(async |connection| {
            // Whoever folds may be adding rows that refer to this one: that must not wait for us, who wait for the fold below.
            let row = campaigns::table.find(campaign.id).select(Row::as_select()).for_no_key_update();
            let before: Campaign = row.first(connection).await?.try_into()?;
            if Change::of(&before) != Change::of(read) {
                return Err(DbError::Conflict);
            }
            diesel::update(campaigns::table.find(campaign.id))
                .set((
                    campaigns::state.eq(campaign.state.as_str()),
                    campaigns::texts.eq(texts),
                    campaigns::consents.eq(consents),
                    campaigns::goal.eq(campaign.goal),
                    campaigns::name_field.eq(campaign.fields.name.as_str()),
                    campaigns::email_field.eq(campaign.fields.email.as_str()),
                    campaigns::message_field.eq(campaign.fields.message.as_str()),
                    campaigns::controller_name.eq(campaign.controller.as_ref().map(|controller| &controller.name)),
                    campaigns::controller_contact
                        .eq(campaign.controller.as_ref().map(|controller| &controller.contact)),
                    campaigns::threshold.eq(campaign.threshold),
                    campaigns::publish_every_ms.eq(campaign.publish_every_ms),
                    campaigns::review_days.eq(campaign.retention.review_days),
                    campaigns::record_days.eq(campaign.retention.record_days),
                    campaigns::erasure.eq(campaign.retention.erasure.as_str()),
                    campaigns::confirmation.eq(campaign.confirmation.as_str()),
                    campaigns::mail_texts.eq(mail_texts),
                    campaigns::proof.eq(campaign.proof.as_str()),
                    campaigns::hold_at.eq(campaign.hold_at),
                    campaigns::held_default.eq(campaign.retention.held_default.as_str()),
                    campaigns::publish_partners.eq(campaign.publish_partners),
                    campaigns::wall.eq(campaign.wall),
                ))
                .execute(connection)
                .await?;
            hold_trials_at(connection, campaign.id, campaign.hold_at).await?;
            totals::store::settings_changed(connection, campaign.id, before.threshold != campaign.threshold).await?;
            record(connection, campaign.id, "campaign.set", what).await
        })
        .await
}

/// Changes settings of a campaign for a moderator, puts on record what they were and why, and gives the campaign as it is then. What
/// it has already is no change; where nothing else is wanted, nothing is put on record.
///
/// # Errors
/// [`DbError::NotFound`], and those of the database.
pub async fn change(
    connection: &mut Connection,
    campaign: Uuid,
    wanted: Change,
    moderator: Uuid,
    note: &str,
) -> Result<Campaign, DbError> {
    connection
        .transaction(async |connection| {
            // As `update`; another change waits here, and what is on record as before was so until this one.
            let row = campaigns::table.find(campaign).select(Row::as_select()).for_no_key_update();
            let read: Campaign = row.first(connection).await?.try_into()?;
            let (to, before) = wanted.against(&read);
            if to == Change::default() {
                return Ok(read);
            }
            let row: Row = diesel::update(campaigns::table.find(campaign))
                .set((
                    to.goal.map(|goal| campaigns::goal.eq((goal > 0).then_some(goal))),
                    to.hold_at.map(|score| campaigns::hold_at.eq(score)),
                    to.proof.map(|proof| campaigns::proof.eq(proof.as_str())),
                    to.publish_partners.map(|published| campaigns::publish_partners.eq(published)),
                ))
                .returning(Row::as_returning())
                .get_result(connection)
                .await?;
            if let Some(score) = to.hold_at {
                hold_trials_at(connection, campaign, score).await?;
            }
            totals::store::settings_changed(connection, campaign, false).await?;
            let details = json!({ "before": before, "after": to, "note": note });
            let (moderator, campaign) = (Some(moderator), Some(campaign));
            let entry = Entry { moderator, campaign, action: "campaign.set", details };
            audit::store::record(connection, entry).await?;
            row.try_into()
        })
        .await
}

/// Confirmations of trials read it in their row.
async fn hold_trials_at(connection: &mut Connection, campaign: Uuid, score: i16) -> Result<(), DbError> {
    let trials = campaigns::table.filter(campaigns::test_of.eq(campaign));
    diesel::update(trials).set(campaigns::hold_at.eq(score)).execute(connection).await?;
    Ok(())
}

async fn record(
    connection: &mut Connection,
    campaign: Uuid,
    action: &'static str,
    details: Value,
) -> Result<(), DbError> {
    audit::store::record(connection, Entry { moderator: None, campaign: Some(campaign), action, details }).await
}
