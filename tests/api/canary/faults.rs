//! What goes wrong while the words are under way: PostgreSQL refuses, sleeps, is killed; handlers and the writer panic; the
//! service dies.

use std::time::Duration;

use serde_json::json;
use tokio::task::JoinSet;

use super::{
    search::{Contents, Findings, Search},
    stage::Stage,
    visits::{good, post},
    words::{DOMAIN, MAIL, MESSAGE, NAME, SOURCE, TRAP},
};
use crate::support::{eventually, program, rows::Rows};

const PLEDGES: &str = "/v1/campaigns/defend/pledges";
const LOOKUP: &str = "/v1/moderation/campaigns/defend/pledges/lookup";

/// The processes that store pledges.
const UNDER_WAY: &str = "SELECT pid FROM pg_stat_activity WHERE state = 'active' AND query ~ '^WITH (sent|given) AS'";

/// What a trap does with the row.
enum Trap {
    /// Tells it in every field that an error of PostgreSQL has, with this SQLSTATE.
    Refuse(&'static str),
    /// Tells it in an error that makes the service panic.
    Panic,
    /// Holds it.
    Sleep,
}

impl Trap {
    /// Sets the trap for rows of a table. Its word is written backwards: it is found only where the trap has said it.
    async fn set(&self, rows: &Rows, table: &str) {
        let word: String = TRAP.chars().rev().collect();
        let (constraint, code) = match self {
            Self::Refuse(code) => ("left(said, 60)", *code),
            Self::Panic => ("'panic_on_purpose'", "check_violation"),
            Self::Sleep => {
                let sleep = "BEGIN PERFORM pg_sleep(20); RETURN NEW; END";
                return Self::put(rows, table, sleep).await;
            }
        };
        let tell = format!(
            "DECLARE said text := reverse('{word}') || to_jsonb(NEW)::text; \
             BEGIN RAISE NOTICE '%', said; RAISE WARNING '%', said; \
             RAISE EXCEPTION USING MESSAGE = said, DETAIL = said, HINT = said, COLUMN = said, TABLE = said, \
             CONSTRAINT = {constraint}, ERRCODE = '{code}'; END"
        );
        Self::put(rows, table, &tell).await;
    }

    async fn put(rows: &Rows, table: &str, body: &str) {
        let function =
            format!("CREATE OR REPLACE FUNCTION trap() RETURNS trigger LANGUAGE plpgsql AS $trap$ {body} $trap$");
        rows.execute(&function).await;
        let trigger = "CREATE OR REPLACE TRIGGER trap BEFORE INSERT ON";
        rows.execute(&format!("{trigger} {table} FOR EACH ROW EXECUTE FUNCTION trap()")).await;
    }

    async fn lift(rows: &Rows) {
        // Who sleeps in it holds it, also when nobody waits for the answer any more.
        rows.execute(&format!("SELECT pg_terminate_backend(pid) FROM ({UNDER_WAY}) AS under_way")).await;
        rows.execute("DROP FUNCTION trap CASCADE").await;
    }
}

/// Statements that fail inside PostgreSQL.
pub async fn refuse(stage: &mut Stage, codes: &[(&'static str, u16)]) {
    let moderator = stage.signed_in(&stage.moderator).await;
    for (code, status) in codes {
        Trap::Refuse(code).set(&stage.rows, "pledges").await;
        stage.ask(post(stage, PLEDGES).json(&good(code)), *status, &[]).await;
    }
    Trap::lift(&stage.rows).await;
    Trap::Refuse("check_violation").set(&stage.rows, "audit_log").await;
    let lookup = json!({"email": format!("{MAIL}@{DOMAIN}.example")});
    stage.ask(moderator.request(reqwest::Method::POST, LOOKUP).json(&lookup), 500, &[]).await;
    Trap::lift(&stage.rows).await;
}

/// Statements that last too long, are cancelled, or lose their connection; and a table that is locked.
pub async fn hold(stage: &mut Stage) {
    Trap::Sleep.set(&stage.rows, "pledges").await;
    stage.ask(post(stage, PLEDGES).json(&good("slow")), 503, &[]).await;
    for strike in ["pg_cancel_backend", "pg_terminate_backend"] {
        let (rows, request) = (stage.rows.clone(), post(stage, PLEDGES).json(&good(strike)));
        tokio::join!(stage.ask(request, 503, &[]), end_statement(&rows, strike));
    }
    Trap::lift(&stage.rows).await;
    let mut locker = stage.rows.database.open().await.unwrap();
    for sql in ["BEGIN", "LOCK TABLE pledges IN SHARE MODE"] {
        diesel_async::RunQueryDsl::execute(diesel::sql_query(sql), &mut locker).await.unwrap();
    }
    stage.ask(post(stage, PLEDGES).json(&good("locked")), 503, &[]).await;
    drop(locker);
}

async fn statement(rows: &Rows) -> Option<String> {
    rows.list(UNDER_WAY).await.pop()
}

async fn end_statement(rows: &Rows, by: &str) {
    // Found and named in one look: a moment later it may have ended.
    let mut pid = None;
    eventually("the statement is under way", async || {
        pid = statement(rows).await;
        pid.is_some()
    })
    .await;
    let pid = pid.unwrap();
    match by {
        "kill" => program::signal("KILL", pid.parse().unwrap()),
        function => rows.execute(&format!("SELECT {function}({pid})")).await,
    }
}

/// A process of PostgreSQL is killed over a statement: the server tells its log, and starts anew.
pub async fn kill_a_backend(stage: &mut Stage) {
    Trap::Sleep.set(&stage.rows, "pledges").await;
    let starts = |stage: &Stage| stage.postgres_log().matches("ready to accept connections").count();
    let before = starts(stage);
    let (rows, request) = (stage.rows.clone(), post(stage, PLEDGES).json(&good("killed")));
    tokio::join!(stage.ask(request, 503, &[]), end_statement(&rows, "kill"));
    eventually("PostgreSQL has started anew", async || starts(stage) > before).await;
    is_well_again(stage).await;
    Trap::lift(&stage.rows).await;
}

async fn is_well_again(stage: &Stage) {
    let client = stage.client();
    eventually("it can be written again", async || client.get("/readyz/write").await.status == 200).await;
}

/// A handler panics over what the database has said.
pub async fn panic_in_a_handler(stage: &mut Stage) {
    let moderator = stage.signed_in(&stage.moderator).await;
    Trap::Panic.set(&stage.rows, "audit_log").await;
    let lookup = json!({"email": format!("{MAIL}@{DOMAIN}.example")});
    stage.ask(moderator.request(reqwest::Method::POST, LOOKUP).json(&lookup), 500, &[]).await;
    Trap::lift(&stage.rows).await;
}

/// The writer panics, and the service ends by itself.
pub async fn panic_in_the_writer(stage: &mut Stage) {
    Trap::Panic.set(&stage.rows, "pledges").await;
    stage.ask(post(stage, PLEDGES).json(&good("writer")), 503, &[]).await;
    assert_eq!(stage.end(None).await, Some(1));
    Trap::lift(&stage.rows).await;
}

/// PostgreSQL crashes, is away for a while, and recovers. Returns what is found in its files as the crash leaves them.
pub async fn crash_postgres(stage: &mut Stage, search: &Search) -> Findings {
    let postgres = stage.postgres.take().unwrap();
    let data = postgres.data_dir();
    postgres.stop_immediately().await.unwrap();
    let found = search.look(&[("the crashed data directory", Contents::Files(data, None))]);
    let email = format!("{MAIL}@{DOMAIN}.example");
    let form = [("name", NAME), ("email", &email), ("country", "DE"), ("message", MESSAGE)];
    let again = &[NAME, MAIL, DOMAIN, MESSAGE];
    stage.ask(post(stage, PLEDGES).json(&good("away")), 503, &[]).await;
    stage.ask(post(stage, PLEDGES).form(&form), 503, &[]).await;
    stage.ask(post(stage, PLEDGES).form(&form).header("accept", "text/html"), 503, again).await;
    stage.ask(post(stage, "/v1/auth/login").json(&json!({"login": "nobody", "password": NAME})), 503, &[]).await;
    stage.start_postgres().await;
    is_well_again(stage).await;
    found
}

/// The service dies by this signal while a pledge is under way.
pub async fn die(stage: &mut Stage, signal: &str) {
    Trap::Sleep.set(&stage.rows, "pledges").await;
    let mut under_way = JoinSet::new();
    let request = post(stage, PLEDGES).json(&good("dying"));
    under_way.spawn(async move { request.send().await.is_ok() });
    eventually("the pledge is under way", async || statement(&stage.rows).await.is_some()).await;
    assert_eq!(stage.end(Some(signal)).await, None, "it was killed");
    assert_eq!(under_way.join_all().await, [false], "nobody was answered");
    tokio::time::sleep(Duration::from_millis(50)).await;
    Trap::lift(&stage.rows).await;
}

/// Commands, also over a statement that fails.
pub async fn commands(stage: &mut Stage) {
    let base = stage.service().base.clone();
    stage.run(&["doctor"], 0).await;
    stage.run(&["migrate"], 0).await;
    stage.run(&["campaign", "list"], 0).await;
    stage.run(&["seed", "--rows", "100", "--campaign", "defend"], 0).await;
    stage.run(&["demo", "--count", "5", "--rate", "100", "--campaign", "defend", "--url", &base], 0).await;
    Trap::Refuse("check_violation").set(&stage.rows, "pledges").await;
    let said = stage.run(&["seed", "--rows", "10", "--campaign", "defend", "--log", "trace"], 1).await;
    assert!(said.contains("a constraint was violated: one that is not the service's"), "{said}");
    Trap::lift(&stage.rows).await;
    let sources = format!("SELECT count(*) FROM pledges WHERE source = '{SOURCE}'");
    assert!(stage.rows.number(&sources).await >= 5, "the pledges did arrive");
}
