//! Mails that were given up: operators see them, without addresses, and have them sent again while the address is there.

use pledges::mail::{Address, Kind, Outbox, store};
use uuid::Uuid;

use super::{Post, addresses, settings};
use crate::support::{
    TestApp,
    client::pledge,
    eventually, key_ring,
    program::{self, Ended, VarDir},
    smtp::{Answer, Server},
};

async fn run(post: &Post, var: &VarDir, arguments: &[&str]) -> Ended {
    program::run(program::command_on(&post.url, var.path(), arguments)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_mails_are_shown_and_sent_again() {
    let (post, var) = (Post::new().await, VarDir::new());
    let refusing = |to: &str, before| match (to.contains("gone"), before) {
        (true, 0) => Answer::Recipient(550),
        _ => Answer::Accept,
    };
    let server = Server::start(refusing).await;
    let ids = post.put(&["gone.ada@example.org".into(), "gone.bob@example.org".into(), "li@example.org".into()]).await;
    let worker = post.work(&server, &settings());
    eventually("they are given up", async || post.waiting().await == 0).await;
    let listed = run(&post, &var, &["mail", "list"]).await.expect(0).stdout;
    assert_eq!(listed.lines().count(), 2, "{listed}");
    for id in &ids[..2] {
        let line = listed.lines().find(|line| line.starts_with(&id.to_string())).unwrap();
        assert!(line.contains("\t-\tpledge\tsmtp_550\t1 attempts\twritten "), "{line}");
        assert!(line.ends_with("\tcan be sent again"), "{line}");
    }
    // Neither there nor in the database is what the server wrote.
    let row = post.rows.value("SELECT string_agg(row_to_json(mail_outbox)::text, '') FROM mail_outbox").await;
    for told in ["gone", "example.org", "wanted", "@"] {
        assert!(!listed.contains(told) && !row.contains(told), "{told}: {listed} {row}");
    }
    let status = run(&post, &var, &["mail", "status"]).await.expect(0).stdout;
    assert_eq!(status, "waiting\t0\ndue\t0\ngiven up\t2\n");
    let ill = run(&post, &var, &["doctor"]).await;
    assert!(ill.stdout.contains("2 mails were given up: pledges mail list\n"), "{}", ill.stdout);
    let one = ids[0].to_string();
    assert_eq!(run(&post, &var, &["mail", "retry", &one]).await.expect(0).stdout, "1 mails are sent again\n");
    eventually("it is sent", async || server.count() == 2).await;
    let again = run(&post, &var, &["mail", "retry", &one]).await.expect(1).stderr;
    assert!(again.contains("0 mails are sent again; the others were not given up"), "{again}");
    assert_eq!(run(&post, &var, &["mail", "retry", "--all"]).await.expect(0).stdout, "1 mails are sent again\n");
    eventually("all is sent", async || server.count() == 3).await;
    run(&post, &var, &["mail", "retry"]).await.expect(2);
    run(&post, &var, &["mail", "retry", "--all", &one]).await.expect(2);
    worker.stop().await;
    assert_eq!(server.repeated(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_72_hours_the_address_is_gone_and_after_seven_days_the_row() {
    let (post, var, server) = (Post::new().await, VarDir::new(), Server::accepting().await);
    let id = post.put(&addresses("example.org", 1)).await[0];
    let mut connection = post.rows.database.open().await.unwrap();
    let age = async |hours: u32| {
        post.rows.execute(&format!("UPDATE mail_outbox SET created_at = now() - interval '{hours} hours'")).await;
    };
    age(71).await;
    store::forget(&mut connection).await.unwrap();
    assert_eq!(post.rows.value("SELECT sealed IS NOT NULL AND dead_at IS NULL FROM mail_outbox").await, "true");
    age(73).await;
    store::forget(&mut connection).await.unwrap();
    let row = "SELECT concat_ws(' ', failure, sealed IS NULL, dead_at IS NOT NULL) FROM mail_outbox";
    assert_eq!(post.rows.value(row).await, "too_late t t");
    let listed = run(&post, &var, &["mail", "list"]).await.expect(0).stdout;
    assert!(listed.starts_with(&id.to_string()) && listed.contains("\ttoo_late\t"), "{listed}");
    assert!(listed.ends_with("\tthe address is gone\n"), "{listed}");
    assert_eq!(run(&post, &var, &["mail", "retry", "--all"]).await.expect(0).stdout, "0 mails are sent again\n");
    post.rows.execute("UPDATE mail_outbox SET dead_at = now() - interval '6 days 23 hours'").await;
    store::forget(&mut connection).await.unwrap();
    assert_eq!(post.rows.number("SELECT count(*) FROM mail_outbox").await, 1);
    post.rows.execute("UPDATE mail_outbox SET dead_at = now() - interval '7 days 1 hour'").await;
    // The worker does it by itself, first when it starts.
    let worker = post.work(&server, &settings());
    eventually("the row goes", async || post.rows.number("SELECT count(*) FROM mail_outbox").await == 0).await;
    worker.stop().await;
    assert_eq!(server.count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_to_an_erased_person_go() {
    let app = TestApp::start().await;
    for email in ["ada@example.org", "li@example.org"] {
        app.client().pledge(&pledge(email)).await.expect(201);
    }
    // Not due for a while: the worker leaves them alone.
    app.rows
        .execute(
            "INSERT INTO mail_outbox (id, campaign_id, fingerprint, kind, sealed, due_at) \
             SELECT gen_random_uuid(), campaign_id, fingerprint, 'pledge', '\\x01', now() + interval '1 hour' FROM pledges",
        )
        .await;
    let address = app.var.path().join("address");
    std::fs::write(&address, "ada@example.org").unwrap();
    let erase = ["erase", "--email-file", address.to_str().unwrap()];
    program::run(program::command_on(&app.url, app.var.path(), &erase)).await.expect(0);
    let left = "SELECT count(*) FROM mail_outbox JOIN pledges USING (fingerprint) WHERE erased_at IS NULL";
    assert_eq!(app.rows.number(left).await, 1);
    assert_eq!(app.rows.number("SELECT count(*) FROM mail_outbox").await, 1);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn late_mails_are_a_matter_for_the_doctor() {
    let (post, var) = (Post::new().await, VarDir::new());
    post.put(&addresses("example.org", 2)).await;
    run(&post, &var, &["doctor"]).await.expect(0);
    post.rows.execute("UPDATE mail_outbox SET due_at = now() - interval '11 minutes'").await;
    let ill = run(&post, &var, &["doctor"]).await.expect(1).stdout;
    assert!(ill.contains("2 mails are due, the oldest for 11 minutes"), "{ill}");
}

/// A root secret is needed as long as a mail waits that was sealed with it; without it the mail waits.
#[tokio::test(flavor = "multi_thread")]
async fn root_secrets_of_waiting_mails_stay() {
    const OTHER: &str = "8d1f7c3b5a2e4960d1c8f7a6b5e493021f0e9d8c7b6a5948";
    let (post, var, server) = (Post::new().await, VarDir::new(), Server::accepting().await);
    let other = pledges::crypto::KeyRing::parse(OTHER).unwrap();
    let outbox = Outbox::new(&other, &pledges::metrics::Metrics::default());
    let to = Address::parse("ada@example.org").unwrap();
    let mail = outbox.mail(Uuid::now_v7(), Uuid::now_v7(), Kind::Pledge, None, &to).unwrap();
    store::insert(&mut post.rows.database.open().await.unwrap(), &[mail]).await.unwrap();
    let keys = async |secrets: &str, arguments: &[&str]| {
        let mut command = program::command_on(&post.url, var.path(), arguments);
        command.env("PLEDGES_ROOT_SECRET", secrets);
        program::run(command).await
    };
    let both = format!("{}\n{OTHER}", crate::support::ROOT_SECRET);
    let id = other.current().id().to_string();
    let kept = keys(&both, &["keys", "retire", &id]).await.expect(1).stderr;
    assert!(kept.contains("0 campaigns (), 0 review copies, 1 mails"), "{kept}");
    let listed = keys(crate::support::ROOT_SECRET, &["keys", "list"]).await.expect(0).stdout;
    assert!(listed.contains("1 mails need a root secret that is not listed"), "{listed}");
    // An instance without it tries again later.
    let worker = post.work(&server, &settings());
    eventually("it is tried", async || post.rows.value("SELECT failure FROM mail_outbox").await == "key_missing").await;
    worker.stop().await;
    assert_eq!((post.waiting().await, server.count()), (1, 0));
    assert!(key_ring().root(other.current().id()).is_none());
}
