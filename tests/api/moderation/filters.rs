//! Lists of pledges: filters, totals, cursors.

use std::collections::HashSet;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use pledges::accounts::Role;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{PLEDGES, begin, put, removal_id, remove};
use crate::support::{TestApp, client::Client, client::pledge};

/// Walks all pages; the ids in order, and the total of the first page.
pub async fn walk(client: &Client, query: &str) -> (Vec<String>, i64) {
    let (mut ids, mut total, mut cursor) = (Vec::new(), None, String::new());
    loop {
        let page = client.get(&format!("{PLEDGES}?{query}&limit=37{cursor}")).await.expect(200);
        let found = page["pledges"].as_array().unwrap();
        assert!(found.len() <= 37);
        ids.extend(found.iter().map(|pledge| pledge["id"].as_str().unwrap().to_owned()));
        total.get_or_insert(page["total"].as_i64().unwrap());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return (ids, total.unwrap()),
        }
    }
}

/// So many minutes after [`begin`], for a query.
pub fn at(minutes: i64) -> String {
    (begin() + chrono::TimeDelta::minutes(minutes)).to_rfc3339().replace('+', "%2B")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_filter_and_every_pair_of_filters_finds_what_sql_finds() {
    let app = TestApp::start().await;
    app.rows.campaign("other").await;
    let client = app.signed_in(Role::Moderator).await;
    let ids = put(&app, "defend", 240).await;
    put(&app, "other", 50).await;
    let removal = removal_id(&remove(&client, &ids[10..90]).await);
    removal_id(&remove(&client, &ids[150..170]).await);
    let partner = Uuid::now_v7();
    app.rows
        .execute(&format!(
            "UPDATE pledges SET signals = CASE n % 3 WHEN 0 THEN 0 WHEN 1 THEN 2 + 4 ELSE 4 END, source_tag = 40 + n % 5, \
               score = CASE n % 4 WHEN 0 THEN 60 WHEN 1 THEN 75 ELSE 0 END, domain_tag = n % 3, name_tag = n % 11, shape_tag = -1 - n % 2, \
               partner_id = CASE WHEN n % 7 = 0 THEN '{partner}'::uuid END \
             FROM (SELECT id AS one, row_number() OVER (ORDER BY id) AS n FROM pledges) AS numbered WHERE id = one"
        ))
        .await;
    let time = |minutes: i64| (begin() + chrono::TimeDelta::minutes(minutes)).to_rfc3339();
    let filters = [
        ("state=counted".to_owned(), "state = 'counted'".to_owned()),
        ("state=removed".into(), "state = 'removed'".into()),
        ("country=DE".into(), "country = 'DE'".into()),
        ("country=zz".into(), "country = 'ZZ'".into()),
        ("country=NG".into(), "country = 'NG'".into()),
        ("language=en".into(), "language = 'en'".into()),
        ("language=PT-br".into(), "language = 'pt-BR'".into()),
        (format!("from={}", at(30)), format!("created_at >= '{}'", time(30))),
        (format!("to={}", at(160)), format!("created_at < '{}'", time(160))),
        (format!("removal={removal}"), format!("removal_id = '{removal}'")),
        (format!("removal={}", Uuid::now_v7()), "false".into()),
        ("signal=busy_source".into(), "signals & 4 <> 0".into()),
        ("signal=many_from_country".into(), "false".into()),
        ("source_tag=000000000000002a".into(), "source_tag = 42".into()),
        ("signal=many_from_country,disposable_mailbox".into(), "signals & 2 <> 0".into()),
        ("score_from=50".into(), "score >= 50".into()),
        ("score_from=61".into(), "score >= 61".into()),
        ("domain_tag=0000000000000001".into(), "domain_tag = 1".into()),
        ("name_tag=0000000000000007".into(), "name_tag = 7".into()),
        ("shape_tag=ffffffffffffffff".into(), "shape_tag = -1".into()),
        (format!("partner={partner}"), format!("partner_id = '{partner}'")),
    ];
    let name = |filter: &str| filter.split('=').next().unwrap().to_owned();
    let mut queries = vec![(String::new(), "true".to_owned())];
    queries.extend(filters.clone());
    for (at, (query, condition)) in filters.iter().enumerate() {
        for (other, also) in filters[at..].iter().filter(|(other, _)| name(other) != name(query)) {
            queries.push((format!("{query}&{other}"), format!("{condition} AND {also}")));
        }
    }
    assert!(queries.len() > 150);
    // Half of them as the search finds them by its index, half while it doesn't know much of what has changed.
    let half = queries.len() / 2;
    for (at, (query, condition)) in queries.into_iter().enumerate() {
        if at == 0 {
            app.searched().await;
        } else if at == half {
            app.rows.execute("UPDATE pledges SET country = country").await;
        }
        let sql = format!(
            "SELECT id FROM pledges WHERE campaign_id = (SELECT id FROM campaigns WHERE slug = 'defend') \
             AND {condition} ORDER BY id DESC"
        );
        let expected = app.rows.list(&sql).await;
        let count = i64::try_from(expected.len()).unwrap();
        assert_eq!(walk(&client, &query).await, (expected, count), "{query}");
    }
    let all = format!("state=counted&country=DE&language=en&from={}&to={}", at(0), at(240));
    let (found, total) = walk(&client, &all).await;
    assert_eq!((found.len(), total), (11, 11));
    let of_partner = client.get(&format!("{PLEDGES}?partner={partner}&signal=disposable_mailbox")).await.expect(200);
    assert_eq!(of_partner["pledges"][0]["partner"], partner.to_string());
    assert_eq!(of_partner["pledges"][0]["signals"], json!(["disposable_mailbox", "busy_source"]));
    // Times are instants, however they are written; the end is left out.
    for (from, to) in [("2026-10-01T02:00:00%2B02:00", "2026-10-01T00:01:00Z"), (&at(0), "2026-09-30T19:01:00-05:00")] {
        assert_eq!(walk(&client, &format!("from={from}&to={to}")).await, (vec![ids[0].to_string()], 1));
    }
    assert_eq!(walk(&client, "from=0000-01-01T00:00:00Z&to=9999-12-31T23:59:59Z").await.1, 240);
    assert_eq!(walk(&client, "from=2026-10-02T00:00:00Z&to=2026-10-01T00:00:00Z").await, (vec![], 0));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_walk_meets_every_pledge_once_while_others_come_and_go() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Moderator).await;
    let ids: Vec<String> = put(&app, "defend", 130).await.iter().map(Uuid::to_string).collect();
    let expected: Vec<String> = ids.iter().rev().cloned().collect();
    let (mut seen, mut cursor, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let page = client.get(&format!("{PLEDGES}?limit=20{cursor}")).await.expect(200);
        assert_eq!(page["total"].as_i64().unwrap(), 130 + pages, "the total is of this moment");
        seen.extend(page["pledges"].as_array().unwrap().iter().map(|pledge| pledge["id"].as_str().unwrap().to_owned()));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
        pages += 1;
        app.client().pledge(&pledge(&format!("new{pages}@example.org"))).await.expect(201);
        let last = seen.last().unwrap().parse().unwrap();
        removal_id(&remove(&client, &[last]).await);
    }
    assert_eq!(seen, expected);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_page_says_so_and_a_page_has_fifty_rows_unless_asked() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Moderator).await;
    put(&app, "defend", 200).await;
    let page = async |query: &str| {
        let page = client.get(&format!("{PLEDGES}?{query}")).await.expect(200);
        (page["pledges"].as_array().unwrap().len(), page["next_cursor"].is_string())
    };
    assert_eq!(page("").await, (50, true));
    assert_eq!(page("limit=1").await, (1, true));
    assert_eq!(page("limit=199").await, (199, true));
    assert_eq!(page("limit=200").await, (200, false));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_is_not_right_is_refused_by_name() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Admin).await;
    put(&app, "defend", 3).await;
    let encoded = |text: &str| format!("cursor={}", URL_SAFE_NO_PAD.encode(text));
    let number = encoded("7");
    let sql = encoded("\"0' OR '1'='1\"");
    for (query, pointer, code) in [
        ("limit=0", "/limit", "out_of_range"),
        ("limit=201", "/limit", "out_of_range"),
        ("limit=-1", "/limit", "wrong_type"),
        ("limit=99999999999999999999", "/limit", "wrong_type"),
        ("limit=ten", "/limit", "wrong_type"),
        ("limit=", "/limit", "wrong_type"),
        ("limit=1&limit=2", "/limit", "duplicate_field"),
        ("cursor=", "/cursor", "invalid_cursor"),
        ("cursor=!", "/cursor", "invalid_cursor"),
        ("cursor=' OR 1=1 --", "/cursor", "invalid_cursor"),
        ("cursor=%00", "/cursor", "invalid_cursor"),
        (&number, "/cursor", "invalid_cursor"),
        (&sql, "/cursor", "invalid_cursor"),
        ("from=yesterday", "/from", "invalid_time"),
        ("from=2026-11-01", "/from", "invalid_time"),
        ("from=2026-11-01T00:00:00", "/from", "invalid_time"),
        ("from=2026-11-01T00:00:00+02:00", "/from", "invalid_time"),
        ("from=2026-13-01T00:00:00Z", "/from", "invalid_time"),
        ("to=", "/to", "invalid_time"),
        ("to=99999-01-01T00:00:00Z", "/to", "invalid_time"),
        ("to=-0001-01-01T00:00:00Z", "/to", "invalid_time"),
        ("state=lost", "/state", "not_allowed"),
        ("state=", "/state", "not_allowed"),
        ("state=counted' OR 'a'='a", "/state", "not_allowed"),
        ("country=QQ", "/country", "invalid_country"),
        ("country=%25%25", "/country", "invalid_country"),
        ("country=D_", "/country", "invalid_country"),
        ("language=%25", "/language", "invalid_language"),
        ("language=e_", "/language", "invalid_language"),
        ("language=en' --", "/language", "invalid_language"),
        ("language=en%00", "/language", "invalid_language"),
        ("removal=all", "/removal", "wrong_type"),
        ("removal=%25", "/removal", "wrong_type"),
        ("signal=odd", "/signal", "not_allowed"),
        ("signal=BUSY_SOURCE", "/signal", "not_allowed"),
        ("source_tag=42", "/source_tag", "invalid_source_tag"),
        ("source_tag=00c5f16d0e7c3a9B", "/source_tag", "invalid_source_tag"),
        ("partner=all", "/partner", "wrong_type"),
        ("email=a@example.org", "/email", "unknown_field"),
        ("State=counted", "/State", "unknown_field"),
        ("limit=%ff", "", "invalid_text"),
    ] {
        let answer = client.get(&format!("{PLEDGES}?{query}")).await;
        let problem = answer.problem(422, "invalid_query");
        assert_eq!(problem["errors"], json!([{"pointer": pointer, "code": code}]), "{query}");
    }
    let other_lists = ["/v1/moderation/campaigns/defend/removals", "/v1/moderation/campaigns/defend/audit"];
    for list in other_lists.into_iter().chain(["/v1/admin/audit"]) {
        for query in ["limit=0", "limit=201", "cursor=!", "state=counted", &encoded("{}"), &encoded("1e400")] {
            client.get(&format!("{list}?{query}")).await.problem(422, "invalid_query");
        }
    }
    // A cursor of one list is none of another.
    let page = client.get(&format!("{PLEDGES}?limit=1")).await.expect(200);
    let cursor = page["next_cursor"].as_str().unwrap();
    client.get(&format!("/v1/admin/audit?cursor={cursor}")).await.problem(422, "invalid_query");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metacharacters_in_an_address_are_taken_literally() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Admin).await;
    put(&app, "defend", 3).await;
    let unknown = client.get("/v1/moderation/campaigns/unknown/pledges").await;
    unknown.problem(404, "campaign_not_found");
    for slug in ["%25", "defen_", "defend'--", "defend%00", "DEFEND", "defend%20", "a;b", "{slug}"] {
        for rest in ["pledges", "totals", "removals", "audit"] {
            let answer = client.get(&format!("/v1/moderation/campaigns/{slug}/{rest}")).await;
            assert_eq!(answer.problem(404, "campaign_not_found"), unknown.json(), "{slug}/{rest}");
        }
    }
    // No name at all.
    for slug in ["%ff", "%2e%2e", "defend%2Fpledges", ""] {
        client.get(&format!("/v1/moderation/campaigns/{slug}/pledges")).await.expect(404);
    }
    for id in ["%25", "1", "' OR 1=1 --", "00000000-0000-0000-0000-00000000000%00"] {
        client.get(&format!("/v1/moderation/campaigns/defend/removals/{id}")).await.problem(404, "not_found");
    }
    assert_eq!(client.get(PLEDGES).await.expect(200)["total"], 3);
    app.stop().await;
}

/// A list that is read while pledges move between counted and removed is still exact: nothing is counted twice.
#[tokio::test(flavor = "multi_thread")]
async fn totals_stay_exact_while_moderators_work() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Moderator).await;
    let ids = put(&app, "defend", 400).await;
    let mut totals = HashSet::new();
    let work = async {
        for _ in 0..25 {
            let removal = removal_id(&remove(&client, &ids[50..350]).await);
            super::undo(&client, &removal).await.expect(200);
        }
    };
    let reader = app.signed_in(Role::Moderator).await;
    let read = async {
        loop {
            let page: Value = reader.get(&format!("{PLEDGES}?limit=1")).await.expect(200);
            totals.insert(page["total"].as_i64().unwrap());
        }
    };
    tokio::select! { () = work => {}, () = read => {} }
    assert_eq!(totals, HashSet::from([400]), "400 pledges stood there all the time, counted or removed");
    app.stop().await;
}
