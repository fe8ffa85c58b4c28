//! The load driver: sends pledges and reads totals as many people do, on the machine that the service runs on, and
//! measures in the same run what PostgreSQL and an empty handler could do at best.

mod api;
mod cases;
mod ceiling;
mod figures;
mod gets;
mod http;
mod lab;
mod machine;
mod mailbox;
mod memory;
mod out;
mod paced;
mod people;
mod pledges;
mod recount;
mod run;
mod service;
mod sse;
mod static_server;
mod steady;
mod stream;
mod table;
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
    Run(Box<run::Run>),
    Pledge(pledges::Pledge),
    Stream(stream::Stream),
    Ceiling(ceiling::Ceiling),
    StaticServer(static_server::StaticServer),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        Command::StaticServer(server) => serve(&server),
        command => drive(command),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            out::tell(&format!("load: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// On one thread: the driver shares the cores with what it measures. False when what was measured is not what is wanted,
/// and somebody asked.
fn drive(command: Command) -> anyhow::Result<bool> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, async {
        match command {
            Command::Run(run) => return run.run().await,
            Command::Pledge(pledge) => pledge.run().await?,
            Command::Stream(stream) => stream.run().await?,
            Command::Ceiling(ceiling) => ceiling.run().await?,
            Command::StaticServer(server) => server.run().await?,
        }
        Ok(true)
    })
}

/// On the threads that the service has.
fn serve(server: &static_server::StaticServer) -> anyhow::Result<bool> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(server.run())?;
    Ok(true)
}
