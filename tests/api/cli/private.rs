//! `pledges serve --demo` on a private PostgreSQL, and commands beside it: what a newcomer does on the first day.

use std::{os::unix::fs::PermissionsExt, process::Command};

use serde_json::json;

use crate::support::{
    client::Client,
    eventually,
    program::{self, Running, VarDir},
};

fn serve(var: &VarDir) -> Command {
    program::command(var.path(), &["serve", "--demo", "--bind", "127.0.0.1:0"])
}

fn mode(var: &VarDir, file: &str) -> u32 {
    std::fs::metadata(var.file(file)).unwrap().permissions().mode() & 0o7777
}

async fn sign_in(service: &Running, password: &str) -> Client {
    let mut client = service.client();
    let answer = client.post("/v1/auth/login", &json!({"login": "admin", "password": password})).await;
    client.keep(&answer);
    client
}

/// The PostgreSQL of a var directory has ended.
async fn postgres_is_gone(var: &VarDir, pid: u32) {
    assert_eq!(var.postmaster(), None, "its pid file is left");
    eventually("the process is gone", async || !program::lives(pid)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newcomers_first_day_with_the_private_database() {
    let var = VarDir::new();
    let service = Running::start(serve(&var)).await;
    let client = service.client();
    client.get("/readyz/write").await.expect(200);
    // The admin's password is printed once and kept in a private file.
    let password = std::fs::read_to_string(var.file("admin-password")).unwrap().trim().to_owned();
    assert_eq!(service.stdout().matches(&password).count(), 1, "{}", service.stdout());
    assert!(password.len() >= 40 && !service.log().contains(&password));
    assert_eq!((mode(&var, "admin-password"), mode(&var, "root-secret")), (0o600, 0o600));
    assert_eq!(mode(&var, "postgres"), 0o700);
    let admin = sign_in(&service, &password).await;
    // The demo campaign is there with its pledges.
    let totals = client.get("/v1/campaigns/together-we-defend/totals").await.expect(200);
    assert_eq!(totals["total"], 3000);
    let exact = admin.get("/v1/moderation/campaigns/together-we-defend/totals").await.expect(200);
    assert!(exact["countries"].as_array().unwrap().len() >= 60, "{exact}");
    let languages = client.get("/v1/campaigns/together-we-defend").await.expect(200)["languages"].clone();
    assert_eq!(languages.as_array().unwrap().len(), 6);
    let body = json!({"name": "Amina Okafor", "email": "amina@example.org", "country": "DE"});
    client.post("/v1/campaigns/together-we-defend/pledges", &body).await.expect(201);

    // Commands work beside the service, and leave it and its database running.
    let postgres = var.postmaster().unwrap();
    commands_work_beside(&var, 3001).await;
    assert_eq!(var.postmaster(), Some(postgres));
    client.get("/readyz/write").await.expect(200);

    // A second service on the same directory is told who is there.
    let second = program::run(serve(&var)).await.expect(1);
    assert!(second.stderr.contains(&format!("process {}", service.pid())), "{}", second.stderr);
    assert!(second.stderr.contains("is in use by another pledges service"), "{}", second.stderr);
    client.get("/readyz/write").await.expect(200);

    let ended = service.terminate().await.expect(0);
    assert!(!ended.stderr.contains("did not stop in time"), "{}", ended.stderr);
    postgres_is_gone(&var, postgres).await;

    // The second day: the same data, the same secrets, no new password.
    let secret = std::fs::read_to_string(var.file("root-secret")).unwrap();
    let service = Running::start(serve(&var)).await;
    assert!(!service.stdout().contains("password") && !service.stdout().contains("made"), "{}", service.stdout());
    assert_eq!(std::fs::read_to_string(var.file("root-secret")).unwrap(), secret);
    sign_in(&service, &password).await;
    let client = service.client();
    client.post("/v1/campaigns/together-we-defend/pledges", &body).await.expect(201);
    let totals = client.get("/v1/campaigns/together-we-defend/totals").await.expect(200);
    assert_eq!(totals["total"], 3001, "the same mailbox, the same fingerprint");

    // After kill -9 the database runs on; the next start takes it over, and stops it at its end.
    let postgres = var.postmaster().unwrap();
    service.kill_9().await;
    assert!(program::lives(postgres));
    let service = Running::start(serve(&var)).await;
    assert_eq!(var.postmaster(), Some(postgres));
    assert!(service.log().contains("re-attached to the running PostgreSQL"), "{}", service.log());
    service.client().get("/readyz/write").await.expect(200);
    service.terminate().await.expect(0);
    postgres_is_gone(&var, postgres).await;

    // With no service there, a command starts the database for itself and stops it again.
    let doctor = program::run(program::command(var.path(), &["doctor"])).await.expect(0);
    assert_eq!(doctor.stdout, "all is well: 1 campaigns, 3001 counted pledges\n");
    assert_eq!(var.postmaster(), None);
}

async fn commands_work_beside(var: &VarDir, counted: u32) {
    let run = async |arguments: &[&str]| program::run(program::command(var.path(), arguments)).await.expect(0).stdout;
    assert_eq!(run(&["moderator", "list"]).await, "admin\tadmin\tall\n");
    assert!(run(&["campaign", "list"]).await.starts_with("together-we-defend\topen\t"));
    assert_eq!(run(&["doctor"]).await, format!("all is well: 1 campaigns, {counted} counted pledges\n"));
    assert_eq!(run(&["migrate"]).await, "the schema is up to date\n");
    assert!(run(&["moderator", "add", "ada", "--campaign", "together-we-defend"]).await.starts_with("added ada"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_is_for_development_only() {
    let var = VarDir::new();
    let mut command = serve(&var);
    command.env("PLEDGES_MODE", "production").env("PLEDGES_PUBLIC_URL", "https://pledges.example.org");
    command.env("PLEDGES_ROOT_SECRET", crate::support::ROOT_SECRET);
    command.env("PLEDGES_SMTP_URL", "smtp://127.0.0.1:1").env("PLEDGES_MAIL_FROM", "pledges@example.org");
    let ended = program::run(command).await.expect(1);
    assert!(ended.stderr.contains("--demo makes up pledges and is for development only"), "{}", ended.stderr);
    assert_eq!(var.postmaster(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_without_postgresql_is_told() {
    let var = VarDir::new();
    let mut command = program::command(var.path(), &["migrate"]);
    // A directory that is there and holds no programs.
    command.env("PLEDGES_POSTGRES_BIN", var.path());
    let ended = program::run(command).await.expect(1);
    let reason = format!("{} does not hold the PostgreSQL programs initdb, postgres", var.path().display());
    assert!(ended.stderr.contains(&reason), "{}", ended.stderr);
}
