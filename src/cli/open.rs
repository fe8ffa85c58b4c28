//! `pledges open`: opens a bundle where the identity is. Needs no service, database or settings, and no connection.

mod cells;
mod filter;
mod list;

use std::{
    fs::{self, File},
    io::{self, BufRead, BufReader, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use zeroize::Zeroizing;

use super::{
    output::{complain, grouped, private_file, say},
    progress::Progress,
};
use crate::{
    campaigns::{
        recipients::{TestFile, code},
        settings::is_slug,
    },
    sealing::{
        bundle::{Counts, Damage, Found, Gone, Header, Opener},
        recipients::Identity,
    },
};

use filter::Filter;
use list::{GoneList, List};

/// Bytes that are read at a time.
const READ_AT_ONCE: usize = 1 << 20;

/// Things that are wrong and told one by one; of more only the number is told.
const TOLD: u64 = 100;

/// Open a sealed bundle and write the list of supporters.
#[derive(Args)]
pub(super) struct Open {
    /// File with an identity, made by `pledges keygen` or `age-keygen`. May be given several times; one that fits is
    /// enough.
    #[arg(long, value_name = "FILE", required = true)]
    identity: Vec<PathBuf>,
    /// Open the test records of a campaign (`pledges recipient test`) instead of a bundle, and tell the codes in them.
    #[arg(long, conflicts_with_all = ["format", "out", "gone"])]
    check: bool,
    /// The bundle, or with --check the file of test records. -: standard input.
    #[arg(value_name = "BUNDLE")]
    file: PathBuf,
    /// How the list is written.
    #[arg(long, value_enum, default_value = "csv")]
    format: Format,
    /// Write the list to this file, readable by its owner only, instead of standard output. It must not be there.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write the pledges that are gone since the last bundle to this file (CSV): delete them wherever you have copies. It
    /// must not be there.
    #[arg(long, value_name = "FILE")]
    gone: Option<PathBuf>,
    #[command(flatten)]
    filter: Filter,
}

/// How a list is written.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A table for spreadsheets (RFC 4180), guarded: a cell that a spreadsheet would take for a formula gets an apostrophe
    /// in front.
    Csv,
    /// One JSON object a line, exactly as given: for programs.
    Ndjson,
}

/// Whether all of it was well.
pub(super) fn run(open: &Open) -> anyhow::Result<bool> {
    let identities = identities(&open.identity)?;
    if open.check {
        return check(&open.file, &identities);
    }
    let mut opener = Opener::begin(input(&open.file)?, identities)?;
    tell_what_it_is(opener.header());
    let out: Box<dyn Write> = match &open.out {
        Some(path) => Box::new(private_file(path)?),
        None => Box::new(io::stdout().lock()),
    };
    let mut list = List::begin(open.format, out)?;
    let mut gone = open.gone.as_deref().map(|path| GoneList::begin(private_file(path)?)).transpose()?;
    let mut tally = Tally::default();
    let mut progress = Progress::begin("pledges", None);
    while let Some(found) = opener.find().context("the bundle can't be read further")? {
        match found {
            Found::Pledge(pledge) => {
                tally.opened += 1;
                if open.filter.lets_through(&pledge.about) {
                    tally.listed += 1;
                    tally.may_be_written_to += u64::from(pledge.about.consents.updates.is_some());
                    list.write(&pledge)?;
                }
                progress.at(tally.opened);
            }
            Found::Gone(found) => tally.gone(&found, gone.as_mut())?,
            Found::Damage(damage) => tally.wrong(&damage),
        }
    }
    list.end()?;
    if let Some(list) = gone {
        list.end()?;
    }
    let pace = progress.end(tally.opened);
    tally.tell(open, opener.header(), opener.end(), &pace);
    Ok(tally.wrong == 0)
}

/// Opens the test records that are sealed for these identities; whether each identity opened one.
fn check(file: &Path, identities: &[Identity]) -> anyhow::Result<bool> {
    let tests: TestFile = serde_json::from_reader(input(file)?)
        .with_context(|| format!("{}: no file of test records", file.display()))?;
    // It comes from elsewhere, and the line below is made to be copied into a shell.
    if is_slug(&tests.campaign).is_err() {
        bail!("{}: no file of test records", file.display());
    }
    let mut well = true;
    for identity in identities {
        let key = identity.recipient().to_string();
        let mut of_this_key = tests.tests.iter().filter(|test| test.recipient == key).peekable();
        if of_this_key.peek().is_none() {
            complain(&format!(
                "{key}: no test record is sealed for it; is it the right campaign, and was it added there?"
            ));
            well = false;
        }
        for test in of_this_key {
            if let Some(code) = test.open(std::slice::from_ref(identity)).ok().filter(|found| code(found) == *found) {
                say(&format!("{key} works. On the server: pledges recipient confirm {} {code}", tests.campaign));
            } else {
                complain(&format!("{key}: its test record does not open; make a new file of test records"));
                well = false;
            }
        }
    }
    Ok(well)
}

fn identities(files: &[PathBuf]) -> anyhow::Result<Vec<Identity>> {
    let mut identities = Vec::new();
    for file in files {
        let name = || file.display().to_string();
        let text = Zeroizing::new(fs::read_to_string(file).with_context(name)?);
        identities.extend(Identity::parse_file(&text).with_context(name)?);
    }
    Ok(identities)
}

fn input(file: &Path) -> anyhow::Result<Box<dyn BufRead>> {
    if file == Path::new("-") {
        return Ok(Box::new(BufReader::with_capacity(READ_AT_ONCE, io::stdin())));
    }
    let opened = File::open(file).with_context(|| file.display().to_string())?;
    Ok(Box::new(BufReader::with_capacity(READ_AT_ONCE, opened)))
}

fn tell_what_it_is(header: &Header) {
    let whose = header.partner.map_or_else(String::new, |partner| format!(", for the partner {partner}"));
    complain(&format!(
        "bundle {} of {}{whose}, as it was at {}",
        header.bundle, header.campaign.slug, header.snapshot_at
    ));
}

/// What was found.
#[derive(Default)]
struct Tally {
    opened: u64,
    listed: u64,
    may_be_written_to: u64,
    gone: u64,
    wrong: u64,
}

impl Tally {
    fn gone(&mut self, gone: &Gone, list: Option<&mut GoneList>) -> anyhow::Result<()> {
        self.gone += 1;
        list.map_or(Ok(()), |list| list.write(gone))
    }

    fn wrong(&mut self, damage: &Damage) {
        self.wrong += 1;
        if self.wrong <= TOLD {
            complain(&damage.to_string());
        }
    }

    fn tell(&self, open: &Open, header: &Header, end: Option<Counts>, pace: &str) {
        let of = end.map_or_else(String::new, |end| format!(" of {}", grouped(end.pledges)));
        complain(&format!("{}{of} pledges opened, {} listed ({pace})", grouped(self.opened), grouped(self.listed)));
        if !open.filter.updates_only && header.partner.is_none() && self.may_be_written_to < self.listed {
            complain(&format!(
                "only {} of those listed may be written to: --updates-only lists just them",
                grouped(self.may_be_written_to)
            ));
        }
        if let Some(without @ 1..) = end.map(|end| end.without_record) {
            complain(&format!("{} counted pledges have no record and are not in the bundle", grouped(without)));
        }
        self.tell_gone(open, header);
        if self.wrong > TOLD {
            complain(&format!("{} more things are wrong", grouped(self.wrong - TOLD)));
        }
        if self.wrong > 0 {
            complain(&format!("{} things are wrong with this bundle: see above", grouped(self.wrong)));
        }
    }

    fn tell_gone(&self, open: &Open, header: &Header) {
        let Some(since) = header.gone_since else { return };
        let advice = match &open.gone {
            Some(file) => format!("they are in {}", file.display()),
            None => "--gone FILE writes which".to_owned(),
        };
        if self.gone > 0 {
            complain(&format!(
                "{} pledges are gone since {since}: delete them wherever you have copies; {advice}",
                grouped(self.gone)
            ));
        }
        if let Some(previous) = &header.previous {
            complain(&format!(
                "what was gone before is told by the bundle {} of {}; if that is lost, export with --gone-since",
                previous.bundle, previous.snapshot_at
            ));
        }
    }
}
