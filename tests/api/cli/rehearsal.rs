//! `pledges demo --attack`, with a running service that looks for waves: who is held in the end is what moderators see.

use std::{
    collections::BTreeMap,
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use pledges::gate::signals::Signal;

use super::{is_refused, on, run};
use crate::support::{TestApp, eventually, program};

/// What the campaign of rehearsals holds.
const TRAINING: &str = "FROM pledges WHERE campaign_id = (SELECT id FROM campaigns WHERE slug = 'training')";

/// A service that looks for waves every few seconds.
async fn service() -> TestApp {
    TestApp::with(&["--waves-every-seconds", "4"]).await
}

/// The table by group: how many there are, and how many are held.
fn table(stdout: &str) -> BTreeMap<String, (i32, i32)> {
    let line = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        (words[0].to_owned(), (words[1].parse().unwrap(), words[2].parse().unwrap()))
    };
    stdout.lines().skip(1).map(line).collect()
}

/// Begins a rehearsal, waits until this many rows of its campaign are so, and stops it as Ctrl-C does. What it wrote: output and error.
async fn until(app: &TestApp, arguments: &[&str], what: &str, rows: i64) -> (String, String) {
    let child = on(app, &[&["demo", "--attack"], arguments].concat())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let child = Guard(Some(child));
    let began = Instant::now();
    while app.rows.number(&format!("SELECT count(*) {TRAINING} AND {what}")).await < rows {
        assert!(began.elapsed() < PATIENCE, "never {rows} are {what}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    child.interrupt().await
}

/// How long a busy machine may take for a short wave.
const PATIENCE: Duration = Duration::from_secs(240);

/// A process that doesn't outlive a test that fails.
struct Guard(Option<Child>);

impl Guard {
    async fn interrupt(mut self) -> (String, String) {
        let child = self.0.take().unwrap();
        program::signal("INT", child.id());
        let ended = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap()).await.unwrap();
        let [stdout, stderr] = [ended.stdout, ended.stderr].map(|text| String::from_utf8(text).unwrap());
        assert!(ended.status.success(), "{stderr}");
        (stdout, stderr)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Measured: 98 to 99 of a hundred bots, and one in a hundred people.
#[tokio::test(flavor = "multi_thread")]
async fn a_rehearsed_wave_is_held_and_people_are_not() {
    let app = service().await;
    let short = ["--minutes", "0.25", "--pledges", "6000", "--seed", "77"];
    let (stdout, stderr) = until(&app, &short, "state = 'held'", 5_000).await;
    crate::support::tell(&format!("{stderr}\n{stdout}"));
    assert!(stderr.contains("wave 77 into training: 6000") && stderr.contains("are held"), "{stderr}");
    let table = table(&stdout);
    assert_eq!(table.len(), 7, "{table:?}");
    let (bots, held) = table["Bot"];
    assert!(bots > 5_000 && held >= bots / 100 * 85, "{held} of {bots}");
    let people = table.iter().filter(|(group, _)| *group != "Bot").map(|(_, line)| line);
    let (honest, lost) = people.fold((0, 0), |sum, line| (sum.0 + line.0, sum.1 + line.1));
    assert!(honest > 250 && lost <= honest / 20, "{lost} of {honest}");
    // The table is what moderators find, but for the day before.
    let of = async |what: &str| app.rows.number(&format!("SELECT count(*) {TRAINING} AND {what}")).await;
    assert!(of("state = 'held'").await >= i64::from(held + lost));
    assert_eq!(of("state NOT IN ('held', 'counted')").await, 0);
    assert!(of("created_at < now() - interval '1 hour' AND state = 'counted'").await > 500);
    assert!(of("source_tag IS NULL OR shape_tag IS NULL OR domain_tag IS NULL").await == 0);
    let clusters =
        format!("SELECT max(count) FROM (SELECT count(*) {TRAINING} AND state = 'held' GROUP BY source_tag)");
    assert!(app.rows.number(&format!("{clusters} AS by_source")).await > 15);
    // Nobody else is touched, nobody is written to, and everybody can see what it is.
    assert_eq!(app.rows.number("SELECT count(*) FROM pledges").await, of("true").await);
    assert_eq!(app.rows.number("SELECT count(*) FROM mail_outbox").await, 0);
    app.publish().await;
    assert_eq!(app.differences().await, [""; 0]);
    let shown = app.client().get("/v1/campaigns/training").await.expect(200);
    assert!(shown["texts"]["en"]["title"].as_str().unwrap().starts_with("Rehearsal"), "{shown}");
    // A look for waves may hold some more after what was published.
    eventually("all see what counts", async || {
        app.publish().await;
        let total = app.client().get("/v1/campaigns/training/totals").await.expect(200)["total"].clone();
        total == of("state = 'counted'").await
    })
    .await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rehearsal_can_be_stopped_and_says_what_has_come() {
    let app = service().await;
    // Eleven come a second; of the day before one in two seconds.
    let lately = "created_at > now() - interval '4 seconds'";
    let (stdout, stderr) = until(&app, &["--minutes", "30", "--seed", "78"], lately, 20).await;
    assert!(stderr.contains("stopped"), "{stderr}");
    assert!(table(&stdout)["Bot"].0 >= 10, "{stdout}");
    app.publish().await;
    assert_eq!(app.differences().await, [""; 0]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_all_is_held_a_rehearsed_wave_is_held_too() {
    let app = service().await;
    let count = async |what: &str| app.rows.number(&format!("SELECT count(*) {TRAINING} AND {what}")).await;
    let bit = Signal::Switch.bit().bits();
    let switched = format!("signals & {bit} <> 0 AND state = 'held'");
    // While it plays, as a moderator would.
    let switch_on = async {
        let began = Instant::now();
        while count("created_at > now() - interval '2 seconds'").await == 0 {
            assert!(began.elapsed() < PATIENCE, "it never begins");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        run(&app, &["switch", "on", "training", "hold_all", "--reason", "Practice"]).await.expect(0);
    };
    let ((_, stderr), ()) = tokio::join!(until(&app, &["--minutes", "30", "--seed", "79"], &switched, 20), switch_on);
    assert!(stderr.contains("stopped"), "{stderr}");
    let later = "created_at > (SELECT on_at + interval '2 seconds' FROM campaign_switches)";
    assert!(count(later).await > 5);
    assert_eq!(count(&format!("{later} AND NOT ({switched})")).await, 0);
    assert!(count(&format!("signals & {bit} = 0")).await > 1_000, "nobody before was");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rehearsal_never_touches_a_campaign_of_people() {
    let app = service().await;
    // Somebody's campaign that only has the name.
    app.rows.campaign("training").await;
    is_refused(&app, &["demo", "--attack"], "is not the one of rehearsals").await;
    for wrong in [
        &["demo", "--attack", "--campaign", "defend"][..],
        &["demo", "--minutes", "3"],
        &["demo", "--attack", "--pledges", "10"],
        &["demo", "--attack", "--rate", "10"],
    ] {
        run(&app, wrong).await.expect(2);
    }
    is_refused(&app, &["demo", "--attack", "--minutes", "0"], "--minutes is more than 0").await;
    assert_eq!(app.rows.number("SELECT count(*) FROM pledges").await, 0);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rehearsal_in_production_waits_for_tested_recipients() {
    let app = service().await;
    let mut live = on(&app, &["demo", "--attack"]);
    live.env("PLEDGES_MODE", "production");
    let ended = program::run(live).await.expect(1);
    assert!(ended.stderr.contains("training") && ended.stderr.contains("recipient"), "{}", ended.stderr);
    assert_eq!(app.rows.list("SELECT state FROM campaigns WHERE slug = 'training'").await, ["draft"]);
    assert_eq!(app.rows.number("SELECT count(*) FROM pledges").await, 0);
    app.stop().await;
}
