//! More pledges from a country than its people explain.

use pledges::gate::signals::{Signal, Signals};
use serde_json::{Value, json};

use super::face;
use crate::{support::TestApp, totals::count};

fn from(country: &str, name: &str, number: u32) -> Value {
    json!({"name": name, "email": format!("p{number}@example.org"), "country": country})
}

/// State, score and signals of the newest pledge that came through the door.
async fn newest(app: &TestApp) -> (String, i16, Vec<&'static str>) {
    let newest = "SELECT state || ' ' || score || ' ' || signals FROM pledges WHERE sealed_review IS NOT NULL ORDER BY id DESC LIMIT 1";
    let newest = app.rows.value(newest).await;
    let parts: Vec<&str> = newest.split(' ').collect();
    let signals = Signals::from_bits(parts[2].parse().unwrap()).list().map(Signal::name);
    (parts[0].to_owned(), parts[1].parse().unwrap(), signals.collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_country_with_more_pledges_than_its_people_explain_is_watched_and_then_held() {
    let app = TestApp::start().await;
    let client = app.client();
    count(&app, &[("DE", 5_000), ("VA", 500)]).await;
    app.reread().await;
    let plain = face(&client.pledge(&from("VA", "Amina Okafor", 1)).await);
    assert_eq!(newest(&app).await, ("counted".to_owned(), 0, vec![]), "five hundred may come from anywhere");
    count(&app, &[("VA", 500)]).await;
    app.reread().await;
    assert_eq!(face(&client.pledge(&from("VA", "Amina Okafor", 2)).await), plain);
    let watched = vec!["many_from_country"];
    assert_eq!(newest(&app).await, ("counted".to_owned(), 40, watched.clone()), "alone it holds nobody");
    assert_eq!(face(&client.pledge(&from("VA", "asdfghjkl", 3)).await), plain);
    let (state, score, _) = newest(&app).await;
    assert_eq!((state.as_str(), score), ("held", 100), "with another sign it does");
    count(&app, &[("VA", 1_000)]).await;
    app.reread().await;
    assert_eq!(face(&client.pledge(&from("VA", "Amina Okafor", 4)).await), plain);
    assert_eq!(newest(&app).await, ("held".to_owned(), 100, watched), "beyond all measure it is held");
    for (number, country) in (5..).zip(["DE", "ZZ", "SM"]) {
        assert_eq!(face(&client.pledge(&from(country, "Amina Okafor", number)).await), plain);
        assert_eq!(newest(&app).await, ("counted".to_owned(), 0, vec![]), "{country}");
    }
    app.publish().await;
    assert_eq!(app.differences().await, [""; 0]);
    app.stop().await;
}

/// A flood whose pledges aren't counted, because they wait, is in no total.
#[tokio::test(flavor = "multi_thread")]
async fn pledges_that_count_nowhere_yet_are_seen_too() {
    let app = TestApp::start().await;
    app.rows.execute("UPDATE campaigns SET confirmation = 'email'").await;
    app.service.handles.campaigns.renew().await.unwrap();
    let site = crate::partners::partner(&app, &[]).await;
    let mut number = 0;
    for _ in 0..6 {
        let pledges: Vec<Value> = (0..100)
            .map(|_| {
                number += 1;
                from("VA", "Amina Okafor", number)
            })
            .collect();
        let client = app.client();
        let batch = client.request(reqwest::Method::POST, "/v1/campaigns/defend/pledges/batches");
        client.send(batch.bearer_auth(&site.secret).json(&json!({"pledges": pledges}))).await.expect(200);
    }
    let marked = "SELECT (signals < 0) || ' ' || count(*) FROM pledges GROUP BY signals < 0 ORDER BY 1";
    assert_eq!(app.rows.list(marked).await, ["false 500", "true 100"]);
    assert_eq!(newest(&app).await.0, "awaiting");
    app.stop().await;
}
