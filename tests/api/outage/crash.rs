//! The service is killed or told to stop under load: nothing that was acknowledged is lost.

use std::time::{Duration, Instant};

use tokio::{io::AsyncWriteExt, task::JoinSet};

use super::{
    load::{self, Ledger, Load, Told},
    run, soon,
};
use crate::support::{
    cluster,
    program::{self, Running, VarDir},
    rows::Rows,
};

/// A fresh database with the campaign `defend`.
async fn database() -> (secrecy::SecretString, Rows) {
    let url = cluster::database().await;
    let rows = Rows::new(&url).await;
    rows.campaign("defend").await;
    (url, rows)
}

/// Pledges that were acknowledged before the load is disturbed.
async fn under_load(service: &Running, name: &str) -> Load {
    let load = Load::start(&service.base, 32, name);
    soon("two hundred acknowledged pledges", async || load.acknowledged() >= 200).await;
    load
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_of_the_service_under_load_loses_nothing_that_was_acknowledged() {
    let (url, rows) = database().await;
    let var = VarDir::new();
    let mut ledger = Ledger::default();
    for round in ["first", "second"] {
        let service = Running::on(&url, var.path(), &[]).await;
        let load = under_load(&service, round).await;
        service.kill_9().await;
        let new = load.ended().await;
        assert!(!new.unknown.is_empty(), "it was killed between two requests of every client: no test");
        ledger.acknowledged.extend(new.acknowledged);
        ledger.unknown.extend(new.unknown);
        assert_eq!(ledger.reconcile(&rows).await, [""; 0], "right after the crash");
    }
    let service = Running::on(&url, var.path(), &[]).await;
    assert_eq!(ledger.reconcile(&rows).await, [""; 0], "after the restart");
    let client = service.client();
    // Those in doubt count once, whether or not they were stored; those acknowledged don't count again.
    load::send_again(&client, &mut ledger).await;
    for key in ledger.acknowledged.iter().take(50) {
        assert_eq!(load::send(&client, key).await, Told::Acknowledged);
    }
    assert_eq!(ledger.reconcile(&rows).await, [""; 0], "after sending again");
    let all = i64::try_from(ledger.acknowledged.len()).unwrap();
    assert_eq!(rows.number("SELECT count(*) FROM pledges WHERE state = 'counted'").await, all);
    soon("the published total is the ledger's", async || {
        client.get("/v1/campaigns/defend/totals").await.expect(200)["total"] == all
    })
    .await;
    assert_eq!(service.terminate().await.code, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_under_load_answers_every_request_that_it_took() {
    let (url, rows) = database().await;
    let var = VarDir::new();
    let service = Running::on(&url, var.path(), &["--shutdown-seconds", "10"]).await;
    let load = under_load(&service, "load").await;
    let start = Instant::now();
    let ended = service.terminate().await.expect(0);
    assert!(start.elapsed() < Duration::from_secs(10), "it took longer than it may");
    assert!(!ended.stderr.contains("did not stop in time"), "{}", ended.stderr);
    let ledger = load.ended().await;
    assert_eq!(ledger.reconcile(&rows).await, [""; 0]);
    // Whoever got no answer was not taken: a pledge that is stored was acknowledged.
    let stored = rows.list("SELECT source FROM pledges").await;
    let in_doubt: Vec<_> = stored.iter().filter(|key| !ledger.acknowledged.contains(*key)).collect();
    assert!(in_doubt.is_empty(), "stored, but the answer was lost: {in_doubt:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_waits_for_requests_under_way_and_takes_no_new_ones() {
    let (url, rows) = database().await;
    let var = VarDir::new();
    let service = Running::on(&url, var.path(), &["--shutdown-seconds", "10"]).await;
    let client = service.client();
    assert_eq!(load::send(&client, "before").await, Told::Acknowledged);
    // The first pledges stand in the middle of their transaction, because the table is locked; the others wait for them.
    let mut locker = rows.database.open().await.unwrap();
    run(&mut locker, "BEGIN").await;
    run(&mut locker, "LOCK TABLE pledges IN SHARE MODE").await;
    let mut under_way = JoinSet::new();
    for number in 0..8 {
        let client = service.client();
        under_way.spawn(async move { load::send(&client, &format!("under-way-{number}")).await });
    }
    let waiting = "SELECT count(*) FROM pg_locks JOIN pg_class ON pg_class.oid = relation \
        WHERE NOT granted AND relname = 'pledges' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    soon("a batch waits", async || rows.number(waiting).await == 1).await;
    // All eight have come in: they are in that batch, or in the queue (with the one from before, nine have been).
    let figure = |text: &str, name: &str| -> u32 {
        let line = text.lines().find(|line| line.split(' ').next() == Some(name));
        line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap()
    };
    soon("all have come in", async || {
        let text = client.get("/metrics").await.text();
        figure(&text, "pledges_ingest_wait_seconds_count") + figure(&text, "pledges_ingest_queue_pledges") == 9
    })
    .await;
    let (pid, base) = (service.pid(), service.base.clone());
    program::signal("TERM", pid);
    soon("no new connection is taken", async || {
        let address = base.strip_prefix("http://").unwrap();
        tokio::net::TcpStream::connect(address).await.is_err()
    })
    .await;
    assert!(program::lives(pid), "it did not wait");
    run(&mut locker, "COMMIT").await;
    // On a busy machine some may have waited so long that they were told 503; but each was told something.
    let told = under_way.join_all().await;
    assert!(!told.contains(&Told::Nothing), "{told:?}");
    assert!(told.contains(&Told::Acknowledged), "{told:?}");
    service.terminate().await.expect(0);
    let acknowledged = told.iter().filter(|told| **told == Told::Acknowledged).count();
    let stored = rows.number("SELECT count(*) FROM pledges").await;
    assert!((1 + i64::try_from(acknowledged).unwrap()..=9).contains(&stored), "{stored} of {told:?}");
    assert_eq!(rows.differences().await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visitor_who_never_finishes_does_not_hold_up_a_stop() {
    let (url, _) = database().await;
    let var = VarDir::new();
    let service = Running::on(&url, var.path(), &["--shutdown-seconds", "2"]).await;
    let address = service.base.strip_prefix("http://").unwrap().to_owned();
    // One keeps an idle connection, one stops in the middle of its body, one in the middle of its head.
    let client = service.client();
    client.get("/healthz").await.expect(200);
    let mut open = Vec::new();
    for text in [
        "POST /v1/campaigns/defend/pledges HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 90\r\n\r\n{\"name",
        "GET /v1/campaigns HTT",
    ] {
        let mut stream = tokio::net::TcpStream::connect(&address).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        open.push(stream);
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    let start = Instant::now();
    service.terminate().await.expect(0);
    // Two seconds for the requests, and what a busy machine needs to end the process.
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

/// The control: the check above is worth something only if it sees the damage it looks for.
#[tokio::test(flavor = "multi_thread")]
async fn the_check_fails_when_an_acknowledged_row_is_gone_or_there_twice() {
    let (url, rows) = database().await;
    let var = VarDir::new();
    let service = Running::on(&url, var.path(), &[]).await;
    let client = service.client();
    let mut ledger = Ledger::default();
    for key in ["one", "two", "three"] {
        ledger.note(key, load::send(&client, key).await);
    }
    service.terminate().await.expect(0);
    assert_eq!(ledger.reconcile(&rows).await, [""; 0]);
    rows.execute("DELETE FROM pledges WHERE source = 'two'").await;
    let complaints = ledger.reconcile(&rows).await.join("\n");
    assert!(complaints.contains("two was acknowledged and is not stored"), "{complaints}");
    assert!(complaints.contains("defend: the total says 3, there are 2"), "{complaints}");
    // A dropped unique index, and a row that nobody sent.
    rows.execute("ALTER TABLE pledges DROP CONSTRAINT one_pledge_per_mailbox").await;
    let again = "INSERT INTO pledges (id, campaign_id, country, state, fingerprint, source, counted_at) \
        SELECT gen_random_uuid(), campaign_id, country, state, fingerprint, SOURCE, counted_at FROM pledges WHERE source = 'one'";
    rows.execute(&again.replace("SOURCE", "source")).await;
    rows.execute(&again.replace("SOURCE", "'four'")).await;
    let complaints = ledger.reconcile(&rows).await.join("\n");
    assert!(
        complaints.contains("one is stored 3 times") || complaints.contains("one is stored 2 times"),
        "{complaints}"
    );
    assert!(complaints.contains("four was never sent"), "{complaints}");
}
