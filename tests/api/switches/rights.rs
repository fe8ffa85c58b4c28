//! Who may use which switch, and what a right request is.

use pledges::accounts::Role;
use reqwest::Method;
use serde_json::json;

use super::{SWITCHES, ask};
use crate::support::TestApp;

#[tokio::test(flavor = "multi_thread")]
async fn moderators_may_hold_all_and_organisers_everything() {
    let app = TestApp::start().await;
    let body = json!({"reason": "A wave"});
    for role in [Role::Moderator, Role::Organiser, Role::Admin] {
        let client = app.signed_in(role).await;
        for switch in ["hold_all", "require_mail", "raise_proof", "pause_partner"] {
            let status = match (role, switch) {
                (Role::Moderator, "require_mail" | "raise_proof" | "pause_partner") => 403,
                // Of which partner isn't said.
                (_, "pause_partner") => 422,
                _ => 200,
            };
            let path = format!("{SWITCHES}/{switch}");
            let answers = [ask(&client, switch, &body).await, client.send(client.request(Method::DELETE, &path)).await];
            let expected = [status, if status == 200 { 204 } else { status }];
            assert_eq!(answers.map(|answer| answer.status.as_u16()), expected, "{role:?} {switch}");
        }
        let listed = client.get(SWITCHES).await.expect(200);
        assert!(listed["switches"].as_array().unwrap().iter().all(|each| each["by"].is_string()));
    }
    assert_eq!(app.rows.number("SELECT count(*) FROM campaign_switches WHERE off_at IS NULL").await, 0);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reason_is_required_and_the_hours_have_bounds() {
    let app = TestApp::start().await;
    let organiser = app.signed_in(Role::Organiser).await;
    let fields = async |body, expected: &[(&str, &str)]| ask(&organiser, "hold_all", &body).await.fields(expected);
    fields(json!({}), &[("/reason", "required")]).await;
    fields(json!({"reason": " "}), &[("/reason", "required")]).await;
    fields(json!({"reason": "x".repeat(1_001)}), &[("/reason", "too_long")]).await;
    fields(json!({"reason": "x", "hours": 0}), &[("/hours", "out_of_range")]).await;
    fields(json!({"reason": "x", "hours": 169}), &[("/hours", "out_of_range")]).await;
    fields(json!({"reason": "x", "until": "2030-01-01T00:00:00Z"}), &[("/until", "unknown_field")]).await;
    for switch in ["hold_al", "HOLD_ALL", "%00"] {
        ask(&organiser, switch, &json!({"reason": "x"})).await.problem(404, "not_found");
    }
    let nothing = "SELECT (SELECT count(*) FROM campaign_switches) \
                   + (SELECT count(*) FROM audit_log WHERE action LIKE 'switch.%')";
    assert_eq!(app.rows.number(nothing).await, 0);
    app.stop().await;
}
