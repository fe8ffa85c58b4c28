//! The database takes everything and says nothing: as if a firewall had swallowed it.

use std::time::{Duration, Instant};

use pledges::accounts::Role;
use tokio::task::JoinSet;

use super::{
    Private, is_well_again,
    load::{self, Ledger, Told},
    reads_are_answered, refused, total_becomes,
};
use crate::support::{TestApp, program};

/// The database takes the connection and says nothing: its processes are stopped by signal.
struct Frozen(Vec<u32>);

impl Frozen {
    async fn freeze(private: &Private, app: &TestApp) -> Self {
        let postmaster = private.var.postmaster().unwrap();
        let mut connection = app.rows.database.open().await.unwrap();
        // First the one that makes new connections, then those that are there.
        program::signal("STOP", postmaster);
        let mut frozen = Self(vec![postmaster]);
        let sql = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()";
        let backends: Vec<Backend> =
            diesel_async::RunQueryDsl::load(diesel::sql_query(sql), &mut connection).await.unwrap();
        for pid in backends.into_iter().map(|backend| u32::try_from(backend.pid).unwrap()) {
            program::signal("STOP", pid);
            frozen.0.push(pid);
        }
        frozen
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        self.0.iter().for_each(|pid| program::signal("CONT", *pid));
    }
}

#[derive(diesel::QueryableByName)]
struct Backend {
    #[diesel(sql_type = diesel::sql_types::Integer)]
    pid: i32,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_takes_everything_and_says_nothing_is_told_at_once_too() {
    let private = Private::start().await;
    let app = TestApp::on(private.postgres.url().into(), &[]).await;
    let client = app.client();
    let moderator = app.signed_in(Role::Moderator).await;
    client.pledge(&load::body("first")).await.expect(201);
    app.publish().await;
    let totals = client.get("/v1/campaigns/defend/totals").await.expect(200);
    let mut ledger = Ledger::default();
    ledger.note("first", Told::Acknowledged);

    let frozen = Frozen::freeze(&private, &app).await;
    for wave in 0..2 {
        let mut waiting = JoinSet::new();
        for number in 0..12 {
            let (client, key) = (client.clone(), format!("silence-{wave}-{number}"));
            ledger.note(&key, Told::Unavailable);
            waiting.spawn(async move {
                let sent = Instant::now();
                refused(&client.pledge(&load::body(&key)).await, sent);
            });
        }
        waiting.join_all().await;
        reads_are_answered(&client, &totals).await;
    }
    let sent = Instant::now();
    refused(&client.get("/readyz/write").await, sent);
    // A moderator is not left hanging either.
    let asked = tokio::time::timeout(Duration::from_secs(20), moderator.get("/v1/moderation/campaigns/defend/pledges"));
    let told = asked.await.map(|answer| answer.status.as_u16());
    drop(frozen);

    is_well_again(&client, "after@example.org").await;
    load::send_again(&client, &mut ledger).await;
    ledger.note("after", Told::Acknowledged);
    assert_eq!(app.differences().await, [""; 0]);
    assert_eq!(app.rows.number("SELECT count(*) FROM pledges").await, 26);
    total_becomes(&client, 26).await;
    assert_eq!(told, Ok(503), "a moderator's request while the database was silent");
    app.stop().await;
    private.postgres.stop().await.unwrap();
}
