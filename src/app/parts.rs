//! Parts that take more than one line to make.

use std::time::Duration;

use secrecy::SecretString;

use super::StartError;
use crate::{
    accounts::Accounts,
    campaigns::Campaigns,
    clock::Clock,
    config::{Mode, ServeSettings, Settings},
    crypto::KeyRing,
    db::{self, Database},
    gate::{
        limits::Limits,
        proof::Proofs,
        source_tags::{SourceTagError, SourceTags},
    },
    logged,
    mail::Mailer,
    metrics::Metrics,
    partners::Partners,
    pledges::{challenge::Challenges, roots, rules::Rules},
    sealing::{
        Epochs,
        development::{self, DevelopmentIdentityError},
    },
    totals::Pace,
};

/// Keys for the records of pledges. In development campaigns without a recipient are sealed for one under the var directory.
///
/// # Errors
/// When that one can't be read or made.
pub fn epochs(settings: &Settings, database: Database, clock: Clock) -> Result<Epochs, DevelopmentIdentityError> {
    let fallback = match settings.mode {
        Mode::Development => {
            let made = clock.now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
            Some(development::recipient(&settings.var_dir, &made)?)
        }
        Mode::Production => None,
    };
    Ok(Epochs::new(database, clock, fallback))
}

/// What hands mails over: to the mail server of the settings, or in development to files under the var directory.
///
/// # Errors
/// When the settings are wrong, or TLS can't be used.
pub fn mailer(settings: &Settings, serve: &ServeSettings, origin: &str, clock: Clock) -> Result<Mailer, StartError> {
    let (mail, mode) = (&serve.mail, settings.mode);
    let (from, ring) = (mail.from(mode)?, settings.key_ring()?);
    Ok(match mail.relay(mode)? {
        Some(relay) => Mailer::smtp(&relay, from, origin, clock, &ring, mail.timeout())?,
        None => Mailer::files(&settings.var_dir, from, origin, clock, &ring),
    })
}

/// How often totals are looked at and re-read.
pub(super) fn pace(settings: &Settings, serve: &ServeSettings) -> Pace {
    Pace { look_every: Duration::from_millis(serve.look_every_ms), reread_every: serve.reread_every(settings.mode) }
}

/// The database, with its schema up to date and the root secrets that it needs.
pub(super) async fn opened(settings: &Settings, url: &SecretString, ring: &KeyRing) -> Result<Database, StartError> {
    let database = Database::new(url, settings.database_connections)?
        .with_direct(settings.direct_database_url.as_ref())
        .with_owner(settings.owner_database_url.as_ref());
    database.check_pooler().await?;
    for migration in db::migrate(&database).await? {
        tracing::info!(migration, "the schema was brought up to date");
    }
    roots::settle(&database, ring).await?;
    tracing::info!(key = %ring.current().id(), "the root secrets are checked; this one is current");
    Ok(database)
}

/// What is read from memory: campaigns and partners.
pub(super) async fn copies(database: &Database, mode: Mode, origin: &str) -> Result<(Campaigns, Partners), StartError> {
    let campaigns = Campaigns::new(database.clone());
    campaigns.renew().await?;
    let partners = Partners::new(database.clone(), mode, origin);
    partners.renew().await?;
    Ok((campaigns, partners))
}

/// Proofs of work, and who gives the challenges out.
pub(super) fn proofs(ring: &KeyRing, clock: &Clock, metrics: &Metrics) -> Result<(Proofs, Challenges), StartError> {
    let proofs = Proofs::new(ring, clock.clone(), metrics);
    Ok((proofs.clone(), Challenges::new(proofs, clock, metrics)?))
}

/// People who sign in, and how much may come from where.
pub(super) fn people(
    settings: &Settings,
    serve: &ServeSettings,
    database: &Database,
    ring: &KeyRing,
    clock: &Clock,
    origin: &str,
    metrics: &Metrics,
) -> Result<(Limits, Accounts), StartError> {
    let limits = Limits::new(&serve.gate, settings.mode, serve.logins_per_minute, clock.clone(), metrics);
    let accounts = Accounts::new(database.clone(), ring, clock.clone(), origin, limits.clone(), settings.mode)?;
    Ok((limits, accounts))
}

/// Blocks and allows, as they are now.
pub(super) async fn rules(database: &Database, ring: &KeyRing) -> Result<Rules, StartError> {
    let rules = Rules::new(database.clone(), ring);
    rules.renew().await?;
    Ok(rules)
}

/// Tags of sources, with the keys of today.
pub(super) async fn source_tags(database: &Database, ring: &KeyRing, clock: &Clock) -> Result<SourceTags, StartError> {
    let tags = SourceTags::new(database.clone(), ring, clock.clone());
    match tags.renew().await {
        // Of a root secret that isn't listed any more. Pledges have no tag until tomorrow's key is made: nobody is kept out for it.
        Err(SourceTagError::Crypto(error)) => {
            tracing::warn!(error = %logged::cause(error), "the key of today's source tags can't be opened");
        }
        renewed => renewed?,
    }
    Ok(tags)
}
