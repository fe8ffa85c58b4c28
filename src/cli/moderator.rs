//! `pledges moderator`: people who sign in.

use std::io::BufRead;

use anyhow::{Context, bail};
use clap::{Args, Subcommand, ValueEnum};
use zeroize::Zeroizing;

use super::{output::say, session::Session};
use crate::{
    accounts::{
        Role, Seat,
        invitations::{self, Link, Plan},
        passwords, store,
    },
    campaigns, crypto,
    db::{Connection, DbError},
    http::FieldCode,
};

/// People who sign in.
#[derive(Subcommand)]
pub(super) enum Moderator {
    /// Add somebody. A password is made and printed once, unless one is given.
    Add {
        /// Name to sign in with: small letters, digits and single . _ -
        login: String,
        /// What they may do.
        #[arg(long, value_enum, default_value = "moderator")]
        role: RoleArgument,
        /// A campaign they may see; may be given more than once. Admins see all.
        #[arg(long = "campaign", value_name = "SLUG")]
        campaigns: Vec<String>,
        /// One of those campaigns that they are an organiser of, though their role is moderator; may be given more than once.
        #[arg(long, value_name = "SLUG")]
        organises: Vec<String>,
        /// Read the password from standard input instead of making one.
        #[arg(long)]
        password_stdin: bool,
    },
    /// Make a one-time link by which somebody makes an account with a password of their own. Good for 72 hours, for whoever
    /// opens it first; a link for the same name that is open ends.
    Invite {
        /// Name to sign in with: small letters, digits and single . _ -
        login: String,
        /// What they may do.
        #[arg(long, value_enum, default_value = "moderator")]
        role: RoleArgument,
        /// A campaign they may see; may be given more than once. Admins see all.
        #[arg(long = "campaign", value_name = "SLUG")]
        campaigns: Vec<String>,
        /// One of those campaigns that they are an organiser of, though their role is moderator; may be given more than once.
        #[arg(long, value_name = "SLUG")]
        organises: Vec<String>,
        #[command(flatten)]
        place: Place,
    },
    /// Void password, second factor, recovery codes and sessions of an account at once, and make a one-time link by which its
    /// owner sets it up anew.
    Reset {
        /// Whose.
        login: String,
        #[command(flatten)]
        place: Place,
    },
    /// List everybody.
    List,
    /// Close an account and end its sessions at once.
    Disable {
        /// Whose.
        login: String,
    },
    /// Set a new password and end the account's sessions at once. It is made and printed once, unless one is given.
    ResetPassword {
        /// Whose.
        login: String,
        /// Read the password from standard input instead of making one.
        #[arg(long)]
        password_stdin: bool,
    },
}

/// Where the service is, for links.
#[derive(Args)]
pub(super) struct Place {
    /// How the service is reached: scheme, host and port, no path.
    #[arg(long, env = "PLEDGES_PUBLIC_URL", default_value = "http://127.0.0.1:8080")]
    public_url: String,
}

/// A role as an argument.
#[derive(Clone, Copy, ValueEnum)]
pub(super) enum RoleArgument {
    /// Finds and removes pledges of given campaigns.
    Moderator,
    /// Also reads the audit log of given campaigns, gets their lists, erases people and tells what is held.
    Organiser,
    /// Everything, in every campaign.
    Admin,
}

impl From<RoleArgument> for Role {
    fn from(role: RoleArgument) -> Self {
        match role {
            RoleArgument::Moderator => Self::Moderator,
            RoleArgument::Organiser => Self::Organiser,
            RoleArgument::Admin => Self::Admin,
        }
    }
}

/// A password that nobody has to remember for long: 256 random bits.
pub(super) fn new_password() -> anyhow::Result<Zeroizing<String>> {
    Ok(crypto::random_token()?)
}

pub(super) async fn run(session: &Session, command: &Moderator) -> anyhow::Result<()> {
    let mut connection = session.database.get().await?;
    match command {
        Moderator::Add { login, role, campaigns: slugs, organises, password_stdin } => {
            let role = Role::from(*role);
            let seats = seats(&mut connection, role, slugs, organises).await?;
            let (password, made) = password(*password_stdin, login)?;
            let hash = passwords::hash(&password)?;
            match store::add(&mut connection, login, role, &hash, &seats).await {
                Err(DbError::Constraint("moderators_login_key")) => bail!("{login} is there already"),
                Err(DbError::Constraint(_)) => bail!(LOGIN),
                added => added?,
            };
            announce(&format!("added {login}"), &password, made);
        }
        Moderator::Invite { login, role, campaigns: slugs, organises, place } => {
            if !invitations::is_login(login) {
                bail!(LOGIN);
            }
            let role = Role::from(*role);
            let campaigns = seats(&mut connection, role, slugs, organises).await?;
            let plan = Plan { login: login.clone(), role, campaigns };
            let token = crypto::random_token()?;
            let hash = crypto::digest(token.as_bytes());
            let made = invitations::store::make(&mut connection, None, &plan, &hash).await?;
            let Some(invitation) = made else { bail!("{login} is there already") };
            say(&told(&Link { invitation, token }, place));
        }
        Moderator::Reset { login, place } => {
            let found = store::credentials(&mut connection, login).await?.filter(|found| !found.disabled);
            let Some(account) = found else { bail!("there is nobody called {login}, or the account is closed") };
            let token = crypto::random_token()?;
            let hash = crypto::digest(token.as_bytes());
            let invitation = invitations::store::reset(&mut connection, None, account.id, &hash).await?;
            say(&told(&Link { invitation, token }, place));
        }
        Moderator::List => {
            for account in store::list(&mut connection).await? {
                let campaigns =
                    account.campaigns.iter().map(|seat| shown(&account, seat)).collect::<Vec<_>>().join(",");
                let campaigns = if account.role == Role::Admin { "all".to_owned() } else { campaigns };
                let closed = if account.disabled { "\tdisabled" } else { "" };
                say(&format!("{}\t{}\t{campaigns}{closed}", account.login, account.role.as_str()));
            }
        }
        Moderator::Disable { login } => {
            if !store::disable(&mut connection, login).await? {
                bail!("there is nobody called {login}");
            }
            say(&format!("disabled {login}"));
        }
        Moderator::ResetPassword { login, password_stdin } => {
            let (password, made) = password(*password_stdin, login)?;
            if !store::set_password(&mut connection, login, &passwords::hash(&password)?).await? {
                bail!("there is nobody called {login}");
            }
            announce(&format!("set a new password for {login}"), &password, made);
        }
    }
    Ok(())
}

/// What a login is.
const LOGIN: &str = "a login is small letters, digits and single . _ -, 63 at the most";

fn told(link: &Link, place: &Place) -> String {
    let Link { invitation, .. } = link;
    let address = link.address(place.public_url.trim_end_matches('/'));
    format!(
        "{} sets up the account with this link, once, until {}; it is not shown again, so give it to them where only they read: {}",
        invitation.login,
        invitation.expires_at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
        address.as_str()
    )
}

/// A campaign, and what the account is there if that is more than elsewhere.
fn shown(account: &store::Account, seat: &Seat) -> String {
    let more = if seat.organises && account.role == Role::Moderator { ":organiser" } else { "" };
    format!("{}{more}", seat.slug)
}

async fn seats(
    connection: &mut Connection,
    role: Role,
    slugs: &[String],
    organises: &[String],
) -> anyhow::Result<Vec<Seat>> {
    if role != Role::Admin && slugs.is_empty() {
        bail!("name at least one campaign with --campaign: a {} sees only the campaigns named", role.as_str());
    }
    if let Some(other) = organises.iter().find(|slug| !slugs.contains(slug)) {
        bail!("--organises {other}: name it with --campaign too");
    }
    let mut slugs = slugs.to_vec();
    slugs.sort_unstable();
    slugs.dedup();
    let mut seats = Vec::new();
    for slug in slugs {
        let campaign = campaigns::store::find(connection, &slug).await;
        let campaign = campaign.with_context(|| format!("there is no campaign {slug}"))?.id;
        seats.push(Seat { campaign, organises: organises.contains(&slug), slug });
    }
    Ok(seats)
}

fn announce(what: &str, password: &str, made: bool) {
    say(&if made { format!("{what}; the password is {password} and is not shown again") } else { what.to_owned() });
}

/// The password, and whether it was made here.
fn password(from_stdin: bool, login: &str) -> anyhow::Result<(Zeroizing<String>, bool)> {
    if !from_stdin {
        return Ok((new_password()?, true));
    }
    let mut line = Zeroizing::new(String::new());
    std::io::stdin().lock().read_line(&mut line)?;
    let password = Zeroizing::new(line.trim_end_matches(['\r', '\n']).to_owned());
    match passwords::acceptable(&password, login) {
        Ok(()) => {}
        Err(FieldCode::TooShort) => bail!("a password has at least {} characters", passwords::MIN_CHARS),
        Err(code) => bail!("this password is not taken: {}", code.meaning()),
    }
    Ok((password, false))
}
