//! Who watches answers, their times, the totals and the stream doesn't learn who had pledged before.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use futures_util::{StreamExt, stream};
use pledges::accounts::Role;
use rand::seq::SliceRandom;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::{at, by_mail, confirm, is_well, press, totals};
use crate::support::{
    TestApp,
    client::{Answer, Client, pledge},
    eventually, tell,
};

/// Mailboxes of each kind whose answers are timed. (For figures: 300.)
const EACH: usize = 60;

/// Addresses that the guesser asks about. (The issue says 1,000; those take half a minute.)
const GUESSED: usize = 300;

/// A mailbox for which nobody has pledged, and those for which somebody has.
const KINDS: [&str; 6] = ["new", "awaiting", "counted", "removed", "withdrawn", "suppressed"];

/// Requests at once while the scene is set.
const AT_ONCE: usize = 16;

fn address(kind: &str, number: usize) -> String {
    format!("{kind}.{number}@example.org")
}

fn body(kind: &str, number: usize) -> Value {
    let mut body = pledge(&address(kind, number));
    body["source"] = kind.into();
    body
}

async fn at_once<T>(all: impl IntoIterator<Item = T>, each: impl AsyncFn(T)) {
    let each = &each;
    stream::iter(all).for_each_concurrent(AT_ONCE, |one| each(one)).await;
}

/// So many mailboxes of a kind.
async fn make(app: &TestApp, moderator: &Client, kind: &str, count: usize) {
    let client = app.client();
    at_once(0..count, async |number| {
        client.pledge(&body(kind, number)).await.expect(202);
    })
    .await;
    eventually("the mails are sent", async || app.rows.number("SELECT count(*) FROM mail_outbox").await == 0).await;
    if kind == "awaiting" {
        return;
    }
    let links =
        format!("SELECT mail_links.id FROM mail_links JOIN pledges ON pledges.id = pledge_id WHERE source = '{kind}'");
    let mails: Vec<Uuid> = app.rows.list(&links).await.iter().map(|id| id.parse().unwrap()).collect();
    assert_eq!(mails.len(), count);
    at_once(mails, async |mail| {
        if kind != "suppressed" {
            assert_eq!(confirm(app, &client, mail).await, 303);
        }
        let step = match kind {
            "withdrawn" => "withdraw",
            "suppressed" => "not-me",
            _ => return,
        };
        assert_eq!(press(&client, &format!("{}/{step}", at(app, "my-pledge", mail))).await.status, 200);
    })
    .await;
    if kind == "removed" {
        let ids = app.rows.list("SELECT id FROM pledges WHERE source = 'removed'").await;
        let removal = json!({"ids": ids, "reason": "spam", "note": "x"});
        moderator.post("/v1/moderation/campaigns/defend/removals", &removal).await.expect(201);
    }
}

/// All that an answer shows but its id and its time.
fn face(answer: &Answer) -> String {
    let mut body: Value = answer.json();
    assert_eq!(body["id"].take().as_str().unwrap().len(), 36);
    let mut headers: Vec<_> = answer.headers.iter().collect();
    headers.retain(|(name, _)| *name != "date" && *name != "x-request-id");
    headers.sort_by_key(|(name, _)| name.as_str());
    format!("{} {headers:?} {body}", answer.status)
}

async fn timed(client: &Client, body: &Value) -> (Duration, String) {
    let sent = Instant::now();
    let answer = client.pledge(body).await;
    (sent.elapsed(), face(&answer))
}

/// How probably a time of `others` is longer than one of `times`: 0.5 when they can't be told apart.
fn auc(times: &[Duration], others: &[Duration]) -> f64 {
    let score = |(one, other): (&Duration, &Duration)| match other.cmp(one) {
        std::cmp::Ordering::Greater => 1.0,
        std::cmp::Ordering::Equal => 0.5,
        std::cmp::Ordering::Less => 0.0,
    };
    let pairs = times.iter().flat_map(|one| others.iter().map(move |other| (one, other)));
    pairs.map(score).sum::<f64>() / count(times.len() * others.len())
}

fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap())
}

fn distribution(times: &[Duration]) -> String {
    let mut sorted = times.to_vec();
    sorted.sort();
    let at = |percent: usize| sorted[(sorted.len() - 1) * percent / 100].as_secs_f64() * 1_000.0;
    format!("p10 {:.2} p50 {:.2} p90 {:.2} p99 {:.2} ms", at(10), at(50), at(90), at(99))
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_and_their_times_are_the_same_for_new_and_for_known_mailboxes() {
    let app = by_mail().await;
    let moderator = app.signed_in(Role::Moderator).await;
    for kind in KINDS.iter().filter(|kind| **kind != "new") {
        make(&app, &moderator, kind, EACH).await;
    }
    let before = totals(&app).await;
    let mut order: Vec<(usize, usize)> =
        (0..KINDS.len()).flat_map(|kind| (0..EACH).map(move |at| (kind, at))).collect();
    order.shuffle(&mut rand::rng());
    let client = app.client();
    // The connection is there before it counts.
    timed(&client, &body("warm", 0)).await;
    let (mut times, mut faces) = (vec![Vec::new(); KINDS.len()], BTreeSet::new());
    for (kind, number) in order {
        let (time, face) = timed(&client, &body(KINDS[kind], number)).await;
        times[kind].push(time);
        faces.insert(face);
    }
    assert_eq!(faces.len(), 1, "{faces:#?}");
    for (kind, others) in KINDS.iter().zip(&times) {
        let auc = auc(&times[0], others);
        tell(&format!("{kind:<10} {EACH} answers, {}, AUC against new {auc:.3}", distribution(others)));
        // Loosely, because other tests run beside: what isn't stored at all, or is looked up first, would be near 0 or 1.
        assert!((0.25..=0.75).contains(&auc), "{kind} can be told from new by the time: {auc}");
    }
    assert_eq!(totals(&app).await, before);
    is_well(&app).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_guesses_from_answers_totals_and_stream_does_no_better_than_chance() {
    let app = by_mail().await;
    // Half of them had pledged, nobody but the test knows which; half of those are confirmed.
    let mut numbers: Vec<usize> = (0..GUESSED).collect();
    numbers.shuffle(&mut rand::rng());
    let known: BTreeSet<usize> = numbers.iter().copied().take(GUESSED / 2).collect();
    let client = app.client();
    let guessed = |number| pledge(&address("guessed", number));
    at_once(known.iter().copied(), async |number| {
        client.pledge(&guessed(number)).await.expect(202);
    })
    .await;
    eventually("the mails are sent", async || app.rows.number("SELECT count(*) FROM mail_outbox").await == 0).await;
    let half = format!("SELECT id FROM mail_links ORDER BY id LIMIT {}", known.len() / 2);
    at_once(app.rows.list(&half).await, async |mail: String| {
        assert_eq!(confirm(&app, &client, mail.parse().unwrap()).await, 303);
    })
    .await;
    let confirmed = i64::try_from(known.len() / 2).unwrap();
    assert_eq!(totals(&app).await, (confirmed, confirmed));

    let mut stream = client.follow("defend", &[]).await;
    let first = stream.news().await;
    let mut watch = JoinSet::new();
    watch.spawn(async move {
        let mut told = Vec::new();
        while let Some(event) = stream.next().await {
            if event.kind != "heartbeat" {
                told.push(event.text);
            }
        }
        told
    });
    let published = async || client.get("/v1/campaigns/defend/totals").await.expect(200);
    let before = published().await;
    numbers.shuffle(&mut rand::rng());
    let (mut faces, mut times) = ([BTreeSet::new(), BTreeSet::new()], [Vec::new(), Vec::new()]);
    for number in numbers {
        let (time, face) = timed(&client, &guessed(number)).await;
        // All that the guesser sees: the answer, and the totals right after it.
        let side = usize::from(known.contains(&number));
        faces[side].insert(format!("{face} {}", published().await));
        times[side].push(time);
    }
    assert_eq!(faces[0].len(), 1, "answers and totals stand still: {:#?}", faces[0]);
    assert_eq!(faces[0], faces[1]);
    app.publish().await;
    assert_eq!(published().await, before);
    let auc = auc(&times[0], &times[1]);
    tell(&format!("new   {}\nknown {}\nAUC {auc:.3}", distribution(&times[0]), distribution(&times[1])));
    assert!((0.25..=0.75).contains(&auc), "who has a clock can tell: {auc}");
    is_well(&app).await;
    app.stop().await;
    let told = watch.join_next().await.unwrap().unwrap();
    assert!(told.is_empty(), "after {} the stream told of: {told:#?}", first.text);
}
