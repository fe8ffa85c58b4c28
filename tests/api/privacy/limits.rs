//! The clock walked forward through every limit: what must be gone is gone, what must stay stays, counts as promised.

use chrono::TimeDelta;
use pledges::{
    accounts::Role,
    pledges::links::Links,
    privacy::retention::{Due, Limit},
};
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    PERSONAL, command, doctor_is_well, due, everything, held, in_days, pledges_of, preview, put, quiet, run, turn,
};
use crate::support::{TestApp, client::pledge, eventually, key_ring, program};

/// Of a campaign that confirms by mail: what nobody confirmed goes with all that its mail left, and the rest stays.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_confirmed_goes_after_seven_days() {
    let app = TestApp::start().await;
    app.rows.execute("UPDATE campaigns SET confirmation = 'email'").await;
    app.service.handles.campaigns.renew().await.unwrap();
    for email in ["ann@example.org", "bob@example.org"] {
        app.client().pledge(&pledge(email)).await.expect(202);
    }
    eventually("the mails are sent", async || app.rows.value("SELECT count(*) FROM mail_links").await == "2").await;
    eventually("the outbox is empty", async || app.rows.value("SELECT count(*) FROM mail_outbox").await == "0").await;
    let mails = app.rows.list("SELECT id FROM mail_links ORDER BY id").await;
    let campaign = app.service.handles.campaigns.find("defend").unwrap().id;
    let confirm =
        |mail: &str| format!("/confirm/{}", Links::new(key_ring()).token(campaign, mail.parse().unwrap()).text());
    let client = app.client();
    assert_eq!(client.send(client.request(Method::POST, &confirm(&mails[0]))).await.status, 303);
    // One more mail waits, because its server is away.
    app.rows
        .execute(
            "INSERT INTO mail_outbox (id, campaign_id, fingerprint, kind, sealed, due_at) \
             SELECT gen_random_uuid(), campaign_id, fingerprint, 'pledge', 'x', now() + interval '1 day' FROM pledges \
             WHERE state = 'awaiting'",
        )
        .await;
    let gone = [due("defend", Limit::Unconfirmed, 1), Due { campaign: None, limit: Limit::Mails, count: 2 }];
    assert_eq!(run(&app, in_days(7) - TimeDelta::minutes(5)).await, []);
    let previewed = preview(&app, in_days(7)).await;
    assert_eq!(previewed, gone);
    assert_eq!(run(&app, in_days(7)).await, gone);
    for (table, left) in [("pledges", "1"), ("mail_links", "1"), ("mail_outbox", "0"), ("mailbox_mails", "0")] {
        assert_eq!(app.rows.value(&format!("SELECT count(*) FROM {table}")).await, left, "{table}");
    }
    assert_eq!(app.rows.value("SELECT state FROM pledges").await, "counted");
    // Whoever comes too late is told so, though nothing is kept of the link; a link that never was is unknown.
    for (mail, status) in [(mails[0].as_str(), 200), (&mails[1], 410)] {
        let request = client.request(Method::GET, &confirm(mail)).header("accept", "text/html");
        let answer = client.send(request).await;
        assert_eq!(answer.status, status);
        assert_eq!(answer.text().contains("href=\"/c/defend/en/my-pledge\""), status == 410, "{}", answer.text());
    }
    assert_eq!(client.send(client.request(Method::POST, &confirm(&mails[1]))).await.status, 410);
    let own = confirm(&mails[1]).replace("/confirm/", "/my-pledge/");
    assert_eq!(client.send(client.request(Method::GET, &own)).await.status, 410);
    let never = format!("/confirm/{}", Links::new(key_ring()).token(mails[1].parse().unwrap(), campaign).text());
    assert_eq!(client.send(client.request(Method::GET, &never)).await.status, 404);
    doctor_is_well(&app, 1).await;
    // Of a campaign whose retention has ended nobody can tell any more, and no new link can be had.
    command(&app, &["campaign", "close", "defend"]).await.expect(0);
    run(&app, in_days(31)).await;
    app.service.handles.campaigns.renew().await.unwrap();
    assert_eq!(client.send(client.request(Method::GET, &confirm(&mails[1]))).await.status, 404);
    for (path, code) in [("/c/defend/en/code", "AAAAAA"), ("/c/defend/en/my-pledge", "")] {
        let form = client.request(Method::POST, path).form(&[("email", "bob@example.org"), ("code", code)]);
        let answer = client.send(form.header("accept", "text/html")).await;
        assert_eq!((answer.status.as_u16(), answer.text().contains("This campaign is over")), (409, true), "{path}");
    }
    app.stop().await;
}

/// One that moderators removed while it waited: nothing personal stays, and the removal can still be undone.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_removed_before_it_is_confirmed_is_cleared_after_seven_days() {
    let app = TestApp::start().await;
    app.rows.execute("UPDATE campaigns SET confirmation = 'email'").await;
    app.service.handles.campaigns.renew().await.unwrap();
    let moderator = app.signed_in(Role::Moderator).await;
    let pledge = async || {
        app.client().pledge(&pledge("ann@example.org")).await.expect(202);
        eventually("the mail is sent", async || {
            app.rows.value("SELECT count(*) FROM mail_outbox").await == "0"
                && app.rows.value("SELECT count(*) FROM mail_links").await == "1"
        })
        .await;
    };
    pledge().await;
    let ids = app.rows.list("SELECT id FROM pledges").await;
    let removals = "/v1/moderation/campaigns/defend/removals";
    let removal = moderator.post(removals, &json!({"ids": ids, "reason": "spam", "note": "x"})).await.expect(201);
    let state = "SELECT concat_ws(' ', state, state_before, erased_at IS NOT NULL) FROM pledges";

    assert_eq!(run(&app, in_days(7) - TimeDelta::minutes(5)).await, []);
    let gone = [due("defend", Limit::Unconfirmed, 1), Due { campaign: None, limit: Limit::Mails, count: 1 }];
    assert_eq!(preview(&app, in_days(7)).await, gone);
    assert_eq!(run(&app, in_days(7)).await, gone);
    for column in PERSONAL {
        assert_eq!(held(&app, column).await, 0, "{column}");
    }
    assert_eq!(app.rows.value("SELECT count(*) FROM mail_links").await, "0");
    assert_eq!(app.rows.value(state).await, "removed awaiting t");
    assert_eq!(run(&app, in_days(8)).await, []);
    doctor_is_well(&app, 0).await;

    // The mailbox stays taken, and what a new mail leaves goes in its time.
    pledge().await;
    assert_eq!(app.rows.value(state).await, "removed awaiting t");
    assert_eq!(run(&app, in_days(7)).await, gone);
    assert_eq!(app.rows.value("SELECT count(*) FROM mail_links").await, "0");

    let undo = format!("{removals}/{}/undo", removal["removal"]["id"].as_str().unwrap());
    moderator.post(&undo, &json!({"note": "It was none."})).await.expect(200);
    assert_eq!(app.rows.value(state).await, "awaiting t");
    doctor_is_well(&app, 0).await;
    assert_eq!(run(&app, in_days(7)).await, [due("defend", Limit::Unconfirmed, 1)]);
    assert_eq!(app.rows.value("SELECT count(*) FROM pledges").await, "0");
    // The record of the removal stays, though its pledge is gone.
    let told = moderator.get(removals).await.expect(200);
    assert_eq!(told["removals"][0]["pledges"], 1, "{told}");
    moderator.post(&undo, &json!({"note": "Again."})).await.problem(409, "already_undone");
    doctor_is_well(&app, 0).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_limit_is_kept_when_the_clock_walks_forward() {
    let app = TestApp::start().await;
    let moderator = app.signed_in(Role::Moderator).await;
    pledges_of(&app, &["ann@example.org", "bob@example.org", "cid@example.org", "dan@example.org"]).await;
    let removed = app.rows.list("SELECT id FROM pledges ORDER BY id LIMIT 1").await;
    let removal = json!({"ids": removed, "reason": "test", "note": "A trial."});
    let removal = moderator.post("/v1/moderation/campaigns/defend/removals", &removal).await.expect(201);
    app.reread().await;
    let totals = app.client().get("/v1/campaigns/defend/totals").await.expect(200);

    // A day before the first limit nothing goes.
    let before = everything(&app).await;
    assert_eq!(run(&app, in_days(29)).await, []);
    assert_eq!(everything(&app).await, before);

    // The review copies; and the session of the moderator, which ended 30 days ago by then.
    let gone = run(&app, in_days(31)).await;
    assert_eq!(gone[0], due("defend", Limit::ReviewCopies, 4));
    assert_eq!((gone.len(), gone[1].limit, gone[1].count), (2, Limit::Sessions, 1));
    for column in PERSONAL {
        assert_eq!(held(&app, column).await, if column == "sealed_review" { 0 } else { 4 }, "{column}");
    }
    assert_eq!(app.rows.value("SELECT count(*) FROM sessions").await, "0");
    assert_eq!(app.rows.value("SELECT count(*) FROM refresh_tokens").await, "0");
    let moderator = app.signed_in(Role::Moderator).await;
    let page = moderator.get("/v1/moderation/campaigns/defend/pledges").await.expect(200);
    assert_eq!(page["total"], 4);
    assert!(page["pledges"].as_array().unwrap().iter().all(|pledge| pledge["review"] == Value::Null));
    doctor_is_well(&app, 3).await;

    // An open campaign keeps the rest for as long as it is open.
    assert_eq!(run(&app, in_days(3000)).await.iter().filter(|due| due.campaign.is_some()).count(), 0);
    command(&app, &["campaign", "close", "defend"]).await.expect(0);
    assert_eq!(run(&app, in_days(29)).await, []);
    assert_eq!(held(&app, "sealed_record").await, 4);

    // The end: keys first, then all that is personal.
    let moderator = app.signed_in(Role::Moderator).await;
    let gone = run(&app, in_days(30) + TimeDelta::minutes(1)).await;
    assert_eq!(gone, [due("defend", Limit::Keys, 4), due("defend", Limit::Records, 4)]);
    for column in PERSONAL {
        assert_eq!(held(&app, column).await, 0, "{column}");
    }
    assert_eq!(app.rows.value("SELECT count(*) FROM sealing_epochs").await, "0");
    assert_eq!(app.rows.value("SELECT salt FROM campaigns").await, "NULL");
    assert_eq!(app.rows.value("SELECT salt_destroyed_at IS NOT NULL FROM campaigns").await, "true");

    // The count is what it was, and a removal can still be undone.
    app.reread().await;
    let mut after = app.client().get("/v1/campaigns/defend/totals").await.expect(200);
    for varies in ["version", "as_of"] {
        after[varies] = totals[varies].clone();
    }
    assert_eq!(after, totals);
    doctor_is_well(&app, 3).await;
    let undo = format!("/v1/moderation/campaigns/defend/removals/{}/undo", removal["removal"]["id"].as_str().unwrap());
    moderator.post(&undo, &json!({"note": "It was none."})).await.expect(200);
    doctor_is_well(&app, 4).await;

    // Nobody can tell any more who had pledged, and says so.
    let ann = json!({"email": "ann@example.org"});
    let look_up = moderator.post("/v1/moderation/campaigns/defend/pledges/lookup", &ann);
    look_up.await.problem(409, "retention_ended");
    let opened = command(&app, &["campaign", "set", "defend", "--open"]).await.expect(1);
    assert!(opened.stderr.contains("the retention of defend has ended"), "{}", opened.stderr);
    let mut connection = app.rows.database.open().await.unwrap();
    let opened =
        diesel_async::RunQueryDsl::execute(diesel::sql_query("UPDATE campaigns SET state = 'open'"), &mut connection);
    assert!(opened.await.unwrap_err().to_string().contains("only_closed_without_salt"));
    assert_eq!(run(&app, in_days(31)).await.iter().filter(|due| due.campaign.is_some()).count(), 0);

    // The proof.
    let runs = app
        .rows
        .list("SELECT what || ' ' || changed FROM retention_runs WHERE campaign_id IS NOT NULL ORDER BY id")
        .await;
    assert_eq!(runs, ["review_copies 4", "keys 4", "records 4"]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_has_limits_of_its_own_and_one_that_is_opened_again_starts_anew() {
    let app = TestApp::start().await;
    app.rows.campaign("other").await;
    pledges_of(&app, &["ann@example.org"]).await;
    let set = ["campaign", "set", "defend", "--review-days", "3", "--record-days", "90", "--erasure", "keep"];
    command(&app, &set).await.expect(0);
    let settings = "SELECT concat_ws(' ', review_days, record_days, erasure) FROM campaigns ORDER BY slug";
    assert_eq!(app.rows.list(settings).await, ["3 90 keep", "30 30 withdraw"]);
    for wrong in [["--review-days", "0"], ["--record-days", "3651"], ["--erasure", "forget"]] {
        command(&app, &[&["campaign", "set", "defend"], &wrong[..]].concat()).await.expect(2);
    }
    assert_eq!(preview(&app, in_days(2)).await, []);
    assert_eq!(preview(&app, in_days(4)).await, [due("defend", Limit::ReviewCopies, 1)]);
    command(&app, &["campaign", "close", "defend"]).await.expect(0);
    assert_eq!(
        app.rows.value("SELECT closed_at > now() - interval '1 minute' FROM campaigns WHERE slug = 'defend'").await,
        "true"
    );
    assert_eq!(preview(&app, in_days(91)).await, [due("defend", Limit::Keys, 4), due("defend", Limit::Records, 1)]);
    app.rows.execute("UPDATE campaigns SET closed_at = closed_at - interval '80 days' WHERE slug = 'defend'").await;
    command(&app, &["campaign", "set", "defend", "--open"]).await.expect(0);
    assert_eq!(app.rows.value("SELECT closed_at FROM campaigns WHERE slug = 'defend'").await, "NULL");
    command(&app, &["campaign", "close", "defend"]).await.expect(0);
    assert_eq!(preview(&app, in_days(80)).await, [due("defend", Limit::ReviewCopies, 1)], "closed just now");
    // Settings of a closed one may be changed without its time beginning anew.
    app.rows.execute("UPDATE campaigns SET closed_at = closed_at - interval '80 days' WHERE slug = 'defend'").await;
    command(&app, &["campaign", "set", "defend", "--goal", "7"]).await.expect(0);
    assert_eq!(preview(&app, in_days(11)).await.len(), 2);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_changes_nothing_and_tells_the_numbers_of_the_run() {
    let app = TestApp::start().await;
    let _session = app.signed_in(Role::Moderator).await;
    pledges_of(&app, &["ann@example.org", "bob@example.org"]).await;
    put(&app, &[(in_days(-40), in_days(-40))]).await;
    let before = everything(&app).await;
    let progress = app.rows.list("SELECT row_to_json(each)::text FROM retention_progress AS each").await;
    let now = command(&app, &["retention", "--dry-run"]).await.expect(0);
    assert_eq!(now.stdout, "defend: 1 review copies would go\n");
    let as_of = in_days(31).to_rfc3339();
    let then = command(&app, &["retention", "--dry-run", "--as-of", &as_of]).await.expect(0);
    assert_eq!(then.stdout, "defend: 3 review copies would go\nall campaigns: 1 ended sessions would go\n");
    assert_eq!(everything(&app).await, before);
    assert_eq!(app.rows.list("SELECT row_to_json(each)::text FROM retention_progress AS each").await, progress);
    for as_of in [in_days(0), in_days(31)] {
        let expected = preview(&app, as_of).await;
        assert_eq!(run(&app, as_of).await, expected);
        assert_ne!(expected, []);
    }
    app.rows.execute("UPDATE campaigns SET state = 'closed'").await;
    let expected = preview(&app, in_days(31)).await;
    assert_eq!(expected, [due("defend", Limit::Keys, 4), due("defend", Limit::Records, 3)]);
    let ended = command(&app, &["retention", "--as-of", &as_of]).await.expect(0);
    assert_eq!(
        ended.stdout,
        "defend: 4 keys (the salt among them) are gone\ndefend: 3 pledges with personal data are gone\n"
    );
    let again = command(&app, &["retention"]).await.expect(0);
    assert_eq!(again.stdout, "nothing is past its limit\n");
    // Nobody clears by accident what is not due.
    let mut live = program::command_on(&app.url, app.var.path(), &["retention", "--as-of", &as_of]);
    live.env("PLEDGES_MODE", "production");
    assert!(program::run(live).await.expect(1).stderr.contains("--dry-run"));
    app.stop().await;
}

/// Ids carry another clock than rows: who stands at the limit is not passed over.
#[tokio::test(flavor = "multi_thread")]
async fn the_time_of_the_row_decides_and_nobody_is_passed_over() {
    let app = quiet().await;
    let minutes = |count| in_days(-30) + TimeDelta::minutes(count);
    let ids = put(
        &app,
        &[
            (minutes(-60), minutes(-60)),
            // The id is old enough, the row is not.
            (minutes(-5), minutes(4)),
            // The row is old enough, the id is not.
            (minutes(5), minutes(-4)),
            (minutes(60), minutes(60)),
        ],
    )
    .await;
    let left = async || app.rows.list("SELECT id FROM pledges WHERE sealed_review IS NOT NULL ORDER BY id").await;
    let run = async |as_of| turn(&app, as_of).await.unwrap();
    assert_eq!(run(in_days(0)).await, [due("defend", Limit::ReviewCopies, 2)]);
    assert_eq!(left().await, [ids[1].to_string(), ids[3].to_string()]);
    // It goes on where it stopped, and not behind it.
    assert_eq!(run(in_days(0) + TimeDelta::minutes(10)).await, [due("defend", Limit::ReviewCopies, 1)]);
    assert_eq!(left().await, [ids[3].to_string()]);
    // A row that comes late, below what was walked, is found by a run by hand, and the doctor knows.
    put(&app, &[(minutes(-90), minutes(-90))]).await;
    assert_eq!(run(in_days(0)).await, []);
    let ended = command(&app, &["doctor"]).await.expect(1);
    assert!(ended.stdout.contains("1 pledges were not cleared in time; run pledges retention\n"), "{}", ended.stdout);
    assert_eq!(command(&app, &["retention"]).await.expect(0).stdout, "defend: 1 review copies are gone\n");
    command(&app, &["doctor"]).await.expect(0);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_complains_when_nobody_looks_after_retention() {
    let app = TestApp::start().await;
    crate::support::eventually("the job has run", async || {
        app.rows.number("SELECT count(looked_at) FROM retention_progress").await == 1
    })
    .await;
    let well = command(&app, &["doctor"]).await.expect(0);
    assert!(well.stderr.contains("retention was last looked after: 20"), "{}", well.stderr);
    app.rows.execute("UPDATE retention_progress SET looked_at = now() - interval '25 hours'").await;
    let ended = command(&app, &["doctor"]).await.expect(1);
    let told = "defend: nobody has looked after its retention for a day, or its end can't be finished; is the service running?\n";
    assert!(ended.stdout.contains(told), "{}", ended.stdout);
    app.stop().await;
}

/// What exports name as gone is kept for as long as there is a list to be held against.
#[tokio::test(flavor = "multi_thread")]
async fn former_ids_go_at_the_end_of_their_campaign() {
    let app = quiet().await;
    app.rows.campaign("other").await;
    let depart = "INSERT INTO departures (pledge_id, campaign_id, left_at, why) \
                  SELECT gen_random_uuid(), id, now(), 'withdrawn' FROM campaigns WHERE slug IN ('defend', 'other')";
    app.rows.execute(depart).await;
    let left = async || {
        let slugs = "SELECT slug FROM departures JOIN campaigns ON campaigns.id = campaign_id ORDER BY slug";
        app.rows.list(slugs).await
    };
    assert_eq!(run(&app, in_days(3000)).await, [], "an open campaign keeps them");
    command(&app, &["campaign", "close", "defend"]).await.expect(0);
    assert_eq!(run(&app, in_days(29)).await, []);
    assert_eq!(left().await, ["defend", "other"]);
    let gone = [due("defend", Limit::Keys, 1), due("defend", Limit::Departures, 1)];
    assert_eq!(preview(&app, in_days(31)).await, gone);
    assert_eq!(run(&app, in_days(31)).await, gone);
    assert_eq!(left().await, ["other"]);
    assert_eq!(app.rows.list("SELECT what FROM retention_runs ORDER BY id").await, ["keys", "departures"]);
    command(&app, &["doctor"]).await.expect(0);
    // One that comes too late is told, and goes by hand.
    app.rows.execute(depart).await;
    let ended = command(&app, &["doctor"]).await.expect(1);
    assert!(ended.stdout.contains("1 pledges were not cleared in time; run pledges retention\n"), "{}", ended.stdout);
    let ended = command(&app, &["retention"]).await.expect(0);
    assert_eq!(ended.stdout, "defend: 1 ids of pledges that were taken back are gone\n");
    command(&app, &["doctor"]).await.expect(0);
    app.stop().await;
}
