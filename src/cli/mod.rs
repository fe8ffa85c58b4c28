//! The command line: one file per command. `serve` runs the service; the others work on its database, also while it
//! runs; `open` and `keygen` need neither.

mod alert;
mod audit;
mod campaign;
pub mod demo;
mod doctor;
mod export;
mod input;
mod keygen;
mod keys;
mod mail;
mod moderator;
mod moment;
mod open;
mod output;
mod partner;
mod person;
mod privacy;
mod progress;
mod recipient;
mod retention;
mod rule;
mod seed;
mod serve;
mod session;
mod switch;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::{app, config::Settings, db, ops::logging};

use output::say;
use session::Session;

/// Collects pledges for campaigns: counted once, by country, live, and leaked to nobody.
///
/// Without DATABASE_URL every command uses the private PostgreSQL in the var directory.
#[derive(Parser)]
#[command(version, max_term_width = 110, arg_required_else_help = true)]
struct Cli {
    #[command(flatten)]
    settings: Settings,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the service.
    Serve(serve::Serve),
    /// Bring the schema up to date (serve does it too).
    Migrate,
    /// People who sign in.
    #[command(subcommand)]
    Moderator(moderator::Moderator),
    /// Campaigns.
    #[command(subcommand)]
    Campaign(campaign::Campaign),
    /// Who can open what supporters give.
    #[command(subcommand)]
    Recipient(recipient::RecipientCommand),
    /// Organisations whose sites collect pledges.
    #[command(subcommand)]
    Partner(partner::PartnerCommand),
    /// Blocks and allows: what is held whatever its score, and what isn't.
    #[command(subcommand)]
    Rule(rule::RuleCommand),
    /// Who is written to when something stands out among the pledges.
    #[command(subcommand)]
    Alert(alert::AlertCommand),
    /// What is turned on for a campaign under attack.
    #[command(subcommand)]
    Switch(switch::SwitchCommand),
    /// Root secrets: which there are, what needs them, and new ones.
    #[command(subcommand)]
    Keys(keys::Keys),
    /// Mails that couldn't be sent.
    #[command(subcommand)]
    Mail(mail::Mail),
    /// Recount everything; exit status 1 when a counter differs from the rows.
    Doctor(doctor::Doctor),
    /// Write the list of a campaign's supporters as a sealed bundle.
    ///
    /// `pledges open` opens it, on a machine that has the identity. It is on record, and names what is gone since the last.
    Export(export::Export),
    /// Open a sealed bundle and write the list of supporters.
    ///
    /// Works where the identity is: no service, database, settings or connection is needed. Only those with a number in the
    /// column `updates` may be written to: see --updates-only. Exit status 1 when anything in the bundle is damaged, missing or
    /// does not open; the rest is written.
    Open(open::Open),
    /// Make a pair of keys for the organiser or a partner.
    ///
    /// What is sealed to the public one opens with the other, the identity. Whoever loses the identity can't open the list, and
    /// nobody can help; whoever else gets it can. Keys of `age-keygen` do as well.
    Keygen(keygen::Keygen),
    /// Clear what is past its retention limit, or say what would go.
    Retention(retention::Retention),
    /// Erase a person from the campaigns.
    Erase(person::Person),
    /// Print what is held about a person, as JSON.
    Access(person::Person),
    /// What a data protection officer asks for.
    #[command(subcommand)]
    Privacy(privacy::Privacy),
    /// The record of who did what: check it, write it out.
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Print the OpenAPI document as YAML.
    Openapi,
    /// Fill a campaign with made-up pledges, straight into the database, for trials.
    Seed(seed::Seed),
    /// Post plausible pledges to a running service through its API, or play a bot wave to rehearse with.
    Demo(demo::Demo),
}

/// Runs the command of the arguments. Exit status 0: done; 1: not, with the reason on standard error; 2: wrong arguments.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let run = || -> anyhow::Result<ExitCode> {
        logging::begin(&cli.settings)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        runtime.block_on(run(cli.settings, cli.command))
    };
    match run() {
        Ok(_) if output::is_cut_off() => ExitCode::FAILURE,
        Ok(status) => status,
        Err(error) => {
            output::complain(&format!("pledges: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(settings: Settings, command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Serve(serve) => serve::run(&settings, &serve).await?,
        Command::Openapi => say(app::document_text()?.yaml.trim_end()),
        Command::Demo(demo) => demo::run(&settings, &demo).await?,
        Command::Migrate => {
            let session = Session::open(&settings).await?;
            let run = db::migrate(&session.database).await?;
            say(&if run.is_empty() { "the schema is up to date".to_owned() } else { run.join("\n") });
            session.close().await?;
        }
        Command::Moderator(command) => {
            within(&settings, async |session| moderator::run(session, &command).await).await?;
        }
        Command::Campaign(command) => {
            within(&settings, async |session| campaign::run(session, &settings, &command).await).await?;
        }
        Command::Recipient(command) => {
            within(&settings, async |session| recipient::run(session, &command).await).await?;
        }
        Command::Partner(command) => {
            within(&settings, async |session| partner::run(session, &settings, &command).await).await?;
        }
        Command::Rule(command) => {
            within(&settings, async |session| rule::run(session, &settings, &command).await).await?;
        }
        Command::Alert(command) => {
            within(&settings, async |session| alert::run(session, &settings, &command).await).await?;
        }
        Command::Switch(command) => within(&settings, async |session| switch::run(session, &command).await).await?,
        Command::Mail(command) => within(&settings, async |session| mail::run(session, &command).await).await?,
        Command::Keys(keys) => keys::run(&settings, &keys).await?,
        Command::Export(export) => within(&settings, async |session| export::run(session, &export).await).await?,
        Command::Keygen(keygen) => keygen::run(&keygen)?,
        Command::Open(open) => {
            return Ok(if open::run(&open)? { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        Command::Seed(seed) => within(&settings, async |session| seed::run(session, &settings, &seed).await).await?,
        Command::Retention(command) => {
            within(&settings, async |session| retention::run(session, &settings, &command).await).await?;
        }
        Command::Erase(whose) => {
            within(&settings, async |session| person::erase(session, &settings, &whose).await).await?;
        }
        Command::Access(whose) => {
            within(&settings, async |session| person::access(session, &settings, &whose).await).await?;
        }
        Command::Privacy(command) => {
            within(&settings, async |session| privacy::run(session, &settings, &command).await).await?;
        }
        Command::Doctor(doctor) => {
            let session = Session::open(&settings).await?;
            let well = doctor::run(&session, &settings, &doctor).await;
            session.close().await?;
            return Ok(if well? { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        Command::Audit(command) => {
            // Without migrating: a check changes nothing.
            let session = Session::open(&settings).await?;
            let well = audit::run(&session, &command).await;
            session.close().await?;
            return Ok(if well? { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs a command on the database, with the schema up to date, and lets go of it whatever happens.
async fn within(settings: &Settings, command: impl AsyncFnOnce(&Session) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let session = Session::open(settings).await?;
    db::migrate(&session.database).await?;
    let done = command(&session).await;
    session.close().await?;
    done
}
