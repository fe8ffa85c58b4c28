//! Totals equal a recount (rule 2): while everything happens at once, after a crash, and after `pledges doctor` has
//! mended what was damaged behind the service's back.

mod damage;
mod mix;

use std::path::Path;

use secrecy::SecretString;
use serde_json::Value;

use crate::support::{
    TestApp,
    client::Client,
    program::{self, Ended},
    rows::Rows,
};

/// Runs `pledges doctor` on a database.
async fn doctor(url: &SecretString, var_dir: &Path, arguments: &[&str]) -> Ended {
    let arguments: Vec<_> = [&["doctor"], arguments].concat();
    program::run(program::command_on(url, var_dir, &arguments)).await
}

/// Fails unless the doctor finds nothing and counts this many.
async fn is_well(url: &SecretString, var_dir: &Path, counted: i64) {
    let ended = doctor(url, var_dir, &[]).await.expect(0);
    assert_eq!(ended.stdout, format!("all is well: 1 campaigns, {counted} counted pledges\n"));
}

/// Fails unless what is published, what moderators see and what the rows say are one.
async fn published_is_the_recount(client: &Client, moderator: &Client, rows: &Rows) {
    let counted = rows.number("SELECT count(*) FROM pledges WHERE state = 'counted'").await;
    let totals = client.get("/v1/campaigns/defend/totals").await.expect(200);
    let exact = moderator.get("/v1/moderation/campaigns/defend/totals").await.expect(200);
    assert_eq!(totals["total"], counted);
    assert_eq!(exact["total"], counted);
    assert_eq!(sum(&totals) + totals["elsewhere"].as_i64().unwrap(), counted, "{totals}");
    assert_eq!(sum(&exact), counted, "{exact}");
    for row in exact["countries"].as_array().unwrap() {
        let country = row["country"].as_str().unwrap();
        let sql = format!("SELECT count(*) FROM pledges WHERE state = 'counted' AND country = '{country}'");
        assert_eq!(row["count"], rows.number(&sql).await, "{country}");
    }
    for row in totals["countries"].as_array().unwrap() {
        let (country, shown) = (&row["country"], row["count"].as_i64().unwrap());
        let all = exact["countries"].as_array().unwrap();
        let exact = all.iter().find(|row| row["country"] == *country).unwrap()["count"].as_i64().unwrap();
        // Freshly re-read (rule 8): exactly from a hundred on, below that in fives, rounded down.
        assert_eq!(shown, if exact >= 100 { exact } else { exact - exact % 5 }, "{country}");
    }
}

fn sum(totals: &Value) -> i64 {
    totals["countries"].as_array().unwrap().iter().map(|row| row["count"].as_i64().unwrap()).sum()
}

/// The same for a service of the tests.
async fn is_published(app: &TestApp, moderator: &Client) {
    app.reread().await;
    published_is_the_recount(&app.client(), moderator, &app.rows).await;
}
