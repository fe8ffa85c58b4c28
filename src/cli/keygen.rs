//! `pledges keygen`: a pair of keys, as `age-keygen` makes them. Needs no service.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::Context;
use chrono::SecondsFormat;
use clap::Args;
use secrecy::ExposeSecret;

use super::output::{complain, private_file, say};
use crate::{clock::Clock, sealing::recipients::Identity};

/// Make a pair of keys for the organiser or a partner.
#[derive(Args)]
pub(super) struct Keygen {
    /// File for the identity, readable by its owner only. It must not be there. Without it the identity is printed.
    #[arg(long)]
    out: Option<PathBuf>,
}

pub(super) fn run(keygen: &Keygen) -> anyhow::Result<()> {
    let identity = Identity::generate();
    let made = Clock::System.now().to_rfc3339_opts(SecondsFormat::Secs, true);
    let text = identity.file(&made);
    let public = format!("Public key: {}", identity.recipient());
    if let Some(path) = &keygen.out {
        write(path, text.expose_secret())?;
        say(&public);
    } else {
        say(text.expose_secret().trim_end());
        complain(&public);
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let mut file = private_file(path)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).with_context(|| path.display().to_string())
}
