//! The review queue: what is held, oldest first and by what it has in common; accepting by a search; and how often a signal was wrong.

use pledges::accounts::Role;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    TOTALS,
    by_search::{begun, details, remove_found, until},
    put, removal_id, remove, undo,
};
use crate::support::{
    TestApp,
    client::{Answer, Client},
};

pub const QUEUE: &str = "/v1/moderation/campaigns/defend/held/queue";
const CLUSTERS: &str = "/v1/moderation/campaigns/defend/held/clusters";
pub const SAMPLING: &str = "/v1/moderation/campaigns/defend/held/sampling";
pub const ACCEPT: &str = "/v1/moderation/campaigns/defend/acceptances";

/// So many held pledges of four countries, stored just now, the first half of one domain and flooding; and right counts.
pub async fn held(app: &TestApp, count: usize) -> Vec<Uuid> {
    let ids = put(app, "defend", count).await;
    app.rows
        .execute(&format!(
            "UPDATE pledges SET state = 'held', counted_at = NULL, created_at = now(), score = 120, \
               signals = CASE WHEN n <= {half} THEN 8 ELSE 1 END, domain_tag = CASE WHEN n <= {half} THEN -1 ELSE n END \
             FROM (SELECT id AS one, row_number() OVER (ORDER BY id) AS n FROM pledges) AS numbered WHERE id = one",
            half = count / 2
        ))
        .await;
    app.rows.repair_counts().await;
    ids
}

fn ids_of(page: &Value) -> Vec<Uuid> {
    let id = |pledge: &Value| pledge["id"].as_str().unwrap().parse().unwrap();
    page["pledges"].as_array().unwrap().iter().map(id).collect()
}

fn sampled(id: &Uuid) -> bool {
    id.as_bytes()[15] < 32
}

pub async fn accept_found(client: &Client, search: Value, expected: i64) -> Answer {
    client.post(ACCEPT, &json!({"search": search, "expected": expected, "note": "A school"})).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_queue_has_each_held_pledge_once_the_oldest_first() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Moderator).await;
    let ids = held(&app, 30).await;
    remove(&client, &ids[3..5]).await.expect(201);
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = client.get(&format!("{QUEUE}?limit=10{cursor}")).await.expect(200);
        assert_eq!(page["held"], 28);
        assert_eq!(page["held_ends"], Value::Null);
        seen.extend(ids_of(&page));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(seen, [&ids[..3], &ids[5..]].concat());
    for (filter, expected) in [
        ("domain_tag=ffffffffffffffff", 13),
        ("signal=flooding_source", 13),
        ("signal=honeypot", 15),
        ("signal=honeypot,flooding_source", 28),
        ("country=AQ", 0),
    ] {
        let page = client.get(&format!("{QUEUE}?limit=200&{filter}")).await.expect(200);
        assert_eq!(ids_of(&page).len(), expected, "{filter}");
    }
    let page = client.get(&format!("{QUEUE}?limit=200&sample=true")).await.expect(200);
    let of_the_sample: Vec<Uuid> = seen.iter().copied().filter(sampled).collect();
    assert_eq!(ids_of(&page), of_the_sample);
    client.get(&format!("{QUEUE}?state=held")).await.problem(422, "invalid_query");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_tells_how_its_pledges_are_found_accepted_and_removed() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Moderator).await;
    held(&app, 40).await;
    let found = client.get(CLUSTERS).await.expect(200);
    assert_eq!(found["looked_at"], 40);
    let clusters = found["clusters"].as_array().unwrap();
    let sizes: Vec<i64> = clusters.iter().map(|cluster| cluster["pledges"].as_i64().unwrap()).collect();
    assert!(sizes.is_sorted_by(|one, next| one >= next) && sizes.iter().all(|size| *size > 1), "{sizes:?}");
    let of = |common: &str| clusters.iter().filter(|cluster| cluster["common"] == common).collect::<Vec<_>>();
    assert_eq!((of("country").len(), of("domain_tag").len(), of("signal").len()), (4, 1, 2));
    for cluster in clusters {
        let (common, value) = (cluster["common"].as_str().unwrap(), cluster["value"].as_str().unwrap());
        let page = client.get(&format!("{QUEUE}?limit=200&{common}={value}")).await.expect(200);
        assert_eq!(ids_of(&page).len(), usize::try_from(cluster["pledges"].as_i64().unwrap()).unwrap(), "{cluster}");
    }
    let tag = of("domain_tag")[0]["value"].clone();
    accept_found(&client, json!({"domain_tag": tag}), 200).await.problem(409, "preview_outdated");
    let accepted = accept_found(&client, json!({"domain_tag": tag}), 20).await.expect(200);
    assert_eq!((accepted["accepted"].as_array().unwrap().len(), &accepted["left"]), (20, &json!(0)));
    assert_eq!(client.get(TOTALS).await.expect(200)["total"], 20);
    let on_record = details(&app, "pledge.accept").await;
    assert_eq!((&on_record[0]["pledges"], &on_record[0]["search"]), (&json!(20), &json!({"domain": true})));
    // The others are bots.
    app.searched().await;
    let removal = begun(&remove_found(&client, json!({"state": "held", "signals": ["honeypot"]}), 20).await);
    assert_eq!(until(&client, &removal, "done").await["pledges"], 20);
    assert_eq!(client.get(QUEUE).await.expect(200)["held"], 0);
    assert_eq!(app.differences().await, [""; 0]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn accepting_by_a_search_goes_a_thousand_at_a_time_and_takes_only_what_is_held() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Moderator).await;
    let ids = held(&app, 1_010).await;
    remove(&client, &ids[..5]).await.expect(201);
    let first = accept_found(&client, json!({"state": "held"}), 1_005).await.expect(200);
    assert_eq!((first["accepted"].as_array().unwrap().len(), &first["left"]), (1_000, &json!(5)));
    let second = accept_found(&client, json!({"state": "held"}), 5).await.expect(200);
    assert_eq!((second["accepted"].as_array().unwrap().len(), &second["left"]), (5, &json!(0)));
    assert_eq!(client.get(TOTALS).await.expect(200)["total"], 1_005);
    assert_eq!(app.differences().await, [""; 0]);
    accept_found(&client, json!({"state": "counted"}), 5).await.fields(&[("/search/state", "not_allowed")]);
    client.post(ACCEPT, &json!({"note": "Nothing"})).await.fields(&[("/ids", "required")]);
    client.post(ACCEPT, &json!({"search": {}, "note": "All"})).await.fields(&[("/expected", "required")]);
    app.stop().await;
}

/// The lines of a signal, all weeks together.
pub fn sums(told: &Value, signal: &Value, field: &str) -> i64 {
    let lines = told["weeks"].as_array().unwrap().iter().filter(|line| line["signal"] == *signal);
    lines.map(|line| line[field].as_i64().unwrap()).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn sampling_tells_what_people_decided_of_the_sample_and_follows_an_undo() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Moderator).await;
    let all = held(&app, 200).await;
    let sample: Vec<Uuid> = all.iter().copied().filter(sampled).collect();
    let number = i64::try_from(sample.len()).unwrap();
    assert!(number >= 4, "25 are to be expected");
    let told = client.get(SAMPLING).await.expect(200);
    assert_eq!(sums(&told, &Value::Null, "waiting"), number);
    assert!(told["weeks"].as_array().unwrap().iter().all(|line| line["accepted_share"].is_null()));
    let removal = removal_id(&remove(&client, &sample[..1]).await);
    client.post(ACCEPT, &json!({"ids": sample[1..4], "note": "People"})).await.expect(200);
    let others: Vec<Uuid> = all.iter().copied().filter(|id| !sampled(id)).take(20).collect();
    client.post(ACCEPT, &json!({"ids": others, "note": "People"})).await.expect(200);
    let told = client.get(SAMPLING).await.expect(200);
    let line = &told["weeks"][0];
    assert_eq!((&line["signal"], &line["accepted_share"]), (&Value::Null, &json!(0.75)));
    for (field, expected) in [("accepted", 3), ("removed", 1), ("waiting", number - 4), ("undecided", 0)] {
        assert_eq!(sums(&told, &Value::Null, field), expected, "{field}");
        let by_signal = ["honeypot", "flooding_source"].map(|signal| sums(&told, &json!(signal), field));
        assert_eq!(by_signal.iter().sum::<i64>(), expected, "{field}: each has one of both");
    }
    undo(&client, &removal).await.expect(200);
    let told = client.get(SAMPLING).await.expect(200);
    assert_eq!((sums(&told, &Value::Null, "removed"), sums(&told, &Value::Null, "waiting")), (0, number - 3));
    // By a search: nobody has looked at each.
    app.searched().await;
    let waiting = app.rows.number("SELECT count(*) FROM pledges WHERE state = 'held'").await;
    let removal = begun(&remove_found(&client, json!({"state": "held"}), waiting).await);
    until(&client, &removal, "done").await;
    let told = client.get(SAMPLING).await.expect(200);
    assert_eq!(sums(&told, &Value::Null, "removed_unseen"), number - 3);
    assert_eq!(told["weeks"][0]["accepted_share"], json!(1.0));
    app.stop().await;
}
