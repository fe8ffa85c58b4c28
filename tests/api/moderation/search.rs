//! Moderators' search: an index just behind the pledges, which must become what they are whatever is done to them.

use pledges::{accounts::Role, moderation::search::check};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    LOOK_UP, PLEDGES,
    filler::{differences, filled},
    filters::{at, walk},
    put, removal_id, remove, undo,
};
use crate::support::{TestApp, client::pledge};

const SEARCH: &str = "/v1/moderation/campaigns/defend/pledges/search";

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_done_to_pledges_the_search_becomes_what_they_are() {
    let app = TestApp::start().await;
    let (client, visitor) = (app.signed_in(Role::Organiser).await, app.client());
    let mut thrown = 8_u64;
    let mut dice = |sides: u64| {
        thrown = thrown.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (thrown >> 33) % sides
    };
    put(&app, "defend", 40).await;
    let mut removals: Vec<String> = Vec::new();
    for number in 0..70_u32 {
        let ids = app.rows.list("SELECT id FROM pledges ORDER BY random() LIMIT 5").await;
        let ids: Vec<Uuid> = ids.iter().map(|id| id.parse().unwrap()).collect();
        let one = ids.first().unwrap();
        match dice(11) {
            0..=2 => drop(visitor.pledge(&pledge(&format!("{number}@example.org"))).await),
            3 | 4 => {
                let answer = remove(&client, &ids).await;
                if answer.status == 201 {
                    removals.push(removal_id(&answer));
                }
            }
            5 if !removals.is_empty() => drop(undo(&client, &removals.swap_remove(0)).await),
            6 => {
                let erase = json!({"email": format!("{}@example.org", dice(70))});
                client.post("/v1/admin/erasures", &erase).await;
            }
            // What retention, the look for waves and a mailbox that pledges again do.
            7 => app.rows.execute(&format!("DELETE FROM pledges WHERE id = '{one}'")).await,
            8 => {
                let raise = "UPDATE pledges SET score = score + 30, signals = signals | 1 << 20";
                app.rows.execute(&format!("{raise} WHERE id = '{one}' AND score < 900")).await;
            }
            9 => {
                let clear =
                    "UPDATE pledges SET name_tag = NULL, domain_tag = NULL, source_tag = NULL, shape_tag = NULL";
                app.rows.execute(&format!("{clear} WHERE id = '{one}'")).await;
            }
            _ => app.rows.execute(&format!("UPDATE pledges SET id = gen_random_uuid() WHERE id = '{one}'")).await,
        }
        if number % 10 == 0 {
            filled(&app).await;
        }
    }
    app.searched().await;
    assert_eq!(differences(&app.rows).await, (0, 0));
    assert_eq!(
        check::store::check(&mut app.rows.database.open().await.unwrap()).await.unwrap(),
        check::store::Wrong::default()
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_just_done_is_found_before_the_index_knows_it() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Moderator).await;
    let ids = put(&app, "defend", 30).await;
    app.searched().await;
    // Nobody fills while this transaction has the lock.
    let mut filler = app.rows.database.open().await.unwrap();
    diesel_async::SimpleAsyncConnection::batch_execute(&mut filler, "SELECT pg_advisory_lock(x'736561726368'::bigint)")
        .await
        .unwrap();
    let removal = removal_id(&remove(&client, &ids[..4]).await);
    app.client().pledge(&pledge("new@example.org")).await.expect(201);
    for (query, total) in [("state=removed", 4), ("state=counted", 27), (&format!("removal={removal}"), 4), ("", 31)] {
        let page = client.get(&format!("{PLEDGES}?{query}")).await.expect(200);
        assert_eq!(page["pledges"].as_array().unwrap().len(), total, "{query}");
        assert_eq!((&page["total"], &page["total_is_exact"]), (&json!(total), &json!(true)), "{query}");
        assert_eq!(page["search_lag_seconds"], 0);
    }
    assert!(app.rows.number("SELECT count(*) FROM search_changes").await > 0);
    assert_eq!(differences(&app.rows).await.0, 5);
    drop(filler);
    app.searched().await;
    assert_eq!(differences(&app.rows).await, (0, 0));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_and_a_domain_are_looked_for_in_a_body_and_names_go_on_record() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Organiser).await;
    for (name, email) in
        [("José García", "jose@spam.example"), ("Ann", "ann@spam.example"), ("Jose Garcia", "j@example.org")]
    {
        app.client().pledge(&json!({"name": name, "email": email, "country": "ES"})).await.expect(201);
    }
    let total = async |body: Value| client.post(SEARCH, &body).await.expect(200)["total"].clone();
    for _ in 0..2 {
        assert_eq!(total(json!({"name": " jose\u{301}  GARCI\u{301}A"})).await, 1);
        assert_eq!(total(json!({"domain": "Spam.Example"})).await, 2);
        assert_eq!(
            total(json!({"domain": "spam.example", "name": "Ann", "country": "ES", "state": "counted"})).await,
            1
        );
        assert_eq!(total(json!({"domain": "spam.example", "country": "FR", "state": null, "signals": []})).await, 0);
        app.searched().await;
    }
    let (id, entries) = ("SELECT count(*) FROM audit_log WHERE action = 'pledge.search_name'", 4);
    assert_eq!(app.rows.number(&format!("({id})")).await, entries);
    assert_eq!(app.rows.number("SELECT count(*) FROM audit_log WHERE details::text ILIKE '%garc%'").await, 0);
    client.post(SEARCH, &json!({"name": "\u{202e}"})).await.expect(422);
    client.post(SEARCH, &json!({"domain": "localhost"})).await.expect(422);
    client.post(SEARCH, &json!({"email": "ann@spam.example"})).await.expect(422);
    client.post(LOOK_UP, &json!({"email": "ann@spam.example"})).await.expect(200);
    app.stop().await;
}

/// 25,000 made-up rows: 24,000 from KE of which half in Swahili, and some with scores.
async fn crowd(app: &TestApp) {
    app.rows
        .execute(
            "INSERT INTO pledges (id, campaign_id, country, state, fingerprint, counted_at, language, score) \
             SELECT (lpad(to_hex(1790000000000 + n * 100), 12, '0') || '7000' || '8000' || lpad(to_hex(n), 12, '0'))::uuid, campaigns.id, \
               CASE WHEN n <= 24000 THEN 'KE' ELSE 'UG' END, 'counted', gen_random_uuid(), now(), \
               CASE n % 2 WHEN 0 THEN 'sw' ELSE 'en' END, CASE n % 5 WHEN 0 THEN 130 WHEN 4 THEN 25 ELSE 60 END \
             FROM generate_series(1::bigint, 25000) AS n, campaigns WHERE slug = 'defend'",
        )
        .await;
    app.searched().await;
}

/// Otherwise each look at a campaign without pledges would read the ids of all others.
#[tokio::test(flavor = "multi_thread")]
async fn where_one_campaign_has_all_pledges_those_of_another_are_not_looked_for_among_them() {
    let app = TestApp::start().await;
    put(&app, "defend", 3_000).await;
    app.rows.execute("ANALYZE pledges").await;
    let look = "SELECT next.id FROM search_progress CROSS JOIN LATERAL (SELECT id FROM pledges \
         WHERE pledges.campaign_id = search_progress.campaign_id AND id > seen ORDER BY id LIMIT 1) AS next";
    let plan = app.rows.plan(look).await;
    assert!(plan.contains("pledges_by_id") && !plan.contains("Filter"), "{plan}");
    app.stop().await;
}

/// Along the ids there would be nothing for a long time.
#[tokio::test(flavor = "multi_thread")]
async fn hits_that_all_lie_far_behind_are_found_page_by_page() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Moderator).await;
    let ids = put(&app, "defend", 3_000).await;
    // Where one look has all that have a term, it has those of another campaign too.
    app.rows.campaign("other").await;
    put(&app, "other", 60).await;
    let wave = "UPDATE pledges SET country = 'NG', language = 'en' WHERE id <=";
    app.rows.execute(&format!("{wave} '{}'", ids[499])).await;
    app.searched().await;
    let expected: Vec<String> = ids[..500].iter().rev().map(Uuid::to_string).collect();
    for query in ["country=NG", "country=NG&language=en", "country=NG&state=counted", "score_from=0&country=NG"] {
        let (found, total) = walk(&client, query).await;
        assert_eq!((found, total), (expected.clone(), 500), "{query}");
    }
    // Of those on the edge of a time the rows tell, and of those within the ids.
    let times = (at(100), at(400), at(405));
    for (query, total) in [
        (format!("from={}&to={}", times.0, times.1), 300),
        (format!("from={}&to={}", times.1, times.2), 5),
        (format!("from={}", times.0), 2_900),
        (format!("to={}", times.1), 400),
        (format!("country=NG&to={}", times.1), 400),
        (format!("country=NG&from={}&to={}", times.0, times.1), 300),
    ] {
        let (found, told) = walk(&client, &query).await;
        assert_eq!((found.len(), told), (usize::try_from(total).unwrap(), total), "{query}");
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn totals_are_exact_where_they_are_counted_and_about_where_many_would_have_to_be() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Moderator).await;
    crowd(&app).await;
    assert_eq!(differences(&app.rows).await, (0, 0));
    for (query, total) in [
        ("", 25_000),
        ("country=KE", 24_000),
        ("country=KE&language=sw", 12_000),
        ("country=KE&score_from=100", 4_800),
        // Not a step: its rows are looked at.
        ("country=KE&score_from=110", 4_800),
        ("country=UG&language=sw&state=counted", 500),
        ("language=sw&score_from=100", 2_500),
        ("country=UG&language=fr", 0),
        ("state=held", 0),
    ] {
        let page = client.get(&format!("{PLEDGES}?{query}&limit=1")).await.expect(200);
        assert_eq!((&page["total"], &page["total_is_exact"]), (&json!(total), &json!(true)), "{query}");
    }
    // No pair that is counted, and more than 10,000.
    let page = client.get(&format!("{PLEDGES}?language=sw&state=counted&limit=200")).await.expect(200);
    assert_eq!(page["total_is_exact"], false);
    assert!(page["total"].as_i64().unwrap() > 9_999, "{}", page["total"]);
    assert_eq!(page["pledges"].as_array().unwrap().len(), 200);
    // Between two steps: 19,200 reach the upper one, 24,000 the lower one, and no row is looked at.
    let page = client.get(&format!("{PLEDGES}?country=KE&score_from=30&limit=1")).await.expect(200);
    assert_eq!((&page["total"], &page["total_is_exact"]), (&json!(22_000), &json!(false)));
    app.stop().await;
}

/// As if a million pledges of others had come before the 9,001st, and more before the 17,001st: the indexes of tags have them in parts of four
/// chunks. That of the other campaign belongs to the last part. All at once, so that nobody fills what is half done.
const IN_THREE_PARTS: &str = "DO $$ BEGIN \
     LOCK TABLE search_chunks; \
     UPDATE search_chunks SET number = 41 WHERE number = 2; \
     INSERT INTO search_chunks SELECT number, id, (lpad(to_hex(1790000000000 + first * 100), 12, '0') || repeat('0', 20))::uuid \
       FROM (VALUES (17, 9001), (18, 13001), (40, 17001)) AS parts (number, first), campaigns WHERE slug = 'defend'; \
     UPDATE pledge_search SET chunk = number, terms = array_replace(terms, -chunk, -number) FROM search_chunks \
       WHERE number = CASE chunk WHEN 2 THEN 41 ELSE (SELECT max(number) FROM search_chunks WHERE number <> 41 AND first_id <= id) END; \
     TRUNCATE search_counts; \
     INSERT INTO search_counts SELECT term, chunk, count(*) FROM pledge_search, unnest(terms) AS term WHERE term <> -chunk GROUP BY 1, 2; \
     END $$";

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_is_found_in_each_part_of_its_index_newest_first() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Moderator).await;
    crowd(&app).await;
    app.rows.execute("UPDATE pledges SET name_tag = 7 WHERE get_byte(uuid_send(id), 15) = 0").await;
    let named = app.rows.list("SELECT id::text FROM pledges WHERE name_tag = 7 ORDER BY id DESC").await;
    // Another campaign has it too.
    app.rows.campaign("other").await;
    put(&app, "other", 60).await;
    app.rows
        .execute("UPDATE pledges SET name_tag = 7 WHERE campaign_id = (SELECT id FROM campaigns WHERE slug = 'other')")
        .await;
    app.rows.execute("UPDATE pledges SET source_tag = 5").await;
    app.searched().await;
    assert_eq!(named.len(), 97);
    app.rows.execute(IN_THREE_PARTS).await;
    assert_eq!(differences(&app.rows).await, (0, 0));
    let (name, source) = ("name_tag=0000000000000007", "source_tag=0000000000000005");
    for query in [name.to_owned(), format!("{name}&{source}"), format!("{name}&state=counted")] {
        assert_eq!(walk(&client, &query).await, (named.clone(), 97), "{query}");
    }
    let plan = app.rows.plan("SELECT id FROM pledge_search WHERE chunk >> 2 = 4 AND name_tag = 7").await;
    assert!(plan.contains("pledge_search_of_name_by_part"), "{plan}");
    // Many have it: counted no further than needed, and told by the chunks.
    app.rows.execute("UPDATE pledges SET name_tag = 7").await;
    app.searched().await;
    let page = client.get(&format!("{PLEDGES}?{name}&limit=3")).await.expect(200);
    assert_eq!((&page["total"], &page["total_is_exact"]), (&json!(21_000), &json!(false)));
    let newest = "SELECT pledges.id::text FROM pledges JOIN campaigns ON campaigns.id = campaign_id WHERE slug = 'defend' ORDER BY 1 DESC LIMIT 3";
    let newest = app.rows.list(newest).await;
    let found: Vec<&str> = page["pledges"].as_array().unwrap().iter().filter_map(|one| one["id"].as_str()).collect();
    assert_eq!(found, newest);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_finds_what_the_search_has_wrongly_and_has_it_mended() {
    let app = TestApp::start().await;
    put(&app, "defend", 50).await;
    // The check leaves out what is new; these are weeks old, and so are their ids.
    app.client().pledge(&pledge("new@example.org")).await.expect(201);
    app.searched().await;
    let mut connection = app.rows.database.open().await.unwrap();
    assert_eq!(check::store::check(&mut connection).await.unwrap(), check::store::Wrong::default());
    app.rows
        .execute("UPDATE pledge_search SET score = 7, terms = terms || 5 WHERE at < now() - interval '1 day'")
        .await;
    app.rows.execute("INSERT INTO pledge_search SELECT chunk, gen_random_uuid(), at, 1, 1, 1, 1, 1, '{}' FROM pledge_search LIMIT 1").await;
    app.rows.execute("UPDATE search_counts SET pledges = 3 WHERE term = hashtextextended('', 0)").await;
    let wrong = check::store::check(&mut connection).await.unwrap();
    assert_eq!((wrong.pledges, wrong.gone), (50, 1));
    assert!(wrong.counts >= 2, "{wrong:?}");
    check::store::repair(&mut connection).await.unwrap();
    app.searched().await;
    assert_eq!(check::store::check(&mut connection).await.unwrap(), check::store::Wrong::default());
    assert_eq!(differences(&app.rows).await, (0, 0));
    app.stop().await;
}
