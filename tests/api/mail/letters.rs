//! What is sent arrives, as it was written.

use std::{os::unix::fs::PermissionsExt, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use pledges::{
    clock::Clock,
    config::Mode,
    mail::{Address, Failure, Letter, Mailer, SendError},
};
use uuid::Uuid;

use super::{NOBODY, Post, addresses, settings};
use crate::support::{TestApp, eventually, key_ring, smtp::Server, tell};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_arrives_and_its_row_goes() {
    let (post, server) = (Post::new().await, Server::accepting().await);
    let id = post.put(&["Ada.Lovelace@Example.ORG".into()]).await[0];
    let worker = post.work(&server, &settings());
    eventually("it is sent", async || post.waiting().await == 0).await;
    let [mail] = &server.received()[..] else { panic!("{:?}", server.received()) };
    assert_eq!(mail.to, "Ada.Lovelace@Example.ORG");
    for (name, value) in [
        ("From", "Pledges <pledges@example.org>"),
        ("To", "Ada.Lovelace@Example.ORG"),
        ("Auto-Submitted", "auto-generated"),
        ("Content-Language", "de"),
        ("MIME-Version", "1.0"),
    ] {
        assert_eq!(mail.header(name), value);
    }
    assert!(mail.header("Subject").contains("=?utf-8?"), "{}", mail.header("Subject"));
    let kind = mail.header("Content-Type").replace('\t', " ");
    assert!(kind.starts_with("multipart/alternative;"), "{kind}");
    // A log of the mail server and a dump don't meet: Message-ID and the rest tell nothing of the row.
    assert!(mail.header("Message-ID").ends_with("@pledges.example>"), "{}", mail.header("Message-ID"));
    for form in [id.simple().to_string(), id.hyphenated().to_string(), URL_SAFE_NO_PAD.encode(id.as_bytes())] {
        assert!(!mail.message.replace("=\r\n", "").contains(&form), "{form}: {}", mail.message);
    }
    let boundary = kind.split('"').nth(1).unwrap();
    let parts: Vec<&str> = mail.message.split(&format!("--{boundary}")).collect();
    assert_eq!(parts.len(), 4, "{}", mail.message);
    assert!(
        parts[1].contains("Content-Type: text/plain; charset=utf-8") && parts[1].contains("Gr=C3=BC=C3=9Fe: pledge")
    );
    assert!(
        parts[2].contains("Content-Type: text/html; charset=utf-8") && parts[2].contains("<p>Gr=C3=BC=C3=9Fe: pledge")
    );
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_is_to_be_said_nothing_is_sent() {
    let (post, server) = (Post::new().await, Server::accepting().await);
    post.put_about(&addresses("example.org", 3), NOBODY).await;
    let worker = post.work(&server, &settings());
    eventually("the rows go", async || post.waiting().await == 0).await;
    worker.stop().await;
    assert_eq!((server.count(), post.rows.number("SELECT count(*) FROM mail_outbox").await), (0, 0));
}

/// A change that is told is seen at once; connections are used again, and a burst is through in time.
#[tokio::test(flavor = "multi_thread")]
async fn a_burst_drains() {
    let (post, server) = (Post::new().await, Server::accepting().await);
    let settings = pledges::config::MailSettings { mail_connections: 8, ..settings() };
    let worker = post.work(&server, &settings);
    post.put(&addresses("example.org", 2_000)).await;
    let began = std::time::Instant::now();
    worker.outbox.changed();
    super::until("all is sent", Duration::from_secs(60), async || post.waiting().await == 0).await;
    let took = began.elapsed();
    tell(&format!("2,000 mails through 8 connections in {took:?}"));
    assert_eq!((server.count(), server.repeated()), (2_000, 0), "in {took:?}");
    assert!((20..=40).contains(&server.connections()), "a hundred mails each: {}", server.connections());
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_send_nothing_twice() {
    let (post, server) = (Post::new().await, Server::accepting().await);
    post.put(&addresses("example.org", 400)).await;
    let workers = [post.work(&server, &settings()), post.work(&server, &settings())];
    super::until("all is sent", Duration::from_secs(30), async || post.waiting().await == 0).await;
    assert_eq!((server.count(), server.repeated()), (400, 0));
    for worker in workers {
        worker.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn development_writes_private_files() {
    let var = tempfile::tempdir().unwrap();
    let from = settings().from(Mode::Production).unwrap();
    let (id, to) = (Uuid::now_v7(), Address::parse("ada@example.org").unwrap());
    let letter = Letter { to, subject: "S".into(), text: "T".into(), html: "H".into(), language: "en".into() };
    let mailer = Mailer::files(var.path(), from.clone(), "http://127.0.0.1:8080", Clock::System, &key_ring());
    for _ in 0..2 {
        mailer.send(id, &letter).await.unwrap();
    }
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    let folder = var.path().join("mail");
    let files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files, [folder.join(format!("{id}.eml"))]);
    assert_eq!((mode(&folder), mode(&files[0])), (0o700, 0o600));
    assert!(!std::fs::read_to_string(&files[0]).unwrap().contains(&id.to_string()), "only the name tells");
    let nowhere = Mailer::files(std::path::Path::new("/proc/no"), from.clone(), "", Clock::System, &key_ring());
    assert_eq!(nowhere.send(id, &letter).await, Err(SendError::Unreachable(Failure::File)));
    let (mailer, memory) = Mailer::memory(from, "http://127.0.0.1:8080", Clock::System, &key_ring());
    mailer.send(id, &letter).await.unwrap();
    assert_eq!((memory.sent()[0].id, memory.sent()[0].to.as_str()), (id, "ada@example.org"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_looks_after_the_outbox() {
    let server = Server::accepting().await;
    let app = TestApp::with(&["--smtp-url", &format!("smtp://127.0.0.1:{}", server.port)]).await;
    let to = Address::parse("ada@example.org").unwrap();
    let outbox = &app.service.handles.outbox;
    let campaign = app.rows.value("SELECT id FROM campaigns").await.parse().unwrap();
    let mail = outbox.mail(campaign, NOBODY, pledges::mail::Kind::Access, None, &to).unwrap();
    pledges::mail::store::insert(&mut app.rows.database.open().await.unwrap(), &[mail]).await.unwrap();
    outbox.changed();
    let rows = || app.rows.number("SELECT count(*) FROM mail_outbox");
    eventually("it is looked at", async || rows().await == 0).await;
    app.stop().await;
}
