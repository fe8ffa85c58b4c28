//! Whatever fails on the way: no mail is lost, and at most the one in doubt is repeated.

use std::time::Duration;

use pledges::mail::store;

use super::{Post, addresses, settings, until};
use crate::support::{
    eventually,
    smtp::{Answer, Server},
};

const LONG: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_is_not_taken_at_first_is_tried_again() {
    let post = Post::new().await;
    let greylisting = |to: &str, before| match (&to[..10], before) {
        ("somebody.0", 0) => Answer::Message(452),
        // It wants a log-in: no fault of the mail's.
        ("somebody.1", 0) => Answer::Recipient(530),
        ("somebody.2", 0) => Answer::Recipient(421),
        (_, 0) => Answer::Recipient(451),
        _ => Answer::Accept,
    };
    let server = Server::start(greylisting).await;
    // Each at a domain of its own: three refusals in a row would let one rest.
    let addresses: Vec<_> = (0..8).map(|number| format!("somebody.{number}@{number}.example")).collect();
    post.put(&addresses).await;
    let worker = post.work(&server, &settings());
    until("all is sent", LONG, async || post.waiting().await == 0).await;
    assert_eq!((server.count(), server.repeated()), (8, 0));
    assert!(server.connections() <= 4, "a refusal costs no connection: {}", server.connections());
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_keeps_silent_is_given_up_in_time() {
    let post = Post::new().await;
    let server = Server::start(|_, before| if before == 0 { Answer::Stall } else { Answer::Accept }).await;
    post.put(&addresses("example.org", 3)).await;
    let worker = post.work(&server, &settings());
    until("all is sent", LONG, async || post.waiting().await == 0).await;
    assert_eq!((server.count(), server.repeated()), (3, 0));
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_answer_only_the_mail_in_doubt_is_repeated() {
    let post = Post::new().await;
    let dropping = |to: &str, before| {
        if to.starts_with("somebody.1@") && before == 0 { Answer::CutUnanswered } else { Answer::Accept }
    };
    let server = Server::start(dropping).await;
    post.put(&addresses("example.org", 20)).await;
    let worker = post.work(&server, &settings());
    until("all is sent", LONG, async || post.waiting().await == 0).await;
    assert_eq!((server.count(), server.repeated()), (21, 1));
    // Receivers can tell.
    let received = server.received();
    let twice: Vec<_> = received.iter().filter(|mail| mail.to.starts_with("somebody.1@")).collect();
    assert_eq!(twice.len(), 2);
    assert_eq!(twice[0].header("Message-ID"), twice[1].header("Message-ID"));
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_ends_after_the_answer_repeats_nothing() {
    let post = Post::new().await;
    let server = Server::start(|_, _| Answer::CutThen).await;
    post.put(&addresses("example.org", 20)).await;
    let worker = post.work(&server, &settings());
    until("all is sent", LONG, async || post.waiting().await == 0).await;
    assert_eq!((server.count(), server.repeated()), (20, 0));
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_crash_everything_is_sent_and_one_mail_a_connection_is_in_doubt() {
    let post = Post::new().await;
    let server = Server::start(|_, _| Answer::Slow(Duration::from_millis(5))).await;
    post.put(&addresses("example.org", 300)).await;
    for stage in [60, 140] {
        let worker = post.work(&server, &settings());
        until("some are sent", LONG, async || server.count() >= stage).await;
        worker.kill().await;
    }
    assert!(post.waiting().await > 0, "it was in the middle");
    let worker = post.work(&server, &settings());
    until("all is sent", LONG, async || post.waiting().await == 0).await;
    let repeated = server.repeated();
    assert_eq!(server.count() - repeated, 300);
    assert!(repeated <= 2 * usize::from(settings().mail_connections), "{repeated}");
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_server_that_is_away_costs_no_attempts() {
    let post = Post::new().await;
    let server = Server::accepting().await;
    let (place, worker) = (server.port, post.work(&server, &settings()));
    drop(server);
    post.put(&addresses("example.org", 30)).await;
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert_eq!(post.waiting().await, 30);
    let attempts = post.rows.number("SELECT max(attempts) FROM mail_outbox").await;
    assert!(attempts <= 1, "{attempts}");
    // Everybody can see for how long, whoever sends.
    let mut connection = post.rows.database.open().await.unwrap();
    let away = "SELECT count(*) FROM mail_server WHERE failing_since IS NOT NULL AND worked_at IS NULL";
    until("it is written down", LONG, async || post.rows.number(away).await == 1).await;
    assert!(store::leave(&mut connection).await.unwrap(), "for ten minutes that is nothing");
    post.rows.execute("UPDATE mail_outbox SET created_at = created_at - interval '10 minutes'").await;
    post.rows.execute("UPDATE mail_server SET failing_since = failing_since - interval '10 minutes'").await;
    assert!(!store::leave(&mut connection).await.unwrap());
    let server = Server::at(place, |_, _| Answer::Accept).await;
    until("all is sent", LONG, async || post.waiting().await == 0).await;
    let back =
        "SELECT count(*) FROM mail_server WHERE failing_since IS NULL AND worked_at > now() - interval '1 minute'";
    until("that is written down", LONG, async || post.rows.number(back).await == 1).await;
    assert_eq!((server.count(), server.repeated()), (30, 0));
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_away_is_waited_for() {
    let (post, server) = (Post::new().await, Server::accepting().await);
    let worker = post.work(&server, &settings());
    post.rows.execute("ALTER TABLE mail_outbox RENAME TO elsewhere").await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    post.rows.execute("ALTER TABLE elsewhere RENAME TO mail_outbox").await;
    post.put(&addresses("example.org", 3)).await;
    eventually("all is sent", async || post.waiting().await == 0).await;
    worker.stop().await;
    assert_eq!(server.count(), 3);
}

/// While the row of an accepted mail can't be deleted, its lease ends; it isn't sent again all the same.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_accepted_is_not_repeated_when_its_row_stays() {
    let (post, server) = (Post::new().await, Server::accepting().await);
    post.rows
        .execute("CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$")
        .await;
    post.rows.execute("CREATE TRIGGER no BEFORE DELETE ON mail_outbox FOR EACH ROW EXECUTE FUNCTION no()").await;
    post.put(&addresses("example.org", 2)).await;
    let worker = post.work(&server, &settings());
    eventually("both are accepted", async || server.count() == 2).await;
    tokio::time::sleep(Duration::from_millis(settings().mail_lease_ms * 2)).await;
    post.rows.execute("DROP TRIGGER no ON mail_outbox").await;
    eventually("the rows go", async || post.waiting().await == 0).await;
    worker.stop().await;
    assert_eq!((server.count(), server.repeated()), (2, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_finishes_what_is_under_way_and_gives_back_the_rest() {
    let post = Post::new().await;
    let server = Server::start(|_, _| Answer::Slow(Duration::from_millis(300))).await;
    post.put(&addresses("example.org", 40)).await;
    let worker = post.work(&server, &settings());
    eventually("some are sent", async || server.count() >= 4).await;
    worker.stop().await;
    let (sent, waiting) = (server.count(), post.waiting().await);
    assert_eq!(i64::try_from(sent).unwrap() + waiting, 40, "what was accepted is deleted, all else waits");
    let due = "SELECT count(*) FROM mail_outbox WHERE due_at <= now() AND attempts = 0";
    assert_eq!(post.rows.number(due).await, waiting, "another instance need not wait for a lease");
}

/// A server that has become slow: mails that lie ready are given back before their lease ends, and nobody sends one twice.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_taken_ahead_is_given_back_when_the_server_becomes_slow() {
    let post = Post::new().await;
    let (count, slow) = (std::sync::atomic::AtomicUsize::new(0), Duration::from_millis(400));
    let becoming_slow = move |_: &str, _| {
        let number = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        if (600..630).contains(&number) { Answer::Slow(slow) } else { Answer::Accept }
    };
    let server = Server::start(becoming_slow).await;
    post.put(&addresses("example.org", 1_200)).await;
    let workers = [post.work(&server, &settings()), post.work(&server, &settings())];
    until("all is sent", LONG, async || post.waiting().await == 0).await;
    for worker in workers {
        worker.stop().await;
    }
    assert_eq!((server.count(), server.repeated()), (1_200, 0));
}

/// One that goes away gets a few tries, not one for each mail that lies ready; none of them has lost an attempt.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_taken_ahead_is_given_back_when_the_server_goes_away() {
    let (post, server) = (Post::new().await, Server::accepting().await);
    post.put(&addresses("example.org", 3_000)).await;
    let long = pledges::config::MailSettings { mail_lease_ms: 60_000, ..settings() };
    let worker = post.work(&server, &long);
    until("it is in full swing", LONG, async || server.count() > 500).await;
    let ahead = "SELECT count(*) FROM mail_outbox WHERE due_at > now() + interval '30 seconds'";
    let mut most = 0;
    until("many lie ready", LONG, async || {
        most = most.max(post.rows.number(ahead).await);
        most > 50
    })
    .await;
    drop(server);
    // In one look: a moment later it may try its luck with others.
    let given_back = "SELECT (count(*) FILTER (WHERE attempts > 0) <= 8 \
         AND count(*) FILTER (WHERE due_at > now() + interval '30 seconds') = 0)::int FROM mail_outbox";
    until("they are given back", LONG, async || post.rows.number(given_back).await == 1).await;
    worker.stop().await;
}
