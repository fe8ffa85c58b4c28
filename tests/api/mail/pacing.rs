//! No mail domain gets more than its share, and one that takes nothing holds up no other.

use std::time::Duration;

use pledges::config::MailSettings;

use super::{Post, addresses, settings, until};
use crate::support::{
    eventually,
    smtp::{Answer, Server},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_domain_over_its_limit_is_put_off_and_others_are_not() {
    let (post, server) = (Post::new().await, Server::accepting().await);
    let paced = MailSettings { mail_per_domain_per_minute: 60, mail_lease_ms: 10_000, ..settings() };
    post.put(&addresses("many.example", 900)).await;
    let worker = post.work(&server, &paced);
    let to_many = || server.received().iter().filter(|mail| mail.to.ends_with("@many.example")).count();
    eventually("they are put off", async || {
        let near = "SELECT count(*) FROM mail_outbox WHERE due_at < now() + interval '1 second'";
        to_many() >= 1 && post.rows.number(near).await < 5
    })
    .await;
    post.put(&addresses("few.example", 2)).await;
    worker.outbox.changed();
    eventually("the others are sent", async || server.received().iter().any(|mail| mail.to.ends_with("@few.example")))
        .await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let sent = to_many();
    assert!((2..=12).contains(&sent), "one a second: {sent}");
    // Those that are handed over at this moment are counted.
    let tried = post.rows.number("SELECT count(*) FROM mail_outbox WHERE attempts > 0").await;
    assert!(tried <= 100, "being put off is no attempt: {tried}");
    worker.stop().await;
    assert_eq!(server.repeated(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_domain_that_takes_nothing_rests_and_others_go_on() {
    let post = Post::new().await;
    let full = |to: &str, _| if to.ends_with("@full.example") { Answer::Recipient(452) } else { Answer::Accept };
    let server = Server::start(full).await;
    post.put(&addresses("full.example", 50)).await;
    post.put(&addresses("well.example", 50)).await;
    let worker = post.work(&server, &settings());
    until("the others are sent", Duration::from_secs(20), async || post.waiting().await == 50).await;
    let near = "SELECT count(*) FROM mail_outbox WHERE due_at < now() + interval '30 seconds'";
    until("the domain rests", Duration::from_secs(20), async || post.rows.number(near).await == 0).await;
    let told = post.rows.list("SELECT DISTINCT failure FROM mail_outbox WHERE failure IS NOT NULL").await;
    assert_eq!(told, ["smtp_452"]);
    let tried = post.rows.number("SELECT sum(attempts) FROM mail_outbox").await;
    assert!(tried <= 15, "it is left alone: {tried}");
    worker.stop().await;
    assert_eq!(server.count(), 50);
}
