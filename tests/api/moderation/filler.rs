//! What keeps moderators' search behind the pledges: what comes late, or was changed before, and what is done beside a removal.

use std::time::{Duration, Instant};

use diesel_async::SimpleAsyncConnection;
use pledges::{
    accounts::Role,
    metrics::Metrics,
    moderation::{
        search::filler::{Filler, store},
        turns::Turns,
    },
};
use uuid::Uuid;

use super::{PLEDGES, put};
use crate::support::{TestApp, client::pledge, rows::Rows};

/// Rows in which the index and the pledges differ, and counts that are not those of the index.
pub async fn differences(rows: &Rows) -> (i64, i64) {
    let differing = rows
        .number(
            "SELECT count(*) FROM pledges FULL JOIN pledge_search USING (id) LEFT JOIN search_chunks ON number = chunk \
             WHERE pledges.campaign_id IS DISTINCT FROM search_chunks.campaign_id OR at <> created_at \
               OR pledges.source_tag IS DISTINCT FROM pledge_search.source_tag \
               OR pledges.domain_tag IS DISTINCT FROM pledge_search.domain_tag \
               OR pledges.name_tag IS DISTINCT FROM pledge_search.name_tag \
               OR pledges.shape_tag IS DISTINCT FROM pledge_search.shape_tag OR pledges.score <> pledge_search.score \
               OR terms <> pledge_terms(country, state, language, partner_id, removal_id, pledges.score, signals) || -chunk",
        )
        .await;
    let counts = rows
        .number(
            "SELECT count(*) FROM (SELECT term, chunk, count(*) AS pledges FROM pledge_search, unnest(terms) AS term \
               WHERE term <> -chunk GROUP BY term, chunk) AS counted FULL JOIN search_counts USING (term, chunk) \
             WHERE counted.pledges IS DISTINCT FROM search_counts.pledges",
        )
        .await;
    (differing, counts)
}

pub async fn filled(app: &TestApp) {
    Filler::new(&app.rows.database, Turns::default(), &Metrics::default()).fill().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pledge_that_is_committed_late_is_found_by_the_next_sweep() {
    let app = TestApp::start().await;
    app.client().pledge(&pledge("now@example.org")).await.expect(201);
    app.searched().await;
    app.rows
        .execute(
            "INSERT INTO pledges (id, campaign_id, country, state, fingerprint, counted_at) \
             SELECT (lpad(to_hex((extract(epoch FROM now() - interval '30 minutes') * 1000)::bigint), 12, '0') || repeat('7', 20))::uuid, \
               campaign_id, 'KE', 'counted', gen_random_uuid(), now() FROM pledges",
        )
        .await;
    assert_eq!(differences(&app.rows).await.0, 1);
    filled(&app).await;
    assert_eq!(differences(&app.rows).await, (0, 0));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_changed_before_it_was_taken_in_is_not_said_to_be_missing() {
    let app = TestApp::start().await;
    put(&app, "defend", 3).await;
    app.searched().await;
    let TestApp { service, rows, var: _var, .. } = app;
    service.stop().await;
    let beyond = async || {
        let sql = "SELECT count(*) FROM pledges WHERE NOT EXISTS (SELECT FROM search_progress \
             WHERE search_progress.campaign_id = pledges.campaign_id AND pledges.id <= seen)";
        rows.number(sql).await
    };
    // As if all had been followed as changes.
    rows.execute("DELETE FROM search_progress").await;
    assert_eq!(beyond().await, 3);
    let mut filler = Filler::new(&rows.database, Turns::default(), &Metrics::default());
    filler.fill().await.unwrap();
    assert_eq!(beyond().await, 0);
    // A clock that goes wrong doesn't carry it past all others, however often it looks.
    let ahead = "INSERT INTO pledges (id, campaign_id, country, state, fingerprint, counted_at) \
         SELECT (lpad(to_hex((extract(epoch FROM now() + interval '1 hour') * 1000)::bigint), 12, '0') || repeat('7', 20))::uuid, \
           campaign_id, 'KE', 'counted', gen_random_uuid(), now() FROM pledges LIMIT 1";
    rows.execute(ahead).await;
    for _ in 0..2 {
        filler.fill().await.unwrap();
        assert_eq!(beyond().await, 1);
    }
    assert_eq!(differences(&rows).await, (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_chunk_is_followed_by_another_and_late_ids_go_where_they_belong() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Moderator).await;
    put(&app, "defend", 60).await;
    app.searched().await;
    let all = "UPDATE search_counts SET pledges = pledges + 65536 * ";
    let of_all = " WHERE term = hashtextextended('', 0) AND chunk = 1";
    app.rows.execute(&format!("{all}1{of_all}")).await;
    for number in 0..20 {
        app.client().pledge(&pledge(&format!("{number}@example.org"))).await.expect(201);
    }
    app.searched().await;
    app.rows.execute(&format!("{all}-1{of_all}")).await;
    // Older ids again, behind the beginning of the newest chunk.
    put(&app, "defend", 30).await;
    app.searched().await;
    assert_eq!(app.rows.list("SELECT count(*) FROM pledge_search GROUP BY chunk ORDER BY chunk").await, ["90", "20"]);
    assert_eq!(differences(&app.rows).await, (0, 0));
    let expected = app.rows.list("SELECT id FROM pledges ORDER BY id DESC").await;
    let (mut ids, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = client.get(&format!("{PLEDGES}?limit=7{cursor}")).await.expect(200);
        assert_eq!(page["total"], 110);
        ids.extend(page["pledges"].as_array().unwrap().iter().map(|pledge| pledge["id"].as_str().unwrap().to_owned()));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(ids, expected);
    app.stop().await;
}

/// Somebody waits for the removal, and what is new is not held up by what has changed.
#[tokio::test(flavor = "multi_thread")]
async fn beside_a_removal_changes_are_followed_at_a_walk_and_new_pledges_as_ever() {
    let app = TestApp::start().await;
    app.signed_in(Role::Moderator).await;
    let ids = put(&app, "defend", 60).await;
    let newest = ids[59];
    app.searched().await;
    // Another instance works on it.
    let id = Uuid::now_v7();
    let removal = format!(
        "INSERT INTO removals (id, campaign_id, moderator_id, reason, note, pledges, state, expected) \
         SELECT '{id}', campaigns.id, moderators.id, 'bot', 'A wave', 0, 'running', 1 FROM campaigns, moderators WHERE slug = 'defend' LIMIT 1"
    );
    app.rows.execute(&removal).await;
    let work = "INSERT INTO removal_work (removal_id, undo, moderator_id, search, recent_from, part, id, worker, leased_until) \
         SELECT id, false, moderator_id, '{}', id, 0, id, gen_random_uuid(), now() + interval '1 hour' FROM removals";
    app.rows.execute(work).await;
    // The service's own filler would do its part.
    let TestApp { service, rows, var: _var, .. } = app;
    service.stop().await;
    let changes = "INSERT INTO search_changes (campaign_id, pledge_id) SELECT campaign_id, id FROM pledges, generate_series(1, 500)";
    rows.execute(&format!("{changes} WHERE id <> '{newest}'")).await;
    rows.execute(&format!("DELETE FROM pledge_search WHERE id = '{newest}'")).await;
    let mut filler = Filler::new(&rows.database, Turns::default(), &Metrics::default());
    let numbers = async || {
        let [known, left] = ["pledge_search", "search_changes"].map(|table| format!("SELECT count(*) FROM {table}"));
        (rows.number(&known).await, rows.number(&left).await)
    };
    let before = numbers().await;
    let waits = Instant::now();
    filler.fill().await.unwrap();
    assert_eq!(numbers().await, (before.0 + 1, before.1 - 1_000));
    // The next piece is smaller, and waits, as long as the removal is at work.
    while waits.elapsed() < Duration::from_secs(8) {
        filler.fill().await.unwrap();
        assert_eq!(numbers().await, (before.0 + 1, before.1 - 1_000));
        tokio::time::sleep(Duration::from_millis(500)).await;
        rows.execute("UPDATE removal_work SET worked_at = now()").await;
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    rows.execute("UPDATE removal_work SET worked_at = now()").await;
    filler.fill().await.unwrap();
    assert_eq!(numbers().await, (before.0 + 1, before.1 - 1_500));
    rows.execute("UPDATE removal_work SET paused_at = now()").await;
    filler.fill().await.unwrap();
    assert_eq!(numbers().await, (before.0 + 1, 0), "at once");
    rows.execute("UPDATE removal_work SET paused_at = NULL").await;
    let again = format!("{changes} WHERE id <> '{newest}'");
    rows.execute(&again).await;
    // One that lasts holds up nothing for long, and one that is stuck nothing at all.
    for more in [
        "UPDATE search_changes SET at = now() - interval '61 seconds'",
        "UPDATE removal_work SET worked_at = now() - interval '11 seconds'",
    ] {
        rows.execute(more).await;
        Filler::new(&rows.database, Turns::default(), &Metrics::default()).fill().await.unwrap();
        assert_eq!(numbers().await, (before.0 + 1, 0), "{more}");
        rows.execute(&again).await;
    }
}

/// A pledge of so many milliseconds ago that is stored now.
fn stored_late(milliseconds: u32) -> String {
    format!(
        "INSERT INTO pledges (id, campaign_id, country, state, fingerprint, counted_at) \
         SELECT (lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000)::bigint - {milliseconds}), 12, '0') \
             || substr(md5(random()::text), 1, 20))::uuid, id, 'KE', 'counted', gen_random_uuid(), now() FROM campaigns WHERE slug = 'defend'"
    )
}

/// A database with a pledge and without a service, and a filler that knows it.
async fn filled_alone() -> (Rows, tempfile::TempDir, Filler) {
    let app = TestApp::start().await;
    app.searched().await;
    let TestApp { service, rows, var, .. } = app;
    service.stop().await;
    let mut filler = Filler::new(&rows.database, Turns::default(), &Metrics::default());
    rows.execute(&stored_late(0)).await;
    filler.fill().await.unwrap();
    (rows, var, filler)
}

/// From an instance whose clock is behind, or that had to wait for the database, while others go on.
#[tokio::test(flavor = "multi_thread")]
async fn a_pledge_that_is_committed_seconds_late_is_found_seconds_later() {
    let (rows, _var, mut filler) = filled_alone().await;
    rows.execute(&stored_late(4_000)).await;
    let late = Instant::now();
    while late.elapsed() < Duration::from_millis(3_500) {
        rows.execute(&stored_late(0)).await;
        filler.fill().await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // In case that the last one was a moment too early.
    filler.fill().await.unwrap();
    assert_eq!(differences(&rows).await, (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_for_late_ones_that_another_instance_kept_it_from_is_made_up_for() {
    let (rows, _var, mut filler) = filled_alone().await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    rows.execute(&stored_late(7_000)).await;
    let mut other = rows.database.open().await.unwrap();
    other.batch_execute("BEGIN").await.unwrap();
    store::lock(&mut other).await.unwrap();
    filler.fill().await.unwrap();
    assert_eq!(differences(&rows).await.0, 1);
    other.batch_execute("ROLLBACK").await.unwrap();
    filler.fill().await.unwrap();
    assert_eq!(differences(&rows).await, (0, 0));
}
