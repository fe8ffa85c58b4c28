//! `pledges demo`: plausible pledges, posted to a running service as a partner's page would; or an attack to rehearse with.

pub mod attack;
pub(super) mod people;
mod rehearsal;

use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use serde_json::json;
use tokio::time::MissedTickBehavior;

use super::{output::say, within};
use crate::{config::Settings, pledges::submission::Submission, tasks};
use people::{Crowd, Dice};

/// Post plausible pledges to a running service through its API, until Ctrl-C.
///
/// With --attack: play a bot wave among honest people into the campaign `training`, for moderators to rehearse with. The
/// campaign is made when it isn't there; no other is touched, and nobody is written to. Straight into the database, beside a
/// running service, which holds the wave when it looks (every 30 seconds in development, every 10 minutes in production).
/// Ends with a table of who is held, read from the database; docs/signals.md says how to read it.
#[derive(Args)]
pub(super) struct Demo {
    /// Play a bot wave for a rehearsal.
    #[arg(long)]
    attack: bool,

    /// With --attack: how long the wave takes to come, in minutes.
    #[arg(long, default_value_t = 10.0, requires = "attack")]
    minutes: f64,

    /// With --attack: how many minutes to wait afterwards, before the table.
    #[arg(long, default_value_t = 10.0, requires = "attack")]
    after: f64,

    /// With --attack: how many pledges, one in about sixteen a person's; 53,000 at the most.
    #[arg(long, default_value_t = 20_000, requires = "attack", value_parser = clap::value_parser!(u32).range(1_000..))]
    pledges: u32,

    /// With --attack: which wave. A number that was used has mailboxes that have pledged. Without it, another each time.
    #[arg(long, requires = "attack")]
    seed: Option<u64>,

    /// Pledges a second.
    #[arg(long, default_value_t = 5.0, conflicts_with = "attack")]
    rate: f64,

    /// How many in all; without it, until Ctrl-C.
    #[arg(long, conflicts_with = "attack")]
    count: Option<u64>,

    /// Where the service is.
    #[arg(long, env = "PLEDGES_PUBLIC_URL", default_value = "http://127.0.0.1:8080")]
    url: String,

    /// Which campaign. An attack only ever goes into `training`.
    #[arg(long, default_value = "together-we-defend", conflicts_with = "attack")]
    campaign: String,
}

pub(super) async fn run(settings: &Settings, demo: &Demo) -> anyhow::Result<()> {
    if demo.attack {
        return within(settings, async |session| rehearsal::run(session, settings, demo).await).await;
    }
    if !(demo.rate > 0.0 && demo.rate <= 1000.0) {
        bail!("--rate is more than 0 and at most 1000");
    }
    if demo.url.starts_with("https:") {
        bail!("the demo speaks plain http, to a service of your own");
    }
    let address = format!("{}/v1/campaigns/{}/pledges", demo.url.trim_end_matches('/'), demo.campaign);
    let client = reqwest::Client::builder().timeout(Duration::from_secs(10)).build()?;
    let (crowd, mut dice) = (Crowd::load()?, Dice::thrown()?);
    let mut ticks = tokio::time::interval(Duration::from_secs_f64(1.0 / demo.rate));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut recorded, mut refused) = (0u64, 0u64);
    let stop = tasks::stop_signal();
    tokio::pin!(stop);
    while demo.count.is_none_or(|count| recorded + refused < count) {
        tokio::select! {
            _ = &mut stop => break,
            _ = ticks.tick() => {}
        }
        let answer = client.post(&address).json(&body(&crowd.anybody(&mut dice))).send().await;
        let answer = answer.context("the service does not answer")?;
        if answer.status().is_success() {
            recorded += 1;
        } else {
            refused += 1;
            let problem = answer.text().await.unwrap_or_default();
            if refused == 1 {
                say(&format!("refused: {problem}"));
            }
        }
        if (recorded + refused).is_multiple_of(100) {
            say(&format!("{recorded} recorded, {refused} refused"));
        }
    }
    say(&format!("{recorded} recorded, {refused} refused"));
    if recorded == 0 && refused > 0 {
        bail!("every pledge was refused");
    }
    Ok(())
}

fn body(submission: &Submission) -> serde_json::Value {
    json!({
        "name": submission.name, "email": submission.email, "country": submission.country,
        "message": submission.message, "language": submission.language, "source": submission.source,
    })
}
