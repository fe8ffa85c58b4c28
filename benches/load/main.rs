//! The load driver: sends pledges and reads totals as many people do, on the machine that the service runs on, and
//! measures in the same run what PostgreSQL and an empty handler could do at best.

mod ceiling;
mod figures;
mod http;
mod out;
mod people;
mod pledges;
mod target;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tokio::task::LocalSet;

/// Loads a pledge service and measures it.
#[derive(Parser)]
#[command(max_term_width = 110, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Pledge(pledges::Pledge),
    Ceiling(ceiling::Ceiling),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    // One thread: the driver shares the cores with what it measures.
    let run = || -> anyhow::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        LocalSet::new().block_on(&runtime, run(cli.command))
    };
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            out::tell(&format!("load: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Pledge(pledge) => pledge.run().await,
        Command::Ceiling(ceiling) => ceiling.run().await,
    }
}
