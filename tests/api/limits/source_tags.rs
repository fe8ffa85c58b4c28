//! Tags of sources: the same at every instance for a day, and afterwards nothing tells whose they were.

use std::{net::IpAddr, process::Command};

use chrono::{NaiveDate, TimeDelta};
use pledges::{
    clock::{Clock, FixedClock},
    crypto::Key,
    db::{self, Database},
    gate::source_tags::{SourceTags, store},
};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::support::{cluster, key_ring};

async fn migrated() -> (SecretString, Database) {
    let url = cluster::empty_database().await;
    let database = Database::new(&url, 3).unwrap();
    db::migrate(&database).await.unwrap();
    (url, database)
}

fn noon() -> FixedClock {
    let noon = Clock::System.now().date_naive().and_hms_opt(12, 0, 0).unwrap().and_utc();
    FixedClock::at(noon)
}

fn instance(database: &Database, clock: &FixedClock) -> SourceTags {
    SourceTags::new(database.clone(), &key_ring(), Clock::Fixed(clock.clone()))
}

fn source(last: u16) -> IpAddr {
    IpAddr::from([203, 0, last.to_be_bytes()[0], last.to_be_bytes()[1]])
}

#[tokio::test(flavor = "multi_thread")]
async fn instances_tag_alike_and_days_do_not() {
    let (_, database) = migrated().await;
    let clock = noon();
    let (one, other) = (instance(&database, &clock), instance(&database, &clock));
    assert_eq!(one.tag(source(1)), None, "without a key there is no tag");
    let (first, second) = tokio::join!(one.renew(), other.renew());
    first.unwrap();
    second.unwrap();
    let tag = one.tag(source(1)).unwrap();
    assert_eq!(other.tag(source(1)), Some(tag));
    assert_ne!(one.tag(source(2)), Some(tag));
    clock.advance(TimeDelta::minutes(11 * 60 + 30));
    one.renew().await.unwrap();
    clock.advance(TimeDelta::hours(1));
    let next = one.tag(source(1)).expect("the key of the next day was made before midnight");
    assert_ne!(next, tag);
    other.renew().await.unwrap();
    assert_eq!(other.tag(source(1)), Some(next));
}

/// Everything that the database's owner has: its rows, and the file of the table.
async fn dump(url: &SecretString) -> Vec<String> {
    let (url, keys) = (url.expose_secret().to_owned(), "--table=source_tag_keys");
    let run = move || Command::new("pg_dump").args(["--data-only", "--inserts", keys, &url]).output().unwrap();
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().filter(|line| line.starts_with("INSERT")).map(str::to_owned).collect()
}

/// Whose tag it is, tried with every key that a dump and the root secret give: of 65,536 addresses.
fn found(dump: &[String], tag: i64) -> Option<IpAddr> {
    let seal = key_ring().keys("source tags v1");
    let keys = dump.iter().map(|line| {
        let mut quoted = line.split('\'').skip(1).step_by(2);
        let (day, sealed) = (quoted.next().unwrap(), quoted.next().unwrap());
        let bytes = (2..sealed.len()).step_by(2).map(|at| u8::from_str_radix(&sealed[at..at + 2], 16).unwrap());
        let opened = seal.open(&bytes.collect::<Vec<_>>(), format!("source tags v1 {day}").as_bytes()).unwrap();
        Key::from_bytes(Zeroizing::new(opened.as_slice().try_into().unwrap()))
    });
    let fits = |key: &Key, address: IpAddr| {
        let IpAddr::V4(address) = address else { return false };
        let hash = key.hash(&[b"source", &address.octets()]);
        i64::from_be_bytes(hash[..8].try_into().unwrap()) == tag
    };
    keys.into_iter().find_map(|key| (0..=u16::MAX).map(source).find(|source| fits(&key, *source)))
}

#[tokio::test(flavor = "multi_thread")]
async fn after_two_days_nobody_finds_whose_tag_it_was() {
    let (url, database) = migrated().await;
    let clock = noon();
    let tags = instance(&database, &clock);
    tags.renew().await.unwrap();
    let (whose, tag) = (source(0xBEEF), tags.tag(source(0xBEEF)).unwrap());
    assert_eq!(found(&dump(&url).await, tag), Some(whose), "as long as there is a key, trying finds it");
    let mut connection = database.open().await.unwrap();
    let file = || async { filenode(&database).await };
    let before = file().await;
    clock.advance(TimeDelta::hours(48));
    tags.renew().await.unwrap();
    let after = dump(&url).await;
    assert_eq!(after.len(), 1, "only today's key is there");
    assert_eq!(found(&after, tag), None);
    assert_ne!(file().await, before, "the old bytes are in no file of the table");
    assert_ne!(tags.tag(whose), Some(tag));
    assert_eq!(store::overdue(&mut connection).await.unwrap(), 0);
}

async fn filenode(database: &Database) -> i64 {
    let rows = crate::support::rows::Rows::from(database.clone());
    rows.number("SELECT pg_relation_filenode('source_tag_keys')").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_too_old_goes_whatever_its_day_says_and_the_doctor_tells() {
    let (_, database) = migrated().await;
    let mut connection = database.open().await.unwrap();
    let next_year: NaiveDate = (Clock::System.now() + TimeDelta::days(365)).date_naive();
    store::offer(&mut connection, next_year, b"sealed").await.unwrap();
    let rows = crate::support::rows::Rows::from(database.clone());
    rows.execute("UPDATE source_tag_keys SET made_at = now() - interval '49 hours'").await;
    assert_eq!(store::overdue(&mut connection).await.unwrap(), 1);
    instance(&database, &noon()).renew().await.unwrap();
    assert_eq!(store::overdue(&mut connection).await.unwrap(), 0);
}
