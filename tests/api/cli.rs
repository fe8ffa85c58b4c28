//! The command line, as operators use it: the program itself, on a real database.

mod campaigns;
mod mails;
mod output;
mod people;
mod private;
mod rehearsal;
mod rules;

use std::process::Command;

use serde_json::Value;

use crate::support::{
    TestApp, cluster,
    program::{self, Ended, VarDir},
    rows::Rows,
};

/// Every command that there is.
const COMMANDS: &[&[&str]] = &[
    &["serve"],
    &["migrate"],
    &["moderator", "add"],
    &["moderator", "invite"],
    &["moderator", "reset"],
    &["moderator", "list"],
    &["moderator", "disable"],
    &["moderator", "reset-password"],
    &["campaign", "add"],
    &["campaign", "list"],
    &["campaign", "set"],
    &["campaign", "close"],
    &["rule", "add"],
    &["rule", "list"],
    &["rule", "remove"],
    &["recipient", "add"],
    &["recipient", "list"],
    &["recipient", "test"],
    &["recipient", "confirm"],
    &["recipient", "remove"],
    &["keys", "list"],
    &["keys", "rotate"],
    &["keys", "retire"],
    &["mail", "status"],
    &["mail", "list"],
    &["mail", "retry"],
    &["doctor"],
    &["retention"],
    &["erase"],
    &["access"],
    &["privacy", "report"],
    &["audit", "verify"],
    &["audit", "export"],
    &["openapi"],
    &["seed"],
    &["demo"],
];

/// What every command reads from the environment.
const EVERYWHERE: &[&str] = &[
    "PLEDGES_MODE",
    "PLEDGES_VAR_DIR",
    "DATABASE_URL",
    "PLEDGES_POSTGRES_BIN",
    "PLEDGES_ROOT_SECRET",
    "PLEDGES_ROOT_SECRET_FILE",
    "PLEDGES_LOG",
    "PLEDGES_LOG_FORMAT",
    "PLEDGES_DATABASE_CONNECTIONS",
];

/// What the service reads as well.
const OF_THE_SERVICE: &[&str] = &[
    "PLEDGES_BIND",
    "PLEDGES_PUBLIC_URL",
    "PLEDGES_TRUSTED_PROXIES",
    "PLEDGES_MAX_CONNECTIONS",
    "PLEDGES_WORKERS",
    "PLEDGES_LOOK_EVERY_MS",
    "PLEDGES_REREAD_EVERY_SECONDS",
    "PLEDGES_LOGINS_PER_MINUTE",
    "PLEDGES_SHUTDOWN_SECONDS",
    "PLEDGES_SMTP_URL",
    "PLEDGES_MAIL_FROM",
    "PLEDGES_MAIL_CONNECTIONS",
    "PLEDGES_MAIL_PER_DOMAIN_PER_MINUTE",
];

/// A command on the database of a running service.
fn on(app: &TestApp, arguments: &[&str]) -> Command {
    program::command_on(&app.url, app.var.path(), arguments)
}

pub async fn run(app: &TestApp, arguments: &[&str]) -> Ended {
    program::run(on(app, arguments)).await
}

/// Fails unless the command refuses with status 1 and this on standard error, and says nothing else.
async fn is_refused(app: &TestApp, arguments: &[&str], reason: &str) {
    let ended = run(app, arguments).await.expect(1);
    let lines: Vec<_> = ended.stderr.lines().collect();
    assert!(lines.last().unwrap().starts_with("pledges: "), "{}", ended.stderr);
    assert!(ended.stderr.contains(reason), "{arguments:?}: {}", ended.stderr);
    assert_eq!(ended.stdout, "", "{arguments:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_explains_itself_and_what_it_reads_from_the_environment() {
    let var = VarDir::new();
    for command in COMMANDS {
        let mut help = program::command(var.path(), &[command, &["--help"][..]].concat());
        help.env("DATABASE_URL", "postgres://ada:word-for-ada@host/db")
            .env("PLEDGES_ROOT_SECRET", "0123-value-of-the-root")
            .env("PLEDGES_SMTP_URL", "smtps://ada:word-for-mail@mail.example.org");
        let ended = program::run(help).await.expect(0);
        let text = &ended.stdout;
        assert!(text.lines().next().unwrap().len() > 10, "{command:?} says what it is for: {text}");
        for variable in EVERYWHERE {
            assert!(text.contains(&format!("[env: {variable}")), "{command:?} doesn't name {variable}");
        }
        for variable in OF_THE_SERVICE {
            let names = text.contains(&format!("[env: {variable}"));
            // The demo posts to the service at its public address.
            // And links lead there.
            let asks = [&["demo"][..], &["moderator", "invite"], &["moderator", "reset"]].contains(command);
            let of_address = asks && *variable == "PLEDGES_PUBLIC_URL";
            assert_eq!(names, command == &["serve"] || of_address, "{command:?}: {variable}");
        }
        for secret in ["word-for-ada", "value-of-the-root", "word-for-mail"] {
            assert!(!text.contains(secret), "{command:?} shows {secret}");
        }
        assert!(!text.contains("--path"), "{command:?} shows what is only read for PATH");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_command_all_commands_are_listed() {
    let var = VarDir::new();
    // No further argument at all.
    let ended = program::run(Command::new(env!("CARGO_BIN_EXE_pledges"))).await.expect(2);
    for command in COMMANDS {
        assert!(ended.stderr.contains(&format!("\n  {} ", command[0])), "{}: {}", command[0], ended.stderr);
    }
    for wrong in [&["sing"][..], &["moderator"], &["campaign", "sing"], &["doctor", "--mend"], &["seed", "--rows", "0"]]
    {
        program::run(program::command(var.path(), wrong)).await.expect(2);
    }
    let version = program::run(program::command(var.path(), &["--version"])).await;
    assert_eq!(version.stdout, format!("pledges {}\n", env!("CARGO_PKG_VERSION")));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_is_printed_as_the_service_serves_it() {
    let var = VarDir::new();
    let ended = program::run(program::command(var.path(), &["openapi"])).await.expect(0);
    let document = pledges::app::document_text().unwrap();
    assert_eq!(ended.stdout, format!("{}\n", document.yaml.trim_end()));
    assert_eq!(ended.stderr, "");
    // It needs no database and leaves nothing behind.
    assert_eq!(std::fs::read_dir(var.path()).unwrap().count(), 0);
    let app = TestApp::start().await;
    let served = app.client().get("/openapi.yaml").await;
    assert_eq!(served.text().trim_end(), ended.stdout.trim_end());
    assert_eq!(app.client().get("/openapi.json").await.json(), serde_json::from_str::<Value>(&document.json).unwrap());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn migrating_twice_does_it_once() {
    let (url, var) = (cluster::empty_database().await, VarDir::new());
    let first = program::run(program::command_on(&url, var.path(), &["migrate"])).await.expect(0);
    let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations")).unwrap().count();
    assert_eq!(first.stdout.lines().count(), files, "{}", first.stdout);
    let second = program::run(program::command_on(&url, var.path(), &["migrate"])).await.expect(0);
    assert_eq!(second.stdout, "the schema is up to date\n");
    // Other commands migrate by themselves; two at once don't meet.
    let url = cluster::empty_database().await;
    let (one, two) = tokio::join!(
        program::run(program::command_on(&url, var.path(), &["campaign", "list"])),
        program::run(program::command_on(&url, var.path(), &["moderator", "list"])),
    );
    assert_eq!((one.expect(0).stdout.as_str(), two.expect(0).stdout.as_str()), ("", ""));
    assert_eq!(Rows::new(&url).await.number("SELECT count(*) FROM campaigns").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn seeded_pledges_are_counted_like_any_other() {
    let app = TestApp::start().await;
    let ended = run(&app, &["seed", "--rows", "1000", "--campaign", "defend"]).await.expect(0);
    assert_eq!(ended.stdout, "defend has 1000 pledges more\n");
    assert_eq!(app.rows.number("SELECT count(*) FROM pledges WHERE state = 'counted'").await, 1000);
    assert!(app.rows.number("SELECT count(DISTINCT country) FROM pledges").await > 30);
    // Sealed and with a fingerprint like any other; none from the future.
    assert_eq!(app.rows.number("SELECT count(*) FROM pledges WHERE sealed_review IS NULL").await, 0);
    assert_eq!(
        app.rows.number("SELECT count(*) FROM pledges WHERE counted_at > now() OR created_at <> counted_at").await,
        0
    );
    assert_eq!(app.differences().await, [""; 0]);
    app.publish().await;
    assert_eq!(app.client().get("/v1/campaigns/defend/totals").await.expect(200)["total"], 1000);
    is_refused(&app, &["seed", "--rows", "10"], "there is no campaign together-we-defend").await;
    let mut live = on(&app, &["seed", "--rows", "10", "--campaign", "defend"]);
    live.env("PLEDGES_MODE", "production");
    assert!(program::run(live).await.expect(1).stderr.contains("made-up pledges don't belong"));
    assert_eq!(app.rows.number("SELECT count(*) FROM pledges").await, 1000);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_posts_through_the_api() {
    let app = TestApp::start().await;
    let (client, var) = (app.client(), VarDir::new());
    let demo = async |arguments: &[&str]| {
        let all = [&["demo", "--count", "20", "--rate", "200"], arguments].concat();
        program::run(program::command(var.path(), &all)).await
    };
    let ended = demo(&["--url", &client.base, "--campaign", "defend"]).await.expect(0);
    assert_eq!(ended.stdout, "20 recorded, 0 refused\n");
    assert_eq!(app.rows.number("SELECT count(*) FROM pledges WHERE state = 'counted'").await, 20);
    // A slash at the end does no harm.
    demo(&["--url", &format!("{}/", client.base), "--campaign", "defend"]).await.expect(0);
    let ended = demo(&["--url", &client.base, "--campaign", "other"]).await.expect(1);
    assert!(ended.stdout.contains("0 recorded, 20 refused") && ended.stdout.contains("campaign_not_found"));
    assert!(ended.stderr.contains("every pledge was refused"), "{}", ended.stderr);
    for (url, reason) in [("http://127.0.0.1:1", "does not answer"), ("https://127.0.0.1:1", "plain http")] {
        let ended = demo(&["--url", url]).await.expect(1);
        assert!(ended.stderr.contains(reason), "{}", ended.stderr);
    }
    for rate in ["0", "-1", "1001", "NaN"] {
        let arguments = ["demo", &format!("--rate={rate}"), "--count", "1", "--url", &client.base];
        let ended = program::run(program::command(var.path(), &arguments)).await;
        assert_ne!(ended.code, Some(0), "{rate}");
    }
    // It speaks to the service only: it leaves nothing in its own var directory.
    assert_eq!(std::fs::read_dir(var.path()).unwrap().count(), 0);
    app.stop().await;
}
