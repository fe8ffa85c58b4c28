//! What the doctor finds, and mends.

use pledges::{
    accounts::Role,
    pledges::{
        NewPledge,
        sealing::{Keys, Sealing},
        store,
        submission::Submission,
    },
    sealing::record::Epoch,
};
use serde_json::json;
use uuid::Uuid;

use super::{doctor, is_published, is_well};
use crate::{
    outage::load::Load,
    support::{TestApp, client::Client, eventually, key_ring},
};

/// 7 pledges from DE, 3 from FR, 1 that prefers not to say, and 2 from BR that were removed.
async fn patient() -> (TestApp, Client) {
    let app = TestApp::start().await;
    let client = app.client();
    let moderator = app.signed_in(Role::Moderator).await;
    for (number, country) in ["DE"; 7].into_iter().chain(["FR"; 3]).chain(["ZZ", "BR", "BR"]).enumerate() {
        let body = json!({"name": "Amina Okafor", "email": format!("{number}@example.org"), "country": country});
        client.pledge(&body).await.expect(201);
    }
    let ids = app.rows.list("SELECT id FROM pledges WHERE country = 'BR'").await;
    let removal = json!({"ids": ids, "reason": "test", "note": "x"});
    moderator.post("/v1/moderation/campaigns/defend/removals", &removal).await.expect(201);
    app.reread().await;
    is_well(&app.url, app.var.path(), 11).await;
    (app, moderator)
}

fn is_about_time(line: &str) -> bool {
    ["the minute ", "the hour ", "the history of countries"].iter().any(|words| line.contains(words))
}

/// Damages by SQL; the doctor must say every one of these sentences with status 1, and mend it so that `counted` pledges
/// are counted.
async fn is_found_and_mended(damage: &str, sentences: &[&str], counted: i64) {
    let (app, moderator) = Box::pin(patient()).await;
    app.rows.execute(damage).await;
    // Deltas that the damage wrote are folded by the service at any moment.
    app.publish().await;
    let found = doctor(&app.url, app.var.path(), &[]).await.expect(1);
    let (in_time, lines): (Vec<_>, Vec<_>) = found.stdout.lines().partition(|line| is_about_time(line));
    assert_eq!(lines, sentences, "{damage}");
    // When rows are the culprit, their minute and hour tell it too.
    assert_eq!(in_time.is_empty(), !damage.contains(" pledges") && !damage.contains("count_deltas"), "{in_time:?}");
    assert_eq!(app.rows.number("SELECT count(*) FROM audit_log WHERE action = 'totals.repair'").await, 0);

    let repaired = doctor(&app.url, app.var.path(), &["--repair"]).await;
    assert_eq!(repaired.code, Some(0), "{damage}: {}{}", repaired.stdout, repaired.stderr);
    for sentence in sentences {
        assert!(repaired.stdout.contains(&format!("{sentence}: repaired\n")), "{damage}: {}", repaired.stdout);
    }
    let audit = "FROM audit_log WHERE action = 'totals.repair' AND moderator_id IS NULL";
    assert_eq!(app.rows.number(&format!("SELECT count(*) {audit} AND campaign_id IS NOT NULL")).await, 1, "{damage}");
    is_well(&app.url, app.var.path(), counted).await;
    is_published(&app, &moderator).await;
    // A second repair has nothing to do, and says nothing to the audit log.
    doctor(&app.url, app.var.path(), &["--repair"]).await.expect(0);
    assert_eq!(app.rows.number(&format!("SELECT count(*) {audit}")).await, 1);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_row_is_found_and_the_counters_follow() {
    is_found_and_mended(
        "DELETE FROM pledges WHERE id = (SELECT id FROM pledges WHERE country = 'DE' LIMIT 1)",
        &["defend: the total says 11, there are 10", "defend: DE says 7, there are 6"],
        10,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_moved_to_another_country_is_found_and_the_counters_follow() {
    is_found_and_mended(
        "UPDATE pledges SET country = 'KE' WHERE id = (SELECT id FROM pledges WHERE country = 'FR' LIMIT 1)",
        &["defend: FR says 3, there are 2", "defend: KE says 0, there are 1"],
        11,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_nobody_counted_are_found_and_counted() {
    is_found_and_mended(
        "UPDATE pledges SET state = 'counted', state_before = NULL, removal_id = NULL WHERE country = 'BR'",
        &["defend: the total says 11, there are 13", "defend: BR says 0, there are 2"],
        13,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_total_is_found_and_mended() {
    is_found_and_mended(
        "UPDATE campaign_totals SET total = total + 5",
        &["defend: the total says 16, there are 11"],
        11,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_count_of_a_country_is_found_and_mended() {
    is_found_and_mended(
        "UPDATE country_totals SET counted = counted - 2 WHERE country = 'DE'",
        &["defend: DE says 5, there are 7"],
        11,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_counter_of_a_country_is_found_and_mended() {
    is_found_and_mended("DELETE FROM country_totals WHERE country = 'FR'", &["defend: FR says 0, there are 3"], 11)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_was_counted_twice_is_found_and_mended() {
    is_found_and_mended(
        "INSERT INTO count_deltas (campaign_id, countries, amounts) SELECT id, '{DE,NZ}', '{1,2}' FROM campaigns",
        &[
            "defend: the total says 14, there are 11",
            "defend: DE says 8, there are 7",
            "defend: NZ says 2, there are 0",
        ],
        11,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_shown_than_there_is_is_found_and_mended() {
    is_found_and_mended(
        "UPDATE country_totals SET shown = 100 WHERE country = 'FR'",
        &["defend: more is shown than there is"],
        11,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_country_that_does_not_show_its_count_is_found_and_mended() {
    is_found_and_mended(
        "UPDATE country_totals SET live = true WHERE country = 'DE'",
        &["defend: DE is live but does not show its count"],
        11,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_totals_of_a_campaign_are_found_and_made_again() {
    is_found_and_mended("DELETE FROM campaign_totals", &["defend: the total says 0, there are 11"], 11).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_minute_or_hour_is_found_and_mended() {
    for (damage, words) in [
        ("UPDATE time_buckets SET counted = counted + 1 WHERE unit = 'minute'", "defend: the minute 20"),
        ("DELETE FROM time_buckets WHERE unit = 'hour'", "defend: the hour 20"),
        (
            "UPDATE country_hours SET counted = counted - 1, settled = settled - 1 WHERE country = 'FR'",
            "defend: FR in the hour 20",
        ),
        ("UPDATE country_hours SET settled = settled + 1 WHERE country = 'FR'", "defend: the history of countries"),
    ] {
        let (app, moderator) = patient().await;
        app.rows.execute(damage).await;
        let found = doctor(&app.url, app.var.path(), &[]).await.expect(1);
        assert!(found.stdout.lines().all(|line| line.starts_with(words)), "{damage}: {}", found.stdout);
        doctor(&app.url, app.var.path(), &["--repair"]).await.expect(0);
        is_well(&app.url, app.var.path(), 11).await;
        is_published(&app, &moderator).await;
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pledges_of_a_partner_are_counted_for_it_and_a_wrong_count_is_found_and_mended() {
    let (app, moderator) = patient().await;
    // As ingest stores them: three from one partner's site, two from another's, one from none.
    let campaign = app.service.handles.campaigns.find("defend").unwrap();
    let sealing = Sealing::new(key_ring());
    let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let partners = [Some(one), Some(one), Some(one), Some(other), Some(other), None];
    let prepare = |(number, partner): (usize, &Option<Uuid>)| {
        let body = json!({"name": "Li", "email": format!("p{number}@example.org"), "country": "KE"});
        let checked = serde_json::from_value::<Submission>(body).unwrap().check(&campaign).unwrap();
        let pledge = sealing
            .prepare(Uuid::now_v7(), &campaign, &checked, None, &Keys::of(Epoch::begin(campaign.id).unwrap().into()))
            .unwrap();
        NewPledge { partner: *partner, ..pledge }
    };
    let pledges: Vec<_> = partners.iter().enumerate().map(prepare).collect();
    let mut connection = app.rows.database.open().await.unwrap();
    let all: Vec<_> = pledges.iter().collect();
    store::insert(&mut connection, &all).await.unwrap();
    // Sent again, they change nothing.
    store::insert(&mut connection, &all).await.unwrap();
    app.publish().await;
    let counts = "SELECT partner_id || ' ' || counted FROM partner_totals ORDER BY partner_id";
    assert_eq!(app.rows.list(counts).await, [format!("{one} 3"), format!("{other} 2")]);
    is_well(&app.url, app.var.path(), 17).await;
    let removal = json!({"ids": [pledges[0].id], "reason": "test", "note": "x"});
    let removed = moderator.post("/v1/moderation/campaigns/defend/removals", &removal).await.expect(201);
    app.publish().await;
    assert_eq!(app.rows.list(counts).await, [format!("{one} 2"), format!("{other} 2")]);
    let undo = format!("/v1/moderation/campaigns/defend/removals/{}/undo", removed["removal"]["id"].as_str().unwrap());
    moderator.post(&undo, &json!({"note": "x"})).await.expect(200);
    app.publish().await;
    assert_eq!(app.rows.list(counts).await, [format!("{one} 3"), format!("{other} 2")]);
    app.rows.execute("UPDATE partner_totals SET counted = counted + 1 WHERE counted = 2").await;
    let found = doctor(&app.url, app.var.path(), &[]).await.expect(1);
    assert_eq!(found.stdout, format!("defend: the partner {other} says 3, there are 2\n"));
    doctor(&app.url, app.var.path(), &["--repair"]).await.expect(0);
    is_well(&app.url, app.var.path(), 17).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_that_has_been_quiet_for_days_keeps_its_history_in_a_repair() {
    let (app, moderator) = patient().await;
    app.rows.execute("UPDATE pledges SET counted_at = counted_at - interval '8 days'").await;
    doctor(&app.url, app.var.path(), &[]).await.expect(1);
    doctor(&app.url, app.var.path(), &["--repair"]).await.expect(0);
    is_well(&app.url, app.var.path(), 11).await;
    assert_eq!(app.rows.number("SELECT sum(counted) FROM time_buckets WHERE unit = 'hour'").await, 11);
    // And goes on: a pledge of last week can be removed, and a new one counted.
    let ids = app.rows.list("SELECT id FROM pledges WHERE country = 'FR'").await;
    let removal = json!({"ids": ids, "reason": "test", "note": "x"});
    moderator.post("/v1/moderation/campaigns/defend/removals", &removal).await.expect(201);
    is_published(&app, &moderator).await;
    is_well(&app.url, app.var.path(), 8).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn orphans_are_found_and_left_to_a_person() {
    let (app, _) = patient().await;
    app.rows
        .execute(
            "INSERT INTO pledges (id, campaign_id, country, state, fingerprint, counted_at) \
             SELECT gen_random_uuid(), gen_random_uuid(), country, state, gen_random_uuid(), counted_at FROM pledges \
             WHERE country = 'FR'",
        )
        .await;
    // One whose removal does not exist, one whose removal is undone on paper only.
    app.rows.execute("UPDATE pledges SET removal_id = gen_random_uuid() WHERE id = (SELECT min(id::text)::uuid FROM pledges WHERE country = 'BR')").await;
    for arguments in [&[][..], &["--repair"], &[]] {
        let found = doctor(&app.url, app.var.path(), arguments).await.expect(1);
        assert_eq!(
            found.stdout,
            "3 pledges belong to no campaign\n1 removed pledges belong to no removal that stands\n"
        );
    }
    app.rows.execute("DELETE FROM pledges WHERE campaign_id NOT IN (SELECT id FROM campaigns)").await;
    app.rows.execute("UPDATE removals SET undone_at = now(), undone_by = moderator_id, undo_note = 'x'").await;
    let found = doctor(&app.url, app.var.path(), &[]).await.expect(1);
    assert_eq!(found.stdout, "2 removed pledges belong to no removal that stands\n");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repair_while_pledges_arrive_spoils_nothing() {
    let (app, moderator) = patient().await;
    let client = app.client();
    let load = Load::start(&client.base, 8, "load");
    for damage in [
        "DELETE FROM pledges WHERE id IN (SELECT id FROM pledges WHERE country = 'DE' AND source IS NULL LIMIT 3)",
        "UPDATE country_totals SET counted = counted + 4 WHERE country = 'FR'",
        "UPDATE campaign_totals SET total = total + 7",
    ] {
        let before = load.acknowledged();
        eventually("pledges arrive", async || load.acknowledged() > before + 20).await;
        // A fold that had read the counters before the damage, and writes after it, mends them itself.
        eventually("the damage stays", async || {
            app.rows.execute(damage).await;
            !app.differences().await.is_empty()
        })
        .await;
        // Another who folds may be in the way five times: the doctor says so, and is asked again.
        let mut repaired = doctor(&app.url, app.var.path(), &["--repair"]).await;
        if repaired.stderr.contains("another transaction was in the way") {
            repaired = doctor(&app.url, app.var.path(), &["--repair"]).await;
        }
        assert_eq!(repaired.code, Some(0), "{damage}: {}{}", repaired.stdout, repaired.stderr);
        assert_eq!(app.differences().await, [""; 0], "{damage}");
    }
    let before = load.acknowledged();
    eventually("pledges still arrive", async || load.acknowledged() > before + 20).await;
    let ledger = load.stop().await;
    assert!(ledger.unknown.is_empty());
    let stored = app.rows.list("SELECT source FROM pledges WHERE source IS NOT NULL").await;
    assert_eq!(ledger.complaints(&stored), [""; 0]);
    assert_eq!(app.differences().await, [""; 0]);
    is_published(&app, &moderator).await;
    app.stop().await;
}
