//! Checks proofs as the service does, for tests/altcha/run.mjs: `proof SECRET_FILE CAMPAIGN_ID` reads payloads, one a line, and
//! prints for each the nonce, or why it is none.
#![expect(clippy::print_stdout, reason = "what the test reads")]

use std::{fs, io, path::PathBuf};

use clap::Parser;
use pledges::{
    clock::Clock,
    crypto::KeyRing,
    gate::proof::{Bound, Proofs},
    metrics::Metrics,
};
use uuid::Uuid;

#[derive(Parser)]
struct Arguments {
    secret_file: PathBuf,
    campaign: Uuid,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let ring = KeyRing::parse(&fs::read_to_string(arguments.secret_file)?)?;
    let proofs = Proofs::new(&ring, Clock::System, &Metrics::default());
    let bound = Bound { campaign: arguments.campaign, partner: None, test: false };
    for line in io::stdin().lines() {
        match proofs.verify(&line?, &bound) {
            Ok(proof) => println!("{}", proof.nonce.simple()),
            Err(error) => println!("{}", error.as_str()),
        }
    }
    Ok(())
}
