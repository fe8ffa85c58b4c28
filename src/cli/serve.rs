//! `pledges serve`.

use std::{fs::OpenOptions, io::Write, os::unix::fs::OpenOptionsExt};

use clap::Args;

use super::{campaign, demo::people, moderator, output::say, seed, session::Session};
use crate::{
    accounts::{self, Role},
    app::Service,
    campaigns::{self, State, settings::Confirmation},
    clock::Clock,
    config::{Mode, ServeSettings, Settings},
    db,
    gate::UNGATED,
    pledges::sealing::UNSEALED,
    tasks,
};

/// Run the service until it is told to stop (Ctrl-C or SIGTERM).
#[derive(Args)]
pub(super) struct Serve {
    #[command(flatten)]
    settings: ServeSettings,

    /// Make the demo campaign with 3,000 pledges and an admin, unless they are there. Development only.
    #[arg(long)]
    demo: bool,
}

/// Pledges that the demo campaign begins with.
const DEMO_PLEDGES: u32 = 3_000;

/// Login of the demo's admin.
const DEMO_ADMIN: &str = "admin";

pub(super) async fn run(settings: &Settings, serve: &Serve) -> anyhow::Result<()> {
    // First what can be told without a database.
    serve.settings.public_origin(settings.mode)?;
    settings.key_ring()?;
    serve.settings.mail.check(settings.mode)?;
    if (UNSEALED || UNGATED) && settings.mode == Mode::Production {
        anyhow::bail!("this was built for measuring, with what protects supporters left out");
    }
    if serve.demo && settings.mode == Mode::Production {
        anyhow::bail!("--demo makes up pledges and is for development only");
    }
    let session = Session::open_alone(settings).await?;
    let served = Box::pin(serve_on(&session, settings, serve)).await;
    session.close().await?;
    served
}

async fn serve_on(session: &Session, settings: &Settings, serve: &Serve) -> anyhow::Result<()> {
    if serve.demo {
        db::migrate(&session.database).await?;
        prepare_demo(session, settings).await?;
    }
    let service = Service::start(settings, &serve.settings, &session.url, Clock::System).await?;
    warn_of_settings(settings, &service);
    if settings.mode == Mode::Production {
        warn_of_roles(session).await?;
    }
    say(&format!("pledges is running at http://{} (Ctrl-C stops it)", service.address));
    let broken = tokio::select! {
        told = tasks::stop_signal() => {
            told?;
            false
        }
        () = service.broken() => true,
    };
    tracing::info!("stopping: requests under way are finished first");
    service.stop().await;
    if broken {
        anyhow::bail!("a part of the service has ended; start it again");
    }
    Ok(())
}

async fn warn_of_roles(session: &Session) -> anyhow::Result<()> {
    if db::roles::may_change_the_log(&mut session.database.open_direct().await?).await? {
        tracing::warn!(
            "the role of DATABASE_URL can change the audit log: whoever takes over the service can as well \
             (docs/operations.md, Two roles)"
        );
    }
    if session.database.has_owner() {
        tracing::warn!(
            "the running service has PLEDGES_OWNER_DATABASE_URL: whoever takes it over finds the owner's address there. Give it to \
             pledges migrate and pledges retention only (docs/operations.md, Two roles)"
        );
    }
    Ok(())
}

fn warn_of_settings(settings: &Settings, service: &Service) {
    if settings.mode == Mode::Development {
        tracing::warn!("development mode: the service made its own secrets. Set PLEDGES_MODE=production to go live");
        tracing::warn!(
            directory = %settings.var_dir.display(),
            "what supporters give is sealed for a key that lies in this directory, beside the database: it is protected \
             from nobody who gets at this machine"
        );
        return;
    }
    let unconfirmed =
        |campaign: &campaigns::Campaign| campaign.state == State::Open && campaign.confirmation == Confirmation::None;
    if service.handles.campaigns.all().iter().any(|campaign| unconfirmed(campaign)) {
        tracing::warn!(
            "pledges of an open campaign count without being confirmed by mail: whoever watches the total can tell whether an \
             address had pledged before (docs/architecture.md, rule 4)"
        );
    }
}

async fn prepare_demo(session: &Session, settings: &Settings) -> anyhow::Result<()> {
    if let Some(campaign) = campaign::add_demo(session, settings).await? {
        seed::fill(session, settings, &campaign, DEMO_PLEDGES, &people::Crowd::load()?).await?;
        let slug = &campaign.slug;
        say(&format!("made the demo campaign {slug} with {DEMO_PLEDGES} pledges"));
        say(&format!(
            "its pledges count at once; to have them confirmed by mail: pledges campaign set {slug} --confirmation email \
             (mails become files in {})",
            settings.var_dir.join("mail").display()
        ));
    }
    let mut connection = session.database.get().await?;
    if accounts::store::credentials(&mut connection, DEMO_ADMIN).await?.is_none() {
        let password = moderator::new_password()?;
        let hash = accounts::passwords::hash(&password)?;
        accounts::store::add(&mut connection, DEMO_ADMIN, Role::Admin, &hash, &[]).await?;
        let path = settings.var_dir.join("admin-password");
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path)?;
        writeln!(file, "{}", password.as_str())?;
        say(&format!(
            "made the admin {DEMO_ADMIN} with the password {} (kept in {})",
            password.as_str(),
            path.display()
        ));
    }
    Ok(())
}
