//! Pledges that count once their mailboxes confirm them: how fast they are acknowledged, how fast their mails go to a server
//! that takes everything, how fast they are confirmed, and both at once.

use std::time::Duration;

use anyhow::ensure;
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::{WARM_UP_S, evenly};
use crate::{
    figures::{count, ms, per_second, rate},
    lab::{CAMPAIGN, Lab, Stage},
    mailbox::Mailbox,
    pledges::{self as load, Outcome, Shape},
    service::Program,
    table::{Report, Row},
};

/// Connections.
const CONNECTIONS: usize = 256;

/// Whole paths a second that a machine with two cores must reach, and the time to each answer in ms (p99).
const WANTED_A_SECOND: f64 = 5_000.0;
const WANTED_MS: f64 = 250.0;

/// Seconds of the windows in which is confirmed, from the first: tokens are few, because mails are slow to come by.
const CONFIRM_S: u64 = 2;

/// How long all mails and counts may take to be done with.
const PATIENCE: Duration = Duration::from_secs(600);

const BY_MAIL: &str = "UPDATE campaigns SET confirmation = 'email'";

/// Measures.
pub async fn run(lab: &Lab, report: &mut Report) -> anyhow::Result<()> {
    let without = lab.stage("confirm").await?;
    let at_once = without.send("without mails", evenly(CONNECTIONS, lab.options.seconds)).await?.rate();
    without.clear(report).await?;

    let mailbox = Mailbox::open().await?;
    let settings = vec![
        ("PLEDGES_SMTP_URL", format!("smtp://{}", mailbox.address)),
        ("PLEDGES_MAIL_PER_DOMAIN_PER_MINUTE", "0".to_owned()),
    ];
    let program = Program { settings, ..lab.program.clone() };
    let stage = lab.stage_after("confirm", &program, BY_MAIL).await?;
    let pledged = stage.send("awaiting", evenly(CONNECTIONS, lab.options.seconds)).await?;
    let meanwhile = mailbox.count();
    let took = sent(&stage, &mailbox, pledged.acknowledged).await?;
    let alone = rate(mailbox.count() - meanwhile, took);
    stage.tell("mails", &format!("{} in all, {alone:.0}/s without pledges", count(mailbox.count())));

    let (all, shape) = (mailbox.count(), Shape { warm_up: 0, ..evenly(CONNECTIONS, CONFIRM_S) });
    stage.checkpoint().await?;
    let before = number(&stage, TOTAL).await?;
    let confirmed = load::confirm(stage.service.address, mailbox.take(all / 5 * 2), shape).await?;
    stage.tell("confirmations", &confirmed.lines().join("; "));
    // The mail server sets the pace of mails: first it takes none meanwhile, then as many as come.
    mailbox.hold(true);
    let paths = both(&stage, mailbox.take(all / 5 * 2), shape).await?;
    mailbox.hold(false);
    let with_mails = both(&stage, mailbox.take(all / 5), shape).await?;
    let acknowledged = [&confirmed, &paths.1, &with_mails.1].map(|outcome| outcome.acknowledged);
    counted(&stage, before, acknowledged.iter().sum()).await?;

    let against = format!("the same, counted at once: {}", per_second(at_once));
    let what = format!("acknowledged pledges that wait for a mail, {CONNECTIONS} connections");
    report.add(Row::new(what, times(&pledged)).against(against, pledged.rate() / at_once));
    let during = rate(meanwhile, pledged.time + Duration::from_secs(WARM_UP_S));
    let what = "their mails, to a server that takes everything: meanwhile; afterwards";
    report.add(Row::new(what, format!("{}; {}", per_second(during), per_second(alone))));
    report.add(Row::new(format!("confirmations, {CONNECTIONS} connections"), times(&confirmed)));
    add_path(report, &paths, true);
    add_path(report, &with_mails, false);
    report.add_raw(json!({
        "case": "confirm", "at_once_a_second": at_once, "mails_meanwhile_a_second": during, "mails_a_second": alone,
        "pledges": raw(&pledged), "confirmations": raw(&confirmed), "both_pledges": raw(&paths.0),
        "both_confirmations": raw(&paths.1), "sending_pledges": raw(&with_mails.0), "sending_confirmations": raw(&with_mails.1),
    }));
    stage.clear(report).await
}

/// Half of the connections pledge while the others confirm what was pledged before: whoever comes through needs one of each.
async fn both(stage: &Stage<'_>, tokens: Vec<String>, shape: Shape) -> anyhow::Result<(Outcome, Outcome)> {
    stage.checkpoint().await?;
    let (half, address) = (Shape { connections: CONNECTIONS / 2, ..shape }, stage.service.address);
    let (new, old) = tokio::join!(load::send(address, CAMPAIGN, None, half), load::confirm(address, tokens, half));
    let both = (new?, old?);
    stage.tell("both: pledges", &both.0.lines().join("; "));
    stage.tell("both: confirmations", &both.1.lines().join("; "));
    Ok(both)
}

fn add_path(report: &mut Report, (new, old): &(Outcome, Outcome), is_wanted: bool) {
    let slower = new.rate().min(old.rate());
    let half = CONNECTIONS / 2;
    let mails = if is_wanted { "the mail server takes none meanwhile" } else { "mails are sent meanwhile" };
    let what = format!("pledges and confirmations at once, {half} connections each, {mails}");
    report.add(Row::new(what, format!("{}; {}", times(new), times(old))));
    let path = Row::new("the same, whole paths: pledge, seal, outbox, confirm", per_second(slower));
    let p99 = new.latencies.percentile_ms(99).max(old.latencies.percentile_ms(99));
    let time = Row::new("the same, time to the slower answer", format!("p99 {}", ms(p99)));
    if is_wanted {
        report.add(path.wants(format!("≥ {}", per_second(WANTED_A_SECOND)), slower >= WANTED_A_SECOND));
        report.add(time.wants(format!("≤ {}", ms(WANTED_MS)), p99 <= WANTED_MS));
    } else {
        report.add(path);
        report.add(time);
    }
}

fn times(outcome: &Outcome) -> String {
    let (p50, p99) = (outcome.latencies.percentile_ms(50), outcome.latencies.percentile_ms(99));
    format!("{}, p50 {}, p99 {}", per_second(outcome.rate()), ms(p50), ms(p99))
}

fn raw(outcome: &Outcome) -> serde_json::Value {
    json!({
        "a_second": outcome.rate(), "by_second": outcome.by_second, "acknowledged": outcome.acknowledged,
        "p50_ms": outcome.latencies.percentile_ms(50), "p99_ms": outcome.latencies.percentile_ms(99),
        "max_ms": outcome.latencies.max_ms(), "refused": outcome.refusals.count(), "broken": outcome.broken,
    })
}

async fn number(stage: &Stage<'_>, query: &str) -> anyhow::Result<usize> {
    Ok(usize::try_from(stage.postgres.query_one(query, &[]).await?.get::<_, i64>(0))?)
}

/// Waits until the outbox is empty; how long that was.
async fn sent(stage: &Stage<'_>, mailbox: &Mailbox, at_least: usize) -> anyhow::Result<Duration> {
    let began = Instant::now();
    while number(stage, "SELECT count(*) FROM mail_outbox").await? > 0 {
        ensure!(began.elapsed() < PATIENCE, "{} mails of {at_least} were sent", mailbox.count());
        sleep(Duration::from_millis(500)).await;
    }
    ensure!(mailbox.count() >= at_least, "{} mails for {at_least} pledges", mailbox.count());
    Ok(began.elapsed())
}

const TOTAL: &str = "SELECT sum(total)::bigint FROM campaign_totals";

/// Waits until everything is folded: the total has grown from `before` by what was confirmed, and by nothing else.
async fn counted(stage: &Stage<'_>, before: usize, at_least: usize) -> anyhow::Result<()> {
    let began = Instant::now();
    while number(stage, "SELECT count(*) FROM count_deltas").await? > 0 {
        ensure!(began.elapsed() < PATIENCE, "deltas are not folded");
        sleep(Duration::from_millis(100)).await;
    }
    let grown = number(stage, TOTAL).await? - before;
    let confirmed = number(stage, "SELECT sum(confirmed)::bigint FROM campaign_totals").await?;
    ensure!(
        grown == confirmed && grown >= at_least,
        "{at_least} told, {confirmed} confirmed, the total grew by {grown}"
    );
    Ok(())
}
