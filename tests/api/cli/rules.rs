//! `pledges rule`: blocks and allows.

use pledges::accounts::Role;
use serde_json::json;

use super::run;
use crate::support::{TestApp, client::pledge};

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_adds_lists_and_removes_rules() {
    let app = TestApp::start().await;
    let add = ["rule", "add", "defend", "block", "domain", "Spam.example", "--note", "Only bots use it", "--days", "7"];
    let ended = run(&app, &add).await.expect(0);
    let id = ended.stdout.strip_prefix("added rule ").unwrap().split(';').next().unwrap().to_owned();
    app.service.handles.rules.renew().await.unwrap();
    app.client().pledge(&pledge("a@spam.example")).await.expect(201);
    assert_eq!(app.rows.value("SELECT state FROM pledges").await, "held");
    let listed = run(&app, &["rule", "list", "defend"]).await.expect(0).stdout;
    let fields: Vec<&str> = listed.trim_end().split('\t').collect();
    assert_eq!(fields[..4], [id.as_str(), "block", "domain", "spam.example"], "{listed}");
    assert_eq!(fields[6..], ["(operator)", "Only bots use it"], "{listed}");
    let moderator = app.signed_in(Role::Moderator).await;
    let rules = moderator.get("/v1/moderation/campaigns/defend/rules").await.expect(200);
    assert_eq!((&rules["rules"][0]["made_by"], &rules["rules"][0]["note"]), (&json!(null), &json!("Only bots use it")));
    let needed = run(&app, &["keys", "list"]).await.expect(0).stdout;
    assert!(needed.contains("\trules: 1"), "{needed}");
    run(&app, &["rule", "remove", "defend", &id]).await.expect(0);
    let again = run(&app, &["rule", "remove", "defend", &id]).await.expect(1);
    assert!(again.stderr.contains("has no rule"), "{}", again.stderr);
    assert_eq!(run(&app, &["rule", "list", "defend"]).await.expect(0).stdout, "");
    for (value, reason) in [("localhost", "this is no domain"), ("", "this is no domain")] {
        let wrong = run(&app, &["rule", "add", "defend", "block", "domain", value, "--note", "x"]).await.expect(1);
        assert!(wrong.stderr.contains(reason), "{}", wrong.stderr);
    }
    run(&app, &["rule", "add", "defend", "refuse", "domain", "a.example", "--note", "x"]).await.expect(2);
    app.stop().await;
}
