//! A subscriber, polled early, late and not at all.

use std::pin::Pin;

use chrono::{DateTime, Utc};
use futures_util::FutureExt;

use super::*;
use crate::{
    clock::Clock,
    db::Database,
    totals::{
        Pace,
        board::{Document, Published},
    },
};

const SOURCE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
const SELDOM: Duration = Duration::from_secs(3600);

/// A board that documents are put on by hand: the database is never asked.
fn streams(heartbeat_every: Duration) -> Streams {
    let database = Database::new(&"postgres://nobody@127.0.0.1:1/nothing".to_owned().into(), 2).unwrap();
    let totals = Totals::new(database, Pace { look_every: SELDOM, reread_every: SELDOM }, Clock::System);
    publish(&totals, 1);
    Streams::new(totals, Limits { per_source: 3, in_all: 10 }, heartbeat_every).unwrap()
}

fn publish(totals: &Totals, version: i64) {
    let figures = super::super::shown::Figures { threshold: 5, total: version, confirmed: 0, countries: [].into() };
    let document = Document::new("defend".into(), None, version, DateTime::UNIX_EPOCH, &figures);
    totals.board.replace(vec![Published::new(document)]);
}

type Frames = Pin<Box<dyn Stream<Item = Result<Bytes, Infallible>>>>;

fn frames(streams: &Streams, seen: Option<i64>) -> Frames {
    Box::pin(streams.open("defend", SOURCE, seen).unwrap().frames())
}

/// What is there to be sent, without waiting.
fn pending(frames: &mut Frames) -> Vec<String> {
    let mut found = Vec::new();
    while let Some(Some(Ok(frame))) = frames.next().now_or_never() {
        found.push(str::from_utf8(&frame).unwrap().to_owned());
    }
    found
}

/// What comes next; fails when nothing does.
async fn next(frames: &mut Frames) -> Option<String> {
    let next = tokio::time::timeout(Duration::from_secs(20), frames.next()).await.expect("nothing comes");
    next.map(|Ok(frame)| String::from_utf8(frame.to_vec()).unwrap())
}

/// The kind of an event and the version in it.
fn told(frame: &str) -> (&str, i64) {
    let kind = frame.lines().find_map(|line| line.strip_prefix("event: ")).unwrap();
    let data = frame.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
    let data: serde_json::Value = serde_json::from_str(data).unwrap();
    (kind, data["version"].as_i64().unwrap())
}

#[tokio::test]
async fn the_document_comes_first_and_then_each_change() {
    let streams = streams(SELDOM);
    let mut frames = frames(&streams, None);
    let first = pending(&mut frames);
    let retry: f64 = first[0].strip_prefix("retry: ").unwrap().trim_end().parse().unwrap();
    assert!((1_000.0..=5_000.0).contains(&retry), "{first:?}");
    assert_eq!((first.len(), told(&first[1])), (2, ("totals", 1)));
    for version in 2..5 {
        publish(&streams.totals, version);
        let next = pending(&mut frames);
        assert_eq!((next.len(), told(&next[0])), (1, ("change", version)));
    }
    publish(&streams.totals, 4);
    publish(&streams.totals, 3);
    assert_eq!(pending(&mut frames), [""; 0], "no news");
}

#[tokio::test]
async fn who_is_slow_is_sent_the_newest_document_and_nothing_waits_in_between() {
    let streams = streams(SELDOM);
    let mut frames = frames(&streams, None);
    pending(&mut frames);
    publish(&streams.totals, 2);
    let second = Arc::downgrade(&streams.totals.published("defend").unwrap());
    for version in 3..=100 {
        publish(&streams.totals, version);
    }
    assert!(second.upgrade().is_none(), "nobody keeps what nobody will be sent");
    let late = pending(&mut frames);
    assert_eq!((late.len(), told(&late[0])), (1, ("totals", 100)));
    publish(&streams.totals, 101);
    assert_eq!(told(&pending(&mut frames)[0]), ("change", 101));
}

#[tokio::test]
async fn who_comes_back_is_sent_what_is_lacking() {
    let streams = streams(SELDOM);
    publish(&streams.totals, 5);
    publish(&streams.totals, 8);
    let sent = |seen| pending(&mut frames(&streams, seen));
    assert_eq!(told(&sent(Some(5))[1]), ("change", 8));
    for other in [None, Some(1), Some(6), Some(9), Some(-8), Some(i64::MAX)] {
        assert_eq!(told(&sent(other)[1]), ("totals", 8), "{other:?}");
    }
    let mut current = frames(&streams, Some(8));
    let first = pending(&mut current);
    assert!(first.len() == 1 && first[0].starts_with("retry: "), "{first:?}");
    assert_eq!(told(&first[0]), ("heartbeat", 8));
    publish(&streams.totals, 9);
    assert_eq!(told(&pending(&mut current)[0]), ("change", 9));
}

/// Two instances are never at the same version for long. The one that lags behind sends documents that are ignored,
/// and must not follow them up with a change that is taken for one of a document that the reader has.
#[tokio::test]
async fn who_was_told_more_elsewhere_gets_whole_documents_until_we_have_caught_up() {
    let streams = streams(SELDOM);
    let mut frames = frames(&streams, Some(3));
    assert_eq!(told(&pending(&mut frames)[1]), ("totals", 1));
    assert_eq!(pending(&mut frames), [""; 0], "once");
    publish(&streams.totals, 2);
    assert_eq!(told(&pending(&mut frames)[0]), ("totals", 2));
    publish(&streams.totals, 4);
    assert_eq!(told(&pending(&mut frames)[0]), ("totals", 4));
    publish(&streams.totals, 5);
    assert_eq!(told(&pending(&mut frames)[0]), ("change", 5));
}

#[tokio::test]
async fn heartbeats_tell_when_the_database_was_asked_last() {
    let streams = streams(Duration::from_millis(5));
    let mut frames = frames(&streams, None);
    pending(&mut frames);
    for second in [7, 9] {
        let checked_at: DateTime<Utc> = DateTime::from_timestamp(second, 0).unwrap();
        streams.totals.board.checked(checked_at);
        let beat = next(&mut frames).await.unwrap();
        let data =
            format!(r#"{{"version":1,"as_of":"1970-01-01T00:00:00Z","checked_at":"1970-01-01T00:00:0{second}Z"}}"#);
        assert_eq!(beat, format!("event: heartbeat\ndata: {data}\n\n"));
    }
}

#[tokio::test]
async fn a_stream_that_ends_gives_its_place_back() {
    let streams = streams(SELDOM);
    let held: Vec<_> = (0..3).map(|_| frames(&streams, None)).collect();
    assert_eq!(streams.open("defend", SOURCE, None).err(), Some(Refusal::SourceIsFull));
    assert_eq!(streams.open("nothing", SOURCE, None).err(), Some(Refusal::NoCampaign));
    drop(held);
    assert_eq!(streams.open_now(), 0);
    let mut last = frames(&streams, None);
    pending(&mut last);
    streams.end();
    assert_eq!(next(&mut last).await, None);
    assert_eq!(streams.open("defend", SOURCE, None).err(), Some(Refusal::Stopping));
    // The documents are still read, and still replaced.
    publish(&streams.totals, 2);
    assert_eq!(streams.totals.published("defend").unwrap().document.version, 2);
    drop(last);
    assert_eq!(streams.open_now(), 0);
}

#[tokio::test]
async fn a_subscriber_is_small() {
    let streams = streams(SELDOM);
    let size = size_of_val(&streams.open("defend", SOURCE, None).unwrap().frames());
    assert!(size <= 768, "{size} bytes");
}

#[tokio::test]
async fn a_large_document_is_handed_over_in_parts() {
    let streams = streams(SELDOM);
    let countries = crate::country::Country::all().map(|country| (country, 150)).collect();
    let mut figures = super::super::shown::Figures { threshold: 1, total: 0, confirmed: 0, countries: [].into() };
    figures.apply(&countries);
    let document = Document::new("defend".into(), None, 2, DateTime::UNIX_EPOCH, &figures);
    streams.totals.board.replace(vec![Published::new(document)]);
    let mut frames = frames(&streams, None);
    pending(&mut frames);
    let mut parts = String::new();
    while !parts.ends_with("\n\n") {
        let part = next(&mut frames).await.unwrap();
        assert!(part.len() <= AT_ONCE);
        parts.push_str(&part);
        assert!(pending(&mut frames).is_empty(), "in between, the connection sends");
    }
    assert!(parts.len() > 2 * AT_ONCE, "{}", parts.len());
}
