//! The service is killed while pledges come in and their mails go out: each that was acknowledged gets its mail.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use reqwest::Method;
use secrecy::SecretString;

use super::load::{self, Load};
use crate::support::{
    cluster,
    program::{Running, VarDir},
    rows::Rows,
    smtp::{Received, Server},
    tell,
};

/// Pledges of the burst. (The issue says 20,000; those take a minute.)
const BURST: usize = 1_500;

/// Connections to the mail server.
const CONNECTIONS: usize = 8;

/// How many confirm in the end.
const CONFIRMED: usize = 50;

/// The service, which sends its mails to this server without a limit, and doesn't wait long for the mails of one that died.
async fn serve(url: &SecretString, var: &VarDir, smtp: &Server) -> Running {
    let server = format!("smtp://127.0.0.1:{}", smtp.port);
    let arguments = ["--smtp-url", &server, "--mail-connections", &CONNECTIONS.to_string()];
    let quick = ["--mail-per-domain-per-minute", "0", "--mail-lease-ms", "4000", "--mail-timeout-ms", "2000"];
    Running::on(url, var.path(), &[&arguments[..], &quick].concat()).await
}

async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !condition().await {
        assert!(began.elapsed() < Duration::from_secs(300), "never happened: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Pledges until so many are acknowledged, and mails are being sent.
async fn burst(service: &Running, smtp: &Server, name: &str, pledges: usize) -> Load {
    let before = smtp.count();
    let load = Load::start(&service.base, 32, name);
    until("acknowledged, and mails are sent", async || {
        load.acknowledged() >= pledges && smtp.count() > before + CONNECTIONS
    })
    .await;
    load
}

fn keys_of(mails: &[Received]) -> BTreeSet<String> {
    mails.iter().map(|mail| mail.to.split('@').next().unwrap().to_owned()).collect()
}

async fn confirm(service: &Running, mails: &[Received]) {
    for mail in mails {
        let token = mail.token();
        let request = service.client().request(Method::POST, &format!("/confirm/{}", token.text()));
        assert_eq!(service.client().send(request.header("accept", "text/html")).await.status, 303);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_while_mails_are_sent_loses_none_and_repeats_one_a_connection_at_the_most() {
    let url = cluster::database().await;
    let rows = Rows::new(&url).await;
    rows.campaign("defend").await;
    rows.execute("UPDATE campaigns SET confirmation = 'email'").await;
    let (var, smtp, began) = (VarDir::new(), Server::accepting().await, Instant::now());

    let service = serve(&url, &var, &smtp).await;
    let load = burst(&service, &smtp, "first", BURST / 2).await;
    service.kill_9().await;
    let (mut ledger, sent_before) = (load.ended().await, smtp.count());
    let waiting = rows.number("SELECT count(*) FROM mail_outbox").await;
    assert!(waiting > 0 && !ledger.unknown.is_empty(), "it was killed when nothing was under way: no test");
    assert_eq!(ledger.reconcile(&rows).await, [""; 0], "right after the crash");

    let service = serve(&url, &var, &smtp).await;
    let new = burst(&service, &smtp, "second", BURST / 2).await.stop().await;
    ledger.acknowledged.extend(new.acknowledged);
    ledger.unknown.extend(new.unknown);
    load::send_again(&service.client(), &mut ledger).await;
    until("the outbox is empty", async || rows.number("SELECT count(*) FROM mail_outbox").await == 0).await;

    let (mails, repeated) = (smtp.received(), smtp.repeated());
    tell(&format!(
        "{} pledges acknowledged; killed after {sent_before} mails, {waiting} waited; {} mails in all, {repeated} repeated; {:?}",
        ledger.acknowledged.len(),
        mails.len(),
        began.elapsed()
    ));
    let written_to = keys_of(&mails);
    let lost: Vec<_> = ledger.acknowledged.difference(&written_to).collect();
    assert!(lost.is_empty(), "acknowledged, but there was no mail: {lost:?}");
    assert!(ledger.unknown.is_empty() && ledger.acknowledged == written_to, "a mail to somebody who didn't pledge");
    assert!(repeated <= CONNECTIONS, "{repeated} mails were repeated");
    let distinct = i64::try_from(mails.len() - repeated).unwrap();
    assert_eq!(rows.number("SELECT count(*) FROM mail_links").await, distinct, "each mail has its link");
    assert_eq!(ledger.reconcile(&rows).await, [""; 0], "after the restart");
    assert_eq!(rows.number("SELECT count(*) FROM pledges WHERE state <> 'awaiting'").await, 0);

    // Those of before and those of after the crash confirm.
    let some: Vec<Received> = mails.iter().step_by(mails.len() / CONFIRMED).cloned().collect();
    confirm(&service, &some).await;
    let confirmed = i64::try_from(keys_of(&some).len()).unwrap();
    until("those are counted", async || {
        let totals = service.client().get("/v1/campaigns/defend/totals").await.expect(200);
        totals["total"] == confirmed && totals["confirmed"] == confirmed
    })
    .await;
    assert_eq!(ledger.reconcile(&rows).await, [""; 0], "after confirmations");
    service.terminate().await.expect(0);
}
