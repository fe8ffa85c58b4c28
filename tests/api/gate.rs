//! The gate in front of pledges: proofs of work, and pledges that are held.

mod countries;
pub mod held;
mod proofs;
pub mod rules;

use reqwest::StatusCode;
use serde_json::Value;

use crate::support::{TestApp, client::Answer};

/// Sets something of the campaign `defend`, known to the service when this returns.
async fn set(app: &TestApp, setting: &str) {
    app.rows.execute(&format!("UPDATE campaigns SET {setting} WHERE slug = 'defend'")).await;
    app.service.handles.campaigns.renew().await.unwrap();
}

/// Status and body without the receipt's random id and the totals' time.
fn face(answer: &Answer) -> (StatusCode, Value) {
    let mut body = answer.json();
    body["id"].take();
    body["totals"].take();
    (answer.status, body)
}
